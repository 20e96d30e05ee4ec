// SPDX-License-Identifier: GPL-3.0-or-later
// Coefficients as they travel: the upper bits of an integer below Q, in `width` bytes, little-endian and without gaps. And
// real numbers to residues. Integers have up to four words of 64 bits. A word at the end of an item may reach up to seven
// bytes beyond it, so callers leave eight bytes free behind the last one.
import { mulMod, mulPairAt, primeOf, RECORD_BYTES, ratioOf, reduce, reduceOnce } from './modular'

/** Word `limb` of the integer at `at`. */
// @ts-ignore: decorator
@inline
function limbAt(at: usize, limb: u32, width: u32): u64 {
  const from = limb << 3
  const bits = (width - from) << 3
  const word = load<u64>(at + from)
  return bits >= 64 ? word : word & (((<u64>1) << bits) - 1)
}

// @ts-ignore: decorator
@inline
function limbsOf(width: u32): u32 {
  return (width + 7) >> 3
}

/** ⌊x·y/2^64⌋ */
// @ts-ignore: decorator
@inline
function mulHigh(x: u64, y: u64): u64 {
  const xLow = x & 0xffffffff
  const xHigh = x >> 32
  const yLow = y & 0xffffffff
  const yHigh = y >> 32
  const cross = xHigh * yLow + ((xLow * yLow) >> 32)
  const cross2 = xLow * yHigh + (cross & 0xffffffff)
  return xHigh * yHigh + (cross >> 32) + (cross2 >> 32)
}

/**
 * out ← ⌊x/2^dropped⌋ for `count` coefficients x in [0, Q), given by their residues below each of `primes` primes, `stride`
 * bytes apart. Mixed radix as in `compose`, without its centring.
 */
export function narrow(
  records: usize,
  primes: u32,
  values: usize,
  stride: usize,
  out: usize,
  count: u32,
  dropped: u32,
  width: u32,
): void {
  const digits = memory.data(8 * 4)
  // One word more than an integer has: a shift reads it, and finds 0.
  const words = memory.data(8 * 5)
  const skipped = dropped >> 6
  const right = <u64>(dropped & 63)
  const limbs = limbsOf(width)
  for (let k: u32 = 0; k < count; k++, values += 8, out += width) {
    for (let l: u32 = 0; l < primes; l++) {
      const record = records + <usize>l * RECORD_BYTES
      const p = primeOf(record)
      let x = load<u64>(values + <usize>l * stride)
      for (let j: u32 = 0; j < l; j++) {
        const digit = reduce(load<u64>(digits + (<usize>j << 3)), p)
        x = reduce(mulPairAt(x + p - digit, record + 56 + (<usize>j << 4), p), p)
      }
      store<u64>(digits + (<usize>l << 3), x)
    }
    memory.fill(words, 0, 8 * 5)
    for (let l = <i32>primes - 1; l >= 0; l--) {
      const p = primeOf(records + <usize>l * RECORD_BYTES)
      let carry = load<u64>(digits + (<usize>l << 3))
      for (let i: usize = 0; i < 32; i += 8) {
        const word = load<u64>(words + i)
        const low = word * p + carry
        carry = mulHigh(word, p) + u64(low < carry)
        store<u64>(words + i, low)
      }
    }
    for (let limb: u32 = 0; limb < limbs; limb++) {
      const at = words + (<usize>(skipped + limb) << 3)
      const low = load<u64>(at) >> right
      const high = right == 0 || skipped + limb >= 4 ? 0 : load<u64>(at, 8) << (64 - right)
      store<u64>(out + (<usize>limb << 3), low | high)
    }
  }
}

/** Whether all of `count` integers are at most `max`, which has as many whole words as they need. */
export function allAtMost(values: usize, count: u32, width: u32, max: usize): u32 {
  const limbs = limbsOf(width)
  let above: u64 = 0
  for (let k: u32 = 0; k < count; k++, values += width) {
    // Borrow of max − value.
    let borrow: u64 = 0
    for (let limb: u32 = 0; limb < limbs; limb++) {
      const x = limbAt(values, limb, width)
      const most = load<u64>(max + (<usize>limb << 3))
      borrow = u64(most < x) | (u64(most == x) & borrow)
    }
    above |= borrow
  }
  return u32(above == 0)
}

/** sums ← sums + values; a sum has `sumLimbs` whole words, and room. */
export function addNarrow(sums: usize, sumLimbs: u32, values: usize, count: u32, width: u32): void {
  const limbs = limbsOf(width)
  for (let k: u32 = 0; k < count; k++, values += width, sums += <usize>sumLimbs << 3) {
    let carry: u64 = 0
    for (let limb: u32 = 0; limb < sumLimbs; limb++) {
      const at = sums + (<usize>limb << 3)
      const x = limb < limbs ? limbAt(values, limb, width) : 0
      const sum = load<u64>(at) + x
      const carried = sum + carry
      carry = u64(sum < x) | u64(carried < carry)
      store<u64>(at, carried)
    }
  }
}

/** out ← x·factor + offset modulo p for `count` integers x; `factor` and `offset` below p. */
export function widen(
  record: usize,
  out: usize,
  values: usize,
  count: u32,
  width: u32,
  factor: u64,
  offset: u64,
): void {
  const p = primeOf(record)
  const ratio = ratioOf(record)
  // 2^64 ≡ 16·(2^60 − p).
  const radix = reduce(load<u64>(record, 16) << 4, p)
  const limbs = limbsOf(width)
  for (let k: u32 = 0; k < count; k++, values += width) {
    let x = reduce(limbAt(values, limbs - 1, width), p)
    for (let limb = <i32>limbs - 2; limb >= 0; limb--) {
      x = reduceOnce(mulMod(x, radix, p, ratio) + reduce(limbAt(values, limb, width), p), p)
    }
    store<u64>(out + (<usize>k << 3), reduceOnce(mulMod(x, factor, p, ratio) + offset, p))
  }
}

/** The residue of a signed integer. */
// @ts-ignore: decorator
@inline
function signedResidue(x: i64, p: u64): u64 {
  const sign = x >> 63
  const size = reduce(<u64>((x ^ sign) - sign), p)
  return select<u64>(reduceOnce(p - size, p), size, sign != 0)
}

/**
 * Residues modulo p of v·2^scale for `count` doubles, as two integers: v·top to the nearest, and of what is left the product
 * with `rest` to the nearest. `topFactor` and `restFactor` are what is missing to 2^scale. |v·top| and `rest` are below 2^62.
 */
export function encodeReals(
  record: usize,
  out: usize,
  values: usize,
  count: u32,
  top: f64,
  rest: f64,
  topFactor: u64,
  restFactor: u64,
): void {
  const p = primeOf(record)
  const ratio = ratioOf(record)
  for (let i: usize = 0, size = <usize>count << 3; i < size; i += 8) {
    const value = load<f64>(values + i) * top
    const whole = nearest<f64>(value)
    const part = nearest<f64>((value - whole) * rest)
    const high = mulMod(signedResidue(<i64>whole, p), topFactor, p, ratio)
    const low = mulMod(signedResidue(<i64>part, p), restFactor, p, ratio)
    store<u64>(out + i, reduceOnce(high + low, p))
  }
}
