// SPDX-License-Identifier: GPL-3.0-or-later
// From residues to real numbers: mixed-radix composition.
import { mulPairAt, primeOf, RECORD_BYTES, reduce } from './modular'

/**
 * Composes coefficients from their residues modulo `primes` primes (records RECORD_BYTES apart, residues `stride` bytes
 * apart, all below p), centres them in (−Q/2, Q/2) and stores them as doubles, times 1/scale. Digits are balanced, so a small
 * coefficient has zero high digits and loses nothing to cancellation.
 */
export function compose(
  records: usize,
  primes: u32,
  values: usize,
  stride: usize,
  out: usize,
  inverseScale: f64,
  count: u32,
): void {
  const digits = memory.data(8 * 4)
  for (let k: u32 = 0; k < count; k++) {
    const at = values + (<usize>k << 3)
    for (let l: u32 = 0; l < primes; l++) {
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
    for (let l: u32 = 0; l < primes; l++) {
      const p = primeOf(records + <usize>l * RECORD_BYTES)
      const digit = load<u64>(digits + (<usize>l << 3)) + carry
      carry = u64(digit > p >> 1)
      store<i64>(digits + (<usize>l << 3), <i64>digit - <i64>(carry * p))
    }
    let value: f64 = 0
    for (let l = <i32>primes - 1; l >= 0; l--) {
      value = value * <f64>primeOf(records + <usize>l * RECORD_BYTES) + <f64>load<i64>(digits + (<usize>l << 3))
    }
    store<f64>(out + (<usize>k << 3), value * inverseScale)
  }
}
