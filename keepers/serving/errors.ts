// SPDX-License-Identifier: GPL-3.0-or-later

export type ServingErrorCode =
  /** A payload that is malformed, or that does not open the request's input commitment. */
  | 'bad-payload'
  /** The version cannot be fetched, or differs from the chain's record. */
  | 'bad-version'
  /** The hub's model is not one that this prover has a circuit for. */
  | 'wrong-circuit'
  /** The hub or the market refused the transaction. */
  | 'refused'
  /** The price does not pay for the answer's gas. */
  | 'unprofitable'
  /** Nobody answered in time. */
  | 'unanswered'
  /** The market cannot accept this. */
  | 'unsupported'

/** sysexits.h: 65 for wrong data, 69 for something that does not exist (yet). */
export const SERVING_EXIT_CODES: Record<ServingErrorCode, number> = {
  'bad-payload': 65,
  'bad-version': 69,
  'wrong-circuit': 65,
  refused: 1,
  unprofitable: 69,
  unanswered: 69,
  unsupported: 64,
}

export class ServingError extends Error {
  override readonly name = 'ServingError'
  readonly code: ServingErrorCode
  readonly exitCode: number

  constructor(code: ServingErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.exitCode = SERVING_EXIT_CODES[code]
  }
}
