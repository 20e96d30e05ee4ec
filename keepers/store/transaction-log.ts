// SPDX-License-Identifier: GPL-3.0-or-later
import type { Database } from './database.ts'
import { StoreError } from './errors.ts'

/** One signed form of a transaction; later attempts replace earlier ones under the same nonce. */
export type TransactionAttempt = { readonly hash: string; readonly raw: string; readonly maxFeePerGas: string }

/** One thing the keeper sends, from intent to receipt. */
export type TransactionRow = {
  readonly key: string
  readonly nonce: number
  readonly request: { readonly to: string; readonly data: string; readonly value: string; readonly gasLimit: string }
  readonly attempts: readonly TransactionAttempt[]
  readonly receipt: { readonly hash: string; readonly block: number; readonly status: number } | null
}

type RawRow = { key: string; nonce: number; request: string; attempts: string; receipt: string | null }

/** More than an account ever sends. */
const NONCES = 2 ** 40

/** Signed transactions, written before they are broadcast: a restart resends the same bytes, never a second act. */
export class TransactionLog {
  readonly #database: Database
  readonly #now: () => number

  constructor(database: Database, now: () => number) {
    this.#database = database
    this.#now = now
  }

  find(key: string): TransactionRow | null {
    const row = this.#database.prepare('SELECT * FROM transactions WHERE key = ?').get(key) as RawRow | undefined
    return row ? parse(row) : null
  }

  /** Transactions without a receipt, by nonce. */
  open(): TransactionRow[] {
    const rows = this.#database
      .prepare('SELECT * FROM transactions WHERE receipt IS NULL AND nonce >= 0 ORDER BY nonce')
      .all()
    return (rows as RawRow[]).map(parse)
  }

  /** Transactions of this nonce and later ones, by nonce. */
  since(nonce: number): TransactionRow[] {
    const rows = this.#database.prepare('SELECT * FROM transactions WHERE nonce >= ? ORDER BY nonce').all(nonce)
    return (rows as RawRow[]).map(parse)
  }

  /** One more than the highest nonce ever used from this folder, or 0. */
  nextNonce(): number {
    const row = this.#database.prepare('SELECT max(nonce) AS n FROM transactions').get() as { n: number | null }
    return row.n === null ? 0 : Math.max(0, row.n + 1)
  }

  insert(row: Omit<TransactionRow, 'receipt'>): void {
    this.#database
      .prepare('INSERT INTO transactions (key, nonce, request, attempts, created) VALUES (?, ?, ?, ?, ?)')
      .run(row.key, row.nonce, JSON.stringify(row.request), JSON.stringify(row.attempts), this.#now())
  }

  addAttempt(key: string, attempt: TransactionAttempt): void {
    const row = this.find(key)
    if (!row) return
    this.#database
      .prepare('UPDATE transactions SET attempts = ? WHERE key = ?')
      .run(JSON.stringify([...row.attempts, attempt]), key)
  }

  setReceipt(key: string, receipt: TransactionRow['receipt']): void {
    this.#database
      .prepare('UPDATE transactions SET receipt = ? WHERE key = ?')
      .run(receipt === null ? null : JSON.stringify(receipt), key)
  }

  /**
   * Makes room for another account with nonces of its own. Transactions of the old account stay known by their keys, with nonces below zero.
   * @throws StoreError BAD_INPUT while a transaction of the old account has no receipt
   */
  changeSender(): void {
    const [open] = this.open()
    if (open !== undefined) {
      throw new StoreError('BAD_INPUT', `${open.key} is still under way: wait until it is in a block`)
    }
    this.#database.prepare('UPDATE transactions SET nonce = nonce - ?').run(NONCES)
  }

  /** Renames the row of a transaction that failed on-chain, so that the act may be tried again; its nonce stays used. */
  retire(key: string): void {
    this.#database.prepare("UPDATE transactions SET key = key || '#' || nonce WHERE key = ?").run(key)
  }
}

function parse(row: RawRow): TransactionRow {
  return {
    key: row.key,
    nonce: row.nonce,
    request: JSON.parse(row.request),
    attempts: JSON.parse(row.attempts),
    receipt: row.receipt === null ? null : JSON.parse(row.receipt),
  }
}
