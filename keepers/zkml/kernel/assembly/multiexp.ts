// SPDX-License-Identifier: GPL-3.0-or-later
// Σ scalar·point by Pippenger's buckets: signed digits, every bucket summed as a tree, and the buckets of all windows summed
// in step, so that all additions are affine and come in batches (points.ts).
import { isLarge, negateWords } from './field'
import { flush, pointBytes, queueSum } from './points'

const SIGN: u64 = 1 << 63

/**
 * Scalars as sign and magnitude: bit 255 and four u64 ≤ (r − 1)/2. Counts them by bit length: u32 at `histogram`, 256 of them.
 * The scalar of point i is at scalars + 32·indices[i].
 */
export function signScalars(out: usize, scalars: usize, indices: usize, count: u32, histogram: usize, field: usize): void {
  for (let i: usize = 0; i < usize(count); i++) {
    const from = scalars + 32 * usize(load<u32>(indices + 4 * i))
    const to = out + 32 * i
    const negative = isLarge(from, field)
    if (negative) negateWords(to, from, field)
    else for (let k: usize = 0; k < 32; k += 8) store<u64>(to + k, load<u64>(from + k))
    let bits: usize = 0
    for (let k: usize = 4; k > 0; k--) {
      const word = load<u64>(to + 8 * k - 8)
      if (word != 0) {
        bits = 64 * k - usize(clz(word))
        break
      }
    }
    const cell = histogram + 4 * bits
    store<u32>(cell, load<u32>(cell) + 1)
    if (negative) store<u64>(to, load<u64>(to, 24) | SIGN, 24)
  }
}

/**
 * Adds 2^(c−1) in every window but the last, after which a window's bits less 2^(c−1) are its signed digit. The last window has
 * room: windows·c > 254.
 */
export function offsetScalars(scalars: usize, count: u32, width: u32, windows: u32): void {
  let o0: u64 = 0
  let o1: u64 = 0
  let o2: u64 = 0
  let o3: u64 = 0
  for (let w: u32 = 0; w + 1 < windows; w++) {
    const bit = w * width + width - 1
    const mask = u64(1) << u64(bit & 63)
    if (bit < 64) o0 |= mask
    else if (bit < 128) o1 |= mask
    else if (bit < 192) o2 |= mask
    else o3 |= mask
  }
  for (let i: usize = 0; i < usize(count); i++) {
    const at = scalars + 32 * i
    const s0 = load<u64>(at) + o0
    let carry = u64(s0 < o0)
    store<u64>(at, s0)
    const s1 = load<u64>(at, 8) + o1
    const t1 = s1 + carry
    carry = u64(s1 < o1) | u64(t1 < carry)
    store<u64>(at, t1, 8)
    const s2 = load<u64>(at, 16) + o2
    const t2 = s2 + carry
    carry = u64(s2 < o2) | u64(t2 < carry)
    store<u64>(at, t2, 16)
    store<u64>(at, load<u64>(at, 24) + o3 + carry, 24)
  }
}

/** The signed digit of a window, of an offset scalar's magnitude. */
// @ts-ignore: decorator
@inline
function digitOf(scalar: usize, bit: u32, width: u32, offset: i32): i32 {
  const word = bit >> 6
  const shift = u64(bit & 63)
  const at = scalar + 8 * usize(word)
  let value = (word == 3 ? load<u64>(at) & ~SIGN : load<u64>(at)) >> shift
  if (shift + u64(width) > 64 && word < 3) {
    const next = word == 2 ? load<u64>(at, 8) & ~SIGN : load<u64>(at, 8)
    value |= next << (64 - shift)
  }
  return i32(u32(value) & ((1 << width) - 1)) - offset
}

/**
 * Sorts the points by bucket, for the sets [first, end) of buckets: windows that are `sets` apart share one. The points of the later
 * windows of a set follow `count` by `count`, each multiplied by 2^(sets·width). Only the first `used` windows have digits.
 * `starts` and `counts`: u32 each for 2^(c−1) buckets a set; the cells: addresses of the points, bit 0 for their sign.
 */
export function sortDigits(
  scalars: usize, points: usize, count: u32, width: u32, windows: u32, used: u32, sets: u32, first: u32, end: u32,
  starts: usize, counts: usize, cells: usize, isComplex: bool,
): void {
  const buckets = usize(1) << usize(width - 1)
  const size = pointBytes(isComplex)
  memory.fill(counts, 0, 4 * buckets * usize(end - first))
  for (let s = first; s < end; s++) {
    const row = counts + 4 * buckets * usize(s - first) - 4
    for (let w = s; w < used; w += sets) {
      const offset: i32 = w + 1 < windows ? 1 << (width - 1) : 0
      for (let i: usize = 0; i < usize(count); i++) {
        const digit = digitOf(scalars + 32 * i, w * width, width, offset)
        if (digit == 0) continue
        const cell = row + 4 * usize(u32(abs(digit)))
        store<u32>(cell, load<u32>(cell) + 1)
      }
    }
  }
  let at: u32 = 0
  for (let b: usize = 0; b < buckets * usize(end - first); b++) {
    store<u32>(starts + 4 * b, at)
    at += load<u32>(counts + 4 * b)
    store<u32>(counts + 4 * b, 0)
  }
  for (let s = first; s < end; s++) {
    const row = 4 * buckets * usize(s - first) - 4
    let from = points
    for (let w = s; w < used; w += sets) {
      const offset: i32 = w + 1 < windows ? 1 << (width - 1) : 0
      for (let i: usize = 0; i < usize(count); i++) {
        const digit = digitOf(scalars + 32 * i, w * width, width, offset)
        if (digit == 0) continue
        const bucket = row + 4 * usize(u32(abs(digit)))
        const taken = load<u32>(counts + bucket)
        store<u32>(counts + bucket, taken + 1)
        const negative = u32(digit < 0) ^ u32(load<u64>(scalars + 32 * i, 24) >> 63)
        store<u32>(cells + 4 * usize(load<u32>(starts + bucket) + taken), u32(from + size * i) | negative)
      }
      from += size * usize(count)
    }
  }
}

/**
 * Sums every run of cells into its first cell, by halves. Sums are written from `slots` on, one for every two cells at most; a
 * cell's point that is in [slots, slotsEnd) is used up.
 */
export function sumRuns(starts: usize, counts: usize, runs: u32, cells: usize, slots: usize, slotsEnd: usize, isComplex: bool): void {
  const size = pointBytes(isComplex)
  let next = slots
  for (let more = true; more; ) {
    more = false
    for (let b: usize = 0; b < usize(runs); b++) {
      const count = load<u32>(counts + 4 * b)
      if (count < 2) continue
      const run = cells + 4 * usize(load<u32>(starts + 4 * b))
      const half = count >> 1
      for (let k: usize = 0; k < usize(half); k++) {
        const one = load<u32>(run + 8 * k)
        const two = load<u32>(run + 8 * k, 4)
        const cell = run + 4 * k
        if (one == 0 || two == 0) {
          store<u32>(cell, one | two)
          continue
        }
        let out = usize(one)
        if ((one & 1) != 0 || out < slots || out >= slotsEnd) {
          out = next
          next += size
        }
        store<u32>(cell, u32(out))
        queueSum(one, two, u32(out), cell)
      }
      if ((count & 1) != 0) store<u32>(run + 4 * usize(half), load<u32>(run + 4 * usize(count - 1)))
      store<u32>(counts + 4 * b, (count + 1) >> 1)
      more = true
    }
    flush()
  }
}

/** The sum of each run, or 0, to `out`; points in [slots, slotsEnd) are moved to `room`, a place for each run. */
export function keepSums(
  starts: usize, counts: usize, runs: u32, cells: usize, slots: usize, slotsEnd: usize, out: usize, room: usize, isComplex: bool,
): void {
  const size = pointBytes(isComplex)
  for (let b: usize = 0; b < usize(runs); b++) {
    let cell = load<u32>(counts + 4 * b) == 0 ? 0 : load<u32>(cells + 4 * usize(load<u32>(starts + 4 * b)))
    if (usize(cell) >= slots && usize(cell) < slotsEnd) {
      memory.copy(room + size * b, usize(cell), size)
      cell = u32(room + size * b)
    }
    store<u32>(out + 4 * b, cell)
  }
}

/**
 * For chains of `steps` cells, `stride` cells apart: Σ P_i to `sums` and Σ (i + 1)·P_i to `weighted`, by running sums from the last
 * to the first, all chains in step. `slots`: three points for each chain.
 */
export function sumChains(
  cells: usize, chains: u32, steps: u32, stride: u32, sums: usize, weighted: usize, slots: usize, isComplex: bool,
): void {
  const size = pointBytes(isComplex)
  memory.fill(sums, 0, 4 * usize(chains))
  memory.fill(weighted, 0, 4 * usize(chains))
  for (let s: i32 = i32(steps) - 1; s >= -1; s--) {
    for (let j: usize = 0; j < usize(chains); j++) {
      const sumCell = sums + 4 * j
      const totalCell = weighted + 4 * j
      const sum = load<u32>(sumCell)
      const total = slots + 3 * size * j
      // Two places in turn: both additions of a step read the sum of the step before.
      const place = total + size
      const inPlace = usize(sum) == place || usize(sum) == place + size
      if (sum != 0) {
        const before = load<u32>(totalCell)
        if (before == 0 && inPlace) memory.copy(total, usize(sum), size)
        store<u32>(totalCell, before == 0 && !inPlace ? sum : u32(total))
        if (before != 0) queueSum(before, sum, u32(total), totalCell)
      }
      if (s < 0) continue
      const point = load<u32>(cells + 4 * (j * usize(stride) + usize(s)))
      if (point == 0) continue
      const out = u32(usize(sum) == place ? place + size : place)
      store<u32>(sumCell, sum == 0 ? point : out)
      if (sum != 0) queueSum(sum, point, out, sumCell)
    }
    flush()
  }
}

/**
 * Adds the upper half of every row of `buckets` cells to the lower half, then the upper half of that, down to one cell, all rows in
 * step: cell 0 becomes the row's sum, and the cells [2^k, 2^(k+1)) sum to the points whose place has bit k. A few rows take far
 * fewer steps than by chains. `room`: a place for each cell, where no point of another cell is.
 */
export function foldHalves(cells: usize, rows: u32, buckets: u32, room: usize, isComplex: bool): void {
  const size = pointBytes(isComplex)
  for (let half = buckets >> 1; half > 0; half >>= 1) {
    for (let r: u32 = 0; r < rows; r++) {
      for (let i: u32 = 0; i < half; i++) {
        const place = usize(r * buckets + i)
        const cell = cells + 4 * place
        const one = load<u32>(cell)
        const two = load<u32>(cell + 4 * usize(half))
        if (two == 0) continue
        const out = u32(room + size * place)
        store<u32>(cell, one == 0 ? two : out)
        if (one != 0) queueSum(one, two, out, cell)
      }
    }
    flush()
  }
}
