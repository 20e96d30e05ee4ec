// SPDX-License-Identifier: GPL-3.0-or-later
// A server whose one endpoint lies, without circuits: proofs are what they show. What the endpoint gets is what `deliver` carries, whether or
// not a chain takes it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { CircuitStock } from '../../../../keepers/apps/census/circuits.ts'
import { countOutcomes, emptyState } from '../../../../keepers/apps/census/counting.ts'
import { generateCensus } from '../../../../keepers/apps/census/generate.ts'
import { type AdditiveModel, commitModel, packModel } from '../../../../keepers/apps/census/model.ts'
import { seedCommitmentOf } from '../../../../keepers/apps/census/noise.ts'
import { readRelease } from '../../../../keepers/apps/census/proving.ts'
import { censusQueries } from '../../../../keepers/apps/census/queries.ts'
import { OnceRecord, type ReleaseRecord } from '../../../../keepers/apps/census/record.ts'
import { CENSUS } from '../../../../keepers/apps/census/schema.ts'
import { type ReleaseLedger, serveRelease } from '../../../../keepers/apps/census/serve.ts'
import { commitTable, TableSecret } from '../../../../keepers/apps/census/table.ts'
import { chunksHashOf, type ReleaseView, releaseQueryIdOf } from '../../../../keepers/chain/index.ts'
import { beaconOf, ENTRY } from './table-at-hand.ts'

const SHAPE = { ...CENSUS, chunkRows: 60 }
const ROWS = generateCensus(60, 3)
const SECRET = new TableSecret(new Uint8Array(32).fill(5))
const CHUNKS = commitTable(SHAPE, ROWS, SECRET)
const CHUNKS_HASH = chunksHashOf(CHUNKS)
const SEED_COMMITMENT = seedCommitmentOf(SECRET.seed)
const MODEL: AdditiveModel = { weights: Array.from({ length: 37 }, (_, i) => ((i * 37) % 41) - 20) }
const OTHER: AdditiveModel = { weights: MODEL.weights.with(0, 900) }
const EXACT = countOutcomes(SHAPE, MODEL, ROWS)
const TRIES = 100

/** Proofs that show what they are given; the third signal of noise is what is published. */
const CIRCUITS: CircuitStock = {
  key: async () => ({}) as never,
  open: async () => ({
    prove: async ({ released = 0n }) => {
      const proof = {
        a: [1n, 2n],
        b: [
          [1n, 2n],
          [3n, 4n],
        ],
        c: [1n, 2n],
      } as const
      return { proof, publicSignals: [0n, 0n, released as bigint, 0n] }
    },
    close: async () => undefined,
  }),
}

/** A server that keeps no record, as it was: everything an endpoint says is a first time. */
const NO_RECORD: ReleaseRecord = { reserve: async () => true, drop: async () => false, draw: async () => undefined }

/** An endpoint with one request after another, each as it likes. */
class Liar implements ReleaseLedger {
  readonly chainId = ENTRY.chainId
  readonly address = ENTRY.ledger
  /** Every counts-plus-noise that it was given. */
  readonly heard: bigint[] = []
  readonly #queryId: string
  model: AdditiveModel
  view: ReleaseView

  constructor(queryId: string, model: AdditiveModel) {
    this.#queryId = queryId
    this.model = model
    this.view = this.invent(1, 1, 'open')
  }

  invent(requestId: number, beacon: number, status: ReleaseView['status'], model = this.model): ReleaseView {
    this.model = model
    this.view = {
      ...{ requestId, requester: this.address, status, seriesId: 1, version: 1, chunksDone: 0, dueAt: 1e10 },
      ...{ beaconBlock: 1, beacon: beaconOf(beacon), queryId: this.#queryId, model: commitModel(SHAPE, model) },
      state: emptyState(SHAPE),
    }
    return this.view
  }

  nameOf = (requestId: number) => `${this.chainId}/${this.address}/${requestId}`
  release = async () => this.view
  agreedRelease = async () => this.view
  version = async () => ({
    ...{ chunksHash: CHUNKS_HASH, seedCommitment: SEED_COMMITMENT, chunks: CHUNKS.length, spentEpsilon: 0n },
  })
  elementsOf = async () => packModel(this.model)
  accept = async () => ({ hash: '0x', gasUsed: 0n })
  fixBeacon = async () => undefined
  advance = async () => ({ hash: '0x', gasUsed: 0n })
  deliver = async (_id: number, outputs: readonly bigint[]) => {
    this.heard.push(...outputs)
    return { hash: '0x', gasUsed: 0n }
  }
}

/** Mean of what was heard, cell by cell. */
const meanOf = (heard: readonly bigint[]): number[] => {
  const all = heard.map((output) => readRelease(SHAPE, MODEL, [output]))
  return EXACT.map((_, i) => all.reduce((sum, counts) => sum + counts[i]!, 0) / all.length)
}
const furthest = (found: readonly number[]) => Math.max(...found.map((value, i) => Math.abs(value - EXACT[i]!)))

describe('a server of a private table whose endpoint lies', function () {
  this.timeout(60_000)
  let folder: string
  let record: OnceRecord
  let liar: Liar
  let served = 0
  const serve = (kept: ReleaseRecord = record) =>
    serveRelease(liar, liar.view.requestId, {
      ...{ shape: SHAPE, rows: ROWS, secret: SECRET, circuits: CIRCUITS, record: kept, confirmations: 0, batch: 1 },
      work: join(folder, String(served++)),
    })
  const refusal = async (kept?: ReleaseRecord): Promise<string> =>
    serve(kept).then(
      () => 'it was served',
      (error: { code?: string; message: string }) => `${error.code}: ${error.message}`,
    )

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-liar-'))
    record = OnceRecord.beside(join(folder, 'table.secret'))
    await record.enter({ ...ENTRY, seedCommitment: SEED_COMMITMENT, chunksHash: CHUNKS_HASH }, true)
    liar = new Liar(releaseQueryIdOf((await censusQueries(SHAPE)).outcomes), MODEL)
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('without a record: beacons that it invents for one request average the noise away', async () => {
    await serve(NO_RECORD)
    const first = furthest(meanOf(liar.heard))
    for (let beacon = 2; beacon <= TRIES; beacon++) {
      liar.invent(1, beacon, 'accepted')
      await serve(NO_RECORD)
    }
    expect(liar.heard).to.have.length(TRIES)
    const mean = furthest(meanOf(liar.heard))
    // Standard deviation 14.1 of one, and a tenth of that of the mean: the counts of sixty people, nearly to the person.
    expect(first, 'one alone').to.be.greaterThan(8)
    expect(mean, 'the mean').to.be.lessThan(3.5)
  })

  it('with it: the first beacon is served, the same again with the same noise, and no other', async () => {
    await serve()
    for (let beacon = 2; beacon <= 30; beacon++) {
      liar.invent(1, beacon, 'accepted')
      expect(await refusal()).to.match(/^drawn-otherwise: request 1 is on record with beacon/)
    }
    liar.invent(1, 1, 'accepted')
    await serve()
    expect(new Set(liar.heard).size).to.equal(1)
  })

  it('without a record: requests that it invents do the same, outside every budget', async () => {
    for (let requestId = 1; requestId <= TRIES; requestId++) {
      liar.invent(requestId, 1, 'open')
      await serve(NO_RECORD)
    }
    expect(furthest(meanOf(liar.heard))).to.be.lessThan(3.5)
  })

  it('with it: they get the operator’s budget and nothing more', async () => {
    for (let requestId = 1; requestId <= 25; requestId++) {
      liar.invent(requestId, requestId, 'open')
      const said = await refusal()
      expect(said).to.match(requestId <= 10 ? /^it was served/ : /^refused: epsilon of the version/)
    }
    expect(liar.heard, 'epsilon 0.1 each, of 1').to.have.length(10)
  })

  it('a request that turns into one for another model, at whichever step, gets no noise', async () => {
    await serve()
    liar.invent(1, 1, 'accepted', OTHER)
    expect(await refusal()).to.match(/^drawn-otherwise: request 1 is on record with model/)
    expect(liar.heard).to.have.length(1)
  })

  it('states of two models under one request’s number hide whether they count the same', async () => {
    const states: bigint[] = []
    liar.advance = async (...[, , given]: unknown[]) => {
      states.push(...(given as bigint[]))
      return { hash: '0x', gasUsed: 0n }
    }
    // The same predictions by other weights: equal counts.
    const doubled = { weights: MODEL.weights.map((weight) => 2 * weight) }
    await serve(NO_RECORD)
    liar.invent(1, 1, 'accepted', doubled)
    await serve(NO_RECORD)
    expect(readRelease(SHAPE, MODEL, [liar.heard[0]!])).to.deep.equal(readRelease(SHAPE, MODEL, [liar.heard[1]!]))
    expect(states[0]).to.not.equal(states[1])
  })

  it('a series, chain or ledger that the operator never entered gets nothing', async () => {
    liar.view = { ...liar.view, seriesId: 2 }
    expect(await refusal()).to.match(/^bad-data: .*no entry of this secret/)
    liar = Object.assign(new Liar(liar.view.queryId, MODEL), { chainId: 1n })
    expect(await refusal()).to.match(/^bad-data: .*no entry of this secret/)
    expect(liar.heard).to.deep.equal([])
  })

  it('a crash between record and noise: the next run draws the same noise, and under another beacon none', async () => {
    const crashing: CircuitStock = {
      ...CIRCUITS,
      open: async (name) => (name === 'noise' ? Promise.reject(new Error('killed')) : CIRCUITS.open(name)),
    }
    const options = { shape: SHAPE, rows: ROWS, secret: SECRET, record, confirmations: 0, batch: 1 }
    const killed = await serveRelease(liar, 1, { ...options, circuits: crashing, work: join(folder, 'killed') }).catch(
      (error: Error) => error.message,
    )
    expect(killed).to.equal('killed')
    liar.invent(1, 2, 'accepted')
    expect(await refusal()).to.match(/^drawn-otherwise/)
    liar.invent(1, 1, 'accepted')
    await serve()
    expect(liar.heard).to.have.length(1)
  })

  it('an acceptance that the ledger refuses costs no budget, nor does a request that was cancelled', async () => {
    liar.accept = async () => {
      throw new Error('BudgetExceeded')
    }
    for (let tries = 0; tries < 12; tries++) expect(await refusal()).to.match(/BudgetExceeded/)
    liar.fixBeacon = async () => {
      throw new Error('stopped')
    }
    liar.accept = async () => ({ hash: '0x', gasUsed: 0n })
    for (let requestId = 1; requestId <= 12; requestId++) {
      liar.invent(requestId, 1, 'open')
      expect(await refusal()).to.match(/stopped/)
      liar.invent(requestId, 1, 'cancelled')
      expect(await refusal()).to.match(/is cancelled: nothing to deliver/)
    }
  })

  it('an acceptance that fails because another process was faster leaves that one its reservation', async () => {
    // The other process finds the reservation on record and has the request accepted; it draws after this one has failed.
    const waiting = Promise.withResolvers<void>()
    const beacon = Promise.withResolvers<undefined>()
    let served: Promise<string> | undefined
    liar.accept = async () => {
      liar.accept = async () => ({ hash: '0x', gasUsed: 0n })
      liar.fixBeacon = () => {
        waiting.resolve()
        return beacon.promise
      }
      served = refusal()
      await waiting.promise
      liar.view = { ...liar.view, status: 'accepted' }
      throw new Error('RequestNotOpen')
    }
    expect(await refusal()).to.match(/RequestNotOpen/)
    beacon.resolve(undefined)
    expect(await served).to.equal('it was served')
  })
})
