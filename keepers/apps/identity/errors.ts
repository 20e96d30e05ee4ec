// SPDX-License-Identifier: GPL-3.0-or-later

export type IdentityErrorCode =
  /** A file, or a value in it, cannot be used; the message names the field. */
  | 'bad-input'
  /** Capture, credential, lists and statement do not go together: no proof exists. */
  | 'not-provable'
  /** A value is in the list already, or is not in it. */
  | 'in-list'
  /** A circuit folder lacks files, or has another circuit's. */
  | 'wrong-circuit'
  /** A contract is not what it should be, or its events do not give its root. */
  | 'wrong-contract'
  /** No two endpoints say the same of a gate or a list. */
  | 'unheard'

/** sysexits.h: 65 for wrong data, 78 for a wrong contract, 69 for endpoints that cannot be used, 1 for a check that failed. */
export const IDENTITY_EXIT_CODES: Record<IdentityErrorCode, number> = {
  'bad-input': 65,
  'not-provable': 1,
  'in-list': 1,
  'wrong-circuit': 65,
  'wrong-contract': 78,
  unheard: 69,
}

export class IdentityError extends Error {
  override readonly name = 'IdentityError'
  readonly code: IdentityErrorCode
  readonly exitCode: number

  constructor(code: IdentityErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.exitCode = IDENTITY_EXIT_CODES[code]
  }
}
