// SPDX-License-Identifier: GPL-3.0-or-later
// The public constants of a ring, worked out once with big integers: roots of unity, Shoup pairs, the order of slots.
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

/**
 * Twiddles of `embed` and the place of each slot among its leaves. Exponents e stand for ζ^e, ζ = exp(iπ/N): the root
 * node is X^(N/2) = ζ^(N/2) = i, and a node X^(2k) = ζ^e splits at ζ^(e/2). Slot j is the value at ζ^(g^j), where SEAL's
 * generator g is 3; where g^j ≡ 3 mod 4 the leaf holds the conjugate root.
 */
export function embedding(degree: number): { readonly twiddles: Float64Array; readonly places: Uint32Array } {
  const slots = degree / 2
  const twiddles = new Float64Array(2 * slots)
  let exponents = [degree / 2]
  for (let blocks = 1; blocks < slots; blocks *= 2) {
    const next: number[] = []
    for (const [block, exponent] of exponents.entries()) {
      const half = exponent / 2
      twiddles[2 * (blocks + block)] = Math.cos((Math.PI * half) / degree)
      twiddles[2 * (blocks + block) + 1] = Math.sin((Math.PI * half) / degree)
      next.push(half, half + degree)
    }
    exponents = next
  }
  const leafOf = new Map(exponents.map((exponent, leaf) => [exponent, leaf]))
  const places = new Uint32Array(slots)
  for (let j = 0, power = 1; j < slots; j++, power = (power * SLOT_GENERATOR) % (2 * degree)) {
    places[j] = power % 4 === 1 ? leafOf.get(power)! : (leafOf.get(2 * degree - power)! | CONJUGATE) >>> 0
  }
  return { twiddles, places }
}

/** SEAL native/src/seal/ckks.cpp, the constructor of CKKSEncoder. */
const SLOT_GENERATOR = 3
const CONJUGATE = 0x80000000
