// SPDX-License-Identifier: GPL-3.0-or-later
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import { StoreError, translateSqliteError } from './errors.ts'

/** Milliseconds that {@link withFileLock} waits for another process. */
const PATIENCE_MS = 20_000
/** Milliseconds between two attempts. */
const RETRY_MS = 25

/**
 * Takes the operating system's lock on a file (SQLite's exclusive lock). `kill -9` frees it, so no operator ever has to delete a stale lock by
 * hand.
 * @returns a function that releases the lock
 * @throws StoreError LOCKED, with `held` as its message, when another process, or this one, already has it
 */
function hold(file: string, held: string): () => void {
  const database = new DatabaseSync(file)
  try {
    // With a rollback journal instead of WAL, EXCLUSIVE keeps even readers out while the transaction is open.
    database.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS held (by INTEGER)')
  } catch (error) {
    database.close()
    const translated = translateSqliteError(error, file)
    if (translated instanceof StoreError && translated.code === 'LOCKED') {
      throw new StoreError('LOCKED', held, { cause: error })
    }
    throw translated
  }
  return () => {
    if (!database.isOpen) return
    database.exec('ROLLBACK')
    database.close()
  }
}

/** Holds a data folder against a second process, for as long as the keeper runs. */
export class FolderLock {
  readonly release: () => void

  private constructor(release: () => void) {
    this.release = release
  }

  /** @throws StoreError LOCKED when another process, or this one, already holds the folder. */
  static acquire(folder: string): FolderLock {
    const held = `${folder} is in use by a running keeper: stop that process, or use another --data folder`
    return new FolderLock(hold(join(folder, 'lock.sqlite'), held))
  }
}

/**
 * Runs `body` while nobody else, in this process or another, runs one under the same file. Meant for a short read and write, not for long work.
 * @param file A file only for this lock, beside what it protects. It is created if absent, and stays.
 * @throws StoreError LOCKED when another process does not release it in time
 */
export async function withFileLock<T>(file: string, body: () => Promise<T>, patienceMs = PATIENCE_MS): Promise<T> {
  const release = await acquired(file, performance.now() + patienceMs)
  try {
    return await body()
  } finally {
    release()
  }
}

async function acquired(file: string, until: number): Promise<() => void> {
  for (;;) {
    try {
      return hold(file, `${file} is held by another process: find that one first`)
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'LOCKED' || performance.now() >= until) throw error
      await wait(RETRY_MS)
    }
  }
}
