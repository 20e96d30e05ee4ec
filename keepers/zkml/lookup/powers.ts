// SPDX-License-Identifier: GPL-3.0-or-later
// Polynomials with wires as coefficients, evaluated at the challenge.
import { type Builder, CHALLENGE } from './builder.ts'
import { constant, isConstant, type Linear, plus, single } from './linear.ts'

/** factor · X^power. */
export type Term = { readonly power: number; readonly factor: Linear }

/** Zeros of the architecture, such as padding from an earlier layer, add no terms. */
export function isNotZero({ factor }: Term): boolean {
  return !isConstant(factor) || factor.constant !== 0
}

/** Polynomials at the challenge. A coefficient costs one constraint, a gap between powers the first time one. */
export class Powers {
  readonly #builder: Builder
  readonly #known = new Map<number, Linear>([
    [0, constant(1)],
    [1, single(CHALLENGE)],
  ])

  constructor(builder: Builder) {
    this.#builder = builder
  }

  /** X^exponent, by squaring. */
  #power(exponent: number): Linear {
    const known = this.#known.get(exponent)
    if (known !== undefined) return known
    const half = Math.floor(exponent / 2)
    const power = this.#builder.product(this.#power(half), this.#power(exponent - half), 2)
    this.#known.set(exponent, power)
    return power
  }

  /** Σ factor · X^power by Horner's rule; no power twice. */
  evaluate(terms: readonly Term[]): Linear {
    const [first, ...rest] = terms.filter(isNotZero).sort((x, y) => y.power - x.power)
    if (first === undefined) return constant(0)
    let { power: at, factor: sum } = first
    for (const { power, factor } of rest) {
      // The sum may be a constant, and takes its power all the same.
      sum = plus(this.#builder.product(sum, this.#power(at - power), 2), factor)
      at = power
    }
    return at === 0 ? sum : this.#builder.product(sum, this.#power(at), 2)
  }
}
