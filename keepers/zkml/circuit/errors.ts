// SPDX-License-Identifier: GPL-3.0-or-later

export type CircuitErrorCode =
  /** A number does not fit the bits that its place in the circuit has. */
  | 'value-out-of-range'
  /** Too few or too many numbers, or a salt or context that is not a field element. */
  | 'wrong-input'
  /** Input visibility `signed`, and no signature of the input. */
  | 'unsigned'
  /** A combination of mode, layer and options that no circuit is written for. */
  | 'unsupported'
  /** Sums could grow past half the field: the circuit would then differ from the program. */
  | 'bound-exceeded'
  /** circom refused the source, or stopped; `message` carries its output. */
  | 'compile-failed'
  /** The witness program refused the inputs: some constraint does not hold for them. */
  | 'witness-refused'
  /** A file of witness or symbols is truncated or not canonical. */
  | 'malformed-file'

/** Thrown by this room; `code` is for programs, `message` names the field, the value found and the fix. */
export class CircuitError extends Error {
  readonly code: CircuitErrorCode

  constructor(code: CircuitErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CircuitError'
    this.code = code
  }
}
