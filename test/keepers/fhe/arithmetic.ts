// SPDX-License-Identifier: GPL-3.0-or-later
// A slow, plain implementation of the ring, for the kernel to be held against.
import { randomBytes } from 'node:crypto'
import type { SecretShare } from '../../../keepers/fhe/index.ts'
import type { Block, Kernel } from '../../../keepers/fhe/kernel/kernel.ts'

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

/** c1·(λ·x)·sign over the data primes, without any noise. */
export function bareShare(
  kernel: Kernel,
  c1: Uint8Array,
  share: SecretShare,
  lambdas: readonly bigint[],
  sign: 1n | -1n = 1n,
): Uint8Array {
  const { degree, dataPrimeCount, primes } = kernel
  const c = toWords(c1)
  return share.material.reveal((material) => {
    const x = toWords(material.subarray(0, kernel.polynomialBytes))
    return fromWords(
      Array.from({ length: degree * dataPrimeCount }, (_, i) => {
        const l = Math.floor(i / degree)
        const p = primes[l]!
        return (((c[i]! * x[i]!) % p) * ((sign * lambdas[l]! + p) % p)) % p
      }),
    )
  })
}

/** Uniform residues over the data primes: what a guesser would send. */
export function garbage(kernel: Kernel): Uint8Array {
  const { degree, dataPrimeCount, primes } = kernel
  return fromWords(Array.from({ length: dataPrimeCount }, (_, l) => residues(degree, primes[l]!)).flat())
}
