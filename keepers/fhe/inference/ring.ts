// SPDX-License-Identifier: GPL-3.0-or-later
import { FheError } from '../errors.ts'
import type { Block } from '../kernel/kernel.ts'
import { Kernel } from '../kernel/kernel.ts'
import { insistOnSeal } from '../seal.ts'
import { Slots } from './slots.ts'
import type { InferenceTerms } from './terms.ts'

/** The kernel and the slots for one set of terms. All polynomials are over the data primes, NTT form. */
export class InferenceRing {
  readonly terms: InferenceTerms
  readonly kernel: Kernel
  readonly slots: Slots

  private constructor(terms: InferenceTerms, kernel: Kernel) {
    this.terms = terms
    this.kernel = kernel
    this.slots = new Slots(terms.set.degree)
  }

  /** @throws FheError invalid-parameters when SEAL finds the set insecure, not-built */
  static async open(terms: InferenceTerms): Promise<InferenceRing> {
    const [kernel] = await Promise.all([Kernel.open(terms), insistOnSeal(terms.set)])
    return new InferenceRing(terms, kernel)
  }

  /** sum ← sum + a·b */
  addProduct(sum: Block, a: Block, b: Block): void {
    const { kernel } = this
    for (const [l, record] of this.#data()) {
      const at = (block: Block) => kernel.residues(block, l)
      kernel.calls.multiplyAdd(record, at(sum), at(a), at(b), kernel.degree)
    }
  }

  /** sum ← sum − a·b, `a` given as bytes. */
  subtractProduct(sum: Block, a: Uint8Array, b: Block): void {
    const { kernel } = this
    kernel.borrow([kernel.polynomialBytes, kernel.polynomialBytes], (left, product) => {
      kernel.write(left!, a)
      kernel.view(product!).fill(0)
      this.addProduct(product!, left!, b)
      for (const [l, record] of this.#data()) {
        kernel.calls.subtractFrom(record, kernel.residues(sum, l), kernel.residues(product!, l), kernel.degree)
      }
    })
  }

  /** sum ← sum + values */
  add(sum: Block, values: Block): void {
    const { kernel } = this
    for (const [l, record] of this.#data()) {
      kernel.calls.addInto(record, kernel.residues(sum, l), kernel.residues(values, l), kernel.degree)
    }
  }

  /** sum ← sum + factor·values, for a whole number of any sign. */
  scaleAdd(sum: Block, values: Block, factor: bigint): void {
    const { kernel } = this
    for (const [l, record] of this.#data()) {
      const [to, from] = [kernel.residues(sum, l), kernel.residues(values, l)]
      kernel.calls.scaleAdd(record, to, from, modulo(factor, kernel.primes[l]!), kernel.degree)
    }
  }

  /** sum ← sum + a constant polynomial: the same number in every slot. */
  addConstant(sum: Block, constant: bigint): void {
    const { kernel } = this
    kernel.borrow([kernel.polynomialBytes], (values) => {
      for (const [l] of this.#data()) {
        const words = new BigUint64Array(kernel.calls.memory.buffer, kernel.residues(values!, l), kernel.degree)
        words.fill(modulo(constant, kernel.primes[l]!))
      }
      this.add(sum, values!)
    })
  }

  /** @throws FheError coefficient-out-of-range */
  insistInRange(bytes: Uint8Array, what: string): void {
    const { kernel } = this
    kernel.borrow([kernel.polynomialBytes], (block) => {
      kernel.write(block!, bytes)
      for (const [l, record] of this.#data()) {
        if (kernel.calls.allBelow(record, kernel.residues(block!, l), kernel.degree) === 1) continue
        throw new FheError('coefficient-out-of-range', `${what} has a residue that is not below its prime`)
      }
    })
  }

  /** The index and the kernel's record of each data prime. */
  #data(): readonly (readonly [number, number])[] {
    return this.kernel.records.slice(0, this.kernel.dataPrimeCount).map((record, l) => [l, record] as const)
  }
}

/** The residue of a whole number of any sign. */
export function modulo(value: bigint, p: bigint): bigint {
  const rest = value % p
  return rest < 0n ? rest + p : rest
}
