// SPDX-License-Identifier: GPL-3.0-or-later
// Σ scalar·point over points that stay in the kernel's memory. A witness is mostly bits and short values: a scalar has only as
// many digits as it has bits (below r, for short negative ones), and a bit is one addition.
import { FIELD_BYTES } from '../bn254.ts'
import { ELEMENT_BYTES, type Kernel, PAIR_BYTES } from '../kernel/kernel.ts'
import { type Part, piecesOf } from '../parts.ts'
import { type GroupName, POINT_BYTES } from '../setup/curve-memory.ts'
import type { PartialSums } from './requests.ts'

/** Magnitudes are below r/2. */
const MAGNITUDE_BITS = 253
const MAX_WIDTH = 16
/** Digits that are sorted and summed at once: their working set stays in a cache. */
const DIGITS_AT_ONCE = 1 << 16
/** A bucket is added twice, and every step of a chain costs an inversion, in additions. */
const BUCKET_COST = 2
const STEP_COST = 250

/** Points that are converted at once. */
const POINTS_AT_ONCE = 1 << 12

/** Points of one query of the key, those at infinity left out. */
export class MultiExp {
  readonly #kernel: Kernel
  readonly #group: GroupName
  readonly #points: number
  readonly #indices: number
  readonly #count: number

  /** points: affine, Montgomery form, as a zkey holds them. */
  constructor(kernel: Kernel, group: GroupName, points: Part) {
    this.#kernel = kernel
    this.#group = group
    const size = POINT_BYTES[group].affine
    const kept = finiteOf(points, size)
    this.#count = kept.length
    this.#indices = kernel.allocate(4 * kept.length)
    kernel.words(this.#indices, kept.length).set(kept)
    this.#points = kernel.allocate(kept.length * this.#size)
    const mark = kernel.mark()
    const bytes = kernel.allocate(Math.min(POINTS_AT_ONCE, points.byteLength / size) * size)
    const { base, calls } = kernel
    let slot = 0
    for (const { from, bytes: piece } of piecesOf(points, POINTS_AT_ONCE * size)) {
      const packed = kernel.view(bytes, piece.byteLength)
      const end = (from + piece.byteLength) / size
      let count = 0
      for (; slot + count < kept.length && kept[slot + count]! < end; count++) {
        const at = kept[slot + count]! * size - from
        packed.set(piece.subarray(at, at + size), count * size)
      }
      const to = this.#points + slot * this.#size
      if (group === 'g1') calls.importElements(to, bytes, FIELD_BYTES, 2 * count, base.fromFile, base.at)
      else calls.importPairs(to, bytes, 2 * count, base.fromFile, base.at)
      slot += count
    }
    kernel.release(mark)
  }

  get #size(): number {
    return 2 * (this.#group === 'g1' ? ELEMENT_BYTES : PAIR_BYTES)
  }

  /** `scalars` is the address of 32-byte values below r, one for each point the query was built from. */
  sum(scalars: number): PartialSums {
    const kernel = this.#kernel
    const { calls } = kernel
    const mark = kernel.mark()
    const signed = kernel.allocate(FIELD_BYTES * this.#count)
    const histogram = kernel.allocate(4 * 256)
    kernel.words(histogram, 256).fill(0)
    calls.signScalars(signed, scalars, this.#indices, this.#count, histogram, kernel.scalar.at)
    const bits = kernel.words(histogram, 256).slice()
    const shape = windowsFor(bits)
    calls.useGroup(this.#group === 'g1' ? 0 : 1, kernel.base.at)
    calls.offsetScalars(signed, this.#count, shape.width, shape.windows)
    const result = this.#sumWindows(this.#sumBuckets(signed, shape), shape)
    kernel.release(mark)
    return result
  }

  /** Cells with the sum of each bucket, window after window. */
  #sumBuckets(signed: number, { width, windows, used }: Shape): number {
    const kernel = this.#kernel
    const { calls } = kernel
    const flag = this.#group === 'g1' ? 0 : 1
    const buckets = 2 ** (width - 1)
    const size = this.#size
    const cells = kernel.allocate(4 * buckets * used)
    const room = kernel.allocate(size * buckets * used)
    const mark = kernel.mark()
    const atOnce = Math.max(1, Math.floor(DIGITS_AT_ONCE / Math.max(1, this.#count)))
    const runs = buckets * atOnce
    const [starts, counts] = [kernel.allocate(4 * runs), kernel.allocate(4 * runs)]
    const digits = kernel.allocate(4 * this.#count * atOnce)
    const slotBytes = size * Math.ceil((this.#count * atOnce) / 2)
    const slots = kernel.allocate(slotBytes)
    for (let first = 0; first < used; first += atOnce) {
      const end = Math.min(used, first + atOnce)
      const some = buckets * (end - first)
      calls.sortDigits(signed, this.#points, this.#count, width, windows, first, end, starts, counts, digits, flag)
      calls.sumRuns(starts, counts, some, digits, slots, slots + slotBytes, flag)
      const [out, place] = [cells + 4 * buckets * first, room + size * buckets * first]
      calls.keepSums(starts, counts, some, digits, slots, slots + slotBytes, out, place, flag)
    }
    kernel.release(mark)
    return cells
  }

  /** Σ (b + 1)·bucket_b of each window: in chains of 2^log steps, then over the chains. */
  #sumWindows(cells: number, { width, used }: Shape): PartialSums {
    const kernel = this.#kernel
    const { calls } = kernel
    const flag = this.#group === 'g1' ? 0 : 1
    const size = this.#size
    const log = Math.ceil((width - 1) / 2)
    const [steps, perWindow] = [2 ** log, 2 ** (width - 1 - log)]
    const chains = used * perWindow
    const [sums, weighted] = [kernel.allocate(4 * chains), kernel.allocate(4 * chains)]
    calls.sumChains(cells, chains, steps, steps, sums, weighted, kernel.allocate(3 * size * chains), flag)
    // Bucket b of chain j stands for j·2^log + (its place + 1): the first part is Σ j·sums_j, doubled log times.
    const [ignored, outer] = [kernel.allocate(4 * used), kernel.allocate(4 * used)]
    calls.sumChains(sums + 4, used, perWindow - 1, perWindow, ignored, outer, kernel.allocate(3 * size * used), flag)
    const [starts, counts] = [kernel.allocate(4 * used), kernel.allocate(4 * used)]
    for (let w = 0; w < used; w++) {
      kernel.words(starts, used)[w] = w * perWindow
      kernel.words(counts, used)[w] = perWindow
    }
    const slotBytes = size * Math.ceil(chains / 2)
    const slots = kernel.allocate(slotBytes)
    calls.sumRuns(starts, counts, used, weighted, slots, slots + slotBytes, flag)
    const inner = (window: number) => weighted + 4 * window * perWindow
    const found: { bit: number; address: number }[] = []
    for (let w = 0; w < used; w++) {
      found.push({ bit: w * width, address: kernel.words(inner(w), 1)[0]! })
      found.push({ bit: w * width + log, address: kernel.words(outer + 4 * w, 1)[0]! })
    }
    return this.#export(found.filter(({ address }) => address !== 0))
  }

  #export(found: readonly { bit: number; address: number }[]): PartialSums {
    const kernel = this.#kernel
    const { affine } = POINT_BYTES[this.#group]
    const [points, work] = [kernel.allocate(found.length * affine), kernel.allocate(found.length * this.#size)]
    const { base, calls } = kernel
    for (const [i, { address }] of found.entries()) {
      const at = work + i * this.#size
      kernel.view(at, this.#size).set(kernel.read(address & ~1, this.#size))
      if ((address & 1) !== 0) negate(kernel, at + this.#size / 2, this.#size / 2)
    }
    if (this.#group === 'g1') calls.exportElements(points, work, 2 * found.length, base.toFile, base.at)
    else calls.exportPairs(points, work, 2 * found.length, base.toFile, base.at)
    return { bits: found.map(({ bit }) => bit), points: kernel.read(points, found.length * affine) }
  }
}

/** Places of the points that are not at infinity, which is all zeros. */
export function finiteOf(points: Part, size: number): Uint32Array {
  const kept = new Uint32Array(points.byteLength / size)
  let count = 0
  for (const { from, bytes } of piecesOf(points, POINTS_AT_ONCE * size)) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let at = 0; at < bytes.byteLength; at += size) {
      let word = 0
      while (word < size && view.getUint32(at + word) === 0) word += 4
      if (word < size) kept[count++] = (from + at) / size
    }
  }
  return kept.subarray(0, count)
}

function negate(kernel: Kernel, at: number, length: number): void {
  const view = kernel.view(at, length)
  const doubles = new Float64Array(view.buffer, view.byteOffset, length / 8)
  for (let i = 0; i < doubles.length; i++) doubles[i] = -doubles[i]!
}

type Shape = {
  /** Bits of a digit, number of windows of any scalar, and of those that a scalar here reaches. */
  readonly width: number
  readonly windows: number
  readonly used: number
}

/** The width that needs the fewest additions for scalars of these bit lengths. */
export function windowsFor(histogram: ArrayLike<number>): Shape {
  let longest = 0
  for (let bits = 0; bits <= MAGNITUDE_BITS; bits++) if (histogram[bits]! > 0) longest = bits
  let best: Shape | null = null
  let least = Number.POSITIVE_INFINITY
  for (let width = 2; width <= MAX_WIDTH; width++) {
    const windows = Math.ceil((MAGNITUDE_BITS + 2) / width)
    // Signed digits of n windows reach above 2^(n·width − 2).
    const used = Math.min(windows, Math.floor((longest + 1) / width) + 1)
    let cost = used * 2 ** (width - 1) * BUCKET_COST + STEP_COST * 2 ** (width / 2 + 1)
    for (let bits = 1; bits <= longest; bits++) cost += histogram[bits]! * Math.ceil(bits / width)
    if (cost < least) [best, least] = [{ width, windows, used }, cost]
  }
  return best!
}
