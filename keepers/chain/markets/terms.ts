// SPDX-License-Identifier: GPL-3.0-or-later
// Types of markets: the terms of a market, and its state.

/** `story`: settled by a headline that a publisher signed (PredictionMarket). `input`: by any input (InputMarket). */
export type MarketKind = 'story' | 'input'

/** IInputMarket.Payout */
export const PAYOUTS = ['classes', 'bins', 'linear'] as const
export type Payout = (typeof PAYOUTS)[number]

/** IPredictionMarketTypes.Status */
export const STATUSES = ['none', 'trading', 'pending', 'flagged', 'final', 'invalid'] as const
export type MarketStatus = (typeof STATUSES)[number]

/** IPredictionMarketTypes.FlagReason */
export const FLAG_REASONS = [
  'none',
  'key revoked',
  'version withdrawn',
  'circuit revoked',
  'challenged',
  'frozen',
] as const

/** Stands for a class, or a resolution, that pays all outcomes equally. */
export const ABSTAINS = 0xff
/** As a resolution: outcomes 0 and 1 are paid in proportion (IInputMarket.LINEAR). */
export const LINEAR = 0xfe

/** The parts of a market that never change. Times in Unix seconds. */
export type MarketTerms = {
  readonly text: string
  /** The hub's model; it must pin a version. */
  readonly modelId: bigint
  /** The publisher whose stories or signed inputs count; absent with a pinned input. */
  readonly publisherId?: bigint
  readonly opensAt: number
  readonly closesAt: number
  readonly deadline: number
  /** Least margin of a label, in the circuit's units. */
  readonly minMargin: bigint
  readonly outcomes: number
  /** For each class of the model the outcome that it stands for, or null where the model abstains. Empty for a score. */
  readonly classes: readonly (number | null)[]
  /** Token that pays; the deployment's own when absent. */
  readonly collateral?: string
  /** Input markets only. */
  readonly input?: string
  readonly payout?: Payout
  readonly lower?: bigint
  readonly width?: bigint
}

/** A signature of a publisher's key; bytes in hexadecimal. */
export type Signed = { readonly keyId: bigint; readonly signature: string }

/** A circuit's output, and the proof as the contracts take it. */
export type Proven = {
  readonly output: bigint
  readonly proof: {
    readonly a: readonly [bigint, bigint]
    readonly b: readonly [readonly [bigint, bigint], readonly [bigint, bigint]]
    readonly c: readonly [bigint, bigint]
  }
}

export type MarketView = {
  readonly kind: MarketKind
  readonly marketId: bigint
  readonly status: MarketStatus
  readonly modelId: bigint
  readonly version: bigint
  /** 0 for a pinned input. */
  readonly publisherId: bigint
  /** Unix seconds. */
  readonly opensAt: number
  readonly closesAt: number
  readonly deadline: number
  readonly minMargin: bigint
  readonly outcomes: number
  readonly classes: readonly (number | null)[]
  readonly collateral: {
    readonly address: string
    /** The token's own name for itself, shortened: it may be anything. */
    readonly symbol: string
    readonly decimals: number
    /** Whether it is the deployment's own. */
    readonly own: boolean
  }
  /** Collateral held for it, in the token's least unit. */
  readonly pot: bigint
  /** The tag that a publisher signs with the content, eight bytes in hexadecimal, and the context of a proof. */
  readonly tag: string
  readonly context: bigint
  /** Once the market is resolved: the outcome that won; null for an equal split; or the fraction that outcome 1 is paid, 0 … 1. */
  readonly resolution: {
    readonly outcome: number | null
    readonly share?: number
    readonly resolvedAt: number
    /** Why the DAO was asked to look at the market; null if it was not. */
    readonly flagged: string | null
  } | null
  /** The account's balance of each outcome; empty without an account. */
  readonly holdings: readonly bigint[]
  /** Input markets only. */
  readonly input?: {
    readonly pinned: string | null
    readonly payout: Payout
    readonly lower: bigint
    readonly width: bigint
  }
}

export type PoolView = {
  readonly address: string
  /** Hundredths of a percent. */
  readonly feeBps: number
  /** The price of each outcome in collateral, 0 … 1; empty before the first deposit. */
  readonly prices: readonly number[]
  readonly reserves: readonly bigint[]
  readonly totalShares: bigint
  /** The account's shares of the pool; 0 without an account. */
  readonly shares: bigint
}
