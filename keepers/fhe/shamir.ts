// SPDX-License-Identifier: GPL-3.0-or-later
// Shamir's scheme over each data prime (Shamir 1979), coefficient-wise on polynomials in NTT form, which is linear and
// so commutes with sharing. Member j's point is j + 1.
import { ByteStream } from './byte-stream.ts'
import type { Block, Kernel } from './kernel/kernel.ts'
import { invert } from './kernel/layout.ts'

/** α_j: distinct, non-zero, and below every prime. `deal` walks through them in this order. */
export function pointOf(member: number): bigint {
  return BigInt(member + 1)
}

/**
 * λ_j = Π_{k∈A, k≠j} α_k / (α_k − α_j) mod p: with it Σ_{j∈A} λ_j·S(α_j) = S(0) for any S of degree below |A|.
 * Public values; `activeSet` holds distinct indices, j among them.
 */
export function lagrangeAtZero(activeSet: readonly number[], j: number, p: bigint): bigint {
  let numerator = 1n
  let denominator = 1n
  for (const k of activeSet) {
    if (k === j) continue
    numerator = (numerator * pointOf(k)) % p
    denominator = (denominator * (pointOf(k) - pointOf(j) + p)) % p
  }
  return (numerator * invert(denominator, p)) % p
}

/** One dealing: the values dealt, their seed, and the number of receivers. */
export type DealingOf = {
  /** The secret polynomial over the data primes, NTT form, in kernel memory. */
  readonly secret: Block
  /** 32 bytes: everything else of the dealing is expanded from it. Secret. */
  readonly seed: Uint8Array
  /** Residues modulo each data prime that are dealt beside the secret. */
  readonly extras: number
  readonly members: number
  readonly threshold: number
}

/** Bytes that one member is dealt: N + extras residues modulo each data prime. */
export function dealtBytes(kernel: Kernel, extras: number): number {
  return kernel.polynomialBytes + 8 * extras * kernel.dataPrimeCount
}

/** Address of the extras modulo prime `l` within a dealt vector; the polynomial comes first. */
export function extrasAt(kernel: Kernel, vector: Block, extras: number, l: number): number {
  return vector.at + kernel.polynomialBytes + 8 * extras * l
}

/**
 * Deals a vector (the secret polynomial, then uniform extras) to members 0 … n−1 with threshold t: calls `give(j, share)` for
 * each, `share` being lent only for the call.
 *
 * S(X) = Σ_{k<t} d_k·C(X, k), d_0 the vector, the other d_k uniform. The binomials are a basis (k! has an inverse modulo a
 * prime above t), so uniform d_k are uniform ordinary coefficients; and the d_k are the forward differences of S at 0, so
 * that S(1), S(2), … cost t − 1 additions each.
 */
export function deal(kernel: Kernel, of: DealingOf, give: (member: number, share: Uint8Array) => void): void {
  const { calls, degree, dataPrimeCount } = kernel
  const { extras, members, threshold } = of
  const length = dealtBytes(kernel, extras)
  const lengths = Array.from({ length: threshold }, () => length)
  kernel.borrow(lengths, (...differences) => {
    eachDifference(kernel, of, (k, difference) => kernel.write(differences[k]!, kernel.view(difference)))
    for (let j = 0; j < members; j++) {
      for (let k = 0; k + 1 < threshold; k++) {
        const [sum, next] = [differences[k]!, differences[k + 1]!]
        for (let l = 0; l < dataPrimeCount; l++) {
          const record = kernel.records[l]!
          calls.addInto(record, kernel.residues(sum, l), kernel.residues(next, l), degree)
          calls.addInto(record, extrasAt(kernel, sum, extras, l), extrasAt(kernel, next, extras, l), extras)
        }
      }
      give(j, kernel.view(differences[0]!))
    }
  })
}

/**
 * Lends the d_k of a dealing one after the other, expanded from its seed: item k of the stream holds words for the residues of
 * d_k modulo each prime (polynomial first, then extras), as those of a round polynomial are read. Of d_0 the polynomial is the secret.
 */
export function eachDifference(
  kernel: Kernel,
  of: Omit<DealingOf, 'members'>,
  use: (k: number, difference: Block) => void,
): void {
  const { calls, degree, dataPrimeCount } = kernel
  const { extras } = of
  const [forPolynomial, forExtras] = [wordsFor(degree), wordsFor(extras)]
  const itemBytes = 8 * (forPolynomial + forExtras) * dataPrimeCount
  const stream = new ByteStream(of.seed, itemBytes, 'secret')
  try {
    kernel.borrow([itemBytes, dealtBytes(kernel, extras)], (words, difference) => {
      const take = (l: number, at: number, from: number, available: number, count: number) => {
        const found = calls.uniformResidues(kernel.records[l]!, at, words!.at + 8 * from, available, count)
        if (found < count) throw new Error('the stream of a dealing ran out of words')
      }
      for (let k = 0; k < of.threshold; k++) {
        stream.read(k, kernel.view(words!))
        for (let l = 0; l < dataPrimeCount; l++) {
          take(l, kernel.residues(difference!, l), forPolynomial * l, forPolynomial, degree)
          const from = forPolynomial * dataPrimeCount + forExtras * l
          take(l, extrasAt(kernel, difference!, extras, l), from, forExtras, extras)
        }
        if (k === 0) {
          const { polynomialBytes: length } = kernel
          kernel.write({ at: difference!.at, length }, kernel.view({ at: of.secret.at, length }))
        }
        use(k, difference!)
      }
    })
  } finally {
    stream.close()
  }
}

/** Words for that many residues; about one in 2^38 is dropped. The number is even because the stream comes in blocks of two. */
function wordsFor(count: number): number {
  return count + 2 * Math.ceil((count >> 6) / 2) + 2
}

/** S(j + 1) modulo p of the polynomial with these forward differences at 0. Public values. */
export function evaluate(differences: readonly bigint[], member: number, p: bigint): bigint {
  const x = pointOf(member)
  let binomial = 1n
  let sum = 0n
  for (const [k, difference] of differences.entries()) {
    sum = (sum + (binomial % p) * difference) % p
    binomial = (binomial * (x - BigInt(k))) / BigInt(k + 1)
  }
  return sum
}
