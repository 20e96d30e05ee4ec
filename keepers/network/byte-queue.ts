// SPDX-License-Identifier: GPL-3.0-or-later
import type { Stream } from '@libp2p/interface'
import { NetworkError } from './errors.ts'

/** The part of a libp2p stream that a queue reads. */
type Source = Pick<Stream, 'abort' | 'addEventListener' | 'closeRead' | 'readStatus'>

/** Bytes that are set aside for an item before any of them is there: nobody gets more for a mere announcement. */
const FIRST_BYTES = 1 << 16

/**
 * Items out of a stream of bytes: each has its length before it, little-endian. libp2p's own iterator of a stream takes whatever comes, as fast as it
 * comes, whether or not anybody reads on, and tells the peer to go on. Here the peer has an end: what all items can come to.
 */
export class ByteQueue {
  readonly #stream: Source
  readonly #lengthBytes: 2 | 4
  #most: number
  /** Pieces that came and were not taken. */
  readonly #waiting: Uint8Array[] = []
  #arrived = 0
  #taken = 0
  #ended: boolean
  #wake: () => void = () => undefined

  /** @param of.most Bytes of all items with their lengths: a stream that brings more is aborted. */
  constructor(stream: Source, of: { readonly lengthBytes: 2 | 4; readonly most: number }) {
    this.#stream = stream
    this.#lengthBytes = of.lengthBytes
    this.#most = of.most
    this.#ended = stream.readStatus === 'closed' || stream.readStatus === 'closing'
    stream.addEventListener('message', ({ data }) => this.#hear(data.subarray()))
    const end = (): void => {
      this.#ended = true
      this.#wake()
    }
    stream.addEventListener('end', end)
    stream.addEventListener('close', end)
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

  /** The next item, or null when the stream ends before it. @throws as `item` */
  async itemOrEnd(maxBytes: number): Promise<Uint8Array | null> {
    while (this.#waiting.length === 0) {
      if (this.#ended) return null
      await this.#heard()
    }
    return await this.item(maxBytes)
  }

  /** Whether bytes are here that belong to no item taken so far. */
  get hasMore(): boolean {
    return this.#waiting.length > 0
  }

  /** Sets the bound anew, for a stream with several questions or answers: so many bytes after the items taken so far. */
  allow(most: number): void {
    this.#most = this.#taken + most
  }

  /** Takes nothing more: what the peer still sends is dropped as it comes. */
  async close(): Promise<void> {
    this.#waiting.length = 0
    // Of a stream that has ended meanwhile nothing comes either.
    await this.#stream.closeRead().catch(() => undefined)
  }

  #hear(piece: Uint8Array): void {
    this.#arrived += piece.length
    if (this.#arrived <= this.#most) this.#waiting.push(piece)
    else this.#stream.abort(new NetworkError('TOO_LARGE', `more than ${this.#most} bytes: the peer goes on sending`))
    this.#wake()
  }

  async #take(length: number): Promise<Uint8Array> {
    // One buffer that grows: a peer may send its answer a byte at a time, and each piece by itself is a hundred times as large in memory.
    let all = new Uint8Array(Math.min(length, FIRST_BYTES))
    let have = 0
    while (have < length) {
      const piece = this.#waiting.shift()
      if (piece === undefined) {
        if (this.#ended) throw new NetworkError('UNAVAILABLE', 'the stream ended before the answer')
        await this.#heard()
        continue
      }
      const used = Math.min(piece.length, length - have)
      if (have + used > all.length) {
        const larger = new Uint8Array(Math.min(length, Math.max(2 * all.length, have + used)))
        larger.set(all.subarray(0, have))
        all = larger
      }
      all.set(piece.subarray(0, used), have)
      have += used
      if (used < piece.length) this.#waiting.unshift(piece.subarray(used))
    }
    this.#taken += length
    return all
  }

  async #heard(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    await promise
  }
}
