// SPDX-License-Identifier: GPL-3.0-or-later
// Arithmetic modulo one prime p, 2^60 − 2^22 < p < 2^60: the largest that SEAL takes. WASM has no 64×64→128 multiply, so
// high halves are put together from 32-bit ones. Values are "lazy": any u64 congruent to the residue, with the bound
// stated; a u64 holds 16p.
//
// Everything here is free of branches and table look-ups on data, so its time does not depend on secrets.

/**
 * The record of a prime, written by ../layout.ts:
 *   0 p   8 R = ⌊2^123/p⌋   16 2^60 − p   24 −offset mod p (flooding)   32 N⁻¹ mod p (pair)
 *  48 forward twiddles (u32 address)   52 inverse twiddles (u32 address)
 *  56 p_k⁻¹ mod p for the data primes k before this one (pairs, at most 4)
 * A pair is a constant w with its Shoup quotient ⌊w·2^64/p⌋, 16 bytes.
 */
export const RECORD_BYTES: usize = 128

// @ts-ignore: decorator
@inline
export function primeOf(record: usize): u64 {
  return load<u64>(record)
}

// @ts-ignore: decorator
@inline
export function ratioOf(record: usize): u64 {
  return load<u64>(record, 8)
}

/** ⌊x·y/2^64⌋ less at most 2: the three fractions that are dropped add up to less than 3. */
// @ts-ignore: decorator
@inline
function mulHighish(x: u64, yLow: u64, yHigh: u64): u64 {
  const xLow = x & 0xffffffff
  const xHigh = x >> 32
  return xHigh * yHigh + ((xHigh * yLow) >> 32) + ((xLow * yHigh) >> 32)
}

/**
 * x·w mod p for a constant w < p given as a pair (Shoup; Harvey, "Faster arithmetic for number-theoretic transforms",
 * 2014). Any u64 x. Result < 4p: one p for Shoup's own slack, two for `mulHighish`, one for the residue.
 */
// @ts-ignore: decorator
@inline
export function mulPair(x: u64, w: u64, quotientLow: u64, quotientHigh: u64, p: u64): u64 {
  return x * w - mulHighish(x, quotientLow, quotientHigh) * p
}

/** `mulPair` with the pair in memory. */
// @ts-ignore: decorator
@inline
export function mulPairAt(x: u64, pair: usize, p: u64): u64 {
  return mulPair(x, load<u64>(pair), <u64>load<u32>(pair, 8), <u64>load<u32>(pair, 12), p)
}

/** log2 of the power of two just above every prime. */
export const BITS: u64 = 60

/** Any u64 to below 2p: what is left of x mod 2^60 plus at most 15 times 2^60 − p. */
// @ts-ignore: decorator
@inline
export function fold(x: u64, p: u64): u64 {
  return x - (x >> BITS) * p
}

/** Below 2p to below p. */
// @ts-ignore: decorator
@inline
export function reduceOnce(x: u64, p: u64): u64 {
  return select<u64>(x - p, x, x >= p)
}

/** Any u64 to its residue. */
// @ts-ignore: decorator
@inline
export function reduce(x: u64, p: u64): u64 {
  return reduceOnce(fold(x, p), p)
}

/** a·b mod p for a, b < p: Barrett over the full product. */
// @ts-ignore: decorator
@inline
export function mulMod(a: u64, b: u64, p: u64, ratio: u64): u64 {
  const aLow = a & 0xffffffff
  const aHigh = a >> 32
  const bLow = b & 0xffffffff
  const bHigh = b >> 32
  const lowLow = aLow * bLow
  const cross = aHigh * bLow + (lowLow >> 32)
  const cross2 = aLow * bHigh + (cross & 0xffffffff)
  const high = aHigh * bHigh + (cross >> 32) + (cross2 >> 32)
  const low = a * b
  // u = ⌊ab / 2^59⌋ < 2^61; u·R/2^64 ≈ ab/p, low by at most 5.
  const u = (high << 5) | (low >> 59)
  const quotient = mulHighish(u, ratio & 0xffffffff, ratio >> 32)
  return reduce(low - quotient * p, p)
}

/** ⌊w·2^64/p⌋, exact, for w < p. */
// @ts-ignore: decorator
@inline
export function shoupQuotient(w: u64, p: u64, ratio: u64): u64 {
  const wLow = w & 0xffffffff
  const wHigh = w >> 32
  const rLow = ratio & 0xffffffff
  const rHigh = ratio >> 32
  const lowLow = wLow * rLow
  const cross = wHigh * rLow + (lowLow >> 32)
  const cross2 = wLow * rHigh + (cross & 0xffffffff)
  const high = wHigh * rHigh + (cross >> 32) + (cross2 >> 32)
  const low = w * ratio
  let quotient = (high << 5) | (low >> 59)
  // w·2^64 − quotient·p, which is below 4p, is −quotient·p in 64 bits.
  let rest: u64 = 0 - quotient * p
  let over: u64 = u64(rest >= p)
  quotient += over
  rest -= over * p
  over = u64(rest >= p)
  quotient += over
  rest -= over * p
  over = u64(rest >= p)
  return quotient + over
}
