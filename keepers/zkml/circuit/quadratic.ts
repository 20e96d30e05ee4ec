// SPDX-License-Identifier: GPL-3.0-or-later
// Polynomials of degree 2 over the wires of a constraint system, and the field arithmetic that reasoning about them needs.
import { SCALAR_FIELD } from '../bn254.ts'
import type { Combination } from './constraints.ts'

/** A polynomial of degree 2 in wires: 'i,j' with i ≤ j → coefficient, not 0; wire 0 is the constant one. */
export type Quadratic = ReadonlyMap<string, bigint>

export function linear(combination: Combination): Quadratic {
  return new Map([...combination].map(([wire, weight]) => [`0,${wire}`, modulo(weight)]))
}

export function product(x: Combination, y: Combination): Quadratic {
  const form = new Map<string, bigint>()
  for (const [i, first] of x) {
    for (const [j, second] of y) addTo(form, i < j ? `${i},${j}` : `${j},${i}`, first * second)
  }
  return form
}

export function addTo(form: Map<string, bigint>, monomial: string, value: bigint): void {
  const sum = modulo((form.get(monomial) ?? 0n) + value)
  if (sum === 0n) form.delete(monomial)
  else form.set(monomial, sum)
}

/** The factor f with p = f · q, or null. */
export function multiple(p: Quadratic, q: Quadratic): bigint | null {
  const [[monomial, value]] = [...q] as [[string, bigint]]
  const factor = modulo((p.get(monomial) ?? 0n) * invert(value))
  const same = p.size === q.size && [...q].every(([key, weight]) => modulo(weight * factor) === p.get(key))
  return same ? factor : null
}

/** [u, v] with form = u p + v q, or null. */
export function combine(form: Quadratic, p: Quadratic, q: Quadratic): readonly [bigint, bigint] | null {
  const weight = (of: Quadratic, other: Quadratic): bigint | null => {
    const own = [...of].find(([key]) => !other.has(key))
    return own === undefined ? null : modulo((form.get(own[0]) ?? 0n) * invert(own[1]))
  }
  const [u, v] = [weight(p, q), weight(q, p)]
  if (u === null || v === null) return null
  const keys = new Set([...form.keys(), ...p.keys(), ...q.keys()])
  const fits = [...keys].every((key) => {
    return modulo(u * (p.get(key) ?? 0n) + v * (q.get(key) ?? 0n) - (form.get(key) ?? 0n)) === 0n
  })
  return fits ? [u, v] : null
}

/** Euler's criterion; 0 counts as a square. */
export function isSquare(element: bigint): boolean {
  let [result, base] = [1n, element]
  for (let exponent = (SCALAR_FIELD - 1n) >> 1n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % SCALAR_FIELD
    base = (base * base) % SCALAR_FIELD
  }
  return element === 0n || result === 1n
}

export function modulo(value: bigint): bigint {
  const remainder = value % SCALAR_FIELD
  return remainder < 0n ? remainder + SCALAR_FIELD : remainder
}

/** Inverse in the field by the extended Euclidean algorithm; 1 and −1, by far the most frequent, at once. */
export function invert(value: bigint): bigint {
  const element = modulo(value)
  if (element === 0n) throw new RangeError('zero has no inverse')
  if (element === 1n || element === SCALAR_FIELD - 1n) return element
  let [r0, r1, s0, s1] = [SCALAR_FIELD, element, 0n, 1n]
  while (r1 !== 0n) {
    const quotient = r0 / r1
    ;[r0, r1, s0, s1] = [r1, r0 - quotient * r1, s1, s0 - quotient * s1]
  }
  return modulo(s0)
}
