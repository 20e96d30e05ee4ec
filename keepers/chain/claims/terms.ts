// SPDX-License-Identifier: GPL-3.0-or-later
// The words of a claim registry.
import { id, ZeroHash } from 'ethers'

/** As IClaimRegistryTypes numbers them. */
export const CLAIM_KINDS = ['none', 'accuracy', 'fairness', 'odds', 'calibration'] as const
export const SOURCES = ['none', 'claimant', 'auditor', 'draw'] as const
export const CLAIM_STATUSES = ['none', 'standing', 'fallen', 'released'] as const

export type Source = Exclude<(typeof SOURCES)[number], 'none'>

/** What proofs of a circuit mean, as the registry has it. */
export type Statement = {
  readonly kind: number
  readonly count: number
  readonly positive: number
  readonly bins: string
}

/** The statement of a circuit, from the claim in its manifest. */
export function statementOf(claim: {
  readonly count: number
  readonly statement: {
    readonly kind: Exclude<(typeof CLAIM_KINDS)[number], 'none'>
    readonly positive?: number
    readonly bins?: readonly { readonly from: number; readonly confidence: number }[]
  }
}): Statement {
  const { kind, positive = 0, bins } = claim.statement
  // The text is FROM:PERMILLE,…, as `--bins` takes it.
  const text = bins?.map(({ from, confidence }) => `${from}:${confidence}`).join(',')
  return {
    ...{ kind: CLAIM_KINDS.indexOf(kind), count: claim.count, positive },
    bins: text === undefined ? ZeroHash : id(text),
  }
}

/** Why something about a claim was refused before a transaction. */
type ClaimErrorCode =
  /** No claim, or circuit, of that name. */
  | 'unknown'
  /** There is no claim registry at the address. */
  | 'wrong-contract'
  /** The draw's hash was not read in time. */
  | 'lapsed'
  /** The batches at hand are not those that a pool committed to. */
  | 'other-pool'
  /** A pool has drawn for a claim of another account. */
  | 'other-claimant'

/** sysexits.h: 65 for wrong data, 78 for a wrong address. */
export const CLAIM_EXIT_CODES: Record<ClaimErrorCode, number> = {
  unknown: 1,
  'wrong-contract': 78,
  lapsed: 1,
  'other-pool': 65,
  'other-claimant': 1,
}

export class ClaimError extends Error {
  override readonly name = 'ClaimError'
  readonly code: ClaimErrorCode
  readonly exitCode: number

  constructor(code: ClaimErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.exitCode = CLAIM_EXIT_CODES[code]
  }
}
