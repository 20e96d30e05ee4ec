// SPDX-License-Identifier: GPL-3.0-or-later
// The words of the data market.

/** As IDataOffersTypes numbers them. */
export const OFFER_STATUSES = ['none', 'open', 'admitted', 'proven', 'unproven', 'struck', 'retired'] as const
/** As IImprovementRewardsTypes numbers them. */
export const PHASES = ['none', 'drawing', 'presenting', 'settled', 'lapsed'] as const

/** Why something about the data market was refused before a transaction. */
type DataMarketErrorCode =
  /** No offer, campaign or measurement of that number. */
  | 'unknown'
  /** There is no such contract at the address. */
  | 'wrong-contract'
  /** The draw's hash was not read in time. */
  | 'lapsed'
  /** The leaves at hand are not those that an offer commits to. */
  | 'other-leaves'

/** sysexits.h: 65 for wrong data, 78 for a wrong address. */
export const DATA_MARKET_EXIT_CODES: Record<DataMarketErrorCode, number> = {
  unknown: 1,
  'wrong-contract': 78,
  lapsed: 1,
  'other-leaves': 65,
}

export class DataMarketError extends Error {
  override readonly name = 'DataMarketError'
  readonly code: DataMarketErrorCode
  readonly exitCode: number

  constructor(code: DataMarketErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.exitCode = DATA_MARKET_EXIT_CODES[code]
  }
}

/** @param root of the tree of `size` leaves, see BatchTree */
export type OfferTerms = {
  readonly schema: string
  readonly root: string
  readonly size: number
  readonly maker: string
  /** Wei. */
  readonly price: bigint
  /** Unix seconds. */
  readonly expiresAt: number
  readonly proveSeconds: number
  /** Wei that campaigns must have paid the seller since it was admitted, at least 1. */
  readonly minEarned: bigint
  readonly uri: string
}

export type OfferView = {
  readonly offerId: number
  readonly status: (typeof OFFER_STATUSES)[number]
  readonly seller: string
  readonly schema: string
  readonly size: number
  readonly price: bigint
  readonly maker: string
  /** Samples under proofs of devices. */
  readonly attested: number
  readonly signedByKey: boolean
  /** Whether the maker still lists what attested to it. */
  readonly current: boolean
  readonly service: string
  readonly expiresAt: number
  readonly uri: string
  /** Number of the first offer with the same root, by another seller; 0 if this is the first. */
  readonly copyOf: number
  readonly minEarned: bigint
  readonly reputation: Reputation
}

/** How a seller's offers have ended. */
export type Reputation = {
  /** Unix seconds of its first offer. */
  readonly since: number
  readonly offers: number
  readonly proven: number
  readonly unproven: number
  readonly struck: number
  readonly fallen: number
}

/** A seller's score for sorting lists: proven offers less the others, of which false ones weigh three times. A new seller has 0. */
export function standingOf({ proven, unproven, struck, fallen }: Reputation): number {
  return proven - unproven - 3 * (struck + fallen)
}

export type CampaignTerms = {
  readonly service: string
  readonly poolId: number
  /** Samples of a batch. */
  readonly count: number
  readonly draws: number
  readonly baseline: number
  readonly margin: number
  readonly step: number
  readonly tolerance: number
  /** Wei. */
  readonly rate: bigint
  readonly minBond: bigint
  readonly ceremony: boolean
  readonly presentSeconds: number
  readonly patienceSeconds: number
  /** Unix seconds. */
  readonly endsAt: number
  readonly perRound: number
  readonly scoreBps: number
  readonly scoredAfter: number
}
