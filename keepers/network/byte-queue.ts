// SPDX-License-Identifier: GPL-3.0-or-later
import { NetworkError } from './errors.ts'

type Chunk = Uint8Array | { subarray(): Uint8Array }

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

  /** The next item. @throws NetworkError TOO_LARGE above `maxBytes`, before it is read; UNAVAILABLE when the stream ends before. */
  async item(maxBytes: number): Promise<Uint8Array> {
    const head = await this.#take(this.#lengthBytes)
    const length = head.reduceRight((value, byte) => 256 * value + byte, 0)
    if (length > maxBytes) throw new NetworkError('TOO_LARGE', `an item of ${length} bytes, limit ${maxBytes}`)
    return this.#take(length)
  }

  async #take(length: number): Promise<Uint8Array> {
    const parts = [this.#rest]
    let have = this.#rest.length
    while (have < length) {
      const { value, done } = await this.#source.next()
      if (done === true) throw new NetworkError('UNAVAILABLE', 'the stream ended before the answer')
      const bytes = value.subarray()
      parts.push(bytes)
      have += bytes.length
    }
    const all = parts.length === 1 ? this.#rest : new Uint8Array(Buffer.concat(parts))
    this.#rest = all.subarray(length)
    this.#taken += length
    return all.subarray(0, length)
  }
}
