// SPDX-License-Identifier: GPL-3.0-or-later

/** Why the store refused or failed. */
export type StoreErrorCode =
  | 'LOCKED'
  | 'WRONG_PASSPHRASE'
  | 'WRONG_FOLDER'
  | 'NEWER_SCHEMA'
  | 'DISK_FULL'
  | 'STORAGE'
  | 'CORRUPT'
  | 'BAD_INPUT'

/** A failure of the keeper's store; the message says the fix and never holds a secret. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.code = code
  }
}

/** SQLite's primary result codes that callers can act on; https://sqlite.org/rescode.html */
const SQLITE = { BUSY: 5, LOCKED: 6, IO: 10, CORRUPT: 11, FULL: 13, NOT_A_DATABASE: 26 } as const

/** Turns SQLite's errors into ours; anything else passes through unchanged. */
export function translateSqliteError(error: unknown, file: string): unknown {
  const code = (error as { errcode?: number }).errcode
  if (typeof code !== 'number') return error
  const primary = code & 0xff
  if (primary === SQLITE.FULL) {
    return new StoreError('DISK_FULL', `no space left for ${file}: free some, nothing was half-written`, {
      cause: error,
    })
  }
  if (primary === SQLITE.IO) {
    return new StoreError(
      'STORAGE',
      `cannot read or write ${file}: look at quota, limits (ulimit -f) and the disk; nothing was half-written`,
      { cause: error },
    )
  }
  if (primary === SQLITE.CORRUPT || primary === SQLITE.NOT_A_DATABASE) {
    return new StoreError('CORRUPT', `${file} is damaged: restore it from a backup, never start with an empty one`, {
      cause: error,
    })
  }
  if (primary === SQLITE.BUSY || primary === SQLITE.LOCKED) {
    return new StoreError('LOCKED', `${file} is in use by another process: stop that one first`, { cause: error })
  }
  return error
}
