// SPDX-License-Identifier: GPL-3.0-or-later

export type SetupErrorCode =
  /** The r1cs file is truncated, has a wrong magic, impossible lengths, or indices out of range. */
  | 'r1cs-malformed'
  /** A well-formed r1cs that Groth16 over BN254 cannot serve: another field, custom gates, too many constraints. */
  | 'r1cs-unsupported'
  /** The zkey file is truncated, lacks a section, or a section's length contradicts the header. */
  | 'zkey-malformed'
  /** The key's metadata file is missing, does not parse, or describes another key. */
  | 'metadata-mismatch'
  /** A worker thread of the set-up failed. */
  | 'worker-failed'

/** An unusable circuit, key or metadata file; the message names the file, what was found and the fix. */
export class SetupError extends Error {
  readonly code: SetupErrorCode

  constructor(code: SetupErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SetupError'
    this.code = code
  }
}
