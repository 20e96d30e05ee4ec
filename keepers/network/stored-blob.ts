// SPDX-License-Identifier: GPL-3.0-or-later
import type { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import type { BlockSource, FilePart } from './assembly.ts'
import { NetworkError } from './errors.ts'
import { MAX_BLOB_BYTES, readNode } from './file-format.ts'

/**
 * A blob in this node's store, read range by range, without holding any of it in memory. Every block that a range touches is checked against its hash
 * at each read. So a range that is read again is either the same or refused.
 */
export class StoredBlob {
  readonly cid: CID
  /** Size in bytes. */
  readonly size: number
  readonly #parts: readonly FilePart[]
  readonly #block: BlockSource

  /** @param block Delivers a block of the store, checked against its hash. */
  constructor(cid: CID, file: { readonly size: number; readonly parts: readonly FilePart[] }, block: BlockSource) {
    this.cid = cid
    this.size = file.size
    this.#parts = file.parts
    this.#block = block
  }

  /**
   * Bytes `from` … `to` − 1, possibly as a view of a block.
   * @throws RangeError outside the blob; NetworkError UNAVAILABLE for a block that is gone from the store, or was changed in it, MALFORMED for
   * one of another size than was announced
   */
  async read(from: number, to: number): Promise<Uint8Array> {
    if (!(from >= 0 && from <= to && to <= this.size)) {
      throw new RangeError(`bytes ${from} to ${to} of ${this.cid}, which has ${this.size}`)
    }
    let range: Uint8Array | null = null
    for (let at = this.#partAt(from); at < this.#parts.length && this.#parts[at]!.start < to; at++) {
      const { cid, start, size } = this.#parts[at]!
      const block = await this.#block(cid)
      const bytes = cid.code === raw.code ? block : readNode(cid, block, null, MAX_BLOB_BYTES).data
      // Until a leaf is read, its size is only what its parent announced.
      if (bytes.length !== size) {
        throw new NetworkError('MALFORMED', `${cid} of ${this.cid} has ${bytes.length} bytes, announced were ${size}`)
      }
      const part = bytes.subarray(Math.max(0, from - start), Math.min(size, to - start))
      if (part.length === to - from) return part
      range ??= new Uint8Array(to - from)
      range.set(part, Math.max(0, start - from))
    }
    return range ?? new Uint8Array()
  }

  /** The index of the first part that ends after this byte. */
  #partAt(byte: number): number {
    let [low, high] = [0, this.#parts.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const { start, size } = this.#parts[middle]!
      if (start + size <= byte) low = middle + 1
      else high = middle
    }
    return low
  }
}
