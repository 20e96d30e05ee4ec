// SPDX-License-Identifier: GPL-3.0-or-later
import type { Core } from '../../../keepers/fhe/core.ts'
import { pack } from '../../../keepers/fhe/packing.ts'
import { inverseMod, toWords } from './arithmetic.ts'

/** The message of ciphertext `index` of a vector of weight 1: coefficients, at the plan's scale. */
export function encoded(core: Core, vector: ArrayLike<number>, index: number): bigint[] {
  const { kernel, plan } = core
  const [p, q] = kernel.primes as [bigint, bigint]
  const words = kernel.borrow([kernel.polynomialBytes], (out) => {
    core.encode(pack(plan, vector, 1, index), out!)
    return toWords(kernel.read(out!))
  })
  // Two data primes: Garner.
  const inverse = inverseMod(p % q, q)
  const Q = p * q
  return Array.from({ length: kernel.degree }, (_, k) => {
    const [a, b] = [words[k]!, words[kernel.degree + k]!]
    const value = a + p * (((((b - a) % q) + q) * inverse) % q)
    return value > Q / 2n ? value - Q : value
  })
}
