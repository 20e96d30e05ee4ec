// SPDX-License-Identifier: GPL-3.0-or-later
// Inner products, and products with a ternary matrix J of a few hundred rows and very many columns, in both directions.
// J = B1 − B2 for two matrices of uniform bits, so an entry is −1, 0, 1 with probability ¼, ½, ¼. Its bytes come in blocks of
// eight columns: a byte of B1 for each row (bit c is column c), then a byte of B2 for each row.
import { fold, mulMod, mulPair, primeOf, ratioOf, reduce, shoupQuotient } from './modular'

const HALF: u64 = 30
const HALF_MASK: u64 = ((<u64>1) << HALF) - 1

/** Σ a_i·b_i mod p; both below p, count a multiple of 4. Products of 30-bit halves, four at a time before they are folded. */
export function innerProduct(record: usize, a: usize, b: usize, count: u32): u64 {
  const p = primeOf(record)
  let low: u64 = 0
  let middle: u64 = 0
  let high: u64 = 0
  for (let i: usize = 0, size = <usize>count << 3; i < size; i += 32) {
    let l: u64 = 0
    let m: u64 = 0
    let h: u64 = 0
    for (let k: usize = 0; k < 32; k += 8) {
      const x = load<u64>(a + i + k)
      const y = load<u64>(b + i + k)
      const x0 = x & HALF_MASK
      const x1 = x >> HALF
      const y0 = y & HALF_MASK
      const y1 = y >> HALF
      l += x0 * y0
      m += x0 * y1 + x1 * y0
      h += x1 * y1
    }
    // Below 4·2^60, 8·2^60, 4·2^60, and what is carried below 2p.
    low = fold(low + l, p)
    middle = fold(middle + m, p)
    high = fold(high + h, p)
  }
  const ratio = ratioOf(record)
  const half = (<u64>1) << HALF
  const top = mulMod(reduce(high, p), half, p, ratio)
  return reduce(mulMod(reduce(top + reduce(middle, p), p), half, p, ratio) + reduce(low, p), p)
}

/** values ← values − other, both below p; count even. */
export function subtractFrom(record: usize, values: usize, other: usize, count: u32): void {
  const p = v128.splat<i64>(<i64>primeOf(record))
  const zero = v128.splat<i64>(0)
  for (let i: usize = 0, size = <usize>count << 3; i < size; i += 16) {
    const rest = v128.sub<i64>(v128.load(values + i), v128.load(other + i))
    v128.store(values + i, v128.add<i64>(rest, v128.and(p, v128.gt<i64>(zero, rest))))
  }
}
