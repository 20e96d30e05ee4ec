// SPDX-License-Identifier: GPL-3.0-or-later

export type VersionErrorCode =
  /** The bytes of a model are incomplete, or belong to another architecture. */
  | 'BAD_BLOB'
  /** The manifest is unusable, or no circuit can prove its model. */
  | 'BAD_MANIFEST'
  /** The manifest cannot be read or found. */
  | 'NO_MANIFEST'
  /** The manifest does not have the digest that is on the chain. */
  | 'WRONG_MANIFEST'
  /** The members of the service speak a protocol that this release does not. */
  | 'PROTOCOL'
  /** The file of the weights before the first round is missing, is another file, or has another architecture. */
  | 'WRONG_START'
  /** The chain does not have the version. */
  | 'NOT_FOUND'
  /** The weights do not have the commitment on the chain. */
  | 'WRONG_COMMITMENT'

/** sysexits.h: 65 wrong data, 69 missing or not yet available, 78 wrong configuration. */
export const VERSION_EXIT_CODES: Record<VersionErrorCode, number> = {
  BAD_BLOB: 65,
  BAD_MANIFEST: 65,
  NO_MANIFEST: 78,
  WRONG_MANIFEST: 78,
  PROTOCOL: 78,
  WRONG_START: 78,
  NOT_FOUND: 69,
  WRONG_COMMITMENT: 69,
}

/** A property of a version does not hold; the message names it. */
export class VersionError extends Error {
  override readonly name = 'VersionError'
  readonly code: VersionErrorCode
  readonly exitCode: number

  constructor(code: VersionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.exitCode = VERSION_EXIT_CODES[code]
  }
}
