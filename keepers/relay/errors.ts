// SPDX-License-Identifier: GPL-3.0-or-later

/** Why a relayer does not send a call, and the HTTP status that says so. */
const STATUS = {
  /** The request, or the call in it, is not one that relayers take. */
  BAD_REQUEST: 400,
  /** It relays for another service, or on another chain. */
  WRONG_SERVICE: 404,
  /** The signer has no seat. */
  NOT_MEMBER: 403,
  /** The time until which the sender wanted it is over. */
  TOO_LATE: 409,
  /** The contract would refuse it. */
  REFUSED: 422,
  /** The sender has too many calls waiting, or another one of this kind. */
  CROWDED: 429,
  /** The relayer holds or checks as many calls as it can. */
  BUSY: 503,
  /** The relayer has too few coins, or may not offer what gas costs. */
  UNFUNDED: 507,
  /** Its chain does not answer, or it stops. */
  UNAVAILABLE: 502,
} as const

export type RefusalCode = keyof typeof STATUS
export const REFUSAL_CODES = Object.keys(STATUS) as [RefusalCode, ...RefusalCode[]]

/** UNREACHABLE and BAD_ANSWER are the keeper's own codes for a relayer that is silent, or sends an invalid answer. */
type RelayErrorCode = RefusalCode | 'UNREACHABLE' | 'BAD_ANSWER'

/** A call that was not relayed. */
export class RelayError extends Error {
  override readonly name = 'RelayError'
  readonly code: RelayErrorCode

  constructor(code: RelayErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export function statusOf(code: RefusalCode): number {
  return STATUS[code]
}
