// SPDX-License-Identifier: GPL-3.0-or-later
// Errors of the compiler's front half. Each names the thing found and the fix.

export type CompileErrorCode =
  /** The bytes are malformed: truncated protobuf, wrong length, invalid JSON. */
  | 'malformed-file'
  /** A part that the file refers to was not supplied, e.g. a weight shard. */
  | 'missing-part'
  | 'unsupported-operator'
  /** A known operator with an attribute or a form that has no meaning here. */
  | 'unsupported-attribute'
  /** Only the batch axis may be symbolic. */
  | 'dynamic-shape'
  | 'shape-mismatch'
  /** NaN or infinite weights. */
  | 'not-finite'
  /** A static bound cannot hold; the message names the setting to change. */
  | 'bound-exceeded'
  | 'accuracy-loss'
  | 'wrong-input'
  | 'invalid-option'

/** Where in the model it went wrong, so that a front end can point at it. */
export type ErrorPlace = { readonly layer?: string; readonly operator?: string; readonly file?: string }

/** Thrown by import and quantisation; `code` is for programs, `message` for people. */
export class CompileError extends Error {
  readonly code: CompileErrorCode
  readonly place: ErrorPlace
  constructor(code: CompileErrorCode, message: string, place: ErrorPlace = {}) {
    super(message)
    this.name = 'CompileError'
    this.code = code
    this.place = place
  }
}
