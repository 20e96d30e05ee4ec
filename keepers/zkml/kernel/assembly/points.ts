// SPDX-License-Identifier: GPL-3.0-or-later
// Affine additions in batches with one inversion each (Montgomery's trick): 5 products and a square an addition.
//
// G1: a point is x and y, 40 bytes each, two additions side by side in the lanes. G2: x and y are pairs of 80 bytes, and an
// addition fills both lanes. An address with bit 0 set stands for the negative point; address 0 for infinity.
import {
  addPair, copyPair, ELEMENT, gather, invertComplex, invertPair, multiplyReduced, PAIR, reducePair, scatter, subPair, zeroDigits, zeroLanes,
} from './field'
import { multiply } from './multiply'
import { square } from './square'

/** Additions of a batch: its working set stays in a core's second cache. */
export const BATCH: u32 = 1024

/** What is queued: addresses of both points, of the sum, and of the cell that says where the sum is. 16 bytes each. */
const QUEUE: usize = memory.data(16 * 1024, 16)
/** Denominator, numerator, product of the denominators before: a unit of both lanes each. */
const UNITS: usize = memory.data(240 * 1024, 16)
const WORK: usize = memory.data(14 * 80, 16)
/** Two points with different x, for an empty lane; never read as results. */
const SPARE: usize = memory.data(400, 16)
/** For an empty lane's sum and cell. */
const SINK: usize = memory.data(176, 16)

const SEEN: usize = memory.data(16, 16)

const UNIT: usize = 240
const PRODUCT: usize = WORK
const X1: usize = WORK + 80
const X2: usize = WORK + 160
const Y1: usize = WORK + 240
const Y2: usize = WORK + 320
const SLOPE: usize = WORK + 400
const X3: usize = WORK + 480
const T: usize = WORK + 560
const INVERSE: usize = WORK + 640
const EXTRA: usize = WORK + 720

let queued: u32 = 0
let complex: bool = false
let field: usize = 0

/** Where the coordinates begin a second time. */
// @ts-ignore: decorator
@inline
export function pointBytes(isComplex: bool): usize {
  return isComplex ? 2 * PAIR : 2 * ELEMENT
}

/** Chooses the group, and its base field, for what follows. */
export function useGroup(isComplex: bool, baseField: usize): void {
  complex = isComplex
  field = baseField
  // x = 0 and x = R mod p, y = 0: no points of the curve, but different.
  for (let k: usize = 0; k < ELEMENT; k += 8) store<f64>(SPARE + 320 + k, load<f64>(baseField + 112 + 2 * k))
}

/** Queues a sum of two finite points. `out` may be the place of either. */
export function queueSum(a: u32, b: u32, out: u32, cell: usize): void {
  const entry = QUEUE + 16 * usize(queued)
  store<u32>(entry, a)
  store<u32>(entry, b, 4)
  store<u32>(entry, out, 8)
  store<u32>(entry, u32(cell), 12)
  if (++queued == BATCH) flush()
}

/** One coordinate of operand `which` (0 or 4: its offset in the queue) of a unit. */
// @ts-ignore: decorator
@inline
function loadX(out: usize, entry: usize, which: usize): void {
  const a = usize(load<u32>(entry + which) & ~1)
  if (complex) copyPair(out, a)
  else gather(out, a, usize(load<u32>(entry + which, 16) & ~1))
}

// @ts-ignore: decorator
@inline
function loadY(out: usize, entry: usize, which: usize): void {
  const a = load<u32>(entry + which)
  if (complex) {
    const sign = i64x2.splat(i64(a & 1) << 63)
    const at = usize(a & ~1) + PAIR
    for (let k: usize = 0; k < PAIR; k += 16) v128.store(out + k, v128.xor(v128.load(at + k), sign))
    return
  }
  const b = load<u32>(entry + which, 16)
  gather(out, usize(a & ~1) + ELEMENT, usize(b & ~1) + ELEMENT)
  // Not a branch: half the signs are set, and nobody foresees which.
  const sign = i64x2.replace_lane(i64x2.splat(i64(a & 1) << 63), 1, i64(b & 1) << 63)
  v128.store(out, v128.xor(v128.load(out), sign))
  v128.store(out, v128.xor(v128.load(out, 16), sign), 16)
  v128.store(out, v128.xor(v128.load(out, 32), sign), 32)
  v128.store(out, v128.xor(v128.load(out, 48), sign), 48)
  v128.store(out, v128.xor(v128.load(out, 64), sign), 64)
}

// @ts-ignore: decorator
@inline
function times(out: usize, a: usize, b: usize): void {
  if (complex) multiplyReduced(out, a, b, field)
  else multiply(out, a, b, field)
}

/** Square of a normal element. */
// @ts-ignore: decorator
@inline
function squared(out: usize, a: usize): void {
  if (complex) multiplyReduced(out, a, a, field)
  else square(out, a, field)
}

/**
 * Reads a word of every cache line of the queue's points. They are far apart, and the products below keep a core from looking ahead:
 * here the misses overlap.
 */
function touch(): void {
  const last = pointBytes(complex) - 8
  let seen: u64 = 0
  for (let i: usize = 0; i < usize(queued); i++) {
    const a = usize(load<u32>(QUEUE + 16 * i) & ~1)
    const b = usize(load<u32>(QUEUE + 16 * i, 4) & ~1)
    seen ^= load<u64>(a) ^ load<u64>(a + last) ^ load<u64>(b) ^ load<u64>(b + last)
    if (complex) seen ^= load<u64>(a + PAIR) ^ load<u64>(b + PAIR)
  }
  // Stored, or the compiler would leave all of it out.
  store<u64>(SEEN, seen)
}

/** Computes all queued sums. */
export function flush(): void {
  if (queued == 0) return
  touch()
  let units = queued
  if (!complex) {
    if ((queued & 1) != 0) {
      const entry = QUEUE + 16 * usize(queued)
      store<u32>(entry, u32(SPARE))
      store<u32>(entry, u32(SPARE + 320), 4)
      store<u32>(entry, u32(SINK), 8)
      store<u32>(entry, u32(SINK + 168), 12)
      units++
    }
    units >>= 1
  }
  const stride: usize = complex ? 16 : 32
  copyPair(PRODUCT, field + 112)
  if (complex) clearImaginary(PRODUCT)
  for (let i: u32 = 0; i < units; i++) {
    const entry = QUEUE + stride * usize(i)
    const unit = UNITS + UNIT * usize(i)
    loadX(X1, entry, 0)
    loadX(X2, entry, 4)
    subPair(unit, X2, X1)
    loadY(Y1, entry, 0)
    loadY(Y2, entry, 4)
    subPair(unit + PAIR, Y2, Y1)
    copyPair(unit + 2 * PAIR, PRODUCT)
    times(PRODUCT, PRODUCT, unit)
  }
  if (hasZero(PRODUCT)) exceptions(units, stride)
  if (complex) invertComplex(INVERSE, PRODUCT, field, EXTRA)
  else invertPair(INVERSE, PRODUCT, field)
  for (let i: i32 = i32(units) - 1; i >= 0; i--) {
    const entry = QUEUE + stride * usize(i)
    const unit = UNITS + UNIT * usize(i)
    times(T, INVERSE, unit + 2 * PAIR)
    times(INVERSE, INVERSE, unit)
    times(SLOPE, T, unit + PAIR)
    squared(X3, SLOPE)
    loadX(X1, entry, 0)
    loadX(X2, entry, 4)
    subPair(X3, X3, X1)
    subPair(X3, X3, X2)
    reducePair(X3, X3, field)
    subPair(X1, X1, X3)
    times(T, SLOPE, X1)
    loadY(Y1, entry, 0)
    subPair(T, T, Y1)
    reducePair(T, T, field)
    const out = usize(load<u32>(entry, 8))
    if (complex) {
      copyPair(out, X3)
      copyPair(out + PAIR, T)
    } else {
      const other = usize(load<u32>(entry, 24))
      scatter(out, other, X3)
      scatter(out + ELEMENT, other + ELEMENT, T)
    }
  }
  queued = 0
}

function clearImaginary(a: usize): void {
  for (let k: usize = 8; k < PAIR; k += 16) store<f64>(a + k, 0)
}

/** Whether a product has a factor that is zero. */
function hasZero(product: usize): bool {
  const zeros = zeroDigits(product)
  return complex ? zeros == 3 : zeros != 0
}

/**
 * Pairs whose x are equal: a point and itself (slope 3x²/2y), or a point and its negative (the cell is set to infinity, and
 * the sum to something finite). Works the running products out anew.
 */
function exceptions(units: u32, stride: usize): void {
  copyPair(PRODUCT, field + 112)
  if (complex) clearImaginary(PRODUCT)
  for (let i: u32 = 0; i < units; i++) {
    const entry = QUEUE + stride * usize(i)
    const unit = UNITS + UNIT * usize(i)
    const sameX = zeroLanes(unit, field)
    if (complex ? sameX == 3 : sameX != 0) {
      const sameY = zeroLanes(unit + PAIR, field)
      loadX(X1, entry, 0)
      loadY(Y1, entry, 0)
      squared(T, X1)
      addPair(X2, T, T)
      addPair(T, T, X2)
      reducePair(T, T, field)
      addPair(Y2, Y1, Y1)
      reducePair(Y2, Y2, field)
      if (complex) {
        if (sameY == 3) {
          copyPair(unit, Y2)
          copyPair(unit + PAIR, T)
        } else {
          copyPair(unit, field + 112)
          clearImaginary(unit)
          store<u32>(usize(load<u32>(entry, 12)), 0)
        }
      } else {
        for (let lane: u32 = 0; lane < 2; lane++) {
          if (((sameX >> lane) & 1) == 0) continue
          const double = ((sameY >> lane) & 1) != 0
          for (let k: usize = usize(lane) << 3; k < PAIR; k += 16) {
            store<f64>(unit + k, load<f64>((double ? Y2 : field + 112) + k))
            if (double) store<f64>(unit + PAIR + k, load<f64>(T + k))
          }
          if (!double) store<u32>(usize(load<u32>(entry + 16 * usize(lane), 12)), 0)
        }
      }
    }
    copyPair(unit + 2 * PAIR, PRODUCT)
    times(PRODUCT, PRODUCT, unit)
  }
}
