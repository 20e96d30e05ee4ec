// SPDX-License-Identifier: GPL-3.0-or-later
import type { Stream } from '@libp2p/interface'
import { NetworkError } from './errors.ts'

/** The part of a libp2p stream that a queue reads. */
type Source = Pick<Stream, 'abort' | 'addEventListener' | 'closeRead' | 'readStatus'>

/** Most bytes allocated for an item before its content arrives, so that a mere announcement cannot take more. */
const FIRST_BYTES = 1 << 16

/**
 * Reads items from a stream of bytes, each preceded by its length, little-endian. libp2p's own iterator takes whatever comes, even when nobody reads,
 * and tells the peer to go on. This queue limits the total to what all expected items can come to.
 */
export class ByteQueue {
  readonly #stream: Source
  readonly #lengthBytes: 2 | 4
  #most: number
  /** Pieces that have arrived and were not taken yet. */
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

  /** Whether bytes have arrived beyond the items taken so far. */
  get hasMore(): boolean {
    return this.#waiting.length > 0
  }

  /** Sets a new bound, counted from the items taken so far, for a stream with several questions or answers. */
  allow(most: number): void {
    this.#most = this.#taken + most
  }

  /** Stops reading. Whatever the peer still sends is dropped on arrival. */
  async close(): Promise<void> {
    this.#waiting.length = 0
    // Closing fails if the stream has ended meanwhile, and then nothing more comes anyway.
    await this.#stream.closeRead().catch(() => undefined)
  }

  #hear(piece: Uint8Array): void {
    this.#arrived += piece.length
    if (this.#arrived <= this.#most) this.#waiting.push(piece)
    else this.#stream.abort(new NetworkError('TOO_LARGE', `more than ${this.#most} bytes: the peer goes on sending`))
    this.#wake()
  }

  async #take(length: number): Promise<Uint8Array> {
    // A single buffer that grows. A peer may send its answer byte by byte, and each byte as a piece of its own takes a hundred times the memory.
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
