// SPDX-License-Identifier: GPL-3.0-or-later

/** Most bytes of blocks in memory: enough for a keeper's own update and sums of a round, while everybody asks for them. */
const BYTES = 4 << 20

/** Keeps the most recently served blocks in memory, because in a round all members ask for parts of the same few. A block never changes. */
export class RecentBlocks {
  readonly #blocks = new Map<string, Uint8Array>()
  #bytes = 0

  /** The block of that CID, or null. */
  get(cid: string): Uint8Array | null {
    const block = this.#blocks.get(cid)
    if (block === undefined) return null
    this.#blocks.delete(cid)
    this.#blocks.set(cid, block)
    return block
  }

  has(cid: string): boolean {
    return this.#blocks.has(cid)
  }

  delete(cid: string): void {
    this.#bytes -= this.#blocks.get(cid)?.length ?? 0
    this.#blocks.delete(cid)
  }

  /** Keeps a block, and forgets the least recently used ones. A block of more than a quarter of the limit is not kept. */
  put(cid: string, block: Uint8Array): void {
    if (block.length > BYTES / 4 || this.#blocks.has(cid)) return
    this.#blocks.set(cid, block)
    this.#bytes += block.length
    for (const [oldest, { length }] of this.#blocks) {
      if (this.#bytes <= BYTES) break
      this.#blocks.delete(oldest)
      this.#bytes -= length
    }
  }
}
