// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * `unheard`: endpoints contradict each other, or too few answer. `not-representative`: the lower service has not appointed this keeper.
 * `no-version`: it has no version that counts for the round. `bad-label`: a recorded label and its input do not belong together.
 * `wrong-contract`: another contract, or none, is at the address. `no-round`: the upper service has no such round. `not-comparable`: its
 * terms hide what an audit compares. `refused`: a contract's reason.
 */
export type NestedErrorCode =
  | 'unheard'
  | 'not-representative'
  | 'no-version'
  | 'bad-label'
  | 'wrong-contract'
  | 'no-round'
  | 'not-comparable'
  | 'refused'

export const NESTED_EXIT_CODES: Readonly<Record<NestedErrorCode, number>> = {
  unheard: 69,
  'not-representative': 1,
  'no-version': 1,
  'bad-label': 65,
  'wrong-contract': 78,
  'no-round': 1,
  'not-comparable': 64,
  refused: 1,
}

/** Services of services: the message names what was found and the fix. */
export class NestedError extends Error {
  override readonly name = 'NestedError'
  readonly code: NestedErrorCode
  readonly exitCode: number

  constructor(code: NestedErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.exitCode = NESTED_EXIT_CODES[code]
  }
}
