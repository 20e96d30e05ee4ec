// SPDX-License-Identifier: GPL-3.0-or-later
// Facts about a wire as a function of the challenges, whatever the first round committed to: its largest possible degree and, for
// each challenge, whether its leading coefficient is one and the same constant for every commitment.
import { SCALAR_FIELD } from '../bn254.ts'

/** As a polynomial in one challenge: no degree above this; `lead`, when known, is the coefficient at exactly this degree. */
type InOne = { readonly degree: number; readonly lead: bigint | null }

/** A polynomial in the challenges. `total` bounds its degree in all of them together. */
export type Polynomial = { readonly of: 'polynomial'; readonly total: number; readonly each: readonly InOne[] }

/** A polynomial over a polynomial that is not zero; a sum of such ones. Bounds of their total degrees. */
export type Fraction = { readonly of: 'fraction'; readonly numerator: number; readonly denominator: number }

export type ChallengeFunction = Polynomial | Fraction

/** Whatever does not depend on a challenge; the constant `value` when it is one. */
export function fixed(challenges: number, value: bigint | null): Polynomial {
  return { of: 'polynomial', total: 0, each: Array.from({ length: challenges }, () => ({ degree: 0, lead: value })) }
}

export function challenge(challenges: number, index: number): Polynomial {
  const each = Array.from({ length: challenges }, (_, i): InOne => {
    // In terms of another challenge it is some value of degree 0, and not a constant.
    return i === index ? { degree: 1, lead: 1n } : { degree: 0, lead: null }
  })
  return { of: 'polynomial', total: 1, each }
}

/** Σ coefficient · value over polynomials. */
export function sumOfPolynomials(
  challenges: number,
  terms: readonly { readonly coefficient: bigint; readonly value: Polynomial }[],
): Polynomial {
  const each = Array.from({ length: challenges }, (_, i): InOne => {
    const degree = terms.reduce((most, { value }) => Math.max(most, value.each[i]!.degree), 0)
    let lead: bigint | null = 0n
    for (const { coefficient, value } of terms) {
      const own = value.each[i]!
      if (own.degree < degree) continue
      lead = own.lead === null || lead === null ? null : modulo(lead + coefficient * own.lead)
    }
    return { degree, lead }
  })
  return { of: 'polynomial', total: terms.reduce((most, { value }) => Math.max(most, value.total), 0), each }
}

export function product(a: Polynomial, b: Polynomial): Polynomial {
  const each = a.each.map(({ degree, lead }, i): InOne => {
    const other = b.each[i]!
    return {
      degree: degree + other.degree,
      lead: lead === null || other.lead === null ? null : modulo(lead * other.lead),
    }
  })
  return { of: 'polynomial', total: a.total + b.total, each }
}

/** Whether it is a non-zero polynomial for every commitment: some leading coefficient is known and not zero. */
export function neverZero({ each }: Polynomial): boolean {
  return each.some(({ lead }) => lead !== null && lead !== 0n)
}

/** Degrees of the sum over the common denominator. */
export function sumOfFractions(values: readonly ChallengeFunction[]): Fraction {
  let [denominator, excess] = [0, 0]
  for (const value of values) {
    const own = value.of === 'fraction' ? value.denominator : 0
    denominator += own
    excess = Math.max(excess, (value.of === 'fraction' ? value.numerator : value.total) - own)
  }
  return { of: 'fraction', numerator: denominator + excess, denominator }
}

export function modulo(value: bigint): bigint {
  const rest = value % SCALAR_FIELD
  return rest < 0n ? rest + SCALAR_FIELD : rest
}
