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
  | 'CONFLICT'

/** sysexits.h: 65 damaged data, 75 full disk, 77 belongs to somebody else, 78 another folder. */
export const STORE_EXIT_CODES: Record<StoreErrorCode, number> = {
  LOCKED: 77,
  WRONG_PASSPHRASE: 77,
  WRONG_FOLDER: 78,
  NEWER_SCHEMA: 78,
  DISK_FULL: 75,
  STORAGE: 75,
  CORRUPT: 65,
  BAD_INPUT: 65,
  CONFLICT: 77,
}

/** A failure of the keeper's store. The message names the fix and never contains a secret. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode
  readonly exitCode: number

  constructor(code: StoreErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.exitCode = STORE_EXIT_CODES[code]
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

/** The system's codes for a full disk, an exceeded quota, and a file over its limit. */
const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** Turns a full disk into a StoreError that names the file, which Node's error for a write does not. Anything else passes through unchanged. */
export function translateFileError(error: unknown, file: string): unknown {
  if (!FULL.has(String((error as { code?: unknown }).code))) return error
  return new StoreError('DISK_FULL', `no space left for ${file}: free some, nothing was half-written`, { cause: error })
}
