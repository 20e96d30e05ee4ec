// SPDX-License-Identifier: GPL-3.0-or-later

/** Why a DAO action was refused before, or instead of, a transaction. */
export type DaoErrorCode =
  | 'wrong-chain'
  | 'no-signer'
  | 'unknown-service'
  | 'unknown-version'
  | 'unknown-keeper'
  | 'unknown-proposal'
  | 'wrong-status'
  | 'wrong-state'
  | 'bad-call'
  | 'no-votes'
  | 'already-voted'
  | 'reverted'
  | 'timeout'

export const DAO_EXIT_CODES: Record<DaoErrorCode, number> = {
  'wrong-chain': 78,
  'no-signer': 64,
  'unknown-service': 1,
  'unknown-version': 1,
  'unknown-keeper': 1,
  'unknown-proposal': 1,
  'wrong-status': 1,
  'wrong-state': 1,
  'bad-call': 64,
  'no-votes': 1,
  'already-voted': 1,
  reverted: 1,
  timeout: 75,
}

export class DaoError extends Error {
  override readonly name = 'DaoError'
  readonly code: DaoErrorCode
  /** As in sysexits.h: 78 for the wrong chain, 64 without a signer, 75 for a time-out, 1 else. */
  readonly exitCode: number

  constructor(code: DaoErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.exitCode = DAO_EXIT_CODES[code]
  }
}
