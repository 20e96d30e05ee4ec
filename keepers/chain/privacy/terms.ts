// SPDX-License-Identifier: GPL-3.0-or-later
// The words of a ledger of private tables (contracts/privacy).

/** As IPrivateTables numbers them. */
export const RELEASE_STATUSES = ['none', 'open', 'accepted', 'delivered', 'failed', 'cancelled'] as const
export type ReleaseStatus = (typeof RELEASE_STATUSES)[number]

/** Epsilon in millionths, delta in 10^-18, times in seconds, amounts in wei. */
export type SeriesTerms = {
  readonly maxEpsilon: bigint
  readonly maxDelta: bigint
  readonly versionEpsilon: bigint
  readonly interval: number
  readonly deliverySeconds: number
  readonly fee: bigint
  readonly bond: bigint
}

export type ReleaseQuery = {
  readonly chunkCircuit: string
  readonly noiseCircuit: string
  readonly emptyState: bigint
  readonly rowsPerChunk: number
  readonly slices: number
  readonly units: number
  readonly modelled: boolean
}

export type SeriesView = SeriesTerms & {
  readonly seriesId: number
  readonly server: string
  readonly versions: number
  readonly spentEpsilon: bigint
  readonly spentDelta: bigint
  /** Requests that the server accepted and did not deliver. */
  readonly failed: number
}

export type VersionView = {
  readonly chunksHash: string
  readonly seedCommitment: bigint
  readonly chunks: number
  readonly spentEpsilon: bigint
}

export type ReleaseView = {
  readonly requestId: number
  readonly requester: string
  readonly status: ReleaseStatus
  readonly seriesId: number
  readonly version: number
  readonly chunksDone: number
  /** Unix seconds; 0 before acceptance. */
  readonly dueAt: number
  readonly beaconBlock: number
  readonly beacon: string | null
  readonly queryId: string
  readonly model: bigint
  readonly state: bigint
}

/** Why something about a private table was refused before a transaction. */
export type PrivateTableErrorCode =
  /** No series, version, query or request of that name. */
  | 'unknown'
  /** There is no ledger of private tables at the address. */
  | 'wrong-contract'
  /** A request is in another state than this needs, or its time has passed. */
  | 'wrong-state'
  /** No two endpoints of different hosts say the same of a request. */
  | 'unheard'

export const TABLE_EXIT_CODES: Record<PrivateTableErrorCode, number> = {
  unknown: 1,
  'wrong-contract': 78,
  'wrong-state': 1,
  unheard: 69,
}

export class PrivateTableError extends Error {
  override readonly name = 'PrivateTableError'
  readonly code: PrivateTableErrorCode
  readonly exitCode: number

  constructor(code: PrivateTableErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.exitCode = TABLE_EXIT_CODES[code]
  }
}
