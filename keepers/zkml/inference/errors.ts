// SPDX-License-Identifier: GPL-3.0-or-later

export type InferenceErrorCode =
  /** An earlier step is missing: no circuit, no key, no salt. */
  | 'folder-incomplete'
  /** Files of the folder belong to different models, or do not parse. */
  | 'folder-mismatch'
  /** A claim about a batch that the model does not live up to. */
  | 'claim-untrue'
  /** The circuit's answer is not the reference interpreter's: a defect of ours, never the caller's. */
  | 'circuit-disagrees'

/** A provable model's folder cannot be used; the message names the file and the command that mends it. */
export class InferenceError extends Error {
  readonly code: InferenceErrorCode

  constructor(code: InferenceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'InferenceError'
    this.code = code
  }
}
