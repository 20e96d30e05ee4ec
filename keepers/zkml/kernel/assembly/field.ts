// SPDX-License-Identifier: GPL-3.0-or-later
// Pairs of field elements beside their products: sums, reduction, inversion, and the ways in and out.
import { multiply } from './multiply'
import { multiplyComplex } from './multiply-complex'
import { square } from './square'

/**
 * Bytes of a field's record, written by ../load.ts; every number twice, for two lanes:
 *   0 p, limbs   80 −1/p mod 2^51   96 2^204/p   112 R mod p, limbs   192 p, four u64   224 (p − 1)/2, four u64
 *   256 p − 2, four u64
 */
export const ELEMENT: usize = 40
export const PAIR: usize = 80
const ONE: usize = 112
const MODULUS: usize = 192
const HALF: usize = 224
const EXPONENT: usize = 256
const LIMB_BITS: u64 = 51
const LIMB_MASK: u64 = 0x7ffffffffffff

/** 0: 2^-51, 16: 2^51, 32: 1.5·2^52, twice each. */
const K: usize = memory.data<f64>([
  4.440892098500626e-16, 4.440892098500626e-16, 2251799813685248.0, 2251799813685248.0,
  6755399441055744.0, 6755399441055744.0,
], 16)

const SCRATCH: usize = memory.data(1280, 16)

// @ts-ignore: decorator
@inline
export function copyPair(out: usize, a: usize): void {
  v128.store(out, v128.load(a, 0), 0)
  v128.store(out, v128.load(a, 16), 16)
  v128.store(out, v128.load(a, 32), 32)
  v128.store(out, v128.load(a, 48), 48)
  v128.store(out, v128.load(a, 64), 64)
}

/** Two elements side by side. */
// @ts-ignore: decorator
@inline
export function gather(out: usize, a: usize, b: usize): void {
  // Whole vectors: two stores of half a vector would hold up the load that follows.
  v128.store(out, v128.load_lane<u64>(b, v128.load64_zero(a), 1))
  v128.store(out, v128.load_lane<u64>(b, v128.load64_zero(a, 8), 1, 8), 16)
  v128.store(out, v128.load_lane<u64>(b, v128.load64_zero(a, 16), 1, 16), 32)
  v128.store(out, v128.load_lane<u64>(b, v128.load64_zero(a, 24), 1, 24), 48)
  v128.store(out, v128.load_lane<u64>(b, v128.load64_zero(a, 32), 1, 32), 64)
}

// @ts-ignore: decorator
@inline
export function scatter(a: usize, b: usize, pair: usize): void {
  let limb = v128.load(pair)
  v128.store_lane<u64>(a, limb, 0)
  v128.store_lane<u64>(b, limb, 1)
  limb = v128.load(pair, 16)
  v128.store_lane<u64>(a, limb, 0, 8)
  v128.store_lane<u64>(b, limb, 1, 8)
  limb = v128.load(pair, 32)
  v128.store_lane<u64>(a, limb, 0, 16)
  v128.store_lane<u64>(b, limb, 1, 16)
  limb = v128.load(pair, 48)
  v128.store_lane<u64>(a, limb, 0, 24)
  v128.store_lane<u64>(b, limb, 1, 24)
  limb = v128.load(pair, 64)
  v128.store_lane<u64>(a, limb, 0, 32)
  v128.store_lane<u64>(b, limb, 1, 32)
}

// @ts-ignore: decorator
@inline
export function addPair(out: usize, a: usize, b: usize): void {
  v128.store(out, f64x2.add(v128.load(a, 0), v128.load(b, 0)), 0)
  v128.store(out, f64x2.add(v128.load(a, 16), v128.load(b, 16)), 16)
  v128.store(out, f64x2.add(v128.load(a, 32), v128.load(b, 32)), 32)
  v128.store(out, f64x2.add(v128.load(a, 48), v128.load(b, 48)), 48)
  v128.store(out, f64x2.add(v128.load(a, 64), v128.load(b, 64)), 64)
}

// @ts-ignore: decorator
@inline
export function subPair(out: usize, a: usize, b: usize): void {
  v128.store(out, f64x2.sub(v128.load(a, 0), v128.load(b, 0)), 0)
  v128.store(out, f64x2.sub(v128.load(a, 16), v128.load(b, 16)), 16)
  v128.store(out, f64x2.sub(v128.load(a, 32), v128.load(b, 32)), 32)
  v128.store(out, f64x2.sub(v128.load(a, 48), v128.load(b, 48)), 48)
  v128.store(out, f64x2.sub(v128.load(a, 64), v128.load(b, 64)), 64)
}

// @ts-ignore: decorator
@inline
function rounded(x: v128, factor: v128): v128 {
  return f64x2.sub(f64x2.relaxed_madd(x, factor, v128.load(K, 32)), v128.load(K, 32))
}

/** To the nearest representative of its class, |value| ≤ p/2 (a little more), limbs within ±2^50. Limbs below 2^53 are taken. */
export function reducePair(out: usize, a: usize, field: usize): void {
  let l0 = v128.load(a)
  let l1 = v128.load(a, 16)
  let l2 = v128.load(a, 32)
  let l3 = v128.load(a, 48)
  let l4 = v128.load(a, 64)
  const times = rounded(l4, v128.load(field, 96))
  l0 = f64x2.relaxed_nmadd(times, v128.load(field), l0)
  l1 = f64x2.relaxed_nmadd(times, v128.load(field, 16), l1)
  l2 = f64x2.relaxed_nmadd(times, v128.load(field, 32), l2)
  l3 = f64x2.relaxed_nmadd(times, v128.load(field, 48), l3)
  l4 = f64x2.relaxed_nmadd(times, v128.load(field, 64), l4)
  let carry = rounded(l0, v128.load(K))
  v128.store(out, f64x2.relaxed_nmadd(carry, v128.load(K, 16), l0))
  l1 = f64x2.add(l1, carry)
  carry = rounded(l1, v128.load(K))
  v128.store(out, f64x2.relaxed_nmadd(carry, v128.load(K, 16), l1), 16)
  l2 = f64x2.add(l2, carry)
  carry = rounded(l2, v128.load(K))
  v128.store(out, f64x2.relaxed_nmadd(carry, v128.load(K, 16), l2), 32)
  l3 = f64x2.add(l3, carry)
  carry = rounded(l3, v128.load(K))
  v128.store(out, f64x2.relaxed_nmadd(carry, v128.load(K, 16), l3), 48)
  v128.store(out, f64x2.add(l4, carry), 64)
}

/**
 * Which lanes of a are zero modulo p, bits 0 and 1. |value| ≤ 1.3·p: times R/R its value is below p, and a value below p is zero
 * only when all its digits are.
 */
export function zeroLanes(a: usize, field: usize): u32 {
  multiply(SCRATCH, a, field + ONE, field)
  return zeroDigits(SCRATCH)
}

// @ts-ignore: decorator
@inline
export function zeroDigits(a: usize): u32 {
  const zero = f64x2.splat(0)
  let all = f64x2.eq(v128.load(a), zero)
  for (let k: usize = 16; k < PAIR; k += 16) all = v128.and(all, f64x2.eq(v128.load(a + k), zero))
  return i64x2.bitmask(all)
}

/** Both lanes to the power p − 2: their inverses, and zero of zero. Windows of four bits. */
export function invertPair(out: usize, a: usize, field: usize): void {
  const powers = SCRATCH
  copyPair(powers, field + ONE)
  for (let i: usize = 1; i < 16; i++) multiply(powers + i * PAIR, powers + (i - 1) * PAIR, a, field)
  const exponent = field + EXPONENT
  copyPair(out, field + ONE)
  for (let i: i32 = 63; i >= 0; i--) {
    for (let k = 0; k < 4; k++) square(out, out, field)
    const nibble = usize((load<u64>(exponent + ((i >> 4) << 3)) >> (u64(i & 15) << 2)) & 15)
    if (nibble != 0) multiply(out, out, powers + nibble * PAIR, field)
  }
}

/** The inverse of one element of the quadratic extension: conjugate / (real² + imaginary²). */
export function invertComplex(out: usize, a: usize, field: usize, work: usize): void {
  square(work, a, field)
  // The norm in both lanes.
  for (let k: usize = 0; k < PAIR; k += 16) {
    const s = v128.load(work + k)
    v128.store(work + k, f64x2.add(s, i64x2.shuffle(s, s, 1, 0)))
  }
  reducePair(work, work, field)
  invertPair(work + PAIR, work, field)
  multiply(work, a, work + PAIR, field)
  for (let k: usize = 0; k < PAIR; k += 16) {
    v128.store(out + k, v128.xor(v128.load(work + k), i64x2(0, i64.MIN_VALUE)))
  }
}

/** A complex product's value can be more than p: brought down here. */
export function multiplyReduced(out: usize, a: usize, b: usize, field: usize): void {
  multiplyComplex(out, a, b, field)
  reducePair(out, out, field)
}

/** Four u64, below 2^255, to limbs in [0, 2^51) with a stride of `step` bytes between limbs. */
// @ts-ignore: decorator
@inline
export function fromWords(out: usize, step: usize, words: usize): void {
  const w0 = load<u64>(words)
  const w1 = load<u64>(words, 8)
  const w2 = load<u64>(words, 16)
  const w3 = load<u64>(words, 24)
  store<f64>(out, <f64>i64(w0 & LIMB_MASK))
  store<f64>(out + step, <f64>i64(((w0 >> 51) | (w1 << 13)) & LIMB_MASK))
  store<f64>(out + 2 * step, <f64>i64(((w1 >> 38) | (w2 << 26)) & LIMB_MASK))
  store<f64>(out + 3 * step, <f64>i64(((w2 >> 25) | (w3 << 39)) & LIMB_MASK))
  store<f64>(out + 4 * step, <f64>i64(w3 >> 12))
}

/** Limbs of a value within ±p, with a stride, to its residue in [0, p) as four u64. */
export function toWords(out: usize, limbs: usize, step: usize, field: usize): void {
  let carry: i64 = 0
  const d0 = i64(load<f64>(limbs))
  const l0 = u64(d0) & LIMB_MASK
  carry = d0 >> LIMB_BITS
  const d1 = i64(load<f64>(limbs + step)) + carry
  const l1 = u64(d1) & LIMB_MASK
  carry = d1 >> LIMB_BITS
  const d2 = i64(load<f64>(limbs + 2 * step)) + carry
  const l2 = u64(d2) & LIMB_MASK
  carry = d2 >> LIMB_BITS
  const d3 = i64(load<f64>(limbs + 3 * step)) + carry
  const l3 = u64(d3) & LIMB_MASK
  carry = d3 >> LIMB_BITS
  const l4 = u64(i64(load<f64>(limbs + 4 * step)) + carry)
  store<u64>(out, l0 | (l1 << 51))
  store<u64>(out, (l1 >> 13) | (l2 << 38), 8)
  store<u64>(out, (l2 >> 26) | (l3 << 25), 16)
  store<u64>(out, (l3 >> 39) | (l4 << 12), 24)
  if (i64(load<u64>(out, 24)) < 0) addModulus(out, field)
  else if (!isBelow(out, field + MODULUS)) subtract(out, out, field + MODULUS)
}

function addModulus(words: usize, field: usize): void {
  let carry: u64 = 0
  for (let i: usize = 0; i < 32; i += 8) {
    const a = load<u64>(words + i)
    const b = load<u64>(field + MODULUS + i)
    const sum = a + b
    const whole = sum + carry
    carry = u64(sum < a) | u64(whole < sum)
    store<u64>(words + i, whole)
  }
}

// @ts-ignore: decorator
@inline
export function isBelow(a: usize, b: usize): bool {
  for (let i: i32 = 24; i >= 0; i -= 8) {
    const x = load<u64>(a + i)
    const y = load<u64>(b + i)
    if (x != y) return x < y
  }
  return false
}

/** out = a − b over four u64. */
export function subtract(out: usize, a: usize, b: usize): void {
  let borrow: u64 = 0
  for (let i: usize = 0; i < 32; i += 8) {
    const x = load<u64>(a + i)
    const y = load<u64>(b + i)
    const difference = x - y
    store<u64>(out + i, difference - borrow)
    borrow = u64(x < y) | u64(difference < borrow)
  }
}

/** Whether four u64 are more than (p − 1)/2. */
export function isLarge(words: usize, field: usize): bool {
  return isBelow(field + HALF, words)
}

/** p − a */
export function negateWords(out: usize, a: usize, field: usize): void {
  subtract(out, field + MODULUS, a)
}
