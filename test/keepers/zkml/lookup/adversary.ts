// SPDX-License-Identifier: GPL-3.0-or-later
// A prover that may put anything into round 1, and afterwards does the best that it can with round 2. From the constraints alone: which
// expressions are looked up in which table, and what else has to hold.
import { expect } from 'chai'
import type { Combination, ConstraintSystem } from '../../../../keepers/zkml/circuit/constraints.ts'
import { invert, modulo } from '../../../../keepers/zkml/circuit/quadratic.ts'
import type { TwoRoundShape } from '../../../../keepers/zkml/setup/two-round-shape.ts'

type Lookup = { readonly value: Combination; readonly inverse: number }
type Row = { readonly constant: bigint; readonly count: number; readonly weighted: number }
type Table = { readonly lookups: readonly Lookup[]; readonly rows: readonly Row[] }

export class Adversary {
  readonly #system: ConstraintSystem
  readonly #tables: readonly Table[]
  readonly #challenge: number
  readonly #second: number
  /** Of X minus what is looked up: all attempts have the same X, and most of them look up the same. */
  readonly #inverses = new Map<bigint, bigint>()
  /** Wires of round 1 that are no multiplicities: what a witness says. */
  readonly says: readonly number[]

  constructor(system: ConstraintSystem, shape: TwoRoundShape) {
    this.#system = system
    this.#challenge = shape.publicSignals + 1
    const first = this.#challenge + 1
    this.#second = first + shape.firstRound
    this.#tables = this.#find()
    const counts = new Set(this.#tables.flatMap(({ rows }) => rows.map(({ count }) => count)))
    this.says = Array.from({ length: shape.firstRound }, (_, i) => first + i).filter((wire) => !counts.has(wire))
  }

  get lookups(): number {
    return this.#tables.reduce((sum, { lookups }) => sum + lookups.length, 0)
  }

  /**
   * Completes a changed round 1 as well as can be done: multiplicities are counted anew, and inverses computed.
   * Returns whether all constraints hold.
   */
  accepted(witness: readonly bigint[], changes: ReadonlyMap<number, bigint>): boolean {
    const changed = [...witness]
    for (const [wire, value] of changes) changed[wire] = value
    const x = changed[this.#challenge]!
    const evaluate = (combination: Combination) => {
      let sum = 0n
      for (const [wire, coefficient] of combination) sum += coefficient * changed[wire]!
      return modulo(sum)
    }
    for (const { lookups, rows } of this.#tables) {
      const counts = new Map(rows.map(({ constant }) => [constant, 0n]))
      for (const { value, inverse } of lookups) {
        const looked = evaluate(value)
        const count = counts.get(looked)
        // What is in no row has no multiplicity: whatever those of the others are, the sums are different functions of X.
        if (count === undefined) return false
        counts.set(looked, count + 1n)
        changed[inverse] = this.#inverseOf(modulo(x - looked))
      }
      for (const { constant, count, weighted } of rows) {
        changed[count] = counts.get(constant)!
        changed[weighted] = modulo(changed[count]! * this.#inverseOf(modulo(x - constant)))
      }
    }
    this.#computePolynomials(changed, evaluate)
    return this.#system.firstViolation(changed) === null
  }

  #inverseOf(element: bigint): bigint {
    const known = this.#inverses.get(element) ?? invert(element)
    this.#inverses.set(element, known)
    return known
  }

  /** Wires of round 2 that a product defines, in the order in which they are made. */
  #computePolynomials(changed: bigint[], evaluate: (combination: Combination) => bigint): void {
    const known = new Set(
      this.#tables.flatMap(({ lookups, rows }) => [
        ...lookups.map(({ inverse }) => inverse),
        ...rows.map(({ weighted }) => weighted),
      ]),
    )
    for (let wire = this.#second; wire < this.#system.header.variables; wire++) {
      if (known.has(wire)) continue
      const made = this.#system.constraintsOf(wire).find((k) => {
        const c = this.#system.combination(k, 'c')
        return c.size === 1 && c.has(wire)
      })
      changed[wire] = modulo(
        evaluate(this.#system.combination(made!, 'a')) * evaluate(this.#system.combination(made!, 'b')),
      )
    }
  }

  /** u · (X − v) = 1 is a lookup, w · (X − t) = m a row, and the table of both is the sum that they are in. */
  #find(): Table[] {
    const lookups = new Map<number, Lookup>()
    const rows = new Map<number, Row>()
    const sums: Combination[] = []
    for (let k = 0; k < this.#system.header.constraints; k++) {
      const [a, b, c] = (['a', 'b', 'c'] as const).map((side) => this.#system.combination(k, side)) as [
        Combination,
        Combination,
        Combination,
      ]
      const [wire] = a.keys()
      if (a.size === 1 && wire! >= this.#second && b.get(this.#challenge) === 1n) {
        const rest = new Map([...b].flatMap(([name, factor]) => (name === this.#challenge ? [] : [[name, -factor]])))
        const [count] = c.keys()
        if (count === 0) lookups.set(wire!, { value: rest, inverse: wire! })
        else rows.set(wire!, { constant: rest.get(0) ?? 0n, count: count!, weighted: wire! })
      } else if (a.size > 1 && b.size === 1 && b.get(0) === 1n && c.size === 0) sums.push(a)
    }
    return sums
      .filter((sum) => [...sum.keys()].every((wire) => lookups.has(wire) || rows.has(wire)))
      .map((sum) => ({
        lookups: [...sum.keys()].flatMap((wire) => lookups.get(wire) ?? []),
        rows: [...sum.keys()].flatMap((wire) => rows.get(wire) ?? []),
      }))
  }
}

/** Changes wires one by one, and pairs of them so that an expression that names both keeps its value: all must be refused. */
export function expectForgeriesRefused(
  adversary: Adversary,
  system: ConstraintSystem,
  witness: readonly bigint[],
  attempts: number,
  random: () => number,
): number {
  expect(adversary.accepted(witness, new Map()), 'the honest witness').to.equal(true)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const any = () => modulo(BigInt(Math.floor(random() * 2 ** 53)) ** 5n)
  const forged: string[] = []
  let tried = 0
  const attempt = (changes: ReadonlyMap<number, bigint>) => {
    if ([...changes].every(([wire, value]) => value === witness[wire])) return
    tried++
    if (adversary.accepted(witness, changes))
      forged.push([...changes].map(([wire, value]) => `wire ${wire}: ${witness[wire]} → ${value}`).join(', '))
  }
  for (let i = 0; i < attempts; i++) {
    const first = pick(adversary.says)
    const value = witness[first]!
    const delta = pick([1n, -1n, 2n, -2n, 1n << BigInt(Math.floor(random() * 20)), any()])
    if (i % 3 === 0) {
      attempt(new Map([[first, modulo(pick([value + delta, -value, 1n - value, 0n, any()]))]]))
      continue
    }
    const k = pick(system.constraintsOf(first))
    const combination = pick(
      (['a', 'b', 'c'] as const).map((side) => system.combination(k, side)).filter((side) => side.has(first)),
    )
    const others = [...combination.keys()].filter((wire) => wire !== first && adversary.says.includes(wire))
    if (others.length === 0) continue
    const second = pick(others)
    const [own, other] = [combination.get(first)!, combination.get(second)!]
    attempt(
      new Map([
        [first, modulo(value + delta * other)],
        [second, modulo(witness[second]! - delta * own)],
      ]),
    )
  }
  expect(forged, 'forgeries that the constraints accept').to.deep.equal([])
  return tried
}
