// SPDX-License-Identifier: GPL-3.0-or-later
// Long streams of uniform bytes from short keys, produced in pieces that reuse the same memory.
import { createCipheriv } from 'node:crypto'
import { giveBack } from './secret.ts'

/**
 * Bytes of a piece. Node allocates a cipher's output. Pieces of this size come from the heap, are freed at once, and stay in cache. If V8 had to free
 * them, it would collect the whole heap for every 64 MiB.
 */
const PIECE = 1 << 15
const BLOCK_BYTES = 16

/** The plaintext that is encrypted to get the stream. */
const ZEROS = new Uint8Array(PIECE)

/** AES-256-CTR over zeros, counter from 0, cut into items of equal length. */
export class ByteStream {
  readonly #key: Uint8Array
  readonly #itemBytes: number
  readonly #secret: boolean
  #cipher: ReturnType<typeof createCipheriv> | null = null
  #next = 0

  /** @param key 32 bytes, copied. @param itemBytes A multiple of 16. @param kind A secret stream leaves no copies of its bytes. */
  constructor(key: Uint8Array, itemBytes: number, kind: 'secret' | 'public') {
    this.#key = key.slice()
    this.#itemBytes = itemBytes
    this.#secret = kind === 'secret'
  }

  /** Writes item `index`, bytes [index·b, (index + 1)·b), to `target`. Reading items in order is fastest. */
  read(index: number, target: Uint8Array): void {
    if (this.#cipher === null || this.#next !== index) {
      const counter = new Uint8Array(BLOCK_BYTES)
      // Big-endian; block numbers stay far below 2^64.
      new DataView(counter.buffer).setBigUint64(8, BigInt(index) * BigInt(this.#itemBytes / BLOCK_BYTES), false)
      this.#cipher = createCipheriv('aes-256-ctr', this.#key, counter)
    }
    this.#next = index + 1
    for (let at = 0; at < this.#itemBytes; at += PIECE) {
      const rest = this.#itemBytes - at
      const piece = this.#cipher.update(rest >= PIECE ? ZEROS : ZEROS.subarray(0, rest))
      target.set(piece, at)
      if (this.#secret) piece.fill(0)
      giveBack(piece)
    }
  }

  /** Wipes the key. */
  close(): void {
    this.#key.fill(0)
    this.#cipher = null
  }
}
