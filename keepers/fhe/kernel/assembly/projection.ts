// SPDX-License-Identifier: GPL-3.0-or-later
// Inner products, and products with a ternary matrix J of a few hundred rows and very many columns, in both directions.
// J = B1 − B2 for two matrices of uniform bits, so an entry is −1, 0, 1 with probability ¼, ½, ¼. Its bytes come in blocks of
// eight columns: a byte of B1 for each row (bit c is column c), then a byte of B2 for each row.
import { fold, mulMod, primeOf, ratioOf, reduce, reduceOnce } from './modular'

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

/** sum ← sum + a∘b coefficient by coefficient, all below p. */
export function multiplyAdd(record: usize, sum: usize, a: usize, b: usize, count: u32): void {
  const p = primeOf(record)
  const ratio = ratioOf(record)
  for (let i: usize = 0, size = <usize>count << 3; i < size; i += 8) {
    const product = mulMod(load<u64>(a + i), load<u64>(b + i), p, ratio)
    store<u64>(sum + i, reduceOnce(load<u64>(sum + i) + product, p))
  }
}

/**
 * sums ← sums + J·w modulo p, for `columns` values w below p (a multiple of 8), J as `bits`; one sum a row, below p in and
 * out. The four Russians' method: all 256 subset sums of eight values go into `table` (2 KiB), and a row adds the two that its
 * bytes name. The bytes are public, so where the table is read says nothing about w.
 */
export function project(
  record: usize,
  sums: usize,
  bits: usize,
  w: usize,
  table: usize,
  columns: u32,
  rows: u32,
): void {
  const p = primeOf(record)
  const p2 = p << 1
  store<u64>(table, 0)
  for (let end = w + (<usize>columns << 3); w < end; w += 64) {
    for (let bit: usize = 0; bit < 8; bit++) {
      const value = load<u64>(w + (bit << 3))
      const size = <usize>8 << bit
      for (let at = table; at < table + size; at += 8) store<u64>(at + size, fold(load<u64>(at) + value, p))
    }
    for (let row: usize = 0; row < rows; row++) {
      const plus = load<u64>(table + (<usize>load<u8>(bits + row) << 3))
      const minus = load<u64>(table + (<usize>load<u8>(bits + rows + row) << 3))
      const at = sums + (row << 3)
      store<u64>(at, fold(load<u64>(at) + plus + (p2 - minus), p))
    }
    bits += <usize>rows << 1
  }
  for (let row: usize = 0; row < rows; row++) {
    const at = sums + (row << 3)
    store<u64>(at, reduce(load<u64>(at), p))
  }
}

/** The subset sums of each eight of `rows` weights below p: rows/8 tables of 256, for `weigh`. Public values. */
export function subsetSums(record: usize, tables: usize, weights: usize, rows: u32): void {
  const p = primeOf(record)
  for (let end = weights + (<usize>rows << 3); weights < end; weights += 64, tables += 2048) {
    store<u64>(tables, 0)
    for (let bit: usize = 0; bit < 8; bit++) {
      const value = load<u64>(weights + (bit << 3))
      const size = <usize>8 << bit
      for (let at = tables; at < tables + size; at += 8) store<u64>(at + size, reduceOnce(load<u64>(at) + value, p))
    }
  }
}

/**
 * out ← v(1/X) for the first `columns` columns of Jᵀ·weights, v_c = Σ_r J_rc·weight_r: coefficient c goes to N − c with the
 * other sign, and further coefficients are 0. `tables` are those of `subsetSums`; columns a multiple of 8, rows of 48. The
 * top bits of sixteen bytes, shifted, are the bits of sixteen rows in one column.
 */
export function weigh(
  record: usize,
  out: usize,
  bits: usize,
  tables: usize,
  degree: u32,
  columns: u32,
  rows: u32,
): void {
  memory.fill(out, 0, <usize>degree << 3)
  const p = primeOf(record)
  const p2 = p << 1
  const last = <usize>degree - 1
  for (let first: usize = 0; first < columns; first += 8) {
    for (let c: u32 = 0; c < 8; c++) {
      let sum: u64 = 0
      let table = tables
      for (let row: usize = 0; row < rows; ) {
        // Three times sixteen rows: below 2p + 3·4p.
        for (let end = row + 48; row < end; row += 16) {
          const one = v128.load(bits + row)
          const two = v128.load(bits + rows + row)
          const plus = <usize>i8x16.bitmask(v128.shl<i16>(one, 7 - c))
          const minus = <usize>i8x16.bitmask(v128.shl<i16>(two, 7 - c))
          sum += load<u64>(table + ((plus & 255) << 3)) + load<u64>(table + ((plus >> 8) << 3), 2048)
          sum += p2 - load<u64>(table + ((minus & 255) << 3)) - load<u64>(table + ((minus >> 8) << 3), 2048)
          table += 4096
        }
        sum = fold(sum, p)
      }
      const value = reduceOnce(sum, p)
      const column = first + c
      const negative = column == 0 ? value : select<u64>(p - value, 0, value != 0)
      store<u64>(out + (((<usize>degree - column) & last) << 3), negative)
    }
    bits += <usize>rows << 1
  }
}

/**
 * Uniform integers below `span`, of `limbs` 64-bit words each, little-endian: takes `limbs` words at a time, keeps the low
 * `spanBits`, drops what is not below. Returns how many of `needed` it has written. Which were dropped says nothing about the rest.
 */
export function boxValues(
  out: usize,
  words: usize,
  count: u32,
  needed: u32,
  span: usize,
  spanBits: u32,
  limbs: u32,
): u32 {
  let found: u32 = 0
  const bytes = <usize>limbs << 3
  for (let i: u32 = 0; i < count && found < needed; i++, words += bytes) {
    const at = out + <usize>found * bytes
    // Borrow of value − span: set when the value is below.
    let borrow: u64 = 0
    let bits = <i32>spanBits
    for (let limb: usize = 0; limb < bytes; limb += 8, bits -= 64) {
      const mask: u64 = bits >= 64 ? u64.MAX_VALUE : bits <= 0 ? 0 : ((<u64>1) << bits) - 1
      const x = load<u64>(words + limb) & mask
      store<u64>(at + limb, x)
      const s = load<u64>(span + limb)
      borrow = u64(x < s) | (u64(x == s) & borrow)
    }
    found += u32(borrow)
  }
  return found
}

/** Residues modulo p of integers of `limbs` words, less `offset` (below p). */
export function boxResidues(record: usize, out: usize, values: usize, limbs: u32, offset: u64, count: u32): void {
  const p = primeOf(record)
  const ratio = ratioOf(record)
  // 2^64 ≡ 16·(2^60 − p).
  const radix = reduce(load<u64>(record, 16) << 4, p)
  const bytes = <usize>limbs << 3
  for (let i: usize = 0; i < count; i++, values += bytes) {
    let sum: u64 = 0
    for (let limb = bytes; limb > 0; limb -= 8) {
      sum = reduceOnce(mulMod(sum, radix, p, ratio) + reduce(load<u64>(values + limb - 8), p), p)
    }
    store<u64>(out + (i << 3), reduceOnce(sum + p - offset, p))
  }
}
