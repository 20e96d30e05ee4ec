// SPDX-License-Identifier: GPL-3.0-or-later
// Proves, from the r1cs alone, that signals have no freedom: given the values of some wires, every other wire has at most one value. The
// check is sound but incomplete: it lists the wires that it cannot prove, for a person to examine. (The idea comes from Ecne and Picus:
// Wang, "Ecne: Automated verification of zero knowledge circuits", 2022; Pailoor et al., PLDI 2023.)
//
// Rules, applied until nothing more follows. All arithmetic is in the field; "known" means fixed by the given wires.
//  1. In A · B = C, all wires known but one, which occurs in C alone: it is known.
//  2. In L · (L − v) = 0, L is 0 or v. If L's unknown wires are all boolean and their coefficients over v, together with 1, are
//     each larger than the sum of the smaller ones, and sum below the field's size: all of them are known. (Two solutions
//     would differ by a signed subset sum in {−1, 0, 1}, and only the empty one is.)
//  3. As 2 for a linear constraint over boolean wires, without the 1.
//  4. Boolean wires that sum to a known value 1, and whose sum with distinct coefficients is known (a one-hot vector and its
//     index): all of them are known.
//  5. d · y = 1 − z, d · z = 0, y · z = 0 with d known (a zero test): for d = 0, z = 1 and so y = 0; otherwise z = 0 and y = 1 / d.
//  6. In A · B = C with A and C known and one unknown wire in B: it is known if A, over boolean wires, is 0 for no values of
//     theirs (Xor3, Majority).
//  7. Likewise if C is a constant and not 0: then A is not 0 either.
//  8. Likewise if A and C are never 0 together. That is so for A = α + β z with z = σ P Q and
//      - any C, where P = Q and −α / (β σ) is not a square (BabyDouble);
//      - C = u P + v Q, where α v / (β σ u) is not a square: at C = 0, z is −σ P² u / v (BabyAdd).
//     P and Q are the two sides of the constraint that makes z; or, where those are products of two sides each, products of one
//     side of either.
import { SCALAR_FIELD } from '../bn254.ts'
import { type Combination, type ConstraintSystem, centred } from './constraints.ts'
import { addTo, combine, invert, isSquare, linear, modulo, multiple, product, type Quadratic } from './quadratic.ts'

/** Rule 6 tries all 2^wires values. */
const MOST_FACTOR_WIRES = 8

export type Row = { readonly a: Combination; readonly b: Combination; readonly c: Combination }

/** Wires that follow from known ones by facts beyond single constraints. */
export type FurtherRule = (isKnown: (wire: number) => boolean) => Iterable<number>

/** The wires that no rule pins down when `given` (and the constant) are fixed, ascending. `further`: asked where all else is done. */
export function undetermined(system: ConstraintSystem, given: Iterable<number>, further?: FurtherRule): number[] {
  return new Determination(system).run(given, further)
}

/** The constraints of a system; those that are linear because a side is constant have their terms in C alone. */
export function rowsOf(system: ConstraintSystem): Row[] {
  return Array.from({ length: system.header.constraints }, (_, k) =>
    linearised({ a: system.combination(k, 'a'), b: system.combination(k, 'b'), c: system.combination(k, 'c') }),
  )
}

function linearised(row: Row): Row {
  const isConstant = (side: Combination) => [...side.keys()].every((wire) => wire === 0)
  if (!isConstant(row.a) && !isConstant(row.b)) return row
  const [factor, side] = isConstant(row.b) ? [row.b.get(0) ?? 0n, row.a] : [row.a.get(0) ?? 0n, row.b]
  const c = new Map(row.c)
  for (const [wire, weight] of side) {
    const left = centred(modulo((c.get(wire) ?? 0n) - factor * weight))
    if (left === 0n) c.delete(wire)
    else c.set(wire, left)
  }
  return { a: new Map(), b: new Map(), c }
}

class Determination {
  private readonly system: ConstraintSystem
  private readonly rows: readonly Row[]
  private readonly boolean: ReadonlySet<number>
  private readonly known = new Set<number>([0])
  private readonly queue: number[] = []
  private readonly waiting: Uint8Array

  constructor(system: ConstraintSystem) {
    this.system = system
    this.rows = rowsOf(system)
    this.waiting = new Uint8Array(this.rows.length)
    const boolean = new Set<number>()
    for (const row of this.rows) {
      const wire = booleanWire(row)
      if (wire !== null) boolean.add(wire)
    }
    this.boolean = boolean
  }

  run(given: Iterable<number>, further: FurtherRule = () => []): number[] {
    for (let k = 0; k < this.rows.length; k++) this.enqueue(k)
    this.learn(given)
    for (;;) {
      for (let k = this.queue.pop(); k !== undefined; k = this.queue.pop()) {
        this.waiting[k] = 0
        this.learn(this.consequences(k))
      }
      const before = this.known.size
      this.learn(further((wire) => this.known.has(wire)))
      if (this.known.size === before) break
    }
    const { variables } = this.system.header
    return Array.from({ length: variables }, (_, wire) => wire).filter((wire) => !this.known.has(wire))
  }

  private enqueue(k: number): void {
    if (this.waiting[k] === 1) return
    this.waiting[k] = 1
    this.queue.push(k)
  }

  private learn(wires: Iterable<number>): void {
    for (const wire of wires) {
      if (this.known.has(wire)) continue
      this.known.add(wire)
      for (const k of this.system.constraintsOf(wire)) this.enqueue(k)
    }
  }

  private unknownIn(combination: Combination): number[] {
    return [...combination.keys()].filter((wire) => !this.known.has(wire))
  }

  private consequences(k: number): number[] {
    const row = this.rows[k]!
    const pair = twoValued(row)
    if (pair !== null) return this.distinctSums(pair.expression, pair.value)
    const inA = this.unknownIn(row.a)
    const inB = this.unknownIn(row.b)
    const inC = this.unknownIn(row.c)
    if (inA.length + inB.length > 0) {
      if (inA.length + inB.length === 1 && inC.length === 0) {
        const factor = inA.length === 0 ? row.a : row.b
        const pinned = isNonzeroConstant(row.c) || this.neverZero(factor) || this.neverZeroTogether(factor, row.c)
        return pinned ? [...inA, ...inB] : []
      }
      if (inC.length !== 1) return []
      return inB.length === 0
        ? this.zeroTest(row.a, row.b, row.c, inC[0]!)
        : this.zeroTest(row.b, row.a, row.c, inC[0]!)
    }
    if (inC.length === 1) return inC
    // A · B is known: a linear constraint on C.
    const direct = this.distinctSums(row.c, null)
    return direct.length > 0 ? direct : this.oneHot(row.c, inC)
  }

  /** Rules 2 (with `slack`, the other value of the expression) and 3. */
  private distinctSums(expression: Combination, slack: bigint | null): number[] {
    const unknown = this.unknownIn(expression)
    if (unknown.length === 0 || !unknown.every((wire) => this.boolean.has(wire))) return []
    const weights = unknown.map((wire) => expression.get(wire)!)
    const unit = slack ?? weights.reduce((least, weight) => (abs(weight) < abs(least) ? weight : least))
    const inverse = invert(unit)
    const scaled = weights.map((weight) => abs(centred(modulo(weight * inverse))))
    if (slack !== null) scaled.push(1n)
    scaled.sort((x, y) => (x < y ? -1 : x > y ? 1 : 0))
    let sum = 0n
    for (const weight of scaled) {
      if (weight <= sum) return []
      sum += weight
    }
    return sum < SCALAR_FIELD >> 1n ? unknown : []
  }

  /** Rule 6: no choice of its boolean wires makes the expression vanish. */
  private neverZero(expression: Combination): boolean {
    const wires = [...expression].filter(([wire]) => wire !== 0)
    if (wires.length > MOST_FACTOR_WIRES || !wires.every(([wire]) => this.boolean.has(wire))) return false
    let sums = [expression.get(0) ?? 0n]
    for (const [, weight] of wires) sums = sums.flatMap((sum) => [sum, sum + weight])
    return sums.every((sum) => modulo(sum) !== 0n)
  }

  /** Rule 8 for A = `expression`. */
  private neverZeroTogether(expression: Combination, c: Combination): boolean {
    const [z, ...others] = [...expression.keys()].filter((wire) => wire !== 0)
    const constant = expression.get(0)
    if (z === undefined || others.length > 0 || constant === undefined) return false
    const root = modulo(-constant * invert(expression.get(z)!))
    return this.productsOf(z).some(({ p, q, scale }) => {
      const ratio = multiple(p, q)
      if (ratio !== null) return !isSquare(modulo(root * ratio * invert(scale)))
      const sides = [linear(c), this.expanded(c)].map((form) => (form === null ? null : combine(form, p, q)))
      return sides.some((weights) => {
        if (weights === null) return false
        const [u, v] = weights
        return u !== 0n && v !== 0n && !isSquare(modulo(-root * v * invert(scale * u)))
      })
    })
  }

  /** All ways to write z = scale · p · q. */
  private productsOf(z: number): { p: Quadratic; q: Quadratic; scale: bigint }[] {
    const row = this.definitionOf(z)
    if (row === null) return []
    const scale = invert(row.c.get(z)!)
    const direct = { p: linear(row.a), q: linear(row.b), scale }
    const [first, second] = [row.a, row.b].map((side) => {
      const [wire, ...others] = side.keys()
      return wire === undefined || others.length > 0 ? null : this.definitionOf(wire)
    })
    if (!first || !second) return [direct]
    const [f, s] = [[...row.a][0]!, [...row.b][0]!]
    const deep = modulo(scale * f[1] * s[1] * invert(first.c.get(f[0])! * second.c.get(s[0])!))
    return [
      direct,
      { p: product(first.a, second.a), q: product(first.b, second.b), scale: deep },
      { p: product(first.a, second.b), q: product(first.b, second.a), scale: deep },
    ]
  }

  /** A constraint A · B = γ wire, with neither side a constant, that does not name the wire in A or B; null without one. */
  private definitionOf(wire: number): Row | null {
    const variable = (side: Combination) => !side.has(wire) && [...side.keys()].some((key) => key !== 0)
    const of = (k: number) => this.rows[k]!
    return (
      this.system
        .constraintsOf(wire)
        .map(of)
        .find(({ a, b, c }) => c.size === 1 && c.has(wire) && variable(a) && variable(b)) ?? null
    )
  }

  /** The combination with every wire replaced by the product that it is; null when one is not a product. */
  private expanded(combination: Combination): Quadratic | null {
    const form = new Map<string, bigint>()
    for (const [wire, weight] of combination) {
      const row = this.definitionOf(wire)
      if (row === null) return null
      const factor = weight * invert(row.c.get(wire)!)
      for (const [monomial, value] of product(row.a, row.b)) addTo(form, monomial, factor * value)
    }
    return form
  }

  /** Rule 4. `index` has distinct coefficients (0 for wires that it lacks) on the wires of a constraint Σ e = 1. */
  private oneHot(index: Combination, unknown: readonly number[]): number[] {
    if (!unknown.every((wire) => this.boolean.has(wire))) return []
    for (const k of this.system.constraintsOf(unknown[0]!)) {
      const row = this.rows[k]!
      if (row.a.size > 0 && row.b.size > 0) continue
      const members = [...row.c.keys()].filter((wire) => wire !== 0)
      const unit = row.c.get(members[0]!)!
      const sumsToOne = members.every((wire) => row.c.get(wire) === unit) && row.c.get(0) === -unit
      if (!sumsToOne || !members.every((wire) => this.boolean.has(wire))) continue
      if (!unknown.every((wire) => row.c.has(wire))) continue
      if (new Set(members.map((wire) => index.get(wire) ?? 0n)).size !== members.length) continue
      return members
    }
    return []
  }

  /** Rule 5 at the first of its three constraints: `factor` is y alone, `d` is known, and z is the unknown wire of `c`. */
  private zeroTest(factor: Combination, d: Combination, c: Combination, z: number): number[] {
    const [y] = factor.keys()
    if (factor.size !== 1 || y === undefined || this.unknownIn(d).length > 0) return []
    if (c.size !== 2 || c.get(0) === undefined) return []
    const isProduct = (other: Row, ...factors: readonly [(x: Combination) => boolean, (x: Combination) => boolean]) =>
      other.c.size === 0 &&
      ((factors[0](other.a) && factors[1](other.b)) || (factors[0](other.b) && factors[1](other.a)))
    const only = (wire: number) => (x: Combination) => x.size === 1 && x.has(wire)
    const isD = (x: Combination) => proportional(x, d) !== null
    // C = β + γ z vanishes at z = 1 only.
    if (modulo(c.get(0)! + c.get(z)!) !== 0n) return []
    const others = this.system.constraintsOf(z).map((k) => this.rows[k]!)
    const found = others.some((other) => isProduct(other, isD, only(z)))
    const pinned = others.some((other) => isProduct(other, only(y), only(z)))
    return found && pinned ? [y, z] : []
  }
}

/** For A · B = 0 with B = s·A + t, t ≠ 0: A is 0 or −t / s. Null for any other constraint. */
export function twoValued(row: Row): { expression: Combination; value: bigint } | null {
  if (row.c.size > 0 || row.a.size === 0 || row.b.size === 0) return null
  const wires = [...row.a.keys()].filter((wire) => wire !== 0)
  if (wires.length === 0 || [...row.b.keys()].filter((wire) => wire !== 0).length !== wires.length) return null
  const first = wires[0]!
  const s = modulo((row.b.get(first) ?? 0n) * invert(row.a.get(first)!))
  if (s === 0n) return null
  for (const wire of wires) {
    if (modulo(s * row.a.get(wire)! - (row.b.get(wire) ?? 0n)) !== 0n) return null
  }
  const t = modulo((row.b.get(0) ?? 0n) - s * (row.a.get(0) ?? 0n))
  return t === 0n ? null : { expression: row.a, value: centred(modulo(-t * invert(s))) }
}

/** The wire x of a constraint that says x ∈ {0, 1}, in whichever form the compiler left it; null for any other. */
export function booleanWire(row: Row): number | null {
  const pair = twoValued(row)
  if (pair === null) return null
  const [wire, ...others] = [...pair.expression.keys()].filter((key) => key !== 0)
  if (wire === undefined || others.length > 0) return null
  // L = a₀ + a₁ x is 0 or v, so x is −a₀ / a₁ or (v − a₀) / a₁.
  const constant = pair.expression.get(0) ?? 0n
  const inverse = invert(pair.expression.get(wire)!)
  const values = [modulo(-constant * inverse), modulo((pair.value - constant) * inverse)]
  return values.includes(0n) && values.includes(1n) ? wire : null
}

/** The factor f ≠ 0 with x = f · y, or null. */
function proportional(x: Combination, y: Combination): bigint | null {
  if (x.size !== y.size || x.size === 0) return null
  const [wire, weight] = [...y][0]!
  const factor = modulo((x.get(wire) ?? 0n) * invert(weight))
  if (factor === 0n) return null
  return [...y].every(([other, value]) => modulo(factor * value - (x.get(other) ?? 0n)) === 0n) ? factor : null
}

function isNonzeroConstant(combination: Combination): boolean {
  return combination.size === 1 && modulo(combination.get(0) ?? 0n) !== 0n
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value
}
