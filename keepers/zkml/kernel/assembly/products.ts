// SPDX-License-Identifier: GPL-3.0-or-later
// Products in a prime field of up to 254 bits, two at a time, by fused multiply-add of doubles (after Emmart, Zheng and
// Weems, "Faster modular exponentiation using double precision floating point arithmetic", ARITH 2018).
//
// An element is five limbs of radix 2^51, doubles that hold signed integers: a pair of elements is 80 bytes, limb after
// limb, the two lanes side by side. Montgomery form with R = 2^255. A limb of a product is in [−2^50, 2^50), its value in
// ±(p/2 + |a|·|b|/R), |a|·|b| summed over both halves of a complex product. Factors may be sums of limbs and of values as long as |a_i·b_j| < 2^102: two normal elements
// for one factor, one for the other.
//
// high: the product rounded to a multiple of 2^51, as the bits of a double whose exponent is known, so that these bits can
// be summed as integers. low: the exact rest, likewise. The columns start at minus the sum of the exponents' bits.

/**
 * Constants in memory, twice each: the compiler would build an immediate anew for every use, and that takes three
 * instructions where a load takes one. 0: 1.5·2^103, 16: 1.5·2^103 + 1.5·2^52 (in their binades the last place is worth
 * 2^51 and one), 32: 1.5·2^52, 48: 2^52, 64: 2^52 + 2^50.
 */
export const C: usize = memory.data<f64>([
  15211807202738752817960438464512.0, 15211807202738752817960438464512.0,
  15211807202738752817960438464512.0 + 6755399441055744.0, 15211807202738752817960438464512.0 + 6755399441055744.0,
  6755399441055744.0, 6755399441055744.0,
  4503599627370496.0, 4503599627370496.0,
  4503599627370496.0 + 1125899906842624.0, 4503599627370496.0 + 1125899906842624.0,
], 16)
const MASK: usize = memory.data<u64>([0x7ffffffffffff, 0x7ffffffffffff], 16)

// @ts-ignore: decorator
@inline
export function high(x: v128, y: v128): v128 {
  return f64x2.relaxed_madd(x, y, v128.load(C))
}

// @ts-ignore: decorator
@inline
export function low(x: v128, y: v128, h: v128): v128 {
  return f64x2.relaxed_madd(x, y, f64x2.sub(v128.load(C, 16), h))
}

/** The lowest 51 bits of a column as the bits of 2^52 + them. */
// @ts-ignore: decorator
@inline
function lowest(column: v128): v128 {
  return v128.or(v128.and(column, v128.load(MASK)), v128.load(C, 48))
}

/** The multiple of p that clears a column's lowest 51 bits: −column/p modulo 2^51, between ±2^50. */
// @ts-ignore: decorator
@inline
export function quotient(column: v128, field: usize): v128 {
  const rest = f64x2.sub(lowest(column), v128.load(C, 48))
  const inverse = v128.load(field, 80)
  return f64x2.sub(low(rest, inverse, high(rest, inverse)), v128.load(C, 32))
}

/** The signed digit of a column that was started 2^50 too high. */
// @ts-ignore: decorator
@inline
export function digit(column: v128): v128 {
  return f64x2.sub(lowest(column), v128.load(C, 64))
}

// @ts-ignore: decorator
@inline
export function swapped(x: v128): v128 {
  return i64x2.shuffle(x, x, 1, 0)
}

// @ts-ignore: decorator
@inline
export function realTwice(x: v128): v128 {
  return i64x2.shuffle(x, x, 0, 0)
}

/** (−imaginary, imaginary) */
// @ts-ignore: decorator
@inline
export function imaginaryTwice(x: v128): v128 {
  return v128.xor(i64x2.shuffle(x, x, 1, 1), i64x2(i64.MIN_VALUE, 0))
}
