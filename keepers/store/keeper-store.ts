// SPDX-License-Identifier: GPL-3.0-or-later
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ClaimRegister } from './claims.ts'
import { Database } from './database.ts'
import { StoreError, translateSqliteError } from './errors.ts'
import { Journal } from './journal.ts'
import { KeepsakeFiles } from './keepsake-files.ts'
import { FolderLock } from './lock.ts'
import { LogStore } from './log-store.ts'
import { migrate } from './schema.ts'
import { newKdfParameters, SecretBox } from './secret-box.ts'
import { TransactionLog } from './transaction-log.ts'

/** The chain, service and operator that a data folder belongs to. A folder is refused for any other. */
export type FolderBinding = { readonly chainId: bigint; readonly service: string; readonly operator: string }

export type StoreOptions = {
  /** Data folder; created when absent, with access for its owner only. */
  readonly folder: string
  readonly passphrase: string
  readonly binding: FolderBinding
  /** Milliseconds since the epoch; replaced in tests. */
  readonly now?: () => number
  /** log2 of scrypt's N for a new folder; an existing one keeps its own. */
  readonly log2N?: number
}

const CHECK = 'cohort store'
/** Folder of long keepsakes. */
const KEEPSAKES = 'keepsakes'

/** Creates the file if it does not exist, and lets only its owner read and write it. */
function makePrivate(file: string): void {
  closeSync(openSync(file, 'a', 0o600))
  chmodSync(file, 0o600)
}

/**
 * A keeper's memory: journal, claims, secrets, cursors. One process holds it at a time; every write is on disk
 * (WAL, synchronous = FULL) before the call returns.
 */
export class KeeperStore {
  readonly journal: Journal
  readonly claims: ClaimRegister
  readonly transactions: TransactionLog
  readonly logs: LogStore
  readonly #database: Database
  readonly #lock: FolderLock
  readonly #box: SecretBox
  /** Whether the write-ahead log may still hold something that was erased. */
  #traces = true

  private constructor(
    database: Database,
    of: { readonly folder: string; readonly lock: FolderLock; readonly box: SecretBox; readonly now: () => number },
  ) {
    const { folder, lock, box, now } = of
    this.#database = database
    this.#lock = lock
    this.#box = box
    this.journal = new Journal(database, now)
    this.claims = new ClaimRegister(database, now, new KeepsakeFiles(join(folder, KEEPSAKES)))
    this.transactions = new TransactionLog(database, now)
    this.logs = new LogStore(database)
    // The last process may have been killed between erasing something and clearing the log.
    this.#clearTraces()
  }

  /**
   * Opens, or makes, the store of a data folder.
   * @throws StoreError LOCKED, WRONG_PASSPHRASE, WRONG_FOLDER, NEWER_SCHEMA, CORRUPT, DISK_FULL.
   */
  static open(options: StoreOptions): KeeperStore {
    mkdirSync(options.folder, { recursive: true, mode: 0o700 })
    const lock = FolderLock.acquire(options.folder)
    const file = join(options.folder, 'journal.sqlite')
    let inner: DatabaseSync | undefined
    try {
      // Only the owner may read the folder, but somebody may copy it. Files that SQLite creates next to the database get the same mode.
      makePrivate(file)
      inner = new DatabaseSync(file, { timeout: 2_000 })
      inner.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
      // Deleted and overwritten data become zeros in the file.
      inner.exec('PRAGMA secure_delete = ON')
      migrate(inner)
      const database = new Database(inner, file)
      const box = openBox(database, options)
      bind(database, options)
      return new KeeperStore(database, { folder: options.folder, lock, box, now: options.now ?? Date.now })
    } catch (error) {
      if (inner?.isOpen) inner.close()
      lock.release()
      throw translateSqliteError(error, file)
    }
  }

  /** Stores a secret, encrypted. Overwrites one of the same name. */
  putSecret(name: string, value: Uint8Array): void {
    this.#database
      .prepare('INSERT INTO secrets VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed')
      .run(name, this.#box.seal(name, value))
  }

  /** The secret in the clear, or null. The caller zeroes it after use. */
  getSecret(name: string): Uint8Array | null {
    const row = this.#database.prepare('SELECT sealed FROM secrets WHERE name = ?').get(name) as
      | { sealed: Uint8Array }
      | undefined
    if (row === undefined) return null
    try {
      return this.#box.open(name, row.sealed)
    } finally {
      // An epoch's key has megabytes and is read several times per round. Freed here, because otherwise V8 would collect the whole heap for them.
      const { buffer } = row.sealed
      if (buffer instanceof ArrayBuffer && buffer.byteLength === row.sealed.length) buffer.transfer(0)
    }
  }

  /** The secret of that name. If it is missing, `produce` makes it, and it is stored first. */
  secretOnce(name: string, produce: () => Uint8Array): Uint8Array {
    const known = this.getSecret(name)
    if (known) return known
    this.putSecret(name, produce())
    return this.getSecret(name)!
  }

  /**
   * Erases all secrets whose names start with the prefix (a past epoch) from every file of the folder, at once or at the end of the enclosing
   * transaction. Returns how many there were.
   */
  eraseSecrets(prefix: string): number {
    const statement = this.#database.prepare('DELETE FROM secrets WHERE substr(name, 1, ?) = ?')
    const { changes } = statement.run(prefix.length, prefix)
    if (changes > 0) this.#traces = true
    this.#clearTraces()
    return changes
  }

  /** Copies the pages of the write-ahead log into the database and truncates the log, which may otherwise keep old pages for months. */
  #clearTraces(): void {
    if (!this.#traces || this.#database.isTransaction) return
    const { busy } = this.#database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number }
    // Another process, perhaps a backup, is reading the file. The next erasure or start tries again.
    this.#traces = busy !== 0
  }

  /** A small JSON document, nothing secret, that outlasts restarts; null if there is none. Parse what comes back. */
  getRecord(name: string): unknown {
    const row = this.#database.prepare('SELECT value FROM records WHERE name = ?').get(name) as
      | { value: string }
      | undefined
    return row ? JSON.parse(row.value) : null
  }

  putRecord(name: string, value: unknown): void {
    this.#database
      .prepare('INSERT INTO records VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value')
      .run(name, JSON.stringify(value))
  }

  deleteRecord(name: string): void {
    this.#database.prepare('DELETE FROM records WHERE name = ?').run(name)
  }

  getCursor(name: string): unknown {
    const row = this.#database.prepare('SELECT value FROM cursors WHERE name = ?').get(name) as
      | { value: string }
      | undefined
    return row ? JSON.parse(row.value) : null
  }

  putCursor(name: string, value: unknown): void {
    this.#database
      .prepare('INSERT INTO cursors VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value')
      .run(name, JSON.stringify(value))
  }

  /**
   * Binds the folder to another operator of the same keeper. Journal, claims and secrets stay.
   * @throws StoreError BAD_INPUT while a transaction of the old operator is under way
   */
  changeOperator(operator: string): void {
    this.#database.transaction(() => {
      this.transactions.changeSender()
      const bound = JSON.parse(new TextDecoder().decode(readMeta(this.#database, 'binding')!)) as Record<string, string>
      const value = new TextEncoder().encode(JSON.stringify({ ...bound, operator: operator.toLowerCase() }))
      this.#database.prepare("UPDATE meta SET value = ? WHERE key = 'binding'").run(value)
    })
  }

  /** Runs synchronous writes as one transaction: all or none. */
  transaction<T>(body: () => T): T {
    const result = this.#database.transaction(body)
    this.#clearTraces()
    return result
  }

  /** Bounds the database file, in pages of 4 KiB, as a quota does; writes beyond fail with DISK_FULL. */
  limitPages(pages: number): void {
    this.#database.exec(`PRAGMA max_page_count = ${Math.trunc(pages)}`)
  }

  close(): void {
    if (!this.#database.isOpen) return
    this.#database.close()
    this.#box.destroy()
    this.#lock.release()
  }
}

function readMeta(database: Database, key: string): Uint8Array | null {
  const row = database.prepare('SELECT value FROM meta WHERE key = ?').get(key) as { value: Uint8Array } | undefined
  return row?.value ?? null
}

function openBox(database: Database, options: StoreOptions): SecretBox {
  const salt = readMeta(database, 'kdf salt')
  if (salt === null) {
    const parameters = newKdfParameters(options.log2N)
    const box = new SecretBox(options.passphrase, parameters)
    const insert = database.prepare('INSERT INTO meta VALUES (?, ?)')
    database.transaction(() => {
      insert.run('kdf salt', parameters.salt)
      insert.run('kdf log2N', Uint8Array.of(parameters.log2N))
      insert.run('check', box.seal(CHECK, new TextEncoder().encode(CHECK)))
    })
    return box
  }
  const log2N = readMeta(database, 'kdf log2N')?.[0]
  const check = readMeta(database, 'check')
  if (log2N === undefined || check === null) {
    throw new StoreError('CORRUPT', 'the data folder has no key check: restore it from a backup')
  }
  const box = new SecretBox(options.passphrase, { salt, log2N })
  box.open(CHECK, check)
  return box
}

function bind(database: Database, { binding, folder }: StoreOptions): void {
  const wanted = {
    chain: binding.chainId.toString(),
    service: binding.service.toLowerCase(),
    operator: binding.operator.toLowerCase(),
  }
  const found = readMeta(database, 'binding')
  if (found === null) {
    const value = new TextEncoder().encode(JSON.stringify(wanted))
    database.prepare('INSERT INTO meta VALUES (?, ?)').run('binding', value)
    return
  }
  const bound = JSON.parse(new TextDecoder().decode(found)) as typeof wanted
  for (const key of ['chain', 'service', 'operator'] as const) {
    if (bound[key] !== wanted[key]) {
      throw new StoreError(
        'WRONG_FOLDER',
        `${folder} belongs to ${key} ${bound[key]}, not ${wanted[key]}: use another data folder for this keeper`,
      )
    }
  }
}
