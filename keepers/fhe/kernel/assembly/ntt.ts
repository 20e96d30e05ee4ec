// SPDX-License-Identifier: GPL-3.0-or-later
// The negacyclic number-theoretic transform in SEAL's order: natural in, bit-reversed out, twiddles the bit-reversed
// powers of the minimal primitive 2N-th root (SEAL native/src/seal/util/ntt.cpp; Harvey 2014 for the lazy bounds).
import { fold, mulMod, mulPair, mulPairAt, primeOf, ratioOf, reduce, shoupQuotient } from './modular'

/**
 * Fills a table of N pairs: entry bitrev(i) is root^i. `inverse` tables are the same with the inverse root, and their
 * entry m + i undoes the butterfly of the forward one.
 */
export function fillTwiddles(record: usize, table: usize, root: u64, logDegree: u32): void {
  const p = primeOf(record)
  const ratio = ratioOf(record)
  const degree: u32 = 1 << logDegree
  let power: u64 = 1
  for (let i: u32 = 0; i < degree; i++) {
    let reversed: u32 = 0
    for (let bit: u32 = 0; bit < logDegree; bit++) reversed |= ((i >> bit) & 1) << (logDegree - 1 - bit)
    const at = table + (<usize>reversed << 4)
    store<u64>(at, power)
    store<u64>(at, shoupQuotient(power, p, ratio), 8)
    power = mulMod(power, root, p, ratio)
  }
}

/**
 * In place. Below 12p in, lazy below 10p out. Two layers at a time; with an odd number of layers one goes first alone.
 *
 * Bounds of a double step on a, b, c, d below 12p: products are below 4p whatever their operand, so of the operands only
 * a, which is never multiplied, has to be folded (below 2p). Then b + d and b − d + 4p stay below 16p < 2^64, and the
 * results below 2p + 4p + 4p = 10p.
 */
export function forwardLazy(record: usize, values: usize, logDegree: u32): void {
  const p = primeOf(record)
  const table = <usize>load<u32>(record, 48)
  const p4 = p << 2
  let blocks: usize = 1
  let span: usize = 8 << logDegree
  if (logDegree & 1) {
    span >>= 1
    const w = load<u64>(table, 16)
    const qLow = <u64>load<u32>(table, 24)
    const qHigh = <u64>load<u32>(table, 28)
    for (let at = values, end = values + span; at < end; at += 8) {
      const a = fold(load<u64>(at), p)
      const b = mulPair(load<u64>(at + span), w, qLow, qHigh, p)
      store<u64>(at, a + b)
      store<u64>(at + span, a - b + p4)
    }
    blocks = 2
  }
  while (span > 32) {
    const quarter = span >> 2
    for (let block: usize = 0; block < blocks; block++) {
      const first = table + ((blocks + block) << 4)
      const second = table + ((blocks + block) << 5)
      const w1 = load<u64>(first)
      const q1Low = <u64>load<u32>(first, 8)
      const q1High = <u64>load<u32>(first, 12)
      const w2 = load<u64>(second)
      const q2Low = <u64>load<u32>(second, 8)
      const q2High = <u64>load<u32>(second, 12)
      const w3 = load<u64>(second, 16)
      const q3Low = <u64>load<u32>(second, 24)
      const q3High = <u64>load<u32>(second, 28)
      const start = values + block * span
      for (let at0 = start, end = start + quarter; at0 < end; at0 += 8) {
        const at1 = at0 + quarter
        const at2 = at1 + quarter
        const at3 = at2 + quarter
        const a = fold(load<u64>(at0), p)
        const b = load<u64>(at1)
        const c = mulPair(load<u64>(at2), w1, q1Low, q1High, p)
        const d = mulPair(load<u64>(at3), w1, q1Low, q1High, p)
        const right = mulPair(b + d, w2, q2Low, q2High, p)
        store<u64>(at0, a + c + right)
        store<u64>(at1, a + c - right + p4)
        const right2 = mulPair(b - d + p4, w3, q3Low, q3High, p)
        store<u64>(at2, a - c + p4 + right2)
        store<u64>(at3, a - c + p4 - right2 + p4)
      }
    }
    blocks <<= 2
    span = quarter
  }
  // The last double step, on neighbours: every block has its own twiddles.
  let first = table + (blocks << 4)
  let second = table + (blocks << 5)
  for (let at = values, end = values + (<usize>8 << logDegree); at < end; at += 32) {
    const w1 = load<u64>(first)
    const q1Low = <u64>load<u32>(first, 8)
    const q1High = <u64>load<u32>(first, 12)
    const a = fold(load<u64>(at), p)
    const b = load<u64>(at, 8)
    const c = mulPair(load<u64>(at, 16), w1, q1Low, q1High, p)
    const d = mulPair(load<u64>(at, 24), w1, q1Low, q1High, p)
    const right = mulPairAt(b + d, second, p)
    store<u64>(at, a + c + right)
    store<u64>(at, a + c - right + p4, 8)
    const right2 = mulPairAt(b - d + p4, second + 16, p)
    store<u64>(at, a - c + p4 + right2, 16)
    store<u64>(at, a - c + p4 - right2 + p4, 24)
    first += 16
    second += 32
  }
}

/** In place, fully reduced out. */
export function forward(record: usize, values: usize, logDegree: u32): void {
  forwardLazy(record, values, logDegree)
  const p = primeOf(record)
  for (let at = values, end = values + (<usize>8 << logDegree); at < end; at += 8) {
    store<u64>(at, reduce(load<u64>(at), p))
  }
}

/**
 * In place, bit-reversed in, natural and fully reduced out, divided by N. Gentleman–Sande: the sum is folded below 2p,
 * the difference is below 2p + 4p and its product below 4p.
 */
export function inverse(record: usize, values: usize, logDegree: u32): void {
  const p = primeOf(record)
  const table = <usize>load<u32>(record, 52)
  const p4 = p << 2
  const bytes = <usize>8 << logDegree
  let blocks: usize = 1 << (logDegree - 1)
  let half: usize = 8
  while (blocks >= 1) {
    for (let block: usize = 0; block < blocks; block++) {
      const pair = table + ((blocks + block) << 4)
      const w = load<u64>(pair)
      const qLow = <u64>load<u32>(pair, 8)
      const qHigh = <u64>load<u32>(pair, 12)
      const start = values + block * (half << 1)
      for (let at = start, end = start + half; at < end; at += 8) {
        const a = load<u64>(at)
        const b = load<u64>(at + half)
        store<u64>(at, fold(a + b, p))
        store<u64>(at + half, mulPair(a - b + p4, w, qLow, qHigh, p))
      }
    }
    blocks >>= 1
    half <<= 1
  }
  for (let at = values, end = values + bytes; at < end; at += 8) {
    store<u64>(at, reduce(mulPairAt(load<u64>(at), record + 32, p), p))
  }
}
