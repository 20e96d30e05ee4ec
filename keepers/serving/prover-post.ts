// SPDX-License-Identifier: GPL-3.0-or-later
import { setTimeout as sleep } from 'node:timers/promises'
import { computeAddress, isAddress, type Signer, toBeHex } from 'ethers'
import { clients, decodeRevert } from '../chain/index.ts'
import type { DataPlane } from '../network/index.ts'
import { type CircuitFolder, traceFolders } from '../zkml/index.ts'
import { ServingError } from './errors.ts'
import { type JobStatus, readStatus } from './job-state.ts'
import { encodeReference, encodeWitness, MAX_WITNESS_BYTES } from './prover-witness.ts'
import { sealingKeyOf, sealWitness } from './sealed-witness.ts'

export type ProvingOrder = {
  /** Pays the escrow. */
  readonly signer: Signer
  readonly market: string
  /** The segments' circuits in order. The output of each is the input of the next. */
  readonly circuits: readonly CircuitFolder[]
  /** Real values of the first circuit's input, or its integers. Anyone who reads the log can read them. */
  readonly input: ArrayLike<number>
  readonly integers?: boolean
  readonly salts?: { readonly input?: bigint; readonly output?: bigint }
  /** Wei for each proof at the start; below, at the deadline. */
  readonly startPrice: bigint
  readonly maxPrice: bigint
  /** Seconds from now until the deadline, by the chain's clock. */
  readonly seconds: number
  readonly claimSeconds: number
  readonly copies: number
  /** If given, publishes the witness here and posts its CID. Otherwise the witness goes into the job itself. */
  readonly plane?: DataPlane
  /** Seals the witness to these provers and lets nobody else claim. Each is an address, or the public key of an account. */
  readonly provers?: readonly string[]
  /** Block from which the market's events are searched for a prover's key. */
  readonly fromBlock?: number
}

export type PostedJob = { readonly jobId: bigint; readonly escrow: bigint; readonly gasUsed: bigint }

/**
 * Runs the whole inference once, to state the input of each segment, and posts the job with its escrow.
 * @throws ServingError refused with the market's reason; bad-payload when the witness needs a data plane
 */
export async function postJob(order: ProvingOrder): Promise<PostedJob> {
  const { signer, circuits, copies, maxPrice, plane } = order
  if (circuits[0]?.options.input === 'signed') {
    throw new ServingError(
      'unsupported',
      'a job shows its witness to every prover; the recipient of signed content proves it',
    )
  }
  if (order.provers !== undefined) requireHiding(circuits)
  const market = clients.proverMarket(order.market, signer)
  const samples = traceFolders({ circuits }, { ...order, context: 0n })
  const document = encodeWitness(samples)
  const segments = samples.map(({ publicSignals: [model, input] }, i) => ({
    circuitId: circuits[i]!.manifest.circuitId,
    modelCommitment: model,
    inputCommitment: input,
  }))
  const escrow = maxPrice * BigInt(segments.length * copies)
  const latest = await signer.provider!.getBlock('latest')
  const terms = {
    startPrice: order.startPrice,
    maxPrice,
    deadline: latest!.timestamp + order.seconds,
    claimSeconds: order.claimSeconds,
    copies,
  }
  const refer = async (bytes: Uint8Array, sealed: boolean): Promise<Uint8Array> =>
    encodeReference(
      plane === undefined ? { document: bytes } : { cid: await plane.publish(bytes), providers: plane.addresses },
      sealed,
    )
  const invitations =
    order.provers === undefined
      ? null
      : await invite(order, document, { terms, segments }, (bytes) => refer(bytes, true))
  const witness = invitations === null ? await refer(document, false) : null
  try {
    const sent =
      witness === null
        ? await market.postPrivately(terms, segments, invitations!, { value: escrow })
        : await market.post(terms, segments, witness, { value: escrow })
    const receipt = await sent.wait()
    const posted = receipt!.logs.map((log) => market.interface.parseLog(log)).find((log) => log?.name === 'JobPosted')
    return { jobId: posted!.args.jobId, escrow, gasUsed: receipt!.gasUsed }
  } catch (cause) {
    const reason = decodeRevert(cause, [market.interface], 'post')
    if (reason === null) throw cause
    throw new ServingError('refused', `the market refused the job: ${reason.message}`, { cause })
  }
}

/**
 * Refuses to seal an input whose commitment gives it away: without a salt, anybody can try inputs until the hash fits, and a form or a
 * row of a table has few possible values.
 */
function requireHiding([first]: readonly CircuitFolder[]): void {
  const shown = [first?.options.input ?? 'committed'].flat()
  const open = shown.find((one) => one === 'public' || one === 'sha256')
  if (open === undefined) return
  throw new ServingError(
    'unsupported',
    `the job would show a hash of the input without a salt (the circuit's input is ${open}), which anybody can test guesses against: ` +
      'make the circuit with --input committed, or post without --for',
  )
}

/** The witness, sealed for each chosen prover. @throws ServingError */
async function invite(
  { provers, fromBlock = 0, ...order }: ProvingOrder,
  document: Uint8Array,
  job: { readonly terms: unknown; readonly segments: unknown },
  refer: (sealed: Uint8Array) => Promise<Uint8Array>,
): Promise<{ prover: string; witness: Uint8Array }[]> {
  const provider = order.signer.provider!
  const market = clients.proverMarket(order.market, provider)
  const [{ chainId }, poster] = await Promise.all([provider.getNetwork(), order.signer.getAddress()])
  const invitations: { prover: string; witness: Uint8Array }[] = []
  for (const given of provers!) {
    const publicKey = isAddress(given) ? await sealingKeyOf(market, provider, given, fromBlock) : given
    const prover = addressOf(publicKey)
    const sealed = sealWitness(document, publicKey, { chainId, market: order.market, poster, prover, ...job })
    invitations.push({ prover, witness: await refer(sealed) })
  }
  const total = invitations.reduce((sum, { witness }) => sum + witness.length, 0)
  if (total > MAX_WITNESS_BYTES) {
    throw new ServingError(
      'bad-payload',
      `the sealed witnesses have ${total} bytes, a job carries ${MAX_WITNESS_BYTES}: publish them and give their CIDs`,
    )
  }
  return invitations
}

function addressOf(publicKey: string): string {
  try {
    return computeAddress(publicKey)
  } catch (cause) {
    throw new ServingError('bad-payload', `'${publicKey}' is neither an address nor a public key`, { cause })
  }
}

export type JobResult = {
  readonly status: JobStatus
  /** The last segment's output as 0x and 64 digits; null unless the job completed. */
  readonly output: string | null
}

/** Waits until a job has ended or needs nothing but to be closed. @throws the signal's reason */
export async function awaitJob(
  { signer, market, pollMs }: { signer: Signer; market: string; pollMs: number },
  jobId: bigint,
  signal: AbortSignal,
): Promise<JobResult> {
  const contract = clients.proverMarket(market, signer)
  for (;;) {
    signal.throwIfAborted()
    const status = await readStatus(contract, jobId)
    if (status === 'completed') return { status, output: toBeHex(await contract.resultOf(jobId), 32) }
    if (status !== 'open' && status !== 'settling') return { status, output: null }
    await sleep(pollMs, undefined, { signal }).catch(() => undefined)
  }
}
