// SPDX-License-Identifier: GPL-3.0-or-later
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StoreError, translateSqliteError } from './errors.ts'

/**
 * Holds a data folder against a second process. The lock is the operating system's (through SQLite's exclusive file
 * lock), not the existence of a file: `kill -9` frees it, so no operator ever has to delete a stale lock by hand.
 */
export class FolderLock {
  readonly #database: DatabaseSync

  private constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** @throws StoreError LOCKED when another process, or this one, already holds the folder. */
  static acquire(folder: string): FolderLock {
    const file = join(folder, 'lock.sqlite')
    const database = new DatabaseSync(file)
    try {
      // A rollback journal, not WAL: EXCLUSIVE then keeps even readers out for as long as the transaction is open.
      database.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS held (by INTEGER)')
    } catch (error) {
      database.close()
      const translated = translateSqliteError(error, file)
      if (translated instanceof StoreError && translated.code === 'LOCKED') {
        throw new StoreError(
          'LOCKED',
          `${folder} is in use by a running keeper: stop that process, or use another --data folder`,
          { cause: error },
        )
      }
      throw translated
    }
    return new FolderLock(database)
  }

  release(): void {
    if (!this.#database.isOpen) return
    this.#database.exec('ROLLBACK')
    this.#database.close()
  }
}
