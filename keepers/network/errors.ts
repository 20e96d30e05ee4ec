// SPDX-License-Identifier: GPL-3.0-or-later

/** Why the data plane refused or failed. */
export type NetworkErrorCode =
  | 'BAD_CID'
  | 'BAD_ADDRESS'
  | 'TOO_LARGE'
  | 'MALFORMED'
  | 'UNAVAILABLE'
  | 'TIMEOUT'
  | 'STORAGE'
  | 'NOT_RUNNING'

/** A failure of the data plane. Callers branch on `code`; the message names the blob and the fix. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError'
  readonly code: NetworkErrorCode

  constructor(code: NetworkErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
