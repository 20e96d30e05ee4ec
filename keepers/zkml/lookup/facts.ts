// SPDX-License-Identifier: GPL-3.0-or-later
// The facts that the second round of a circuit establishes about its first: which expressions lie in which table, and which polynomials are
// equal. Read from the constraints that checkPartition classified; docs/zkml-lookups.md has the argument why these are facts.
import type { Combination } from '../circuit/constraints.ts'
import { centred } from '../circuit/constraints.ts'
import type { Row } from '../circuit/determinism.ts'
import { invert, modulo } from '../circuit/quadratic.ts'
import type { Partition } from '../setup/partition.ts'
import { bordersOf } from '../setup/two-round-shape.ts'

/** 0 ≤ value < size, as integers. */
export type Membership = { readonly value: Combination; readonly size: bigint }

/** Once all of its values are determined, so is how often each row occurs. */
export type Table = { readonly values: readonly Combination[]; readonly counts: readonly number[] }

/**
 * Σ factor · unknown · X^power + (what `others` determine) = 0 as polynomials: powers differ, so that the others determine the
 * unknowns.
 */
export type Identity = { readonly unknowns: ReadonlySet<number>; readonly others: ReadonlySet<number> }

export type Facts = {
  readonly memberships: readonly Membership[]
  readonly tables: readonly Table[]
  readonly identities: readonly Identity[]
}

export function factsOf(rows: readonly Row[], partition: Partition): Facts {
  const memberships: Membership[] = []
  const tables: Table[] = []
  const identities: Identity[] = []
  const reader = new Reader(rows, partition)
  for (const index of partition.identities) {
    const table = reader.table(rows[index]!)
    if (table !== null) {
      tables.push(table)
      for (const value of table.values) memberships.push({ value, size: BigInt(table.counts.length) })
      continue
    }
    identities.push(reader.identity(rows[index]!))
  }
  return { memberships, tables, identities }
}

type Quotient =
  | { readonly of: 'lookup'; readonly value: Combination; readonly numerator: bigint }
  | { readonly of: 'row'; readonly row: bigint; readonly count: number; readonly numerator: bigint }

/** factor · X^power. */
type Monomial = { readonly power: number; readonly factor: bigint }
const NOTHING: Monomial = { power: 0, factor: 0n }

class Reader {
  readonly #rows: readonly Row[]
  readonly #partition: Partition
  readonly #challenge: number
  readonly #first: number
  readonly #second: number
  /** Powers of the challenge: wires that are products of such. */
  readonly #powers = new Map<number, Monomial>()

  constructor(rows: readonly Row[], partition: Partition) {
    this.#rows = rows
    this.#partition = partition
    const borders = bordersOf(partition.shape)
    this.#challenge = borders.challenges
    this.#first = borders.firstRound
    this.#second = borders.secondRound
    this.#powers.set(0, { power: 0, factor: 1n })
    this.#powers.set(this.#challenge, { power: 1, factor: 1n })
    this.#findPowers()
  }

  /** Σ G / (X − v) = Σ G · m_t / (X − t) over the rows t = 0, 1, …, each once; null for any other identity. */
  table(identity: Row): Table | null {
    if (identity.a.size > 0) return null
    const values: Combination[] = []
    const counts = new Map<bigint, number>()
    let common: bigint | null = null
    for (const [wire, weight] of identity.c) {
      const quotient = this.#quotient(wire)
      if (quotient === null) return null
      const numerator = modulo(weight * quotient.numerator * (quotient.of === 'lookup' ? 1n : -1n))
      if (common !== null && numerator !== common) return null
      common = numerator
      if (quotient.of === 'lookup') values.push(quotient.value)
      else counts.set(quotient.row, quotient.count)
    }
    const inOrder = Array.from({ length: counts.size }, (_, row) => counts.get(BigInt(row)))
    if (counts.size === 0 || inOrder.some((count) => count === undefined)) return null
    return { values, counts: inOrder as number[] }
  }

  #quotient(wire: number): Quotient | null {
    if (wire < this.#second) return null
    const { kind, constraint } = this.#partition.definitions[wire - this.#second]!
    if (kind !== 'quotient') return null
    const { a, b, c } = this.#rows[constraint]!
    const [own, factor] = a.has(wire) ? [a, b] : [b, a]
    const slope = factor.get(this.#challenge)
    if (own.size !== 1 || slope === undefined || factor.has(wire) || c.size !== 1) return null
    const scale = invert(modulo(own.get(wire)! * slope))
    const value = new Map<number, bigint>()
    for (const [name, weight] of factor) {
      if (name === this.#challenge) continue
      if (!this.#isFirst(name)) return null
      value.set(name, centred(modulo(-weight * invert(modulo(slope)))))
    }
    const [[name, weight]] = [...c] as [[number, bigint]]
    const numerator = modulo(weight * scale)
    if (name === 0) return { of: 'lookup', value, numerator }
    if (name < this.#first || name >= this.#second || [...value.keys()].some((each) => each !== 0)) return null
    return { of: 'row', row: value.get(0) ?? 0n, count: name, numerator }
  }

  /** A wire that a prover commits to before the challenge, or knows anyway. */
  #isFirst(wire: number): boolean {
    return wire < this.#second && wire !== this.#challenge
  }

  #findPowers(): void {
    for (const [i, { kind, constraint }] of this.#partition.definitions.entries()) {
      const { a, b, c } = this.#rows[constraint]!
      const wire = this.#second + i
      const [x, y, z] = [this.#monomial(a), this.#monomial(b), c.get(wire)]
      if (kind !== 'polynomial' || x === null || y === null || z === undefined || c.size !== 1) continue
      this.#powers.set(wire, {
        power: x.power + y.power,
        factor: modulo(x.factor * y.factor * invert(modulo(z))),
      })
    }
  }

  /** A product with a power of the challenge: the other side, and that power; null where no side is one. */
  #scaled({ a, b }: Row): readonly [Combination, Monomial | null] {
    const power = this.#monomial(b)
    return power === null ? [b, this.#monomial(a)] : [a, power]
  }

  #monomial(side: Combination): Monomial | null {
    const [term, ...more] = side
    const known = term === undefined || more.length > 0 ? undefined : this.#powers.get(term[0])
    return known === undefined ? null : { power: known.power, factor: modulo(known.factor * term![1]) }
  }

  /**
   * Goes down from the identity to the wires of the first round. On the way a wire of the second round that is (sum) · X^k passes its own
   * factor and power on to the sum's terms; all that any other product rests on has to be known.
   */
  identity(row: Row): Identity {
    const terms = new Map<number, Map<number, bigint>>()
    const needed = new Set<number>()
    const visit = (side: Combination, power: number, factor: bigint) => {
      for (const [wire, weight] of side) {
        const at = this.#powers.has(wire) ? undefined : (terms.get(wire) ?? new Map<number, bigint>())
        if (at === undefined) continue
        at.set(power, modulo((at.get(power) ?? 0n) + factor * weight))
        terms.set(wire, at)
      }
    }
    const follow = (row: Row, wire: number, passed: ReadonlyMap<number, bigint>) => {
      const [side, by] = row.a.size === 0 ? [new Map<number, bigint>(), NOTHING] : this.#scaled(row)
      if (by === null) for (const each of [row.a, row.b]) for (const name of each.keys()) needed.add(name)
      const rest = new Map([...row.c].filter(([name]) => name !== wire))
      for (const [at, factor] of passed) {
        if (by !== null) visit(side, at + by.power, modulo(factor * by.factor))
        visit(rest, at, modulo(-factor))
      }
    }
    follow(row, -1, new Map([[0, 1n]]))
    for (const wire of this.#fromIdentity(row)) {
      const definition = this.#definition(wire)
      const isInProduct = definition.a.has(wire) || definition.b.has(wire)
      const own = isInProduct ? undefined : definition.c.get(wire)
      if (needed.has(wire) || own === undefined)
        for (const each of [definition.a, definition.b, definition.c]) for (const name of each.keys()) needed.add(name)
      // wire = (A · B − the rest of C) / own
      const scale = own === undefined ? 0n : invert(modulo(own))
      const passed = new Map([...(terms.get(wire) ?? [])].map(([at, factor]) => [at, modulo(factor * scale)]))
      follow(definition, wire, passed)
    }
    const others = new Set([...needed].filter((wire) => wire < this.#second && !this.#powers.has(wire)))
    const unknowns = new Set<number>()
    const powers = new Set<number>()
    for (const [wire, at] of terms) {
      const [only, ...more] = [...at].filter(([, factor]) => factor !== 0n)
      if (wire >= this.#second || only === undefined || others.has(wire)) continue
      if (more.length > 0 || powers.has(only[0])) others.add(wire)
      else {
        powers.add(only[0])
        unknowns.add(wire)
      }
    }
    return { unknowns, others }
  }

  /** Wires of the second round that an identity uses, each before the wires of its definition. */
  #fromIdentity(row: Row): number[] {
    const seen = new Set<number>()
    const after: number[] = []
    const below = ({ a, b, c }: Row) =>
      [a, b, c]
        .flatMap((side) => [...side.keys()])
        .filter((wire) => wire >= this.#second && !this.#powers.has(wire) && !seen.has(wire))
    const stack = below(row).map((wire) => ({ wire, isDone: false }))
    for (let step = stack.pop(); step !== undefined; step = stack.pop()) {
      const { wire, isDone } = step
      if (isDone) after.push(wire)
      else if (!seen.has(wire)) {
        seen.add(wire)
        stack.push({ wire, isDone: true })
        for (const next of below(this.#definition(wire))) stack.push({ wire: next, isDone: false })
      }
    }
    return after.reverse()
  }

  #definition(wire: number): Row {
    return this.#rows[this.#partition.definitions[wire - this.#second]!.constraint]!
  }
}
