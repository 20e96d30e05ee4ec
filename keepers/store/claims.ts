// SPDX-License-Identifier: GPL-3.0-or-later
import type { Database } from './database.ts'
import { StoreError } from './errors.ts'
import { type KeepsakeFiles, LONG_BYTES } from './keepsake-files.ts'
import type { Claim } from './protection.ts'

/** Data kept with a claim until its round is long over. `payload` is in consecutive pieces. */
export type Keepsake = { readonly epoch: number; readonly round: number; readonly payload: readonly Uint8Array[] }

/**
 * The rules that threshold CKKS rests on: in one round, one encryption and one decryption share, ever. The difference of two encryptions under
 * one round's polynomial is the difference of their plaintexts; two decryption shares reveal the difference of two sums, or allow averaging the
 * noise away (ePrint 2024/194, 2025/409, 2026/031).
 *
 * A claim is on disk before anything that it is about leaves the process. The same claim may be repeated, because it stands for the same
 * bytes. Any other claim under the same nonce is refused for ever: rows are never deleted.
 */
export class ClaimRegister {
  readonly #database: Database
  readonly #now: () => number
  readonly #files: KeepsakeFiles

  constructor(database: Database, now: () => number, files: KeepsakeFiles) {
    this.#database = database
    this.#now = now
    this.#files = files
    files.tidy((nonce) => this.#row(Buffer.from(nonce, 'hex'))?.file === 1)
  }

  /**
   * Binds the nonce to the digest, and keeps `keepsake` with it, in one transaction. A long keepsake becomes a file, which is written to disk first.
   * @param nonce 32-byte name of the act.
   * @param digest 32-byte hash of the act.
   * @returns false, with nothing recorded, when the nonce is bound to another digest.
   */
  claim(nonce: Uint8Array, digest: Uint8Array, keepsake?: Keepsake): boolean {
    for (const hash of [nonce, digest]) {
      if (hash.length !== 32) throw new StoreError('BAD_INPUT', `a hash of ${hash.length} bytes, expected 32`)
    }
    const { epoch, round, payload = [] } = keepsake ?? {}
    const isLong = payload.reduce((sum, piece) => sum + piece.length, 0) >= LONG_BYTES
    // Write nothing for a claim that is refused below, and do not replace what is kept already.
    const before = this.#database.prepare('SELECT digest FROM claims WHERE nonce = ?').get(nonce)
    const isNew = before === undefined || Buffer.compare(before.digest as Uint8Array, digest) === 0
    const stored = !isLong
      ? Buffer.concat(payload)
      : isNew && this.#row(nonce) === undefined
        ? this.#files.write(nonce, payload)
        : new Uint8Array()
    return this.#database.transaction(() => {
      this.#database.prepare('INSERT OR IGNORE INTO claims VALUES (?, ?, ?)').run(nonce, digest, this.#now())
      const row = this.#database.prepare('SELECT digest FROM claims WHERE nonce = ?').get(nonce) as {
        digest: Uint8Array
      }
      const granted = Buffer.compare(row.digest, digest) === 0
      if (granted && keepsake !== undefined) {
        const insert = this.#database.prepare('INSERT OR IGNORE INTO keepsakes VALUES (?, ?, ?, ?, ?)')
        insert.run(nonce, epoch!, round!, stored, isLong ? 1 : 0)
      }
      return granted
    })
  }

  /**
   * Adds claims that this keeper made with another folder, all or none.
   * @returns how many of them are new
   * @throws StoreError CONFLICT, with nothing recorded, when one of them contradicts a claim of this folder
   */
  adopt(claims: readonly Claim[]): number {
    return this.#database.transaction(() => {
      const before = this.count
      const insert = this.#database.prepare('INSERT OR IGNORE INTO claims VALUES (?, ?, ?)')
      const select = this.#database.prepare('SELECT digest FROM claims WHERE nonce = ?')
      for (const { nonce, digest } of claims) {
        insert.run(nonce, digest, this.#now())
        if (Buffer.compare((select.get(nonce) as { digest: Uint8Array }).digest, digest) === 0) continue
        throw new StoreError(
          'CONFLICT',
          `this folder made other bytes of the act 0x${Buffer.from(nonce).toString('hex')} than the record has: two keepers ` +
            'ran with these keys. Keep both files, and start neither before you know which one is right',
        )
      }
      return this.count - before
    })
  }

  /** Whether the nonce was ever claimed. */
  has(nonce: Uint8Array): boolean {
    return this.#database.prepare('SELECT 1 FROM claims WHERE nonce = ?').get(nonce) !== undefined
  }

  /** The data kept with the claim; null if there are none, or they were erased, or their file was changed. */
  kept(nonce: Uint8Array): Uint8Array | null {
    const row = this.#row(nonce)
    if (row === undefined) return null
    return row.file === 1 ? this.#files.read(nonce, row.payload) : row.payload
  }

  /** Drops the data kept for rounds before `round` of epochs up to `epoch`; the claims stay. Returns how many. */
  forget(epoch: number, round: number): number {
    const old = 'WHERE epoch < ? OR (epoch = ? AND round < ?)'
    const files = this.#database.prepare(`SELECT nonce, file FROM keepsakes ${old}`).all(epoch, epoch, round)
    const { changes } = this.#database.prepare(`DELETE FROM keepsakes ${old}`).run(epoch, epoch, round)
    for (const { nonce, file } of files) if (file === 1) this.#files.remove(nonce as Uint8Array)
    return changes
  }

  /** `payload` is the data, or the hash of the file with them. */
  #row(nonce: Uint8Array): { readonly payload: Uint8Array; readonly file: number } | undefined {
    return this.#database.prepare('SELECT payload, file FROM keepsakes WHERE nonce = ?').get(nonce) as
      | { payload: Uint8Array; file: number }
      | undefined
  }

  /** Number of claimed acts. */
  get count(): number {
    return (this.#database.prepare('SELECT count(*) AS n FROM claims').get() as { n: number }).n
  }
}
