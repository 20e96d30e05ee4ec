// SPDX-License-Identifier: GPL-3.0-or-later
import { NetworkError } from './errors.ts'

type Chunk = Uint8Array | { subarray(): Uint8Array }

/** Bytes that are set aside for an item before any of them is there: nobody gets more for a mere announcement. */
const FIRST_BYTES = 1 << 16

/** Items out of a stream of bytes: each has its length before it, little-endian. */
export class ByteQueue {
  readonly #source: AsyncIterator<Chunk>
  readonly #lengthBytes: 2 | 4
  #rest: Uint8Array = new Uint8Array()
  #taken = 0

  constructor(source: AsyncIterable<Chunk>, lengthBytes: 2 | 4) {
    this.#source = source[Symbol.asyncIterator]()
    this.#lengthBytes = lengthBytes
  }

  /** Bytes of the items taken so far, lengths included. */
  get taken(): number {
    return this.#taken
  }

  /** Whether bytes are here that belong to no item taken so far. */
  get hasMore(): boolean {
    return this.#rest.length > 0
  }

  /** The next item, or null when the stream ends before it. @throws as `item` */
  async itemOrEnd(maxBytes: number): Promise<Uint8Array | null> {
    while (this.#rest.length === 0) {
      const { value, done } = await this.#source.next()
      if (done === true) return null
      this.#rest = value.subarray()
    }
    return this.item(maxBytes)
  }

  /** The next item. @throws NetworkError TOO_LARGE above `maxBytes`, before it is read; UNAVAILABLE when the stream ends before. */
  async item(maxBytes: number): Promise<Uint8Array> {
    const head = await this.#take(this.#lengthBytes)
    const length = head.reduceRight((value, byte) => 256 * value + byte, 0)
    if (length > maxBytes) throw new NetworkError('TOO_LARGE', `an item of ${length} bytes, limit ${maxBytes}`)
    return this.#take(length)
  }

  async #take(length: number): Promise<Uint8Array> {
    // One buffer that grows: a peer may send its answer a byte at a time, and each piece by itself is a hundred times as large in memory.
    let all = new Uint8Array(Math.min(length, Math.max(this.#rest.length, FIRST_BYTES)))
    let have = Math.min(length, this.#rest.length)
    all.set(this.#rest.subarray(0, have))
    this.#rest = this.#rest.subarray(have)
    while (have < length) {
      const { value, done } = await this.#source.next()
      if (done === true) throw new NetworkError('UNAVAILABLE', 'the stream ended before the answer')
      const bytes = value.subarray()
      const used = Math.min(bytes.length, length - have)
      if (have + used > all.length) {
        const larger = new Uint8Array(Math.min(length, Math.max(2 * all.length, have + used)))
        larger.set(all.subarray(0, have))
        all = larger
      }
      all.set(bytes.subarray(0, used), have)
      have += used
      this.#rest = bytes.subarray(used)
    }
    this.#taken += length
    return all
  }
}
