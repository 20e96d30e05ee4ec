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

/** sysexits.h: 65 wrong data, 69 missing or not yet available, 75 full disk, 78 wrong configuration. */
export const NETWORK_EXIT_CODES: Record<NetworkErrorCode, number> = {
  BAD_CID: 65,
  BAD_ADDRESS: 78,
  TOO_LARGE: 65,
  MALFORMED: 65,
  UNAVAILABLE: 69,
  TIMEOUT: 69,
  STORAGE: 75,
  NOT_RUNNING: 70,
}

/** A failure of the data plane. Callers branch on `code`; the message names the blob and the fix. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError'
  readonly code: NetworkErrorCode
  readonly exitCode: number

  constructor(code: NetworkErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.exitCode = NETWORK_EXIT_CODES[code]
  }
}
