// SPDX-License-Identifier: GPL-3.0-or-later
// The tree of a pool's batches, as contracts/claims/BatchPools.sol checks it: a leaf's position is its index.
import { AbiCoder, keccak256, ZeroHash } from 'ethers'

const coder = AbiCoder.defaultAbiCoder()

const MIN_BATCHES = 2
const MAX_BATCHES = 2 ** 20

/** Root over batch commitments in their order, and the path of each. */
export class BatchTree {
  readonly #levels: string[][]
  readonly size: number

  /**
   * @param size places of the tree; those without a commitment are empty
   * @throws RangeError for fewer than 2 or more than 2^20 places, or more commitments than places
   */
  constructor(commitments: readonly bigint[], size: number = commitments.length) {
    if (size < MIN_BATCHES || size > MAX_BATCHES) {
      throw new RangeError(`${size} batches, a pool has ${MIN_BATCHES} to ${MAX_BATCHES}`)
    }
    if (commitments.length > size) throw new RangeError(`${commitments.length} batches for ${size} places`)
    this.size = size
    let level = commitments.map((commitment) => keccak256(coder.encode(['uint256'], [commitment])))
    let width = 1
    while (width < size) width *= 2
    while (level.length < width) level.push(ZeroHash)
    this.#levels = [level]
    while (level.length > 1) {
      level = Array.from({ length: level.length / 2 }, (_, i) => join(level[2 * i]!, level[2 * i + 1]!))
      this.#levels.push(level)
    }
  }

  get root(): string {
    return this.#levels.at(-1)![0]!
  }

  /** Siblings from the leaf up. @throws RangeError for an index that no batch has */
  path(index: number): string[] {
    if (!(Number.isInteger(index) && index >= 0 && index < this.size)) {
      throw new RangeError(`batch ${index}, the pool has 0 to ${this.size - 1}`)
    }
    return this.#levels.slice(0, -1).map((level, height) => level[Math.floor(index / 2 ** height) ^ 1]!)
  }
}

function join(left: string, right: string): string {
  return keccak256(coder.encode(['bytes32', 'bytes32'], [left, right]))
}
