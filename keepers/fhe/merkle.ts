// SPDX-License-Identifier: GPL-3.0-or-later
// A binary tree of hashes over 2^k leaves: one leaf is shown with k hashes, and nothing of the others.
import { HASH_BYTES, hash } from './encoding.ts'

export const leafOf = (bytes: Uint8Array): Uint8Array => hash('candidate', bytes)
const nodeOf = (left: Uint8Array, right: Uint8Array): Uint8Array => hash('candidate tree', left, right)

/** The levels of the tree, leaves first, the root alone at the end. The number of leaves is a power of two. */
export function treeOf(leaves: readonly Uint8Array[]): readonly (readonly Uint8Array[])[] {
  const levels = [leaves]
  for (let level = leaves; level.length > 1; ) {
    const below = level
    level = Array.from({ length: below.length / 2 }, (_, i) => nodeOf(below[2 * i]!, below[2 * i + 1]!))
    levels.push(level)
  }
  return levels
}

/** The siblings from a leaf up to the root, HASH_BYTES each. */
export function pathOf(levels: readonly (readonly Uint8Array[])[], leaf: number): Uint8Array {
  const siblings = levels.slice(0, -1).map((level, height) => level[(leaf >> height) ^ 1]!)
  return new Uint8Array(Buffer.concat(siblings))
}

/** The root that a leaf and its path lead to. */
export function rootOf(leaf: Uint8Array, at: number, path: Uint8Array): Uint8Array {
  let node = leaf
  for (let height = 0; HASH_BYTES * height < path.length; height++) {
    const sibling = path.subarray(HASH_BYTES * height, HASH_BYTES * (height + 1))
    node = (at >> height) & 1 ? nodeOf(sibling, node) : nodeOf(node, sibling)
  }
  return node
}
