// SPDX-License-Identifier: GPL-3.0-or-later

/** Where something is on a chain. */
export type Place = { readonly number: number; readonly hash: string }

/** Blocks that are remembered: more than the most confirmations that a keeper may be told to wait for. */
const MEMORY = 128

/**
 * The newest blocks of one branch, as far as each head that was seen names its parent. Answers without a request whether a block is still
 * on that branch.
 */
export class Ancestry {
  /** Hashes of consecutive blocks, the newest last. */
  #hashes: string[] = []
  #newest = -1

  /** The next head that was seen, on this branch or another one. */
  add({ number, hash, parentHash }: Place & { readonly parentHash: string }): void {
    if (this.#at(number) === hash) {
      // Seen before: the blocks above it are no longer on the chain, or the endpoint that answers now does not have them.
      this.#hashes.length -= this.#newest - number
    } else if (number === this.#newest + 1 && this.#hashes.at(-1) === parentHash) {
      this.#hashes.push(hash)
    } else {
      this.#hashes = [parentHash, hash]
    }
    this.#newest = number
    if (this.#hashes.length > MEMORY) this.#hashes.shift()
  }

  /** Whether the block is the head or one of its ancestors; null when it is older or newer than all known blocks. */
  has({ number, hash }: Place): boolean | null {
    const known = this.#at(number)
    return known === undefined ? null : known === hash
  }

  #at(number: number): string | undefined {
    return this.#hashes[this.#hashes.length - 1 - (this.#newest - number)]
  }
}
