// SPDX-License-Identifier: GPL-3.0-or-later
import type { Database } from './database.ts'
import { StoreError } from './errors.ts'

/**
 * The rule that threshold CKKS rests on: for one ciphertext, one request, ever. A share of the same c1 under another
 * noise or another active set gives the secret away (ePrint 2024/194, 2025/409, 2026/031).
 *
 * The claim is on disk before the share is computed. The share is a function of the request, so the same request gives
 * the same bytes again after a crash, and any other request is refused for ever: rows are never deleted.
 */
export class ShareRegister {
  readonly #database: Database
  readonly #now: () => number

  constructor(database: Database, now: () => number) {
    this.#database = database
    this.#now = now
  }

  /**
   * Binds every c1 to the request, all or none.
   * @param c1Hashes 32-byte hashes of the ciphertexts' c1 polynomials, distinct, at least one.
   * @param requestHash 32-byte hash of everything that decides the share: context, aggregate, active set, sender.
   * @throws StoreError SHARE_ALREADY_GIVEN when any of them is bound to another request; nothing is recorded then.
   */
  claim(c1Hashes: readonly Uint8Array[], requestHash: Uint8Array): void {
    for (const hash of [...c1Hashes, requestHash]) {
      if (hash.length !== 32) throw new StoreError('BAD_INPUT', `a hash of ${hash.length} bytes, expected 32`)
    }
    const distinct = new Set(c1Hashes.map((hash) => Buffer.from(hash).toString('hex')))
    if (c1Hashes.length === 0 || distinct.size !== c1Hashes.length) {
      throw new StoreError('BAD_INPUT', `${c1Hashes.length} hashes of c1, ${distinct.size} of them distinct`)
    }
    this.#database.transaction(() => {
      const insert = this.#database.prepare('INSERT OR IGNORE INTO shares VALUES (?, ?, ?)')
      const select = this.#database.prepare('SELECT request_hash FROM shares WHERE c1_hash = ?')
      for (const [index, hash] of c1Hashes.entries()) {
        insert.run(hash, requestHash, this.#now())
        const row = select.get(hash) as { request_hash: Uint8Array }
        if (Buffer.compare(row.request_hash, requestHash) !== 0) {
          throw new StoreError(
            'SHARE_ALREADY_GIVEN',
            `a share of ciphertext ${Buffer.from(hash).toString('hex').slice(0, 16)}… is promised to another request`,
            { index },
          )
        }
      }
    })
  }

  /** Ciphertexts that a share was given of, or promised. */
  get count(): number {
    return (this.#database.prepare('SELECT count(*) AS n FROM shares').get() as { n: number }).n
  }
}
