// SPDX-License-Identifier: GPL-3.0-or-later
// Shamir's scheme over each data prime (Shamir 1979), coefficient-wise on polynomials in NTT form, which is linear and
// so commutes with sharing. Member j's point is j + 1.
import { randomFillSync } from 'node:crypto'
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

/**
 * Deals `secret` (a polynomial over the data primes, NTT form, in kernel memory) to members 0 … n−1 with threshold t:
 * calls `give(j, share)` for each, `share` being lent only for the call.
 *
 * S(X) = secret + Σ_{1≤k<t} d_k·C(X, k), d_k uniform from the system's CSPRNG. The binomials are a basis of the
 * polynomials without constant term (k! has an inverse modulo a prime above t), so uniform d_k are uniform ordinary
 * coefficients; and the d_k are the forward differences of S at 0, so that S(1), S(2), … cost t − 1 additions each.
 */
export function deal(
  kernel: Kernel,
  secret: Block,
  members: number,
  threshold: number,
  give: (member: number, share: Uint8Array) => void,
): void {
  const { calls, degree, dataPrimeCount, polynomialBytes } = kernel
  const lengths = Array.from({ length: threshold }, () => polynomialBytes)
  kernel.borrow(lengths, (...differences) => {
    kernel.write(differences[0]!, kernel.view({ at: secret.at, length: polynomialBytes }))
    for (const difference of differences.slice(1)) fillUniform(kernel, difference)
    for (let j = 0; j < members; j++) {
      for (let k = 0; k + 1 < threshold; k++) {
        for (let l = 0; l < dataPrimeCount; l++) {
          const [sum, next] = [kernel.residues(differences[k]!, l), kernel.residues(differences[k + 1]!, l)]
          calls.addInto(kernel.records[l]!, sum, next, degree)
        }
      }
      give(j, kernel.view(differences[0]!))
    }
  })
}

/** Uniform residues for every data prime of a polynomial. Uniform in NTT form is uniform. */
function fillUniform(kernel: Kernel, polynomial: Block): void {
  const { calls, degree } = kernel
  // At most one word in 256 is rejected (the primes are that close to a power of two).
  const words = degree + (degree >> 6)
  kernel.borrow([8 * words], (random) => {
    for (let l = 0; l < kernel.dataPrimeCount; l++) {
      do randomFillSync(kernel.view(random))
      while (
        calls.uniformResidues(kernel.records[l]!, kernel.residues(polynomial, l), random.at, words, degree) < degree
      )
    }
  })
}
