// SPDX-License-Identifier: GPL-3.0-or-later
// A list, represented by the gaps between its values in a Merkle tree. Whoever has all values can prove that another value is not among them, and
// that a change of the root is a single insertion or removal. circuits/lib/interval_list.circom has the statements.
import { poseidon } from '../../zkml/index.ts'
import { IdentityError } from './errors.ts'

/** Values are 1 … 2^248 − 1; the end of the list is 2^248. */
export const LIST_END = 1n << 248n
/** Levels of the project's lists: up to 2^20 values. */
export const LIST_DEPTH = 20

type Interval = { readonly value: bigint; readonly next: bigint }

/** A leaf's place in the tree: bits and siblings, lowest level first. */
export type ListPath = { readonly bit: readonly bigint[]; readonly sibling: readonly bigint[] }

/** Shows that a value lies strictly inside an interval of the list. */
export type ListGap = ListPath & { readonly low: bigint; readonly next: bigint }

/** The inputs of ListInsertion, by its signals' names. */
export type ListChange = {
  readonly before: bigint
  readonly after: bigint
  readonly value: bigint
  readonly index: bigint
  readonly low: bigint
  readonly next: bigint
  readonly lowBit: readonly bigint[]
  readonly lowSibling: readonly bigint[]
  readonly newSibling: readonly bigint[]
}

export class IntervalList {
  readonly depth: number
  /** Nodes by level and index. Missing ones are roots of empty subtrees. */
  readonly #levels: Map<number, bigint>[]
  readonly #empty: bigint[]
  /** Leaves that changed since the nodes above them were computed, so that many changes recompute each node only once. */
  readonly #stale = new Set<number>()
  /** By leaf index. */
  readonly #leaves = new Map<number, Interval>()
  readonly #indexOf = new Map<bigint, number>()
  /** All lower ends of intervals in order, 0 first. */
  readonly #sorted: bigint[] = [0n]

  constructor(depth = LIST_DEPTH) {
    this.depth = depth
    this.#levels = Array.from({ length: depth + 1 }, () => new Map())
    this.#empty = [0n]
    for (let level = 0; level < depth; level++) {
      const below = this.#empty[level]!
      this.#empty.push(poseidon([below, below]))
    }
    this.#indexOf.set(0n, 0)
    this.#put(0, { value: 0n, next: LIST_END })
  }

  get root(): bigint {
    this.#settle()
    return this.#node(this.depth, 0)
  }

  /** Number of values. */
  get size(): number {
    return this.#sorted.length - 1
  }

  has(value: bigint): boolean {
    return value !== 0n && this.#indexOf.has(value)
  }

  /** The lowest leaf index that is free. @throws IdentityError bad-input when the tree is full */
  freeIndex(): number {
    for (let index = 1; index < 2 ** this.depth; index++) if (!this.#leaves.has(index)) return index
    throw new IdentityError('bad-input', `the list is full: it holds ${this.size} values`)
  }

  /** The gap that contains a value. @throws IdentityError in-list, bad-input */
  gap(value: bigint): ListGap {
    requireValue(value)
    if (this.#indexOf.has(value)) throw new IdentityError('in-list', `${value} is in the list`)
    const index = this.#indexOf.get(this.#sorted[this.#below(value)]!)!
    const { value: low, next } = this.#leaves.get(index)!
    return { low, next, ...this.#path(index) }
  }

  /** Adds a value. @throws IdentityError in-list when it is there, bad-input for a number outside the range or a taken index */
  add(value: bigint, index = this.freeIndex()): ListChange {
    const before = this.root
    const { low, next, bit: lowBit, sibling: lowSibling } = this.gap(value)
    this.insert(value, index)
    // The siblings of the new leaf are taken from the tree in which only the interval was shortened.
    const { sibling: newSibling } = this.#path(index)
    return { ...{ before, after: this.root, value, index: BigInt(index) }, low, next, lowBit, lowSibling, newSibling }
  }

  /** Removes a value. The change is the insertion that would undo this, so its `after` is the root before the removal. @throws IdentityError in-list */
  remove(value: bigint): ListChange {
    const after = this.root
    const index = this.#place(value)
    const { sibling: newSibling } = this.#path(index)
    this.erase(value)
    const { low, next, bit: lowBit, sibling: lowSibling } = this.gap(value)
    return { ...{ before: this.root, after, value, index: BigInt(index) }, low, next, lowBit, lowSibling, newSibling }
  }

  /** Like `add`, without the inputs of a proof. In a long series, it costs two hashes per value. */
  insert(value: bigint, index: number): void {
    requireValue(value)
    if (this.#indexOf.has(value)) throw new IdentityError('in-list', `${value} is in the list`)
    if (!Number.isInteger(index) || index < 1 || index >= 2 ** this.depth || this.#leaves.has(index)) {
      throw new IdentityError('bad-input', `index ${index} is not a free leaf of a tree of depth ${this.depth}`)
    }
    const at = this.#below(value)
    const lowIndex = this.#indexOf.get(this.#sorted[at]!)!
    const { value: low, next } = this.#leaves.get(lowIndex)!
    this.#put(lowIndex, { value: low, next: value })
    this.#put(index, { value, next })
    this.#indexOf.set(value, index)
    this.#sorted.splice(at + 1, 0, value)
  }

  /** Like `remove`, without the inputs of a proof. */
  erase(value: bigint): void {
    const index = this.#place(value)
    const at = this.#below(value)
    const lowIndex = this.#indexOf.get(this.#sorted[at - 1]!)!
    const { value: low } = this.#leaves.get(lowIndex)!
    this.#put(lowIndex, { value: low, next: this.#leaves.get(index)!.next })
    this.#leaves.delete(index)
    this.#stale.add(index)
    this.#indexOf.delete(value)
    this.#sorted.splice(at, 1)
  }

  /** The leaf of a value. */
  #place(value: bigint): number {
    requireValue(value)
    const index = this.#indexOf.get(value)
    if (index === undefined) throw new IdentityError('in-list', `${value} is not in the list`)
    return index
  }

  /** Place in #sorted of the largest end at or below `value`. */
  #below(value: bigint): number {
    let [low, high] = [0, this.#sorted.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#sorted[middle]! <= value) low = middle
      else high = middle - 1
    }
    return low
  }

  #node(level: number, index: number): bigint {
    return this.#levels[level]!.get(index) ?? this.#empty[level]!
  }

  #path(index: number): ListPath {
    this.#settle()
    const bit: bigint[] = []
    const sibling: bigint[] = []
    for (let level = 0; level < this.depth; level++) {
      const at = Math.floor(index / 2 ** level)
      bit.push(BigInt(at & 1))
      sibling.push(this.#node(level, at ^ 1))
    }
    return { bit, sibling }
  }

  #put(index: number, interval: Interval): void {
    this.#leaves.set(index, interval)
    this.#stale.add(index)
  }

  #settle(): void {
    let stale = new Set(this.#stale)
    this.#stale.clear()
    for (const index of stale) {
      const leaf = this.#leaves.get(index)
      this.#levels[0]!.set(index, leaf === undefined ? 0n : poseidon([leaf.value, leaf.next]))
    }
    for (let level = 1; level <= this.depth && stale.size > 0; level++) {
      stale = new Set(Array.from(stale, (index) => Math.floor(index / 2)))
      for (const at of stale) {
        this.#levels[level]!.set(at, poseidon([this.#node(level - 1, 2 * at), this.#node(level - 1, 2 * at + 1)]))
      }
    }
  }
}

function requireValue(value: bigint): void {
  if (value < 1n || value >= LIST_END)
    throw new IdentityError('bad-input', `${value} is not a value from 1 to 2^248 - 1`)
}
