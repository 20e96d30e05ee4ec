// SPDX-License-Identifier: GPL-3.0-or-later
// The server's side of a request: checks it before accepting, proves chunk by chunk, and publishes with noise. A repeated call goes on where the last one
// stopped. What an endpoint says about the request is recorded once, and later contradictions are refused (record.ts).
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  chunksHashOf,
  type PrivateTablesClient,
  type ReleaseQuery,
  type ReleaseView,
  releaseContextOf,
  releaseQueryIdOf,
} from '../../chain/index.ts'
import {
  type ProofWithSignals,
  parseProof,
  proofToJson,
  toSolidityProof,
  verifyProof,
  writeAtomically,
} from '../../zkml/index.ts'
import { parseJson } from '../../zkml/json.ts'
import type { CircuitStock } from './circuits.ts'
import { CensusError } from './errors.ts'
import { type AdditiveModel, commitModel, unpackModel } from './model.ts'
import { seedCommitmentOf } from './noise.ts'
import { type Counting, type CountingPlan, noiseInputs, planCounting, slicesUsed } from './proving.ts'
import { censusQueries, costOf } from './queries.ts'
import type { ReleaseClaim, ReleaseRecord } from './record.ts'
import type { Row, TableShape } from './schema.ts'
import { commitTable, type TableSecret } from './table.ts'

/** The ledger as a server sees it, through endpoints that may lie. */
export type ReleaseLedger = Pick<
  PrivateTablesClient,
  | ('chainId' | 'address' | 'nameOf' | 'release' | 'agreedRelease' | 'version' | 'elementsOf')
  | ('accept' | 'fixBeacon' | 'advance' | 'deliver')
>

export type ReleaseOptions = {
  readonly shape: TableShape
  readonly rows: readonly Row[]
  readonly secret: TableSecret
  readonly circuits: CircuitStock
  /** Record of the requests for which this server drew noise. */
  readonly record: ReleaseRecord
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

/** The query of a request and its model, which is null for marginals. @throws CensusError mismatch for a query of another census */
async function askedFor(
  ledger: Pick<ReleaseLedger, 'elementsOf'>,
  { requestId, queryId, model: commitment }: ReleaseView,
  shape: TableShape,
): Promise<{ readonly query: ReleaseQuery; readonly model: AdditiveModel | null }> {
  const { marginals, outcomes } = await censusQueries(shape)
  if (queryId === releaseQueryIdOf(marginals)) return { query: marginals, model: null }
  if (queryId !== releaseQueryIdOf(outcomes))
    throw new CensusError('mismatch', `request ${requestId} is for query ${queryId}, not one of this census`)
  const model = unpackModel(shape, await ledger.elementsOf(requestId))
  if (commitModel(shape, model) !== commitment)
    throw new CensusError(
      'mismatch',
      `request ${requestId} commits to another model than it carries: no proof of it exists`,
    )
  return { query: outcomes, model }
}

/** The model of a request: null for marginals. @throws CensusError mismatch for a query of another census */
export async function modelOfRequest(
  ledger: Pick<ReleaseLedger, 'release' | 'elementsOf'>,
  requestId: number,
  shape: TableShape,
): Promise<AdditiveModel | null> {
  return (await askedFor(ledger, await ledger.release(requestId), shape)).model
}

/**
 * Accepts an open request, or goes on with an accepted one, and delivers it. Before anything is staked or spent, table, secret and model must be the
 * ones that the chain knows, and the record's budget must allow the request. Before noise is drawn, the beacon must be on record.
 * @throws CensusError mismatch, refused, drawn-otherwise; PrivateTableError
 */
export async function serveRelease(
  ledger: ReleaseLedger,
  requestId: number,
  options: ReleaseOptions,
): Promise<Released> {
  const { shape, record, circuits, confirmations, signal, onProgress = () => undefined } = options
  const asked = await ledger.agreedRelease(requestId, signal)
  onProgress('comparing the table with its commitment')
  const { counting, plan, claim } = await prepared(ledger, asked, options)
  if (asked.status === 'cancelled') await record.drop(claim)
  if (asked.status !== 'open' && asked.status !== 'accepted')
    throw new CensusError('refused', `request ${requestId} is ${asked.status}: nothing to deliver`)
  // Checks that the keys are there, before the bond is at stake.
  for (const name of [plan.circuit, 'noise'] as const) await circuits.key(name)
  signal?.throwIfAborted()
  const isNew = await record.reserve(claim)
  if (asked.status === 'open') {
    onProgress('accepting: budget and bond')
    await ledger.accept(requestId).catch(async (error) => {
      // No noise was drawn for the request, and nobody serves it. If it was accepted after all, perhaps by another process, that process uses this
      // reservation.
      if (isNew && (await isOpen(ledger, requestId, signal))) await record.drop(claim)
      throw error
    })
  }
  onProgress('waiting for the beacon')
  await ledger.fixBeacon(requestId, 0, signal)
  const advance = await countChunks(ledger, requestId, plan, options)
  onProgress('waiting for the beacon’s confirmations')
  await ledger.fixBeacon(requestId, confirmations, signal)
  const { beacon } = await ledger.agreedRelease(requestId, signal)
  if (beacon === null)
    throw new CensusError(
      'refused',
      `request ${requestId} has no beacon after its block was confirmed: release it again`,
    )
  await record.draw(claim, beacon)
  onProgress('proving the noise')
  const prover = await circuits.open('noise')
  try {
    const proofs: ProofWithSignals[] = []
    const slices = slicesUsed(shape, counting.model)
    const { chainId, address } = ledger
    for (let slice = 0; slice < slices; slice++) {
      onProgress(`proving the noise of slice ${slice + 1} of ${slices}`)
      const context = releaseContextOf({ chainId, ledger: address, requestId, beacon }, slice)
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

/** Whether nobody has accepted the request, as far as the endpoints show. */
const isOpen = (ledger: ReleaseLedger, requestId: number, signal?: AbortSignal): Promise<boolean> =>
  ledger.agreedRelease(requestId, signal).then(
    ({ status }) => status === 'open',
    () => false,
  )

/**
 * Prepares what to count for a request, and its cost. Table and secret come from files, and what the endpoint says about them is only compared.
 * @throws CensusError mismatch
 */
async function prepared(
  ledger: ReleaseLedger,
  asked: ReleaseView,
  { shape, rows, secret }: ReleaseOptions,
): Promise<{ readonly counting: Counting; readonly plan: CountingPlan; readonly claim: ReleaseClaim }> {
  const version = await ledger.version(asked.seriesId, asked.version)
  const chunksHash = chunksHashOf(commitTable(shape, rows, secret))
  if (chunksHash !== version.chunksHash)
    throw new CensusError(
      'mismatch',
      `table and secret are not those of version ${asked.version} of series ${asked.seriesId}: correct --table or --secret`,
    )
  const seedCommitment = seedCommitmentOf(secret.seed)
  if (seedCommitment !== version.seedCommitment)
    throw new CensusError('mismatch', `the secret’s seed is not that of version ${asked.version}: correct --secret`)
  const { query, model } = await askedFor(ledger, asked, shape)
  const commitment = model === null ? 0n : asked.model
  const claim = {
    ...{ chainId: ledger.chainId, ledger: ledger.address, series: asked.seriesId, seedCommitment, chunksHash },
    ...{ requestId: asked.requestId, version: asked.version, queryId: asked.queryId, model: commitment },
    ...costOf(query),
  }
  // Blindings depend on everything that is counted for the request: two counts under one blinding would show whether they are equal.
  const request = `${ledger.nameOf(asked.requestId)}/${asked.version}/${asked.queryId}/${commitment}`
  const counting = { shape, rows, secret, request, model }
  return { counting, plan: planCounting(counting), claim }
}

/** Proves the chunks that the chain has not counted yet, and sends them in batches. @returns gas */
async function countChunks(
  ledger: ReleaseLedger,
  requestId: number,
  plan: CountingPlan,
  { circuits, work, batch, signal, onProgress = () => undefined }: ReleaseOptions,
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
  const key = await circuits.key(circuit)
  const prover = await circuits.open(circuit)
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
