// SPDX-License-Identifier: GPL-3.0-or-later
// The public constants of a ring, worked out once with big integers: roots of unity and Shoup pairs.
import { powMod } from '../parameters.ts'

/** Bytes of the record that assembly/modular.ts describes. */
export const RECORD_BYTES = 128
const CROSS_INVERSES_AT = 56

/** w with ⌊w·2^64/p⌋. */
function shoupPair(w: bigint, p: bigint): readonly [bigint, bigint] {
  return [w, (w << 64n) / p]
}

/** The inverse of a modulo the prime p (public values only). */
export function invert(a: bigint, p: bigint): bigint {
  return powMod(((a % p) + p) % p, p - 2n, p)
}

/** The smallest primitive 2N-th root of unity modulo p: SEAL's choice (`try_minimal_primitive_root`). */
export function minimalRoot(p: bigint, degree: number): bigint {
  const order = BigInt(2 * degree)
  for (let base = 2n; ; base++) {
    const root = powMod(base, (p - 1n) / order, p)
    if (powMod(root, BigInt(degree), p) !== p - 1n) continue
    // All primitive roots are odd powers of this one.
    const square = (root * root) % p
    let least = root
    for (let power = root, i = 1; i < degree; i++) {
      power = (power * square) % p
      if (power < least) least = power
    }
    return least
  }
}

/**
 * The record of prime `index` as little-endian bytes, except the two table addresses, which the caller knows.
 * `uniformBits` fixes the centre of the flooding.
 */
export function primeRecord(
  primes: readonly bigint[],
  index: number,
  degree: number,
  uniformBits: number,
  tables: { readonly forward: number; readonly inverse: number },
): Uint8Array {
  const p = primes[index]!
  const record = new Uint8Array(RECORD_BYTES)
  const view = new DataView(record.buffer)
  const word = (at: number, value: bigint) => view.setBigUint64(at, value, true)
  const pair = (at: number, w: bigint) => {
    const [value, quotient] = shoupPair(w, p)
    word(at, value)
    word(at + 8, quotient)
  }
  word(0, p)
  word(8, (1n << 123n) / p)
  word(16, (1n << 60n) - p)
  const offset = 3n * (1n << BigInt(uniformBits - 1)) - 1n
  word(24, (p - (offset % p)) % p)
  pair(32, invert(BigInt(degree), p))
  view.setUint32(48, tables.forward, true)
  view.setUint32(52, tables.inverse, true)
  // Only data primes take part in composition; at most four of them.
  for (let k = 0; k < index && k < 4; k++) pair(CROSS_INVERSES_AT + 16 * k, invert(primes[k]!, p))
  return record
}
