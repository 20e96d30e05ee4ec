// SPDX-License-Identifier: GPL-3.0-or-later
// Σ scalar·point over points that stay in the kernel's memory. A witness is mostly bits and short values: a scalar has only as
// many digits as it has bits (below r, for short negative ones), and a bit is one addition.
import { FIELD_BYTES } from '../bn254.ts'
import { ELEMENT_BYTES, type Kernel, PAIR_BYTES } from '../kernel/kernel.ts'
import { type Part, piecesOf } from '../parts.ts'
import { type GroupName, POINT_BYTES } from '../setup/curve-memory.ts'
import type { PartialSums, TableShare } from './requests.ts'

/** Magnitudes are below r/2. */
const MAGNITUDE_BITS = 253
/** The windows together must exceed this many bits: the highest one is unsigned. */
export const WINDOW_BITS = MAGNITUDE_BITS + 2
const MAX_WIDTH = 16
/** Digits that are sorted and summed at once: their working set stays in a cache. */
const DIGITS_AT_ONCE = 1 << 16
/** A bucket is added twice, and every step of a chain costs an inversion, in additions. */
const BUCKET_COST = 2
const STEP_COST = 250

/** Up to so many partial sums, few sets of buckets are folded; beyond, chains leave fewer to add up. */
const MAX_FOLDED = 96

/** Points that are converted at once. */
const POINTS_AT_ONCE = 1 << 12

/** Points of one query of the key, those at infinity left out. */
export class MultiExp {
  readonly #kernel: Kernel
  readonly #group: GroupName
  readonly #points: number
  readonly #indices: number
  readonly #count: number
  /** Bits between the multiples that follow the points; null without any. */
  readonly #stride: number | null

  /** points: affine, Montgomery form, as a zkey holds them. Throws RangeError for a table of other points than the finite ones. */
  constructor(kernel: Kernel, group: GroupName, points: Part, table: TableShare | null = null) {
    this.#kernel = kernel
    this.#group = group
    this.#stride = table === null ? null : table.stride
    const size = POINT_BYTES[group].affine
    const kept = finiteOf(points, size)
    this.#count = kept.length
    this.#indices = kernel.allocate(4 * kept.length)
    kernel.words(this.#indices, kept.length).set(kept)
    const multiples = table?.multiples ?? []
    this.#points = kernel.allocate(kept.length * this.#size * (1 + multiples.length))
    const mark = kernel.mark()
    const bytes = kernel.allocate(Math.min(POINTS_AT_ONCE, points.byteLength / size) * size)
    let slot = 0
    for (const { from, bytes: piece } of piecesOf(points, POINTS_AT_ONCE * size)) {
      const packed = kernel.view(bytes, piece.byteLength)
      const end = (from + piece.byteLength) / size
      let count = 0
      for (; slot + count < kept.length && kept[slot + count]! < end; count++) {
        const at = kept[slot + count]! * size - from
        packed.set(piece.subarray(at, at + size), count * size)
      }
      this.#import(slot, bytes, count)
      slot += count
    }
    for (const level of multiples) {
      if (level.byteLength !== kept.length * size)
        throw new RangeError(`a table of ${level.byteLength / size} points for ${kept.length}`)
      for (const { bytes: piece } of piecesOf(level, POINTS_AT_ONCE * size)) {
        kernel.view(bytes, piece.byteLength).set(piece)
        this.#import(slot, bytes, piece.byteLength / size)
        slot += piece.byteLength / size
      }
    }
    kernel.release(mark)
  }

  #import(slot: number, bytes: number, count: number): void {
    const { base, calls } = this.#kernel
    const to = this.#points + slot * this.#size
    if (this.#group === 'g1') calls.importElements(to, bytes, FIELD_BYTES, 2 * count, base.fromFile, base.at)
    else calls.importPairs(to, bytes, 2 * count, base.fromFile, base.at)
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
    const shape = windowsFor(bits, this.#stride)
    calls.useGroup(this.#group === 'g1' ? 0 : 1, kernel.base.at)
    calls.offsetScalars(signed, this.#count, shape.width, shape.windows)
    const [cells, room] = this.#sumBuckets(signed, shape)
    const result = shape.folded ? this.#foldBuckets(cells, room, shape) : this.#sumWindows(cells, shape)
    kernel.release(mark)
    return result
  }

  /** Cells with the sum of each bucket, set after set; and a place for each. */
  #sumBuckets(signed: number, { width, windows, used, sets }: Shape): [cells: number, room: number] {
    const kernel = this.#kernel
    const { calls } = kernel
    const flag = this.#group === 'g1' ? 0 : 1
    const buckets = 2 ** (width - 1)
    const size = this.#size
    const cells = kernel.allocate(4 * buckets * sets)
    const room = kernel.allocate(size * buckets * sets)
    const mark = kernel.mark()
    const inSet = this.#count * Math.ceil(used / sets)
    const atOnce = Math.min(sets, Math.max(1, Math.floor(DIGITS_AT_ONCE / Math.max(1, inSet))))
    const runs = buckets * atOnce
    const [starts, counts] = [kernel.allocate(4 * runs), kernel.allocate(4 * runs)]
    const digits = kernel.allocate(4 * inSet * atOnce)
    const slotBytes = size * Math.ceil((inSet * atOnce) / 2)
    const slots = kernel.allocate(slotBytes)
    for (let first = 0; first < sets; first += atOnce) {
      const end = Math.min(sets, first + atOnce)
      const some = buckets * (end - first)
      const [points, count] = [this.#points, this.#count]
      calls.sortDigits(signed, points, count, width, windows, used, sets, first, end, starts, counts, digits, flag)
      calls.sumRuns(starts, counts, some, digits, slots, slots + slotBytes, flag)
      const [out, place] = [cells + 4 * buckets * first, room + size * buckets * first]
      calls.keepSums(starts, counts, some, digits, slots, slots + slotBytes, out, place, flag)
    }
    kernel.release(mark)
    return [cells, room]
  }

  /** Σ (b + 1)·bucket_b of each set: the sum of all, and of those whose b has bit k, 2^k times. */
  #foldBuckets(cells: number, room: number, { width, sets }: Shape): PartialSums {
    const kernel = this.#kernel
    const { calls } = kernel
    const flag = this.#group === 'g1' ? 0 : 1
    const buckets = 2 ** (width - 1)
    calls.foldHalves(cells, sets, buckets, room, flag)
    const runs = sets * (width - 1)
    const [starts, counts] = [kernel.allocate(4 * runs), kernel.allocate(4 * runs)]
    const [firsts, lengths] = [kernel.words(starts, runs), kernel.words(counts, runs)]
    for (let run = 0; run < runs; run++) {
      const length = 2 ** (run % (width - 1))
      firsts[run] = Math.floor(run / (width - 1)) * buckets + length
      lengths[run] = length
    }
    const places = Uint32Array.from(firsts)
    const slotBytes = this.#size * Math.ceil((sets * buckets) / 2)
    const slots = kernel.allocate(slotBytes)
    calls.sumRuns(starts, counts, runs, cells, slots, slots + slotBytes, flag)
    const all = kernel.words(cells, sets * buckets)
    const found: { bit: number; address: number }[] = []
    for (let set = 0; set < sets; set++) found.push({ bit: set * width, address: all[set * buckets]! })
    for (const [run, place] of places.entries()) {
      const set = Math.floor(run / (width - 1))
      found.push({ bit: set * width + (run % (width - 1)), address: all[place]! })
    }
    return this.#export(found.filter(({ address }) => address !== 0))
  }

  /** Σ (b + 1)·bucket_b of each set: in chains of 2^log steps, then over the chains. */
  #sumWindows(cells: number, { width, sets }: Shape): PartialSums {
    const kernel = this.#kernel
    const { calls } = kernel
    const flag = this.#group === 'g1' ? 0 : 1
    const size = this.#size
    const log = Math.ceil((width - 1) / 2)
    const [steps, perSet] = [2 ** log, 2 ** (width - 1 - log)]
    const chains = sets * perSet
    const [sums, weighted] = [kernel.allocate(4 * chains), kernel.allocate(4 * chains)]
    calls.sumChains(cells, chains, steps, steps, sums, weighted, kernel.allocate(3 * size * chains), flag)
    // Bucket b of chain j stands for j·2^log + (its place + 1): the first part is Σ j·sums_j, doubled log times.
    const [ignored, outer] = [kernel.allocate(4 * sets), kernel.allocate(4 * sets)]
    calls.sumChains(sums + 4, sets, perSet - 1, perSet, ignored, outer, kernel.allocate(3 * size * sets), flag)
    const [starts, counts] = [kernel.allocate(4 * sets), kernel.allocate(4 * sets)]
    for (let set = 0; set < sets; set++) {
      kernel.words(starts, sets)[set] = set * perSet
      kernel.words(counts, sets)[set] = perSet
    }
    const slotBytes = size * Math.ceil(chains / 2)
    const slots = kernel.allocate(slotBytes)
    calls.sumRuns(starts, counts, sets, weighted, slots, slots + slotBytes, flag)
    const inner = (set: number) => weighted + 4 * set * perSet
    const found: { bit: number; address: number }[] = []
    for (let set = 0; set < sets; set++) {
      found.push({ bit: set * width, address: kernel.words(inner(set), 1)[0]! })
      found.push({ bit: set * width + log, address: kernel.words(outer + 4 * set, 1)[0]! })
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
  /** Sets of buckets. Windows that are so many apart share one, where there are multiples of the points for them. */
  readonly sets: number
  /** Whether the buckets are summed by halves. */
  readonly folded: boolean
}

/**
 * The width that needs the fewest additions for scalars of these bit lengths. `stride`: bits between the multiples of the points
 * that are at hand, a multiple of the width; null when there are only the points.
 */
export function windowsFor(histogram: ArrayLike<number>, stride: number | null = null): Shape {
  return cheapest(histogram, stride).shape
}

/** The same with its cost, in additions. */
export function cheapest(histogram: ArrayLike<number>, stride: number | null): { shape: Shape; cost: number } {
  let longest = 0
  for (let bits = 0; bits <= MAGNITUDE_BITS; bits++) if (histogram[bits]! > 0) longest = bits
  let best: Shape | null = null
  let least = Number.POSITIVE_INFINITY
  for (let width = 2; width <= MAX_WIDTH; width++) {
    const windows = Math.ceil(WINDOW_BITS / width)
    // Signed digits of n windows reach above 2^(n·width − 2).
    const used = Math.min(windows, Math.floor((longest + 1) / width) + 1)
    let digits = 0
    for (let bits = 1; bits <= longest; bits++) digits += histogram[bits]! * Math.ceil(bits / width)
    const shared = stride !== null && stride % width === 0 ? [Math.min(used, stride / width)] : []
    for (const sets of [used, ...shared]) {
      const folded = sets * width <= MAX_FOLDED
      const steps = folded ? 2 * width : 2 ** (width / 2 + 1)
      const cost = digits + sets * 2 ** (width - 1) * BUCKET_COST + STEP_COST * steps
      if (cost < least) [best, least] = [{ width, windows, used, sets, folded }, cost]
    }
  }
  return { shape: best!, cost: least }
}
