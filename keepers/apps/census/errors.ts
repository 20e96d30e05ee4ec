// SPDX-License-Identifier: GPL-3.0-or-later

export type CensusErrorCode =
  /** A table, model, secret or folder that cannot be used. */
  | 'bad-data'
  /** The chain's record says otherwise than the files at hand. */
  | 'mismatch'
  /** The ledger, or the state of a request, does not allow it. */
  | 'refused'

/** sysexits.h: 65 for wrong data. */
export const CENSUS_EXIT_CODES: Record<CensusErrorCode, number> = {
  'bad-data': 65,
  mismatch: 65,
  refused: 1,
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
