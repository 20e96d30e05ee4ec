// SPDX-License-Identifier: GPL-3.0-or-later
import type { Block, Kernel } from './kernel/kernel.ts'
import { dataPrimes, type ParameterSet, powMod } from './parameters.ts'

/** Bits that a whole part of a value may have in a signed word, and its rest. */
const WORD_BITS = 61

/** Writes real numbers at one scale, in two words: up to 122 bits with the values' own. */
export class FixedPoint {
  readonly #top: number
  readonly #rest: number
  readonly #topFactors: readonly bigint[]
  readonly #restFactors: readonly bigint[]

  /** @param largest No value is larger. */
  constructor(set: ParameterSet, scaleBits: number, largest: number) {
    const top = Math.min(scaleBits, WORD_BITS - Math.ceil(Math.log2(largest)))
    const rest = Math.min(scaleBits - top, WORD_BITS)
    const powers = (exponent: number) => dataPrimes(set).map((p) => powMod(2n, BigInt(exponent), p))
    this.#top = 2 ** top
    this.#rest = 2 ** rest
    this.#topFactors = powers(scaleBits - top)
    this.#restFactors = powers(scaleBits - top - rest)
  }

  /** out ← N values at the scale: residues below their primes, not transformed. */
  write(kernel: Kernel, values: Float64Array, out: Block): void {
    kernel.borrow([8 * kernel.degree], (reals) => {
      kernel.write(reals!, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
      for (let l = 0; l < kernel.dataPrimeCount; l++) {
        const [at, record] = [kernel.residues(out, l), kernel.records[l]!]
        const factors = [this.#topFactors[l]!, this.#restFactors[l]!] as const
        kernel.calls.encodeReals(record, at, reals!.at, kernel.degree, this.#top, this.#rest, ...factors)
      }
    })
  }
}
