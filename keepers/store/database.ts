// SPDX-License-Identifier: GPL-3.0-or-later
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'
import { translateSqliteError } from './errors.ts'

/** A prepared statement; its failures are StoreErrors. */
export type Statement = {
  run(...values: SQLInputValue[]): { changes: number }
  get(...values: SQLInputValue[]): Record<string, SQLOutputValue> | undefined
  all(...values: SQLInputValue[]): Record<string, SQLOutputValue>[]
}

/** SQLite that throws StoreErrors and prepares every statement only once, because a keeper runs the same few for months. */
export class Database {
  readonly #inner: DatabaseSync
  readonly #file: string
  readonly #statements = new Map<string, Statement>()

  constructor(inner: DatabaseSync, file: string) {
    this.#inner = inner
    this.#file = file
  }

  get isOpen(): boolean {
    return this.#inner.isOpen
  }

  /** Whether a transaction is open. */
  get isTransaction(): boolean {
    return this.#inner.isTransaction
  }

  /** @throws StoreError DISK_FULL, STORAGE, CORRUPT, LOCKED. */
  exec(sql: string): void {
    this.#guard(() => this.#inner.exec(sql))
  }

  prepare(sql: string): Statement {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const inner: StatementSync = this.#guard(() => this.#inner.prepare(sql))
    const statement: Statement = {
      run: (...values) => this.#guard(() => ({ changes: Number(inner.run(...values).changes) })),
      get: (...values) => this.#guard(() => inner.get(...values)),
      all: (...values) => this.#guard(() => inner.all(...values)),
    }
    this.#statements.set(sql, statement)
    return statement
  }

  /** Runs synchronous writes as one transaction: all or none. */
  transaction<T>(body: () => T): T {
    this.exec('BEGIN IMMEDIATE')
    try {
      const result = body()
      this.exec('COMMIT')
      return result
    } catch (error) {
      // A full disk may have rolled back already.
      if (this.#inner.isTransaction) this.exec('ROLLBACK')
      throw error
    }
  }

  close(): void {
    this.#inner.close()
  }

  #guard<T>(body: () => T): T {
    try {
      return body()
    } catch (error) {
      throw translateSqliteError(error, this.#file)
    }
  }
}
