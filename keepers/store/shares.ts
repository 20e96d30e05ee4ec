// SPDX-License-Identifier: GPL-3.0-or-later
import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from './errors.ts'

/**
 * The rule that threshold CKKS rests on: one decryption share for one ciphertext, ever. A second share for the same
 * c1 — another noise, or another active set — gives the secret away (ePrint 2024/194, 2025/409, 2026/031).
 *
 * The row is on disk before the share is computed, and the share is on disk before it is returned; so whatever a
 * crash interrupts, what left the process is what the row holds.
 */
export class ShareRegister {
  readonly #database: DatabaseSync
  readonly #now: () => number
  readonly #pending = new Map<string, Promise<Uint8Array>>()

  constructor(database: DatabaseSync, now: () => number) {
    this.#database = database
    this.#now = now
  }

  /**
   * The share for this ciphertext and active set: the recorded bytes, or those that `produce` makes now.
   * @param c1Hash 32-byte hash of the ciphertext's c1 polynomial.
   * @param activeSet member indices whose shares are combined; order does not matter.
   * @throws StoreError SHARE_ALREADY_GIVEN when a share was asked for with another set.
   */
  async once(
    c1Hash: Uint8Array,
    activeSet: readonly number[],
    produce: () => Uint8Array | Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const known = this.claim(c1Hash, activeSet)
    if (known) return known
    const id = Buffer.from(c1Hash).toString('hex')
    const running = this.#pending.get(id)
    if (running) return running
    const making = (async () => {
      const share = await produce()
      return this.record(c1Hash, activeSet, share)
    })()
    this.#pending.set(id, making)
    try {
      return await making
    } finally {
      this.#pending.delete(id)
    }
  }

  /**
   * Binds the ciphertext to the active set. Returns the share if one is on record, else null: the caller may compute it.
   * @throws StoreError SHARE_ALREADY_GIVEN when the ciphertext is bound to another set.
   */
  claim(c1Hash: Uint8Array, activeSet: readonly number[]): Uint8Array | null {
    if (c1Hash.length !== 32) throw new StoreError('BAD_INPUT', `hash of c1: ${c1Hash.length} bytes, expected 32`)
    const set = canonicalSet(activeSet)
    this.#database
      .prepare('INSERT OR IGNORE INTO shares (c1_hash, active_set, created) VALUES (?, ?, ?)')
      .run(c1Hash, set, this.#now())
    const row = this.#database.prepare('SELECT active_set, share FROM shares WHERE c1_hash = ?').get(c1Hash) as {
      active_set: string
      share: Uint8Array | null
    }
    if (row.active_set !== set) {
      throw new StoreError(
        'SHARE_ALREADY_GIVEN',
        `a share of this ciphertext is bound to the members {${row.active_set}}; refusing one for {${set}}`,
      )
    }
    return row.share
  }

  /** Records the share before it leaves. If one is on record already, that one is returned and this one forgotten. */
  record(c1Hash: Uint8Array, activeSet: readonly number[], share: Uint8Array): Uint8Array {
    const known = this.claim(c1Hash, activeSet)
    if (known) return known
    this.#database.prepare('UPDATE shares SET share = ? WHERE c1_hash = ? AND share IS NULL').run(share, c1Hash)
    return this.claim(c1Hash, activeSet)!
  }

  /** How many ciphertexts have been decrypted or promised to. */
  get count(): number {
    return (this.#database.prepare('SELECT count(*) AS n FROM shares').get() as { n: number }).n
  }
}

function canonicalSet(members: readonly number[]): string {
  const sorted = [...members].sort((a, b) => a - b)
  const valid = sorted.every((member, i) => Number.isInteger(member) && member >= 0 && member !== sorted[i - 1])
  if (sorted.length === 0 || !valid) {
    throw new StoreError('BAD_INPUT', `active set {${sorted.join(',')}}: expected distinct non-negative integers`)
  }
  return sorted.join(',')
}
