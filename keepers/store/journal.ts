// SPDX-License-Identifier: GPL-3.0-or-later
import type { Database } from './database.ts'

/** One thing the keeper meant to do, with the exact bytes it meant to do it with. */
export type Intent = {
  readonly key: string
  readonly epoch: number
  readonly round: number
  readonly payload: Uint8Array
}

type Row = { key: string; epoch: number; round: number; payload: Uint8Array }

/**
 * Intents before acts: whatever leaves the process is first written here under a key that names the act (for example
 * `7/3/commit`), and a restart finds it and resends the same bytes. The bytes under a key never change.
 */
export class Journal {
  readonly #database: Database
  readonly #now: () => number
  /** Intents with bytes in the making. */
  readonly #making = new Map<string, Promise<Intent>>()

  constructor(database: Database, now: () => number) {
    this.#database = database
    this.#now = now
  }

  /**
   * The bytes recorded under the key. Without a record, `produce` makes them, and they are on disk before this resolves. A crash inside
   * `produce` leaves no trace, inside or outside the process. A caller that asks while they are being made waits for them: `produce` may
   * publish or claim, and runs once.
   */
  async once(
    at: { key: string; epoch: number; round: number },
    produce: () => Uint8Array | Promise<Uint8Array>,
  ): Promise<Intent> {
    const known = this.find(at.key)
    if (known) return known
    const making = this.#making.get(at.key) ?? this.#make(at, produce)
    this.#making.set(at.key, making)
    try {
      return await making
    } finally {
      if (this.#making.get(at.key) === making) this.#making.delete(at.key)
    }
  }

  async #make(
    at: { key: string; epoch: number; round: number },
    produce: () => Uint8Array | Promise<Uint8Array>,
  ): Promise<Intent> {
    const payload = await produce()
    this.#database
      .prepare('INSERT INTO intents (key, epoch, round, payload, created) VALUES (?, ?, ?, ?, ?)')
      .run(at.key, at.epoch, at.round, payload, this.#now())
    return this.find(at.key)!
  }

  find(key: string): Intent | null {
    const row = this.#database.prepare('SELECT key, epoch, round, payload FROM intents WHERE key = ?').get(key) as
      | Row
      | undefined
    return row ? { ...row } : null
  }

  /** Drops intents of rounds before `round` of epochs before or equal to `epoch`; claims stay for ever. */
  prune(epoch: number, round: number): number {
    const result = this.#database
      .prepare('DELETE FROM intents WHERE epoch < ? OR (epoch = ? AND round < ?)')
      .run(epoch, epoch, round)
    return result.changes
  }
}
