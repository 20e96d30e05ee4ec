// SPDX-License-Identifier: GPL-3.0-or-later

export type CensusErrorCode =
  /** A table, model, secret, record or folder that cannot be used. */
  | 'bad-data'
  /** The chain's record contradicts the files. */
  | 'mismatch'
  /** The ledger, the operator's own budget, or the state of a request does not allow it. */
  | 'refused'
  /** Noise was already drawn for this request, and this would be a second draw. */
  | 'drawn-otherwise'

/** sysexits.h: 65 for wrong data; 77 for an act that was done already, otherwise. */
export const CENSUS_EXIT_CODES: Record<CensusErrorCode, number> = {
  'bad-data': 65,
  mismatch: 65,
  refused: 1,
  'drawn-otherwise': 77,
}

export class CensusError extends Error {
  override readonly name = 'CensusError'
  readonly code: CensusErrorCode
  readonly exitCode: number

  constructor(code: CensusErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.exitCode = CENSUS_EXIT_CODES[code]
  }
}
