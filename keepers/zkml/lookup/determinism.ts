// SPDX-License-Identifier: GPL-3.0-or-later
// Proves, from constraints and shape alone, that a prover has no freedom in the first round of a circuit with lookups: given the
// inputs, every wire that it commits to has one value. Facts of the second round count as axioms (facts.ts), after checkPartition has
// found that they are facts. To the rules of ../circuit/determinism.ts come these; "known" means fixed by the inputs.
//  A. Limbs. 0 ≤ L < size, all unknown wires of L are integers in proven intervals, and each coefficient exceeds the most that size and
//     the smaller ones can make up for: all of them are known.
//  B. Signs. A · B = 0, A + B in [0, M], A − B known: both are known. Unknown wires p · n = 0 with p, n ≥ 0 count as one, p − n, in A.
//  C. Answers. c = a · K with K known and a boolean, and an expression E of c and a that is proven to be in [low, high], where E(0) + E(1) is
//     a constant outside [2 low, 2 high]: only one of the two values of a is possible.
//  D. First largest. Boolean flags sum to 1; flag i says best = sᵢ. Where for any two flags some pair of proven intervals contradicts
//     their both being possible, all flags and best are known.
//  E. Multiplicities are known once all lookups of their table are.
//  F. Identities of polynomials in the challenge determine coefficients that stand at powers of their own.
import { SCALAR_FIELD } from '../bn254.ts'
import { type Combination, ConstraintSystem, centred } from '../circuit/constraints.ts'
import { booleanWire, type Row, rowsOf, twoValued, undetermined } from '../circuit/determinism.ts'
import { invert, modulo } from '../circuit/quadratic.ts'
import { checkPartition } from '../setup/partition.ts'
import { parseR1cs } from '../setup/r1cs.ts'
import { bordersOf, type TwoRoundShape } from '../setup/two-round-shape.ts'
import { type Facts, factsOf, type Membership } from './facts.ts'
import { boundsOf, type Interval, type WireBounds } from './wire-bounds.ts'

const HALF = SCALAR_FIELD >> 1n

/**
 * The wires of the first round, and public signals, that no rule pins down when `given` are fixed; ascending.
 * @throws SetupError `r1cs-unsupported` where the second round is not a function of the first and the challenge
 */
export function undeterminedFirstRound(r1cs: Uint8Array, shape: TwoRoundShape, given: Iterable<number>): number[] {
  const partition = checkPartition(parseR1cs(r1cs, 'r1cs'), shape)
  const system = ConstraintSystem.parse(r1cs)
  const rows = rowsOf(system)
  const rules = new Rules(rows, factsOf(rows, partition))
  const { challenges, firstRound, secondRound } = bordersOf(shape)
  return undetermined(system, given, (isKnown) => rules.apply(isKnown)).filter(
    (wire) => wire < secondRound && (wire < challenges || wire >= firstRound),
  )
}

/** A · B = 0. */
type Pair = { readonly a: Combination; readonly b: Combination }
/** c · factor = flag · K. */
type Answer = { readonly flag: number; readonly result: number; readonly multiple: Combination }

class Rules {
  readonly #facts: Facts
  readonly #memberships: readonly Membership[]
  readonly #byWire = new Map<number, Membership[]>()
  readonly #bounds: WireBounds
  readonly #pairs: readonly Pair[]
  readonly #signs: ReadonlyMap<number, number>
  readonly #answers: readonly Answer[]
  readonly #oneHots: readonly (readonly number[])[]
  readonly #gated: ReadonlyMap<number, readonly Combination[]>

  constructor(rows: readonly Row[], facts: Facts) {
    this.#facts = facts
    const booleans = new Set(rows.flatMap((row) => booleanWire(row) ?? []))
    this.#memberships = [...facts.memberships, ...rows.flatMap((row) => twoValues(row) ?? [])]
    for (const each of this.#memberships)
      for (const wire of each.value.keys()) {
        const list = this.#byWire.get(wire)
        if (list === undefined) this.#byWire.set(wire, [each])
        else list.push(each)
      }
    const products = rows.filter(({ a, b, c }) => c.size === 0 && a.size > 0 && b.size > 0)
    this.#pairs = products.filter((row) => twoValued(row) === null)
    this.#signs = signsOf(this.#pairs)
    this.#bounds = boundsOf(this.#memberships, booleans, this.#signs)
    this.#answers = rows.flatMap((row) => answersOf(row, booleans))
    this.#oneHots = rows.flatMap((row) => oneHotOf(row, booleans) ?? [])
    const gated = new Map<number, Combination[]>()
    for (const { a, b } of this.#pairs)
      for (const [side, other] of [[a, b] as const, [b, a] as const]) {
        const flag = onlyWire(side)
        if (flag !== null && booleans.has(flag)) gated.set(flag, [...(gated.get(flag) ?? []), other])
      }
    this.#gated = gated
  }

  apply(isKnown: (wire: number) => boolean): Set<number> {
    const learnt = new Set<number>()
    const known = (wire: number) => wire === 0 || isKnown(wire) || learnt.has(wire)
    const learn = (wires: Iterable<number>) => {
      for (const wire of wires) if (!known(wire)) learnt.add(wire)
    }
    for (const membership of this.#memberships) learn(this.#limbs(membership, known))
    for (const pair of this.#pairs) learn(this.#signed(pair, known))
    for (const answer of this.#answers) if (this.#decides(answer, known)) learn([answer.flag])
    for (const flags of this.#oneHots) learn(this.#firstLargest(flags, known))
    for (const { values, counts } of this.#facts.tables)
      if (values.every((value) => [...value.keys()].every(known))) learn(counts)
    for (const { unknowns, others } of this.#facts.identities) if ([...others].every(known)) learn(unknowns)
    return learnt
  }

  /** Rule A. */
  #limbs({ value, size }: Membership, known: (wire: number) => boolean): number[] {
    const unknown = [...value.keys()].filter((wire) => !known(wire))
    if (unknown.length === 0) return []
    const spans: { readonly weight: bigint; readonly span: bigint }[] = []
    const done = new Set<number>()
    for (const wire of unknown) {
      if (done.has(wire)) continue
      const bounds = this.#bounds.get(wire)
      if (bounds === undefined) return []
      const weight = value.get(wire)!
      const other = this.#signs.get(wire)
      const opposite = other !== undefined && unknown.includes(other) && value.get(other) === -weight
      const others = opposite ? this.#bounds.get(other) : undefined
      if (others !== undefined && bounds.low >= 0n && others.low >= 0n) {
        done.add(other!)
        spans.push({ weight: abs(weight), span: bounds.high + others.high })
      } else spans.push({ weight: abs(weight), span: bounds.high - bounds.low })
    }
    spans.sort((x, y) => (x.weight < y.weight ? -1 : x.weight > y.weight ? 1 : 0))
    let sum = size - 1n
    for (const { weight, span } of spans) {
      if (weight <= sum) return []
      sum += weight * span
    }
    return sum < HALF ? unknown : []
  }

  /** Rule B. */
  #signed({ a, b }: Pair, known: (wire: number) => boolean): number[] {
    const difference = added(a, b, -1n)
    const unknown = [...a.keys()].filter((wire) => !known(wire))
    if (unknown.length !== 1 || [...difference.keys()].some((wire) => !known(wire))) return []
    const sum = added(a, b, 1n)
    const isProven = (this.#byWire.get(unknown[0]!) ?? []).some((membership) => {
      // All of the sum, beside wires that have bounds.
      const interval = this.#less(membership.size, added(membership.value, sum, -1n))
      return interval !== null && interval.low >= 0n && interval.high < HALF
    })
    return isProven ? unknown : []
  }

  /** Rule C. */
  #decides({ flag, result, multiple }: Answer, known: (wire: number) => boolean): boolean {
    if (known(flag) || [...multiple.keys()].some((wire) => !known(wire))) return false
    return (this.#byWire.get(result) ?? []).some((membership) => {
      const { value } = membership
      const isPart = (wire: number) => wire === flag || wire === result || known(wire)
      const interval = this.#without(membership, (wire) => !isPart(wire))
      if (interval === null) return false
      // E(0) + E(1): all known terms twice, and the terms of the answer 1 once.
      let sum: Combination = new Map([[0, value.get(flag) ?? 0n]])
      for (const [wire, weight] of value)
        if (wire !== flag && wire !== result && isPart(wire)) sum = added(sum, new Map([[wire, weight]]), 2n)
      sum = added(sum, multiple, value.get(result)!)
      return this.#contradicts(sum, interval, interval)
    })
  }

  /** Rule D. */
  #firstLargest(flags: readonly number[], known: (wire: number) => boolean): number[] {
    if (flags.every(known)) return []
    const best = flags
      .flatMap((flag) => this.#gated.get(flag) ?? [])
      .flatMap((side) => [...side.keys()])
      .find((wire) => !known(wire))
    if (best === undefined) return []
    const asked = this.#byWire.get(best) ?? []
    const isFlag = new Set(flags)
    /** For each flag the proven expressions, as they are if it is the one. */
    const cases: { readonly value: Combination; readonly interval: Interval }[][] = []
    for (const flag of flags) {
      const says = (this.#gated.get(flag) ?? []).find((side) => side.has(best))
      if (says === undefined || [...says.keys()].some((wire) => wire !== best && !known(wire))) return []
      const scale = -invert(modulo(says.get(best)!))
      cases.push(
        asked.flatMap((membership) => {
          const isPart = (wire: number) => wire === best || isFlag.has(wire) || known(wire)
          const interval = this.#without(membership, (wire) => !isPart(wire))
          if (interval === null) return []
          let value: Combination = new Map()
          for (const [wire, weight] of membership.value) {
            if (wire === best) {
              const rest = new Map([...says].filter(([name]) => name !== best))
              value = added(value, rest, modulo(weight * scale))
            } else if (wire === flag) value = added(value, new Map([[0, weight]]), 1n)
            else if (!isFlag.has(wire) && isPart(wire)) value = added(value, new Map([[wire, weight]]), 1n)
          }
          return [{ value, interval }]
        }),
      )
    }
    for (let i = 0; i < flags.length; i++)
      for (let j = i + 1; j < flags.length; j++) {
        const excluded = cases[i]!.some((x) =>
          cases[j]!.some((y) => this.#contradicts(added(x.value, y.value, 1n), x.interval, y.interval)),
        )
        if (!excluded) return []
      }
    return [...flags, best]
  }

  /** Whether a sum of two proven values is a constant that no such pair can reach. */
  #contradicts(sum: Combination, x: Interval, y: Interval): boolean {
    if ([...sum.keys()].some((wire) => wire !== 0)) return false
    const constant = centred(modulo(sum.get(0) ?? 0n))
    const [low, high] = [x.low + y.low, x.high + y.high]
    return high - low < HALF && low > -HALF && high < HALF && (constant < low || constant > high)
  }

  /** The interval of a membership's expression without the wires that `isLeftOut` names; null where one of them has no bounds. */
  #without({ value, size }: Membership, isLeftOut: (wire: number) => boolean): Interval | null {
    return this.#less(size, new Map([...value].filter(([wire]) => wire !== 0 && isLeftOut(wire))))
  }

  /** [0, size − 1] − rest. */
  #less(size: bigint, rest: Combination): Interval | null {
    const less = this.#bounds.of(rest)
    return less === null ? null : { low: -less.high, high: size - 1n - less.low }
  }
}

/** x · (x − v) = 0 as 0 ≤ x / v < 2. */
function twoValues(row: Row): Membership | null {
  const pair = twoValued(row)
  if (pair === null) return null
  const inverse = invert(modulo(pair.value))
  return { value: added(new Map(), pair.expression, inverse), size: 2n }
}

/** Wires p and n, one of them 0. */
function signsOf(pairs: readonly Pair[]): ReadonlyMap<number, number> {
  const signs = new Map<number, number>()
  for (const { a, b } of pairs) {
    const [p, n] = [onlyWire(a), onlyWire(b)]
    if (p === null || n === null) continue
    signs.set(p, n)
    signs.set(n, p)
  }
  return signs
}

function answersOf({ a, b, c }: Row, booleans: ReadonlySet<number>): Answer[] {
  const result = onlyWire(c)
  if (result === null) return []
  const inverse = invert(modulo(c.get(result)!))
  return [[a, b] as const, [b, a] as const].flatMap(([side, other]) => {
    const flag = onlyWire(side)
    if (flag === null || !booleans.has(flag)) return []
    return [{ flag, result, multiple: added(new Map(), other, modulo(side.get(flag)! * inverse)) }]
  })
}

function oneHotOf({ a, b, c }: Row, booleans: ReadonlySet<number>): (readonly number[])[] | null {
  const flags = [...c.keys()].filter((wire) => wire !== 0)
  if (a.size > 0 || b.size > 0 || flags.length < 2) return null
  const unit = c.get(flags[0]!)!
  const isOne = c.get(0) === -unit && flags.every((wire) => booleans.has(wire) && c.get(wire) === unit)
  return isOne ? [flags] : null
}

function onlyWire(side: Combination): number | null {
  const [wire, ...more] = side.keys()
  return wire === undefined || wire === 0 || more.length > 0 ? null : wire
}

/** x + factor · y, coefficients of least magnitude. */
function added(x: Combination, y: Combination, factor: bigint): Combination {
  const sum = new Map(x)
  for (const [wire, weight] of y) {
    const total = centred(modulo((sum.get(wire) ?? 0n) + factor * weight))
    if (total === 0n) sum.delete(wire)
    else sum.set(wire, total)
  }
  return sum
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value
}
