// SPDX-License-Identifier: GPL-3.0-or-later

export type VersionErrorCode =
  /** The bytes of a model that are not whole, or not of this architecture. */
  | 'BAD_BLOB'
  /** A model without a plan: its weights cannot be committed to. */
  | 'NO_PLAN'
  /** A version that the chain does not have. */
  | 'NOT_FOUND'
  /** Weights that commit to something else than the chain says. */
  | 'WRONG_COMMITMENT'

/** sysexits.h: 65 for data that is wrong, 69 for what is not there (yet), 78 for a wrong configuration. */
const EXIT_CODES: Record<VersionErrorCode, number> = { BAD_BLOB: 65, NO_PLAN: 78, NOT_FOUND: 69, WRONG_COMMITMENT: 69 }

/** What a version is said to be, and is not. */
export class VersionError extends Error {
  override readonly name = 'VersionError'
  readonly code: VersionErrorCode
  readonly exitCode: number

  constructor(code: VersionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.exitCode = EXIT_CODES[code]
  }
}
