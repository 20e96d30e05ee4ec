// SPDX-License-Identifier: GPL-3.0-or-later
// A slow, plain implementation of the ring, for the kernel to be held against.
import { randomBytes } from 'node:crypto'
import type { MemberKey, Plan } from '../../../keepers/fhe/index.ts'
import type { Block, Kernel } from '../../../keepers/fhe/kernel/kernel.ts'
import { DEALING_SEED_BYTES, extraResidues } from '../../../keepers/fhe/sizes.ts'
import { TEST_ROUNDS } from './ceremony.ts'

export function toWords(bytes: Uint8Array): BigUint64Array {
  return new BigUint64Array(bytes.slice().buffer)
}

export function fromWords(words: readonly bigint[] | BigUint64Array): Uint8Array {
  return new Uint8Array(BigUint64Array.from(words).buffer)
}

/** Uniform below p, with the corners first. */
export function residues(count: number, p: bigint): bigint[] {
  const corners = [0n, 1n, p - 1n, p - 2n, p >> 1n, (1n << 32n) - 1n, 1n << 32n, (1n << 59n) - 1n]
  const random = new BigUint64Array(randomBytes(8 * count).buffer.slice(0, 8 * count))
  return Array.from({ length: count }, (_, i) => corners[i] ?? random[i]! % p)
}

/** A polynomial over one prime in kernel memory. */
export function place(kernel: Kernel, values: readonly bigint[]): Block {
  const block = kernel.allocate(8 * values.length)
  kernel.write(block, fromWords(values))
  return block
}

export function bitReverse(value: number, bits: number): number {
  let out = 0
  for (let bit = 0; bit < bits; bit++) out |= ((value >> bit) & 1) << (bits - 1 - bit)
  return out
}

/** Coefficients modulo Q, centred, of a polynomial (NTT form, data primes) given as bytes. */
export function coefficients(kernel: Kernel, bytes: Uint8Array): bigint[] {
  const { degree, dataPrimeCount, primes } = kernel
  const block = kernel.allocate(kernel.polynomialBytes)
  kernel.write(block, bytes)
  for (let l = 0; l < dataPrimeCount; l++)
    kernel.calls.inverse(kernel.records[l]!, kernel.residues(block, l), kernel.logDegree)
  const words = toWords(kernel.read(block))
  kernel.release(block)
  const data = primes.slice(0, dataPrimeCount)
  const Q = data.reduce((a, b) => a * b, 1n)
  const lifts = data.map((p) => {
    const rest = Q / p
    return rest * inverseMod(rest % p, p)
  })
  return Array.from({ length: degree }, (_, k) => {
    let value = 0n
    for (const [l, lift] of lifts.entries()) value += words[l * degree + k]! * lift
    value %= Q
    return value > Q / 2n ? value - Q : value
  })
}

/** The values of a polynomial at the plan's scale. */
export function valuesOf(kernel: Kernel, plan: Pick<Plan, 'scaleBits'>, bytes: Uint8Array): number[] {
  return coefficients(kernel, bytes).map((value) => Number(value) / 2 ** plan.scaleBits)
}

export function inverseMod(a: bigint, p: bigint): bigint {
  let [r0, r1, s0, s1] = [p, a % p, 0n, 1n]
  while (r1 > 0n) {
    const quotient = r0 / r1
    ;[r0, r1, s0, s1] = [r1, r0 - quotient * r1, s1, s0 - quotient * s1]
  }
  return ((s0 % p) + p) % p
}

/** a + b over the data primes, as bytes. */
export function add(kernel: Kernel, a: Uint8Array, b: Uint8Array): Uint8Array {
  const { degree, dataPrimeCount, primes } = kernel
  const [x, y] = [toWords(a), toWords(b)]
  return fromWords(x.map((value, i) => (value + y[i]!) % primes[Math.floor(i / degree) % dataPrimeCount]!))
}

/** a − b over the data primes, as bytes. */
export function subtract(kernel: Kernel, a: Uint8Array, b: Uint8Array): Uint8Array {
  return add(kernel, a, product(kernel, b, fromWords(toWords(b).map(() => 1n)), [-1n, -1n, -1n]))
}

/** Σ f_i(α_self) over the contributors i, over the data primes: a share uses it. */
export function dealtSum(kernel: Kernel, key: MemberKey, contributors: readonly number[]): Uint8Array {
  const { degree, polynomialBytes, dataPrimeCount } = kernel
  const dealt = polynomialBytes + 8 * extraResidues(TEST_ROUNDS) * dataPrimeCount
  const first = degree + DEALING_SEED_BYTES
  return key.material.reveal((material) =>
    contributors
      .map((i) => material.subarray(first + dealt * i, first + dealt * i + polynomialBytes))
      .reduce((sum, share) => add(kernel, sum, share), new Uint8Array(polynomialBytes)),
  )
}

/** a·(λ·x)·sign over the data primes, x = Σ f_i(α_self) over the contributors, without any noise. */
export function bareShare(
  kernel: Kernel,
  a: Uint8Array,
  key: MemberKey,
  contributors: readonly number[],
  lambdas: readonly bigint[],
  sign: 1n | -1n = 1n,
): Uint8Array {
  return product(
    kernel,
    a,
    dealtSum(kernel, key, contributors),
    lambdas.map((lambda) => sign * lambda),
  )
}

/** a·b·λ over the data primes, NTT form. */
export function product(kernel: Kernel, a: Uint8Array, b: Uint8Array, lambdas: readonly bigint[]): Uint8Array {
  const { degree, primes } = kernel
  const [x, y] = [toWords(a), toWords(b)]
  return fromWords(
    x.map((value, i) => {
      const l = Math.floor(i / degree)
      const p = primes[l]!
      return (((value * y[i]!) % p) * ((lambdas[l]! + p) % p)) % p
    }),
  )
}

/** A polynomial given by its coefficients (any integers), over the first `count` primes, NTT form. */
export function polynomialOfCoefficients(
  kernel: Kernel,
  values: readonly bigint[],
  count = kernel.dataPrimeCount,
): Uint8Array {
  const parts = kernel.primes.slice(0, count).map((p, l) => {
    const block = place(
      kernel,
      values.map((value) => ((value % p) + p) % p),
    )
    kernel.calls.forward(kernel.records[l]!, block.at, kernel.logDegree)
    const out = kernel.read(block)
    kernel.release(block)
    return out
  })
  return new Uint8Array(Buffer.concat(parts))
}

/** Coefficients of the member's own secret: −1, 0, 1. */
export function ownSecret(kernel: Kernel, key: MemberKey): bigint[] {
  return key.material.reveal((material) =>
    Array.from(material.subarray(0, kernel.degree), (digit) => (digit === 2 ? -1n : BigInt(digit))),
  )
}

/** Uniform residues over the data primes, as a guesser would send. */
export function garbage(kernel: Kernel): Uint8Array {
  const { degree, dataPrimeCount, primes } = kernel
  return fromWords(Array.from({ length: dataPrimeCount }, (_, l) => residues(degree, primes[l]!)).flat())
}
