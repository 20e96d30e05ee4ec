// SPDX-License-Identifier: GPL-3.0-or-later
// Named CKKS parameter sets, and the ceilings that make them secure.
import { FheError } from './errors.ts'

/** A ring and its primes. Data primes carry ciphertexts; the special prime is there because SEAL asks for one. */
export type ParameterSet = {
  readonly name: string
  /** N, the degree of X^N + 1. */
  readonly degree: number
  /** q_0 … q_{K−1}; the last one is the special prime. Each is prime, ≡ 1 (mod 2N), just below 2^60. */
  readonly primes: readonly bigint[]
  /** log2 of the scale unless a plan says otherwise. */
  readonly scaleBits: number
  /** Bits of classical security that log2(QP) leaves at this N, by the HomomorphicEncryption.org standard. */
  readonly securityBits: 128 | 192 | 256
}

/**
 * Largest log2(QP) for ternary secrets: HomomorphicEncryption.org Security Standard (2018), table 1, classical;
 * the same figures as SEAL's `seal_he_std_parms_*_tc`.
 */
const CEILINGS: ReadonlyMap<number, readonly [tc128: number, tc192: number, tc256: number]> = new Map([
  [1024, [27, 19, 14]],
  [2048, [54, 37, 29]],
  [4096, [109, 75, 58]],
  [8192, [218, 152, 118]],
  [16384, [438, 305, 237]],
  [32768, [881, 611, 476]],
])

/** The largest primes that SEAL takes: the fewest polynomials for a modulus. */
const PRIME_CEILING = 1n << 60n
const MAX_EXCESS = 1n << 22n

/** The inputs of a parameter set; `securityBits` is computed, never given. */
type Definition = Omit<ParameterSet, 'securityBits'>

/** The primes are SEAL's own `CoeffModulus.Create(N, bits)`, largest first found; a test holds them against SEAL. */
const DEFINITIONS: readonly Definition[] = [
  {
    name: 'default',
    degree: 8192,
    primes: [1152921504606683137n, 1152921504606748673n, 1152921504606830593n],
    scaleBits: 99,
  },
  {
    // One more data prime: some 60 bits more room for precision, at half as many bytes again.
    name: 'precise',
    degree: 16384,
    primes: [1152921504605962241n, 1152921504606584833n, 1152921504606683137n, 1152921504606748673n],
    scaleBits: 153,
  },
]

/** Names that `parameterSet` knows. */
export const PARAMETER_SET_NAMES: readonly string[] = DEFINITIONS.map((set) => set.name)

/** The set of that name. Throws `FheError('invalid-parameters')`, naming the known ones. */
export function parameterSet(name: string): ParameterSet {
  const found = DEFINITIONS.find((set) => set.name === name)
  if (found === undefined) {
    throw new FheError('invalid-parameters', `no parameter set "${name}"; use one of ${PARAMETER_SET_NAMES.join(', ')}`)
  }
  return validateParameterSet(found)
}

/**
 * Checks a set against everything the arithmetic and the security rest on, and adds its security level.
 * Throws `FheError('invalid-parameters')` naming the field.
 */
export function validateParameterSet(set: Definition): ParameterSet {
  const ceilings = CEILINGS.get(set.degree)
  const refuse = (field: string, why: string) =>
    new FheError('invalid-parameters', `${field} of set "${set.name}": ${why}`, { field })
  if (ceilings === undefined) {
    throw refuse('degree', `${set.degree} is not one of ${[...CEILINGS.keys()].join(', ')}`)
  }
  // The kernel's composition to doubles supports one to four data primes.
  if (set.primes.length < 2 || set.primes.length > 5) {
    throw refuse('primes', `${set.primes.length} given; two to five are needed, the special prime included`)
  }
  if (new Set(set.primes).size !== set.primes.length) throw refuse('primes', 'they must be distinct')
  for (const prime of set.primes) {
    if (prime >= PRIME_CEILING || prime <= PRIME_CEILING - MAX_EXCESS) {
      throw refuse('primes', `${prime} is not just below 2^60 (by less than 2^22), which the kernel is written for`)
    }
    if ((prime - 1n) % BigInt(2 * set.degree) !== 0n) throw refuse('primes', `${prime} is not 1 modulo 2N`)
    if (!isProbablePrime(prime)) throw refuse('primes', `${prime} is composite`)
  }
  const total = bitLength(set.primes.reduce((product, prime) => product * prime, 1n))
  if (total > ceilings[0]) {
    throw refuse('primes', `log2(QP) = ${total} is above ${ceilings[0]}, the 128-bit ceiling at N = ${set.degree}`)
  }
  if (!Number.isInteger(set.scaleBits) || set.scaleBits < 20 || set.scaleBits >= dataModulusBits(set)) {
    throw refuse('scaleBits', `${set.scaleBits} is not an integer from 20 to below log2(Q) = ${dataModulusBits(set)}`)
  }
  return { ...set, securityBits: total <= ceilings[2] ? 256 : total <= ceilings[1] ? 192 : 128 }
}

/** The primes that ciphertexts live modulo. */
export function dataPrimes(set: Pick<ParameterSet, 'primes'>): readonly bigint[] {
  return set.primes.slice(0, -1)
}

/** ⌊log2 Q⌋, Q the product of the data primes: a value below 2^this fits. */
export function dataModulusBits(set: Pick<ParameterSet, 'primes'>): number {
  return bitLength(dataPrimes(set).reduce((product, prime) => product * prime, 1n)) - 1
}

/** Bits of a positive integer. */
function bitLength(value: bigint): number {
  return value.toString(2).length
}

/** base^exponent mod modulus, for public values only (not constant time). */
export function powMod(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  let square = base % modulus
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}

/** Miller–Rabin with the first twelve primes as bases: exact below 2^64 (Sorenson–Webster 2015). */
function isProbablePrime(candidate: bigint): boolean {
  let odd = candidate - 1n
  let twos = 0
  while ((odd & 1n) === 0n) {
    odd >>= 1n
    twos++
  }
  return [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n].every((base) => {
    let x = powMod(base, odd, candidate)
    if (x === 1n || x === candidate - 1n) return true
    for (let i = 1; i < twos; i++) {
      x = (x * x) % candidate
      if (x === candidate - 1n) return true
    }
    return false
  })
}
