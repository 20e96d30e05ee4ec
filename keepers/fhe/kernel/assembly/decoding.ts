// SPDX-License-Identifier: GPL-3.0-or-later
// From residues to complex slots: mixed-radix composition, then the canonical embedding over doubles.
import { mulPairAt, primeOf, RECORD_BYTES, reduce } from './modular'

/**
 * Composes N coefficients from their residues modulo L primes (records RECORD_BYTES apart, polynomials N·8 bytes apart,
 * all below p), centres them in (−Q/2, Q/2) and stores coefficient k as part of the folded complex vector
 * u_k = m_k + i·m_{k+N/2}, k < N/2, times 1/scale. Digits are balanced, so a small coefficient has zero high digits and
 * loses nothing to cancellation.
 */
export function compose(records: usize, count: u32, values: usize, out: usize, inverseScale: f64, degree: u32): void {
  const stride = <usize>degree << 3
  const half = degree >> 1
  const digits = memory.data(8 * 4)
  for (let k: u32 = 0; k < degree; k++) {
    const at = values + (<usize>k << 3)
    for (let l: u32 = 0; l < count; l++) {
      const record = records + <usize>l * RECORD_BYTES
      const p = primeOf(record)
      let x = load<u64>(at + <usize>l * stride)
      for (let j: u32 = 0; j < l; j++) {
        // A digit modulo an earlier prime may be a little above this one.
        const digit = reduce(load<u64>(digits + (<usize>j << 3)), p)
        x = reduce(mulPairAt(x + p - digit, record + 56 + (<usize>j << 4), p), p)
      }
      store<u64>(digits + (<usize>l << 3), x)
    }
    // Balance from the lowest digit up, carrying into the next.
    let carry: u64 = 0
    for (let l: u32 = 0; l < count; l++) {
      const p = primeOf(records + <usize>l * RECORD_BYTES)
      const digit = load<u64>(digits + (<usize>l << 3)) + carry
      carry = u64(digit > p >> 1)
      store<i64>(digits + (<usize>l << 3), <i64>digit - <i64>(carry * p))
    }
    let value: f64 = 0
    for (let l = <i32>count - 1; l >= 0; l--) {
      value = value * <f64>primeOf(records + <usize>l * RECORD_BYTES) + <f64>load<i64>(digits + (<usize>l << 3))
    }
    const slot = k < half ? <usize>k << 4 : (<usize>(k - half) << 4) + 8
    store<f64>(out + slot, value * inverseScale)
  }
}

/**
 * Evaluates the folded polynomial u (N/2 complex coefficients) at the N/2 roots of X^(N/2) = i, in place: each layer
 * splits X^(2k) − ω² into X^k − ω and X^k + ω, so the twiddle of a node is ω. `twiddles[m + block]`, 16 bytes each.
 * Leaves come out in the order that ../layout.ts works out.
 */
export function embed(values: usize, twiddles: usize, logSlots: u32): void {
  let blocks: usize = 1
  let span: usize = <usize>16 << logSlots
  while (span > 16) {
    const half = span >> 1
    for (let block: usize = 0; block < blocks; block++) {
      const twiddle = twiddles + ((blocks + block) << 4)
      const wr = load<f64>(twiddle)
      const wi = load<f64>(twiddle, 8)
      const start = values + block * span
      for (let at = start, end = start + half; at < end; at += 16) {
        const br = load<f64>(at + half)
        const bi = load<f64>(at + half, 8)
        const pr = wr * br - wi * bi
        const pi = wr * bi + wi * br
        const ar = load<f64>(at)
        const ai = load<f64>(at, 8)
        store<f64>(at, ar + pr)
        store<f64>(at, ai + pi, 8)
        store<f64>(at + half, ar - pr)
        store<f64>(at + half, ai - pi, 8)
      }
    }
    blocks <<= 1
    span = half
  }
}

/** Gathers leaves into slot order: real[j], imaginary[j]. Bit 31 of a place means "conjugate". */
export function gather(values: usize, places: usize, real: usize, imaginary: usize, slots: u32): void {
  for (let j: usize = 0; j < slots; j++) {
    const place = load<u32>(places + (j << 2))
    const at = values + (<usize>(place & 0x7fffffff) << 4)
    const im = load<f64>(at, 8)
    store<f64>(real + (j << 3), load<f64>(at))
    store<f64>(imaginary + (j << 3), place >> 31 ? -im : im)
  }
}
