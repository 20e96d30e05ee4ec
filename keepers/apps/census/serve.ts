// SPDX-License-Identifier: GPL-3.0-or-later
// The server's side of a request: look before accepting, then prove chunk by chunk, then publish with noise. Goes on where it stopped.
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { chunksHashOf, type PrivateTablesClient } from '../../chain/index.ts'
import {
  type ProofWithSignals,
  parseProof,
  proofToJson,
  toSolidityProof,
  verifyProof,
  writeAtomically,
} from '../../zkml/index.ts'
import { parseJson } from '../../zkml/json.ts'
import { CensusProver, readCensusKey } from './circuits.ts'
import { CensusError } from './errors.ts'
import { type AdditiveModel, commitModel, unpackModel } from './model.ts'
import { seedCommitmentOf } from './noise.ts'
import { type Counting, type CountingPlan, noiseInputs, planCounting, slicesUsed } from './proving.ts'
import { censusQueries } from './queries.ts'
import type { Row, TableShape } from './schema.ts'
import { commitTable, type TableSecret } from './table.ts'

export type ReleaseOptions = {
  readonly shape: TableShape
  readonly rows: readonly Row[]
  readonly secret: TableSecret
  /** Circuits and keys. */
  readonly circuits: string
  /** Where proofs are kept until they are on the chain. */
  readonly work: string
  /** Blocks on top of the beacon's before anything with noise is published. */
  readonly confirmations: number
  /** Chunks of one transaction. */
  readonly batch: number
  readonly signal?: AbortSignal
  readonly onProgress?: (message: string) => void
}

export type Released = {
  readonly outputs: readonly bigint[]
  readonly gas: { readonly advance: bigint; readonly deliver: bigint }
}

/** The model of a request: null for marginals. @throws CensusError mismatch for a query of another census */
export async function modelOfRequest(
  ledger: PrivateTablesClient,
  requestId: number,
  shape: TableShape,
): Promise<AdditiveModel | null> {
  const { queryId, model: commitment } = await ledger.release(requestId)
  const queries = await censusQueries(shape)
  if (queryId === (await ledger.queryIdOf(queries.marginals))) return null
  if (queryId !== (await ledger.queryIdOf(queries.outcomes)))
    throw new CensusError('mismatch', `request ${requestId} is for query ${queryId}, not one of this census`)
  const model = unpackModel(shape, await ledger.elementsOf(requestId))
  if (commitModel(shape, model) !== commitment)
    throw new CensusError(
      'mismatch',
      `request ${requestId} commits to another model than it carries: no proof of it exists`,
    )
  return model
}

/**
 * Accepts an open request, or goes on with an accepted one, and delivers it. Nothing is staked or spent before table, secret and model
 * were found to be those that the chain knows.
 * @throws CensusError mismatch, late; PrivateTableError
 */
export async function serveRelease(
  ledger: PrivateTablesClient,
  requestId: number,
  options: ReleaseOptions,
): Promise<Released> {
  const { shape, rows, secret, confirmations, signal, onProgress = () => undefined } = options
  const asked = await ledger.release(requestId)
  if (asked.status !== 'open' && asked.status !== 'accepted')
    throw new CensusError('refused', `request ${requestId} is ${asked.status}: nothing to deliver`)
  onProgress('comparing the table with its commitment')
  const version = await ledger.version(asked.seriesId, asked.version)
  const commitments = commitTable(shape, rows, secret)
  if (chunksHashOf(commitments) !== version.chunksHash)
    throw new CensusError(
      'mismatch',
      `table and secret are not those of version ${asked.version} of series ${asked.seriesId}: correct --table or --secret`,
    )
  if (seedCommitmentOf(secret.seed) !== version.seedCommitment)
    throw new CensusError('mismatch', `the secret’s seed is not that of version ${asked.version}: correct --secret`)
  const model = await modelOfRequest(ledger, requestId, shape)
  const counting: Counting = { shape, rows, secret, request: ledger.nameOf(requestId), model }
  const plan = planCounting(counting)
  // Before the bond is at stake.
  for (const name of [plan.circuit, 'noise'] as const) await readCensusKey(options.circuits, shape, name)
  signal?.throwIfAborted()
  if (asked.status === 'open') {
    onProgress('accepting: budget and bond')
    await ledger.accept(requestId)
  }
  onProgress('waiting for the beacon')
  await ledger.fixBeacon(requestId, 0, signal)
  const advance = await countChunks(ledger, requestId, plan, options)
  onProgress('waiting for the beacon’s confirmations')
  await ledger.fixBeacon(requestId, confirmations, signal)
  onProgress('proving the noise')
  const prover = await CensusProver.open(options.circuits, shape, 'noise')
  try {
    const proofs: ProofWithSignals[] = []
    const slices = slicesUsed(shape, model)
    for (let slice = 0; slice < slices; slice++) {
      onProgress(`proving the noise of slice ${slice + 1} of ${slices}`)
      const context = await ledger.contextOf(requestId, slice)
      proofs.push(await prover.prove(noiseInputs(counting, plan, slice, context), signal))
    }
    const outputs = proofs.map(({ publicSignals }) => publicSignals[2]!)
    const sent = await ledger.deliver(
      requestId,
      outputs,
      proofs.map(({ proof }) => toSolidityProof(proof)),
    )
    return { outputs, gas: { advance, deliver: sent.gasUsed } }
  } finally {
    await prover.close()
  }
}

/** Proves the chunks that the chain has not counted yet, and brings them in batches. @returns gas */
async function countChunks(
  ledger: PrivateTablesClient,
  requestId: number,
  plan: CountingPlan,
  { shape, circuits, work, batch, signal, onProgress = () => undefined }: ReleaseOptions,
): Promise<bigint> {
  const { commitments, states, circuit } = plan
  const { chunksDone, state } = await ledger.release(requestId)
  if (state !== states[chunksDone])
    throw new CensusError(
      'mismatch',
      `request ${requestId} has counted otherwise after ${chunksDone} chunks than this secret does`,
    )
  let gas = 0n
  let done = chunksDone
  if (done === commitments.length) return gas
  await mkdir(work, { recursive: true })
  const { key } = await readCensusKey(circuits, shape, circuit)
  const prover = await CensusProver.open(circuits, shape, circuit)
  try {
    while (done < commitments.length) {
      const proofs: ProofWithSignals[] = []
      const last = Math.min(done + batch, commitments.length)
      for (let k = done; k < last; k++) {
        signal?.throwIfAborted()
        onProgress(`proving chunk ${k + 1} of ${commitments.length}`)
        const inputs = plan.inputsOf(k)
        const signals = [inputs.chunk, inputs.before, inputs.after, inputs.model] as bigint[]
        const file = join(work, `${ledger.nameOf(requestId).replaceAll('/', '-')}-${k}.json`)
        const kept = await keptProof(file)
        if (kept !== null && (await verifyProof(key, kept, signals)))
          proofs.push({ proof: kept, publicSignals: signals })
        else {
          const made = await prover.prove(inputs, signal)
          await writeAtomically(file, `${JSON.stringify(proofToJson(made.proof))}\n`)
          proofs.push(made)
        }
      }
      onProgress(`bringing ${last - done} proofs`)
      const sent = await ledger.advance(
        requestId,
        commitments,
        states.slice(done + 1, last + 1),
        proofs.map(({ proof }) => toSolidityProof(proof)),
      )
      gas += sent.gasUsed
      done = last
    }
    return gas
  } finally {
    await prover.close()
  }
}

/** A proof of an earlier run; null when there is none, or none that can be read. */
async function keptProof(file: string) {
  const text = await readFile(file, 'utf8').catch(() => null)
  if (text === null) return null
  try {
    const proof = parseProof(parseJson(text))
    return 'commitment' in proof ? null : proof
  } catch {
    return null
  }
}
