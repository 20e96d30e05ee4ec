// SPDX-License-Identifier: GPL-3.0-or-later
// Coefficient-wise work on polynomials of N residues (8 bytes each) modulo one prime.
import { mulPair, mulPairAt, primeOf, ratioOf, reduce, shoupQuotient } from './modular'

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

/** values ← factor·values; both below p. */
export function scale(record: usize, values: usize, factor: u64, degree: u32): void {
  const p = primeOf(record)
  const quotient = shoupQuotient(factor, p, ratioOf(record))
  const qLow = quotient & 0xffffffff
  const qHigh = quotient >> 32
  for (let at = values, end = values + (<usize>degree << 3); at < end; at += 8) {
    store<u64>(at, reduce(mulPair(load<u64>(at), factor, qLow, qHigh, p), p))
  }
}

/** sum ← sum + factor·values; all below p. */
export function scaleAdd(record: usize, sum: usize, values: usize, factor: u64, degree: u32): void {
  const p = primeOf(record)
  const quotient = shoupQuotient(factor, p, ratioOf(record))
  const qLow = quotient & 0xffffffff
  const qHigh = quotient >> 32
  for (let i: usize = 0, size = <usize>degree << 3; i < size; i += 8) {
    const product = mulPair(load<u64>(values + i), factor, qLow, qHigh, p)
    store<u64>(sum + i, reduce(product + load<u64>(sum + i), p))
  }
}

/** pairs ← λ·secret as Shoup pairs (16 bytes each), ready for `maskedProduct`. */
export function preparePairs(record: usize, pairs: usize, secret: usize, lambda: u64, degree: u32): void {
  const p = primeOf(record)
  const ratio = ratioOf(record)
  const quotient = shoupQuotient(lambda, p, ratio)
  const qLow = quotient & 0xffffffff
  const qHigh = quotient >> 32
  for (let i: usize = 0, size = <usize>degree << 3; i < size; i += 8) {
    const w = reduce(mulPair(load<u64>(secret + i), lambda, qLow, qHigh, p), p)
    store<u64>(pairs + (i << 1), w)
    store<u64>(pairs + (i << 1), shoupQuotient(w, p, ratio), 8)
  }
}

/** out ← a·(λ·secret) + noise, fully reduced; noise lazy below 10p, product below 4p. out may be a or noise. */
export function maskedProduct(record: usize, out: usize, a: usize, pairs: usize, noise: usize, degree: u32): void {
  const p = primeOf(record)
  for (let i: usize = 0, size = <usize>degree << 3; i < size; i += 8) {
    const product = mulPairAt(load<u64>(a + i), pairs + (i << 1), p)
    store<u64>(out + i, reduce(product + load<u64>(noise + i), p))
  }
}
