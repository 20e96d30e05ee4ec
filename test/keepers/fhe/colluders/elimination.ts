// SPDX-License-Identifier: GPL-3.0-or-later
// Linear equations modulo a product of primes: Gauss's elimination over each, and the Chinese remainder theorem.
import { inverseMod } from '../arithmetic.ts'
import { modulo } from './seating.ts'

/**
 * x with A·x = b modulo all primes, from 0 to their product, for at least as many equations as unknowns, and one.
 *
 * @param rows [A | b], any integers.
 * @returns null when the equations contradict each other, or do not settle x.
 */
export function solved(rows: readonly (readonly bigint[])[], primes: readonly bigint[]): bigint[] | null {
  let [x, modulus]: [bigint[], bigint] = [[], 1n]
  for (const p of primes) {
    const next = solvedModulo(rows, p)
    if (next === null) return null
    const factor = modulus * inverseMod(modulo(modulus, p), p)
    modulus *= p
    x = next.map((value, i) => modulo((x[i] ?? 0n) + factor * (value - (x[i] ?? 0n)), modulus))
  }
  return x
}

function solvedModulo(rows: readonly (readonly bigint[])[], p: bigint): bigint[] | null {
  const m = rows.map((row) => row.map((value) => modulo(value, p)))
  const unknowns = m[0]!.length - 1
  for (let k = 0; k < unknowns; k++) {
    const pivot = m.findIndex((row, i) => i >= k && row[k] !== 0n)
    if (pivot < 0) return null
    ;[m[k], m[pivot]] = [m[pivot]!, m[k]!]
    const top = m[k]!
    const inverse = inverseMod(top[k]!, p)
    for (let j = k; j <= unknowns; j++) top[j] = (top[j]! * inverse) % p
    for (let i = k + 1; i < m.length; i++) {
      const row = m[i]!
      const factor = p - row[k]!
      for (let j = k; j <= unknowns; j++) row[j] = (row[j]! + factor * top[j]!) % p
    }
  }
  if (m.slice(unknowns).some((row) => row[unknowns] !== 0n)) return null
  const x = m.slice(0, unknowns).map((row) => row[unknowns]!)
  for (let k = unknowns - 1; k >= 0; k--) {
    for (let i = 0; i < k; i++) x[i] = modulo(x[i]! - m[i]![k]! * x[k]!, p)
  }
  return x
}
