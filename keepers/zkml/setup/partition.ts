// SPDX-License-Identifier: GPL-3.0-or-later
// Derives from an r1cs alone that its second round leaves a prover no freedom: every wire of this round is a polynomial or a fraction in
// the challenges that the first round determines, and every wire affects an identity. docs/zkml-lookups.md has the argument.
//
// A constraint that names wires of the second round or challenges either defines one wire or is an identity:
//   polynomial   A · B = C gives the wire by a constant coefficient from polynomials
//   quotient     u · K = N, where K and N are polynomials and K is not the zero polynomial for any commitment
//   sum          a linear constraint gives the wire from quotients and sums (only where no quotient or polynomial follows)
//   identity     no unknown wire; a product of polynomials, or linear
// A sum or quotient is never multiplied or divided: partial fractions then show which poles an identity has, so that nobody can
// compute a multiplicity or a looked-up value from the identity that must check it.
import { SCALAR_FIELD } from '../bn254.ts'
import { inverse } from '../kernel/kernel.ts'
import {
  type ChallengeFunction,
  challenge,
  type Fraction,
  fixed,
  modulo,
  neverZero,
  type Polynomial,
  product,
  sumOfFractions,
  sumOfPolynomials,
} from './challenge-degrees.ts'
import { SetupError } from './errors.ts'
import type { R1cs } from './r1cs.ts'
import { type Combination, type DependentConstraint, dependentConstraints } from './second-round.ts'
import { bordersOf, requireShape, type TwoRoundShape, wireName } from './two-round-shape.ts'

/** The rule and the constraint that determine a wire of the second round. */
export type Definition = { readonly kind: 'polynomial' | 'quotient' | 'sum'; readonly constraint: number }

export type Partition = {
  readonly shape: TwoRoundShape
  /** For each wire of the second round, in order. */
  readonly definitions: readonly Definition[]
  /** Constraints that hold for few challenges unless they hold for all. */
  readonly identities: readonly number[]
  /** Bad pairs of challenges are a share of at most 2^−soundnessBits: the union bound over identities and denominators. */
  readonly soundnessBits: number
}

/** A challenge is a hash without its lowest 8 bits. */
export const CHALLENGE_BITS = 248
/** A prover may try many commitments: the remaining probability must still be negligible. */
const LEAST_SOUNDNESS_BITS = 128
/** Degrees are doubles: beyond 2^53 a rounded one would hide that leading terms cancel. Sums of a few of these stay exact. */
const MOST_DEGREE = 2 ** 50

/**
 * Throws SetupError `r1cs-unsupported` naming a wire that stays free, affects no identity, or is used in a way that the argument does not
 * cover.
 */
export function checkPartition(r1cs: R1cs, shape: TwoRoundShape, name = 'r1cs'): Partition {
  requireShape(shape, r1cs.header, name)
  return new Analysis(r1cs, shape, name).run()
}

/** The definition of a wire; at most `zeros` challenges make a denominator vanish. */
type Step = {
  readonly wire: number
  readonly value: ChallengeFunction
  readonly definition: Definition
  readonly zeros: number
}

class Analysis {
  readonly #shape: TwoRoundShape
  readonly #name: string
  readonly #rows: readonly DependentConstraint[]
  readonly #byIndex: ReadonlyMap<number, DependentConstraint>
  readonly #second: number
  readonly #variables: number
  readonly #values = new Map<number, ChallengeFunction>()
  readonly #definitions = new Map<number, Definition>()
  readonly #constant: Polynomial
  readonly #free: Polynomial
  #degree = 0

  constructor(r1cs: R1cs, shape: TwoRoundShape, name: string) {
    this.#shape = shape
    this.#name = name
    this.#second = bordersOf(shape).secondRound
    this.#variables = r1cs.header.variables
    this.#rows = dependentConstraints(r1cs, bordersOf(shape))
    this.#byIndex = new Map(this.#rows.map((row) => [row.index, row]))
    this.#constant = fixed(shape.challenges, 1n)
    this.#free = fixed(shape.challenges, null)
    for (let i = 0; i < shape.challenges; i++) {
      this.#values.set(bordersOf(shape).challenges + i, challenge(shape.challenges, i))
    }
  }

  run(): Partition {
    this.#define()
    const defining = new Set([...this.#definitions.values()].map(({ constraint }) => constraint))
    const identities = this.#rows.filter(({ index }) => !defining.has(index))
    for (const row of identities) this.#degree += this.#identityDegree(row)
    this.#requireUse(identities)
    for (const row of identities) this.#requireDistinctRows(row)
    const soundnessBits = CHALLENGE_BITS - Math.log2(Math.max(1, this.#degree))
    if (!(soundnessBits >= LEAST_SOUNDNESS_BITS)) {
      throw this.#fail(
        `the identities are of degree 2^${Math.log2(this.#degree).toFixed(0)} in the challenges: ${LEAST_SOUNDNESS_BITS} bits of soundness need 2^${CHALLENGE_BITS - LEAST_SOUNDNESS_BITS} at most`,
      )
    }
    const definitions = Array.from(
      { length: this.#variables - this.#second },
      (_, i) => this.#definitions.get(this.#second + i)!,
    )
    return { shape: this.#shape, definitions, identities: identities.map(({ index }) => index), soundnessBits }
  }

  /** Follows constraints with one unknown wire: polynomials first, then quotients; sums only when nothing else follows. */
  #define(): void {
    const unknowns = new Map<DependentConstraint, Set<number>>()
    const uses = new Map<number, DependentConstraint[]>()
    for (const row of this.#rows) {
      const wires = new Set([...row.wires].filter((wire) => wire >= this.#second))
      unknowns.set(row, wires)
      for (const wire of wires) {
        const rows = uses.get(wire)
        if (rows === undefined) uses.set(wire, [row])
        else rows.push(row)
      }
    }
    const waiting: Record<Definition['kind'], Step[]> = { polynomial: [], quotient: [], sum: [] }
    const consider = (row: DependentConstraint) => {
      const left = unknowns.get(row)!
      // The sum over a table has thousands of wires, and this runs after each of them.
      if (left.size !== 1) return
      const [wire] = left
      const step = this.#follow(row, wire!)
      if (step !== null) waiting[step.definition.kind].push(step)
    }
    for (const row of this.#rows) consider(row)
    for (;;) {
      const step = waiting.polynomial.pop() ?? waiting.quotient.pop() ?? waiting.sum.pop()
      if (step === undefined) break
      if (this.#definitions.has(step.wire)) continue
      if (step.value.of === 'polynomial' && step.value.total > MOST_DEGREE) {
        throw this.#fail(`${wireName(this.#shape, step.wire)} is of degree above 2^50 in the challenges`)
      }
      this.#values.set(step.wire, step.value)
      this.#definitions.set(step.wire, step.definition)
      this.#degree += step.zeros
      for (const row of uses.get(step.wire)!) {
        unknowns.get(row)!.delete(step.wire)
        consider(row)
      }
    }
    for (let wire = this.#second; wire < this.#variables; wire++) {
      if (!this.#definitions.has(wire)) throw this.#fail(this.#whyFree(wire))
    }
  }

  /** The wire from a constraint with all other wires known; null when no rule determines it. */
  #follow({ index, a, b, c }: DependentConstraint, wire: number): Step | null {
    const [inA, inB, inC] = [a, b, c].map((side) => side.get(wire) ?? 0n) as [bigint, bigint, bigint]
    // Quadratic in the wire: two values may satisfy it.
    if (inA !== 0n && inB !== 0n) return null
    // wire · K + side · factor − C = 0 for K = own · factor − inC, the wire left out of side and C.
    const [own, side, factor] = inB !== 0n ? [inB, b, a] : [inA, a, b]
    const divisor = scaled(factor, own, inC)
    const denominator = this.#combine(divisor, -1)
    const rest = this.#sides(side, factor, c, wire)
    if (denominator?.of !== 'polynomial' || rest === null || !neverZero(denominator)) return null
    if ([...divisor.keys()].every((name) => name === 0)) {
      if (rest.of === 'fraction') {
        return { wire, value: rest, definition: { kind: 'sum', constraint: index }, zeros: 0 }
      }
      const coefficient = modulo(-inverse(divisor.get(0)!, SCALAR_FIELD))
      const value = sumOfPolynomials(this.#shape.challenges, [{ coefficient, value: rest }])
      return { wire, value, definition: { kind: 'polynomial', constraint: index }, zeros: 0 }
    }
    if (rest.of !== 'polynomial') return null
    const value: Fraction = { of: 'fraction', numerator: rest.total, denominator: denominator.total }
    return { wire, value, definition: { kind: 'quotient', constraint: index }, zeros: denominator.total }
  }

  /** A · B − C with one wire left out; null where a fraction would be multiplied by more than a constant. */
  #sides(a: Combination, b: Combination, c: Combination, without: number): ChallengeFunction | null {
    const [left, right] = [this.#combine(a, without), this.#combine(b, without)]
    const rest = this.#combine(c, without)
    if (left === null || right === null || rest === null) return null
    const fractions = [left, right].filter(({ of }) => of === 'fraction')
    if (fractions.length === 0) {
      const multiplied = product(left as Polynomial, right as Polynomial)
      if (rest.of === 'polynomial') {
        return sumOfPolynomials(this.#shape.challenges, [
          { coefficient: 1n, value: multiplied },
          { coefficient: -1n, value: rest },
        ])
      }
      return sumOfFractions([multiplied, rest])
    }
    const other = left.of === 'fraction' ? b : a
    if (fractions.length > 1 || [...other.keys()].some((name) => name !== 0)) return null
    return sumOfFractions([...fractions, rest])
  }

  /** A linear combination without one wire (−1: with all); null when a wire of it is unknown. */
  #combine(combination: Combination, without: number): ChallengeFunction | null {
    const terms: { coefficient: bigint; value: Polynomial }[] = []
    const fractions: ChallengeFunction[] = []
    for (const [wire, coefficient] of combination) {
      if (wire === without || coefficient === 0n) continue
      const value = this.#valueOf(wire)
      if (value === undefined) return null
      if (value.of === 'polynomial') terms.push({ coefficient, value })
      else fractions.push(value)
    }
    const polynomial = sumOfPolynomials(this.#shape.challenges, terms)
    return fractions.length === 0 ? polynomial : sumOfFractions([polynomial, ...fractions])
  }

  #valueOf(wire: number): ChallengeFunction | undefined {
    if (wire === 0) return this.#constant
    return this.#values.get(wire) ?? (wire < this.#second ? this.#free : undefined)
  }

  /** For how many values of a challenge a false identity can hold. */
  #identityDegree({ index, a, b, c }: DependentConstraint): number {
    const difference = this.#sides(a, b, c, -1)
    if (difference === null) {
      const culprit = [...a.keys(), ...b.keys()].find((wire) => this.#values.get(wire)?.of === 'fraction')
      throw this.#fail(
        `constraint ${index} multiplies ${wireName(this.#shape, culprit!)}, which is a quotient; quotients may only be added`,
      )
    }
    return difference.of === 'polynomial' ? difference.total : difference.numerator
  }

  /** A wire that affects no identity, such as a lookup outside every sum, satisfies its own constraint and checks nothing. */
  #requireUse(identities: readonly DependentConstraint[]): void {
    const used = new Set<number>()
    const queue: DependentConstraint[] = [...identities]
    for (let row = queue.pop(); row !== undefined; row = queue.pop()) {
      for (const wire of row.wires) {
        if (wire < this.#second || used.has(wire)) continue
        used.add(wire)
        queue.push(this.#byIndex.get(this.#definitions.get(wire)!.constraint)!)
      }
    }
    for (let wire = this.#second; wire < this.#variables; wire++) {
      if (!used.has(wire)) {
        throw this.#fail(
          `${wireName(this.#shape, wire)} bears on no identity, so that its constraint checks nothing; use it in a sum or leave it out`,
        )
      }
    }
  }

  /** Equal rows of a table leave their multiplicities free, and the first round with them. */
  #requireDistinctRows(identity: DependentConstraint): void {
    const seen = new Map<string, number>()
    const sums = new Set<number>()
    const queue = [identity]
    for (let row = queue.pop(); row !== undefined; row = queue.pop()) {
      for (const wire of row.wires) {
        const definition = this.#definitions.get(wire)
        if (definition === undefined || definition.kind === 'polynomial' || sums.has(wire)) continue
        sums.add(wire)
        const defining = this.#byIndex.get(definition.constraint)!
        if (definition.kind === 'sum') {
          queue.push(defining)
          continue
        }
        const key = this.#tableRow(defining, wire)
        if (key === null) continue
        const other = seen.get(key)
        if (other !== undefined) {
          throw this.#fail(
            `${wireName(this.#shape, other)} and ${wireName(this.#shape, wire)} stand for the same row of a table; rows must differ`,
          )
        }
        seen.set(key, wire)
      }
    }
  }

  /** The denominator of a quotient that only constants and challenges make up, scaled to begin with 1; null for any other. */
  #tableRow({ a, b, c }: DependentConstraint, wire: number): string | null {
    const [own, factor] = b.has(wire) ? [b.get(wire)!, a] : [a.get(wire) ?? 0n, b]
    const divisor = scaled(factor, own, c.get(wire) ?? 0n)
    const wires = [...divisor.keys()].sort((x, y) => y - x)
    if (wires.some((name) => name >= bordersOf(this.#shape).firstRound)) return null
    if (wires.some((name) => name > 0 && name < bordersOf(this.#shape).challenges)) return null
    const scale = inverse(divisor.get(wires[0]!)!, SCALAR_FIELD)
    return wires.map((name) => `${name}:${modulo(divisor.get(name)! * scale)}`).join(' ')
  }

  #whyFree(wire: number): string {
    const rows = this.#rows.filter((row) => row.wires.has(wire))
    const where = rows.length === 0 ? 'no constraint names it' : `constraints ${some(rows.map(({ index }) => index))}`
    return `${wireName(this.#shape, wire)} is not determined by the first round and the challenges (${where}); what the prover chooses belongs to the first round`
  }

  #fail(what: string): SetupError {
    return new SetupError('r1cs-unsupported', `${this.#name}: ${what}`)
  }
}

/** factor · own − constant. */
function scaled(factor: Combination, own: bigint, constant: bigint): Combination {
  const sum = new Map<number, bigint>()
  if (own !== 0n) for (const [wire, value] of factor) sum.set(wire, modulo(value * own))
  const zeroth = modulo((sum.get(0) ?? 0n) - constant)
  if (zeroth === 0n) sum.delete(0)
  else sum.set(0, zeroth)
  return sum
}

function some(indices: readonly number[]): string {
  return indices.length <= 4 ? indices.join(', ') : `${indices.slice(0, 4).join(', ')} and ${indices.length - 4} more`
}
