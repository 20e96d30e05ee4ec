// SPDX-License-Identifier: GPL-3.0-or-later

export type CeremonyErrorCode =
  /** The powers of tau are no published file, are too small, or cannot be read. */
  | 'ptau-refused'
  /** The transcript is missing, does not parse, or contradicts the files beside it. */
  | 'transcript-mismatch'
  /** A contribution or the key does not follow from what came before. */
  | 'invalid-contribution'
  /** An option that has no meaning here: a beacon that is not hexadecimal, a name that is too long. */
  | 'invalid-option'
  /** The ceremony is not in the state that the command needs. */
  | 'wrong-state'

/** The ceremony cannot go on; nothing was written. The message names the file, the value found and the fix. */
export class CeremonyError extends Error {
  readonly code: CeremonyErrorCode

  constructor(code: CeremonyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CeremonyError'
    this.code = code
  }
}
