// SPDX-License-Identifier: GPL-3.0-or-later

/** Why something about a market was refused before a transaction. */
export type MarketErrorCode =
  /** The book has no market of that number. */
  | 'unknown-market'
  /** Nobody made a pool with that fee, or nobody provides liquidity. */
  | 'no-pool'
  /** An outcome that the market does not have, odds of another length, a story of another market. */
  | 'bad-terms'
  /** The account holds less than it would give. */
  | 'too-little'

/** sysexits.h: 64 for impossible terms, 1 for a missing market or pool. */
export const MARKET_EXIT_CODES: Record<MarketErrorCode, number> = {
  'unknown-market': 1,
  'no-pool': 1,
  'bad-terms': 64,
  'too-little': 1,
}

export class MarketError extends Error {
  override readonly name = 'MarketError'
  readonly code: MarketErrorCode
  readonly exitCode: number

  constructor(code: MarketErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.exitCode = MARKET_EXIT_CODES[code]
  }
}
