// SPDX-License-Identifier: GPL-3.0-or-later
import type { Database } from './database.ts'

/** One log of a contract, as an endpoint reported it. */
export type LogRow = {
  readonly block: number
  readonly logIndex: number
  readonly blockHash: string
  readonly address: string
  readonly topics: readonly string[]
  readonly data: string
  readonly transactionHash: string
}

type RawRow = {
  block: number
  log_index: number
  block_hash: string
  address: string
  topics: string
  data: string
  tx_hash: string
}

/** Keeps the logs seen so far, so that a restart reads on from its cursor instead of from the first block. */
export class LogStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Adds logs; one already known is left as it is. Call inside the transaction that moves the cursor. */
  add(rows: readonly LogRow[]): void {
    const insert = this.#database.prepare('INSERT OR IGNORE INTO logs VALUES (?, ?, ?, ?, ?, ?, ?)')
    for (const row of rows) {
      insert.run(
        row.block,
        row.logIndex,
        row.blockHash,
        row.address,
        JSON.stringify(row.topics),
        row.data,
        row.transactionHash,
      )
    }
  }

  /** Drops the logs of blocks above `block`: they were on a branch that lost. */
  dropAbove(block: number): number {
    return this.#database.prepare('DELETE FROM logs WHERE block > ?').run(block).changes
  }

  /** Drops the logs of blocks below `block`: nothing will ask for them again. */
  dropBelow(block: number): number {
    return this.#database.prepare('DELETE FROM logs WHERE block < ?').run(block).changes
  }

  /** All logs in chain order. */
  all(): LogRow[] {
    const rows = this.#database.prepare('SELECT * FROM logs ORDER BY block, log_index').all() as RawRow[]
    return rows.map((row) => ({
      block: row.block,
      logIndex: row.log_index,
      blockHash: row.block_hash,
      address: row.address,
      topics: JSON.parse(row.topics) as string[],
      data: row.data,
      transactionHash: row.tx_hash,
    }))
  }
}
