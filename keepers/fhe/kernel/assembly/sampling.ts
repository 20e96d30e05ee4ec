// SPDX-License-Identifier: GPL-3.0-or-later
// From uniform bytes, which the caller gets from the system's CSPRNG, to the distributions of the scheme.
import { BITS, primeOf } from './modular'

/**
 * One flooding polynomial as N pairs (low, high) of 64-bit words.
 *
 * A coefficient is the sum of three uniform r-bit integers: this is exact, and without floating point or rejection it takes the same time
 * for any noise. Random bytes are read as 3N 64-bit low words followed by 3N 32-bit high words for 64 < r ≤ 96, low words alone for r ≤ 64.
 */
export function floodingSums(out: usize, random: usize, uniformBits: u32, degree: u32): void {
  const lowMask: u64 = uniformBits >= 64 ? u64.MAX_VALUE : ((<u64>1) << uniformBits) - 1
  const highMask: u64 = uniformBits > 64 ? ((<u64>1) << (uniformBits - 64)) - 1 : 0
  let low = random
  let high = random + <usize>degree * 24
  for (let end = out + (<usize>degree << 4); out < end; out += 16) {
    const x = load<u64>(low) & lowMask
    const y = load<u64>(low, 8) & lowMask
    const z = load<u64>(low, 16) & lowMask
    const xy = x + y
    const sumLow = xy + z
    let sumHigh = u64(xy < x) + u64(sumLow < z)
    if (highMask) {
      sumHigh += (<u64>load<u32>(high) & highMask) + (<u64>load<u32>(high, 4) & highMask)
      sumHigh += <u64>load<u32>(high, 8) & highMask
      high += 12
    }
    store<u64>(out, sumLow)
    store<u64>(out, sumHigh, 8)
    low += 24
  }
}

/**
 * Residues of those sums modulo one prime, less 3·2^(r−1) − 1, which centres them on −1/2. Lazy below 4p. A sum is
 * top·2^60 + bottom with top < 2^(r+2−60) ≤ 2^38, and 2^60 ≡ 2^60 − p < 2^22, so top times that fits in 60 bits.
 */
export function floodingResidues(record: usize, out: usize, sums: usize, degree: u32): void {
  const mask: u64 = ((<u64>1) << BITS) - 1
  const excess = load<u64>(record, 16)
  const negativeOffset = load<u64>(record, 24)
  for (let end = out + (<usize>degree << 3); out < end; out += 8, sums += 16) {
    const low = load<u64>(sums)
    const top = (load<u64>(sums, 8) << (64 - BITS)) | (low >> BITS)
    store<u64>(out, top * excess + (low & mask) + negativeOffset)
  }
}

/**
 * Takes 64-bit words in order, keeps the low 60 bits of each, drops those not below p. Returns how many of the N it has
 * written (never more); the caller comes back with more words if they ran out. Also the definition of the common
 * reference string, so the order is part of the format.
 */
export function uniformResidues(record: usize, out: usize, words: usize, count: u32, degree: u32): u32 {
  const p = primeOf(record)
  const mask: u64 = ((<u64>1) << BITS) - 1
  if (count >= degree) {
    // None of N words is dropped but for once in 2^25: a pass without decisions, that is done again when one should be.
    const masks = v128.splat<i64>(<i64>mask)
    const limit = v128.splat<i64>(<i64>p - 1)
    let bad = v128.splat<i64>(0)
    for (let at: usize = 0, size = <usize>degree << 3; at < size; at += 16) {
      const x = v128.and(v128.load(words + at), masks)
      v128.store(out + at, x)
      bad = v128.or(bad, v128.gt<i64>(x, limit))
    }
    if (!v128.any_true(bad)) return degree
  }
  let found: u32 = 0
  for (let i: u32 = 0; i < count && found < degree; i++) {
    const x = load<u64>(words + (<usize>i << 3)) & mask
    store<u64>(out + (<usize>found << 3), x)
    found += u32(x < p)
  }
  return found
}

/**
 * sum ← sum + mask, or sum − mask when `negative`, the mask being the residues that `uniformResidues` takes from words; sum
 * below p in and out. False, with sum as it was, when the words ran out. Spoils the words. Which words were dropped says
 * nothing about those that were kept.
 */
export function addUniform(
  record: usize,
  sum: usize,
  words: usize,
  count: u32,
  negative: bool,
  degree: u32,
): bool {
  if (uniformResidues(record, words, words, count, degree) < degree) return false
  const p = v128.splat<i64>(<i64>primeOf(record))
  const limit = v128.splat<i64>(<i64>primeOf(record) - 1)
  // p − x is the complement of x, plus p + 1: at most p, and the total below 2p.
  const flip = v128.splat<i64>(negative ? -1 : 0)
  const offset = v128.splat<i64>(negative ? <i64>primeOf(record) + 1 : 0)
  for (let at: usize = 0, size = <usize>degree << 3; at < size; at += 16) {
    const x = v128.add<i64>(v128.xor(v128.load(words + at), flip), offset)
    const total = v128.add<i64>(v128.load(sum + at), x)
    v128.store(sum + at, v128.sub<i64>(total, v128.and(p, v128.gt<i64>(total, limit))))
  }
  return true
}

/**
 * Uniform ternary, as bytes 0, 1, 2 for 0, 1, −1: bytes below 255 = 3·85 modulo 3, byte 255 dropped. Returns how many of
 * the N it has written. Which bytes were dropped says nothing about those that were kept.
 */
export function ternary(out: usize, random: usize, count: u32, degree: u32): u32 {
  let found: u32 = 0
  for (let i: u32 = 0; i < count && found < degree; i++) {
    const byte = <u32>load<u8>(random + <usize>i)
    // byte − 3·⌊byte/3⌋ by multiplication: 171/512 is 1/3 closely enough for bytes.
    store<u8>(out + <usize>found, <u8>(byte - 3 * ((byte * 171) >> 9)))
    found += u32(byte < 255)
  }
  return found
}

/** Residues of a ternary polynomial: 0, 1, p − 1. */
export function ternaryResidues(record: usize, out: usize, digits: usize, degree: u32): void {
  const p = primeOf(record)
  for (let i: usize = 0; i < degree; i++) {
    const digit = <u64>load<u8>(digits + i)
    const isOne = 0 - (digit & 1)
    const isMinusOne = 0 - (digit >> 1)
    store<u64>(out + (i << 3), (isOne & 1) | (isMinusOne & (p - 1)))
  }
}

/**
 * Residues of a centred binomial error with 21 pairs of coins (σ = √10.5 ≈ 3.24), SEAL's default for e
 * (native/src/seal/util/rlwe.cpp, sample_poly_cbd). Six random bytes a coefficient; the same bytes for every prime.
 */
export function binomialResidues(record: usize, out: usize, random: usize, degree: u32): void {
  const p = primeOf(record)
  for (let i: usize = 0; i < degree; i++) {
    const at = random + i * 6
    const coins = <u64>load<u32>(at) | (<u64>load<u16>(at, 4) << 32)
    const error = <i64>popcnt<u64>(coins & 0x1fffff) - <i64>popcnt<u64>((coins >> 21) & 0x1fffff)
    store<u64>(out + (i << 3), <u64>error + (<u64>(error >> 63) & p))
  }
}
