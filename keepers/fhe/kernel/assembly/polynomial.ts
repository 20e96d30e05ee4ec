// SPDX-License-Identifier: GPL-3.0-or-later
// Coefficient-wise work on polynomials of N residues (8 bytes each) modulo one prime.
import { mulMod, mulPair, mulPairAt, primeOf, ratioOf, reduce, reduceOnce, shoupQuotient } from './modular'

/** Whether every one of the N values is below p. Values come from outside: any u64. */
export function allBelow(record: usize, values: usize, degree: u32): bool {
  const limit = v128.splat<i64>(<i64>primeOf(record) - 1)
  let bad = v128.splat<i64>(0)
  for (let at = values, end = values + (<usize>degree << 3); at < end; at += 16) {
    const x = v128.load(at)
    // A value at or above 2^63 looks negative; its own sign bit gives it away.
    bad = v128.or(bad, v128.or(x, v128.gt<i64>(x, limit)))
  }
  return i64x2.bitmask(bad) == 0
}

/** Whether all N values are zero. */
export function allZero(values: usize, degree: u32): bool {
  let any = v128.splat<i64>(0)
  for (let at = values, end = values + (<usize>degree << 3); at < end; at += 16) any = v128.or(any, v128.load(at))
  return !v128.any_true(any)
}

/** sum ← sum + values, both below p. */
export function addInto(record: usize, sum: usize, values: usize, degree: u32): void {
  const p = v128.splat<i64>(<i64>primeOf(record))
  const limit = v128.splat<i64>(<i64>primeOf(record) - 1)
  const size = <usize>degree << 3
  for (let i: usize = 0; i < size; i += 16) {
    const total = v128.add<i64>(v128.load(sum + i), v128.load(values + i))
    v128.store(sum + i, v128.sub<i64>(total, v128.and(p, v128.gt<i64>(total, limit))))
  }
}

/**
 * sum ← sum + values where values came from outside; false, with sum spoilt, if one of them is not below p. One pass,
 * because a share is read exactly once.
 */
export function addChecked(record: usize, sum: usize, values: usize, degree: u32): bool {
  const p = v128.splat<i64>(<i64>primeOf(record))
  const limit = v128.splat<i64>(<i64>primeOf(record) - 1)
  const size = <usize>degree << 3
  let bad = v128.splat<i64>(0)
  for (let i: usize = 0; i < size; i += 16) {
    const x = v128.load(values + i)
    bad = v128.or(bad, v128.or(x, v128.gt<i64>(x, limit)))
    const total = v128.add<i64>(v128.load(sum + i), x)
    v128.store(sum + i, v128.sub<i64>(total, v128.and(p, v128.gt<i64>(total, limit))))
  }
  return i64x2.bitmask(bad) == 0
}

/** out ← −(a·s + e), inputs below p: a member's share of the public key. */
export function negativeProductSum(record: usize, out: usize, a: usize, s: usize, e: usize, degree: u32): void {
  const p = primeOf(record)
  const ratio = ratioOf(record)
  const size = <usize>degree << 3
  for (let i: usize = 0; i < size; i += 8) {
    const product = mulMod(load<u64>(a + i), load<u64>(s + i), p, ratio)
    const sum = reduceOnce(product + load<u64>(e + i), p)
    store<u64>(out + i, reduceOnce(p - sum, p))
  }
}

/** pairs ← λ·share as Shoup pairs (16 bytes each), ready for `maskedProduct`. */
export function prepareShare(record: usize, pairs: usize, share: usize, lambda: u64, degree: u32): void {
  const p = primeOf(record)
  const ratio = ratioOf(record)
  const quotient = shoupQuotient(lambda, p, ratio)
  const qLow = quotient & 0xffffffff
  const qHigh = quotient >> 32
  for (let i: usize = 0, size = <usize>degree << 3; i < size; i += 8) {
    const w = reduce(mulPair(load<u64>(share + i), lambda, qLow, qHigh, p), p)
    store<u64>(pairs + (i << 1), w)
    store<u64>(pairs + (i << 1), shoupQuotient(w, p, ratio), 8)
  }
}

/** out ← c1·(λ·share) + noise, fully reduced; noise lazy below 10p, product below 4p. out may be c1 or noise. */
export function maskedProduct(record: usize, out: usize, c1: usize, pairs: usize, noise: usize, degree: u32): void {
  const p = primeOf(record)
  for (let i: usize = 0, size = <usize>degree << 3; i < size; i += 8) {
    const product = mulPairAt(load<u64>(c1 + i), pairs + (i << 1), p)
    store<u64>(out + i, reduce(product + load<u64>(noise + i), p))
  }
}
