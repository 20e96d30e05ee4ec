// SPDX-License-Identifier: GPL-3.0-or-later
// The server's own record of what it did with the seed of a private table. The ledger gives each request one beacon and counts the budget, but a server
// learns both from an endpoint and has only the endpoint's word. Noise is a function of the secret seed and the context. So every further beacon or
// request is another draw on the same counts, and the mean of many draws reveals the counts. Hence two rules, which hold whatever an endpoint says:
//
//   once    a request (chain, ledger, number) gets noise for one version, query and model, under one beacon; the same again is the same noise
//   budget  all requests about a version, and all about the versions of its series, cost no more than the operator allowed at `commit`
//
// Both are on disk before noise is drawn. The file lies beside the secrets, and covers all secrets in that folder. A copy of the folder that is used
// elsewhere, or an old copy that is restored, is a second server that knows nothing of the first one's draws.
import { dirname, join } from 'node:path'
import { withFileLock } from '../../store/index.ts'
import { CensusError } from './errors.ts'
import { type RecordedRelease, type RecordedTable, readRecord, writeRecord } from './record-file.ts'

export const RECORD_FILE = 'census-record.json'

/** The place of a version, by the operator's own options and files. */
type Place = {
  readonly chainId: bigint
  readonly ledger: string
  readonly series: number
  /** Commitment to the secret's seed. */
  readonly seedCommitment: bigint
  /** Hash of the chunks of the table under that secret. */
  readonly chunksHash: string
}

/** The operator's own budget for one version, and for all versions of the series in this record. Epsilon in millionths, delta in 10^-18. */
export type OwnBudget = { readonly versionEpsilon: bigint; readonly maxEpsilon: bigint; readonly maxDelta: bigint }

export type TableEntry = Place & OwnBudget

/** A series by the ledger's account: its terms, and what is spent. */
export type SeriesAccount = Pick<Place, 'chainId' | 'ledger' | 'series'> &
  Pick<OwnBudget, 'maxEpsilon' | 'maxDelta'> & { readonly spentEpsilon: bigint; readonly spentDelta: bigint }

/** A request that is to be served. */
export type ReleaseClaim = Place & {
  readonly requestId: number
  readonly version: number
  readonly queryId: string
  /** 0 for marginals. */
  readonly model: bigint
  readonly epsilon: bigint
  readonly delta: bigint
}

/** The part of a record that serving a request needs. */
export type ReleaseRecord = {
  /**
   * Charges a request before it is accepted, and ties it to its version, query and model. The same claim again changes nothing.
   * @returns whether it was not on record yet
   * @throws CensusError bad-data when the table is not in the record; refused beyond the operator's budget; drawn-otherwise for a request
   * that is on record with another version, query or model; StoreError LOCKED
   */
  reserve(claim: ReleaseClaim): Promise<boolean>
  /** Takes back a reservation for which no noise was drawn, with its charge. @returns whether there was one */
  drop(claim: ReleaseClaim): Promise<boolean>
  /**
   * Ties a reserved request to its beacon. This is on disk when it returns, and only then may noise be drawn. Repeating it changes nothing.
   * @throws CensusError drawn-otherwise when the request has another beacon, or is on record with other terms
   */
  draw(claim: ReleaseClaim, beacon: string): Promise<void>
}

export class OnceRecord implements ReleaseRecord {
  readonly file: string

  constructor(file: string) {
    this.file = file
  }

  /** The record of the secrets in a folder. */
  static beside(secret: string): OnceRecord {
    return new OnceRecord(join(dirname(secret), RECORD_FILE))
  }

  /**
   * Enters a table before it is committed to. Repeating it changes nothing.
   * @param isNew whether the secret was drawn just now: an older one may have been used with a record that is lost
   * @throws CensusError mismatch when the secret is on record for another table, place or budget; bad-data when it is old and not on record
   */
  async enter(entry: TableEntry, isNew: boolean): Promise<void> {
    await this.#locked((tables) => {
      const made: RecordedTable = {
        ...placeOf(entry),
        ...{
          versionEpsilon: `${entry.versionEpsilon}`,
          maxEpsilon: `${entry.maxEpsilon}`,
          maxDelta: `${entry.maxDelta}`,
        },
        releases: [],
      }
      const found = tables.find(({ seedCommitment }) => seedCommitment === made.seedCommitment)
      if (found === undefined && isNew) return [...tables, made]
      if (found === undefined)
        throw new CensusError(
          'bad-data',
          `${this.file} does not have this secret, which is older: noise may have been drawn from it. Name a new file with --secret`,
        )
      const field = (Object.keys(made) as (keyof RecordedTable)[]).find(
        (key) => key !== 'releases' && found[key] !== made[key],
      )
      if (field === undefined) return null
      throw new CensusError(
        'mismatch',
        `${this.file} has this secret with ${field} ${found[field]}, not ${made[field]}: each version needs a secret of its own`,
      )
    })
  }

  /**
   * What an operator can still allow for a series: its terms, less what the ledger has spent by requests that are not on record. Noise may have been
   * drawn for those, by a record that was lost.
   * @throws CensusError bad-data
   */
  async allowable(account: SeriesAccount): Promise<Pick<OwnBudget, 'maxEpsilon' | 'maxDelta'>> {
    const { chainId, ledger, series } = account
    const place = { chainId: `${chainId}`, ledger: ledger.toLowerCase(), series }
    const tables = ofSeries((await readRecord(this.file)) ?? [], place)
    const left = (most: bigint, spent: bigint, recorded: bigint) =>
      spent > recorded ? most - (spent - recorded) : most
    return {
      maxEpsilon: left(account.maxEpsilon, account.spentEpsilon, spentBy(tables, 'epsilon')),
      maxDelta: left(account.maxDelta, account.spentDelta, spentBy(tables, 'delta')),
    }
  }

  async reserve(claim: ReleaseClaim): Promise<boolean> {
    return await this.#locked((tables) => {
      const table = this.#tableOf(tables, claim)
      if (this.#releaseOf(tables, table, claim) !== undefined) return null
      this.#requireBudget(tables, table, claim)
      table.releases.push({ ...termsOf(claim), beacon: null })
      return tables
    })
  }

  async drop(claim: ReleaseClaim): Promise<boolean> {
    return await this.#locked((tables) => {
      const table = tables.find((each) => isAt(each, claim))
      const at = table?.releases.findIndex(({ requestId, beacon }) => requestId === claim.requestId && beacon === null)
      if (table === undefined || at === undefined || at < 0) return null
      table.releases.splice(at, 1)
      return tables
    })
  }

  async draw(claim: ReleaseClaim, beacon: string): Promise<void> {
    await this.#locked((tables) => {
      const release = this.#releaseOf(tables, this.#tableOf(tables, claim), claim)
      if (release === undefined)
        throw new CensusError(
          'refused',
          `request ${claim.requestId} was not reserved in ${this.file}: release it again`,
        )
      const drawn = beacon.toLowerCase()
      if (release.beacon === drawn) return null
      if (release.beacon !== null) throw this.#otherwise(claim, 'beacon', release.beacon, drawn)
      release.beacon = drawn
      return tables
    })
  }

  /** @param change takes the tables and returns what to write, null for nothing. @returns whether something was written */
  async #locked(change: (tables: RecordedTable[]) => RecordedTable[] | null): Promise<boolean> {
    return await withFileLock(`${this.file}.lock`, async () => {
      const changed = change((await readRecord(this.file)) ?? [])
      if (changed !== null) await writeRecord(this.file, changed)
      return changed !== null
    })
  }

  #tableOf(tables: RecordedTable[], claim: ReleaseClaim): RecordedTable {
    const found = tables.find((each) => isAt(each, claim))
    if (found !== undefined) return found
    throw new CensusError(
      'bad-data',
      `${this.file} has no entry of this secret, table, ledger and series: keep the file that 'cohort census commit' wrote beside the secret. ` +
        'A version that lost its record cannot be released from: commit to the next one, which gets what the ledger leaves of the series',
    )
  }

  /** The request on record, with these terms. Requests are one list for all versions of a ledger. */
  #releaseOf(tables: RecordedTable[], own: RecordedTable, claim: ReleaseClaim): RecordedRelease | undefined {
    for (const table of tables.filter((each) => each.chainId === own.chainId && each.ledger === own.ledger)) {
      const found = table.releases.find(({ requestId }) => requestId === claim.requestId)
      if (found === undefined) continue
      if (table !== own) throw this.#otherwise(claim, 'table', table.chunksHash, own.chunksHash)
      const terms = termsOf(claim)
      const field = (Object.keys(terms) as (keyof typeof terms)[]).find((key) => found[key] !== terms[key])
      if (field !== undefined) throw this.#otherwise(claim, field, found[field], terms[field])
      return found
    }
    return undefined
  }

  #requireBudget(tables: RecordedTable[], own: RecordedTable, { epsilon, delta }: ReleaseClaim): void {
    const series = ofSeries(tables, own)
    for (const [what, cost, already, most] of [
      ['epsilon of the version, in millionths', epsilon, spentBy([own], 'epsilon'), own.versionEpsilon],
      ['epsilon of the series, in millionths', epsilon, spentBy(series, 'epsilon'), own.maxEpsilon],
      ['delta of the series, in 10^-18', delta, spentBy(series, 'delta'), own.maxDelta],
    ] as const) {
      if (already + cost <= BigInt(most)) continue
      throw new CensusError(
        'refused',
        `${what}: ${already} of ${most} is spent by ${this.file}, and this request costs ${cost}. If the ledger has more left, ` +
          'the endpoint invents requests',
      )
    }
  }

  #otherwise({ requestId }: ReleaseClaim, what: string, before: unknown, now: unknown): CensusError {
    return new CensusError(
      'drawn-otherwise',
      `request ${requestId} is on record with ${what} ${before}, and the chain now says ${now}: a second draw would let the noise be averaged ` +
        `away. The endpoint lies, or the chain was reorganised: look at it through another endpoint, and keep ${this.file}`,
    )
  }
}

type SeriesPlace = Pick<RecordedTable, 'chainId' | 'ledger' | 'series'>

const ofSeries = (tables: readonly RecordedTable[], at: SeriesPlace): RecordedTable[] =>
  tables.filter(({ chainId, ledger, series }) => chainId === at.chainId && ledger === at.ledger && series === at.series)

const spentBy = (tables: readonly RecordedTable[], what: 'epsilon' | 'delta'): bigint =>
  tables.flatMap(({ releases }) => releases).reduce((sum, release) => sum + BigInt(release[what]), 0n)

const placeOf = ({ chainId, ledger, series, seedCommitment, chunksHash }: Place) => ({
  ...{ seedCommitment: `${seedCommitment}`, chunksHash: chunksHash.toLowerCase(), chainId: `${chainId}` },
  ...{ ledger: ledger.toLowerCase(), series },
})

const termsOf = ({ requestId, version, queryId, model, epsilon, delta }: ReleaseClaim) => ({
  ...{ requestId, version, queryId: queryId.toLowerCase(), model: `${model}` },
  ...{ epsilon: `${epsilon}`, delta: `${delta}` },
})

function isAt(table: RecordedTable, claim: Place): boolean {
  const place = placeOf(claim)
  return (Object.keys(place) as (keyof typeof place)[]).every((key) => table[key] === place[key])
}
