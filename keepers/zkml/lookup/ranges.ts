// SPDX-License-Identifier: GPL-3.0-or-later
// Proves all requested ranges of a circuit by the logarithmic derivative argument (Habök, "Multivariate lookups based on
// logarithmic derivatives", ePrint 2022/1530, lemma 5). The values v₁ … vₙ are all in the table {0, …, 2^w − 1} if and only if
// multiplicities m_t exist with Σ 1 / (X − vᵢ) = Σ m_t / (X − t). The prover commits to values and multiplicities before the
// challenge X is drawn, so the identity of rational functions holds for all but n + 2^w of r values of X.
//
//   uᵢ · (X − vᵢ) = 1     one constraint a value
//   w_t · (X − t) = m_t   one a row
//   Σ uᵢ = Σ w_t
//
// The lowest limb of a range is not a wire: it is the expression that the other limbs leave.
import { SCALAR_FIELD } from '../bn254.ts'
import { CircuitError } from '../circuit/errors.ts'
import { invert, modulo } from '../circuit/quadratic.ts'
import { type Builder, CHALLENGE, type RangeRequest } from './builder.ts'
import { constant, type Linear, minus, Sum, scaled, single, ZERO } from './linear.ts'
import { planTables, RangeCounts, type TablePlan } from './tables.ts'

class Table {
  readonly values: Linear[] = []
  readonly width: number

  constructor(width: number) {
    this.width = width
  }
}

/** Adds what proves the ranges asked for so far; nothing may be asked for afterwards. */
export function proveRanges(builder: Builder): TablePlan {
  const counts = new RangeCounts()
  for (const { bits, exact } of builder.ranges) counts.add(bits, exact)
  const plan = planTables(counts, builder.allowsChallenge)
  const tables = new Map(plan.widths.map((width) => [width, new Table(width)]))
  for (const request of builder.ranges) proveRange(builder, request, plan, tables)
  for (const table of tables.values()) proveLookups(builder, table)
  return plan
}

function proveRange(builder: Builder, request: RangeRequest, plan: TablePlan, tables: Map<number, Table>): void {
  const { value, bits, exact } = request
  const { widths, scale } = plan.limbsOf(bits, exact)
  const low = new Sum().add(value)
  let at = widths[0]!
  for (const [i, width] of widths.entries()) {
    if (i === 0) continue
    const from = 2 ** at
    const [size, isLast] = [2 ** width, i + 1 === widths.length]
    // An excess above the last limb stays in that limb, and is then not in its table.
    const limb = builder.hint((values) => {
      const above = Math.floor(values.integer(value) / from)
      return isLast ? above : above % size
    })
    low.add(limb, -from)
    proveLimb(builder, limb, width, isLast ? scale : 0, tables)
    at += width
  }
  proveLimb(builder, low.take(), widths[0]!, widths.length === 1 ? scale : 0, tables)
}

function proveLimb(
  builder: Builder,
  limb: Linear,
  width: number,
  scale: number,
  tables: ReadonlyMap<number, Table>,
): void {
  if (width === 1) {
    builder.constrain(limb, minus(limb, constant(1)), ZERO)
    return
  }
  const { values } = tables.get(width)!
  values.push(limb)
  if (scale > 0) values.push(scaled(limb, 2 ** scale))
}

function proveLookups(builder: Builder, { width, values: looked }: Table): void {
  const rows = 2 ** width
  const counts = Array.from({ length: rows }, () => builder.wire(1))
  builder.step((values) => {
    const found = new Float64Array(rows)
    for (const value of looked) {
      const row = values.integer(value)
      if (row < 0 || row >= rows) throw new CircuitError('witness-refused', `${row} is not in [0, ${rows - 1}]`)
      found[row]!++
    }
    for (const [row, wire] of counts.entries()) values.set(wire, found[row]!)
  })

  const challenge = single(CHALLENGE)
  const inverses = looked.map(() => builder.wire(2))
  const weighted = counts.map(() => builder.wire(2))
  builder.step((values) => {
    const x = values.wire(CHALLENGE)
    const inverse = invertAll(Array.from({ length: rows }, (_, row) => x - BigInt(row)))
    for (const [i, wire] of inverses.entries()) {
      const row = values.integer(looked[i]!)
      values.set(wire, inverse[row]!)
    }
    for (const [row, wire] of weighted.entries())
      values.set(wire, (values.wire(counts[row]!) * inverse[row]!) % SCALAR_FIELD)
  }, 2)
  const difference = new Sum()
  for (const [i, wire] of inverses.entries()) {
    builder.constrain(single(wire), minus(challenge, looked[i]!), constant(1))
    difference.addWire(wire, 1)
  }
  for (const [row, wire] of weighted.entries()) {
    builder.constrain(single(wire), minus(challenge, constant(row)), single(counts[row]!))
    difference.addWire(wire, -1)
  }
  builder.constrain(difference.take(), constant(1), ZERO)
}

/** Montgomery's trick: one inversion for all. */
function invertAll(values: readonly bigint[]): bigint[] {
  const before: bigint[] = []
  let product = 1n
  for (const value of values) {
    before.push(product)
    product = (product * value) % SCALAR_FIELD
  }
  let inverse = invert(product)
  const result: bigint[] = new Array(values.length)
  for (let i = values.length - 1; i >= 0; i--) {
    result[i] = modulo(inverse * before[i]!)
    inverse = (inverse * values[i]!) % SCALAR_FIELD
  }
  return result
}
