// SPDX-License-Identifier: GPL-3.0-or-later
// Every gadget against every answer that a prover could give, for every small operand: exactly one is accepted, and it is the right
// one. Each of its constraints and ranges is needed: without it another answer passes.
import { expect } from 'chai'
import { invert, modulo } from '../../../../keepers/zkml/circuit/quadratic.ts'
import { Builder } from '../../../../keepers/zkml/lookup/builder.ts'
import {
  firstLargest,
  floorShift,
  isNonNegative,
  isZero,
  larger,
  splitSign,
} from '../../../../keepers/zkml/lookup/gadgets.ts'
import { type Linear, minus, shifted, single } from '../../../../keepers/zkml/lookup/linear.ts'
import { planTables, RangeCounts } from '../../../../keepers/zkml/lookup/tables.ts'
import { Values } from '../../../../keepers/zkml/lookup/values.ts'

/** What a prover tries for each wire: small integers of both signs, and some fractions. */
const REACH = 9
const ANSWERS = [
  ...Array.from({ length: 2 * REACH + 1 }, (_, i) => modulo(BigInt(i - REACH))),
  ...[2, 3, 4, 5, -2, -3, -4, -5].map((value) => invert(BigInt(value))),
]

type Gadget = {
  readonly operands: number
  /** Operands are tried from −most to most. */
  readonly most: number
  write(builder: Builder, operands: readonly Linear[]): Linear
  expected(...operands: number[]): number
  /** Conditions whose lack changes no answer, and why they are there. */
  readonly spare?: Readonly<Record<number, string>>
}

const GADGETS: Readonly<Record<string, Gadget>> = {
  'floorShift by 2': {
    operands: 1,
    most: 16,
    write: (builder, [x]) => {
      const quotient = floorShift(builder, x!, 2)
      builder.range(shifted(quotient, 4), 4, false)
      return quotient
    },
    expected: (x) => Math.floor(x / 4),
  },
  'splitSign, the positive part of a quotient': {
    operands: 1,
    most: 8,
    write: (builder, [x]) => splitSign(builder, x!, 1, 4).positive,
    expected: (x) => Math.max(0, Math.floor(x / 2)),
  },
  'splitSign, the quotient': {
    operands: 1,
    most: 8,
    write: (builder, [x]) => {
      const { positive, negative } = splitSign(builder, x!, 1, 4)
      return minus(positive, negative)
    },
    expected: (x) => Math.floor(x / 2),
  },
  'splitSign without a shift': {
    operands: 1,
    most: 8,
    write: (builder, [x]) => splitSign(builder, x!, 0, 8).positive,
    expected: (x) => Math.max(0, x),
  },
  larger: {
    operands: 2,
    most: 4,
    write: (builder, [a, b]) => larger(builder, a!, b!, 8),
    expected: (a, b) => Math.max(a, b),
  },
  isNonNegative: {
    operands: 1,
    most: 8,
    write: (builder, [x]) => isNonNegative(builder, x!, 8),
    expected: (x) => +(x >= 0),
  },
  isZero: {
    operands: 1,
    most: 5,
    write: (builder, [x]) => isZero(builder, x!),
    expected: (x) => +(x === 0),
    spare: { 2: 'pins the inverse of zero' },
  },
  'firstLargest of two': {
    operands: 2,
    most: 2,
    write: (builder, operands) => firstLargest(builder, operands, 4).index,
    expected: (a, b) => (b > a ? 1 : 0),
    spare: { 0: 'what the other flag leaves of 1 is a bit', 1: 'likewise' },
  },
}

type Written = { readonly builder: Builder; readonly free: readonly number[]; readonly out: Linear }

/** The gadget on operands that are wires; `free` are those that a prover chooses. */
function write(gadget: Gadget): Written & { readonly operands: readonly number[] } {
  const builder = new Builder(true)
  const operands = Array.from({ length: gadget.operands }, () => builder.wire())
  const before = builder.wires
  const out = gadget.write(builder, operands.map(single))
  const made = new Set(
    builder.constraints.flatMap(({ c }) => (c.wires.length === 1 && c.constant === 0 ? c.wires : [])),
  )
  const free = Array.from({ length: builder.wires - before }, (_, i) => before + i).filter((wire) => !made.has(wire))
  return { builder, free, out, operands }
}

/** All values of the output with which some answers satisfy everything but what is left out. */
function outputs({ builder, free, out }: Written, values: Values, without: number): Set<bigint> {
  const found = new Set<bigint>()
  const { constraints, ranges } = builder
  const holds = () => {
    for (const [i, { a, b, c }] of constraints.entries()) {
      const product = modulo(values.field(a) * values.field(b))
      const [wire, ...others] = c.wires
      if (wire !== undefined && others.length === 0 && !free.includes(wire)) values.set(wire, product)
      else if (i !== without && product !== values.field(c)) return false
    }
    return ranges.every(
      ({ value, bits }, i) => constraints.length + i === without || values.field(value) < 2n ** BigInt(bits),
    )
  }
  const choose = (at: number) => {
    if (at === free.length) {
      if (holds()) found.add(values.field(out))
      return
    }
    for (const answer of ANSWERS) {
      values.set(free[at]!, answer)
      choose(at + 1)
    }
  }
  choose(0)
  return found
}

describe('gadgets of circuits with lookups', function () {
  this.timeout(60_000)

  for (const [name, gadget] of Object.entries(GADGETS)) {
    it(`${name}: one answer, and the right one`, () => {
      const written = write(gadget)
      for (const operands of tuples(gadget)) {
        const values = new Values(written.builder.wires)
        for (const [i, wire] of written.operands.entries()) values.set(wire, operands[i]!)
        const found = [...outputs(written, values, -1)]
        expect(found, `${name} of ${operands}`).to.deep.equal([modulo(BigInt(gadget.expected(...operands)))])
      }
    })

    it(`${name}: needs every constraint and range`, () => {
      const written = write(gadget)
      const { constraints, ranges } = written.builder
      for (let left = 0; left < constraints.length + ranges.length; left++) {
        // What makes a product is no condition.
        const c = constraints[left]?.c
        if (c !== undefined && c.wires.length === 1 && !written.free.includes(c.wires[0]!)) continue
        if (gadget.spare?.[left] !== undefined) continue
        const forged = tuples(gadget).some((operands) => {
          const values = new Values(written.builder.wires)
          for (const [i, wire] of written.operands.entries()) values.set(wire, operands[i]!)
          return outputs(written, values, left).size > 1
        })
        expect(forged, `${name} without its condition ${left}`).to.equal(true)
      }
    })
  }

  function tuples({ operands, most }: Gadget): number[][] {
    const one = Array.from({ length: 2 * most + 1 }, (_, i) => i - most)
    return operands === 1 ? one.map((x) => [x]) : one.flatMap((x) => one.map((y) => [x, y]))
  }
})

describe('the tables of ranges', () => {
  const counted = (requests: readonly { readonly bits: number; readonly exact: boolean }[]) => {
    const counts = new RangeCounts()
    for (const { bits, exact } of requests) counts.add(bits, exact)
    return counts
  }

  it('put every number of bits together, exactly where that is asked for', () => {
    for (const counts of [
      [900, 8],
      [900, 10],
      [30, 9],
      [5000, 13],
      [3, 7],
    ] as const) {
      const requests = Array.from({ length: counts[0] }, (_, i) => ({
        value: single(9),
        bits: i % 3 === 0 ? counts[1] : 1 + (i % counts[1]),
        exact: i % 2 === 0,
      }))
      const plan = planTables(counted(requests), true)
      for (const { bits, exact } of requests) {
        const { widths, scale } = plan.limbsOf(bits, exact)
        const sum = widths.reduce((total, width) => total + width, 0) - scale
        if (exact) expect(sum, `${bits} bits`).to.equal(bits)
        else expect(sum, `${bits} bits at least`).to.be.at.least(bits)
        for (const width of widths) expect([1, ...plan.widths]).to.include(width)
      }
      const bits = requests.reduce((total, request) => total + request.bits, 0)
      expect(plan.constraints).to.be.at.most(bits)
    }
  })

  it('are left out of plain circuits, and where they cost more than bits', () => {
    const requests = [{ value: single(9), bits: 6, exact: true }]
    expect(planTables(counted(requests), true).widths).to.deep.equal([])
    const many = Array.from({ length: 1000 }, () => requests[0]!)
    expect(planTables(counted(many), true).widths).to.deep.equal([6])
    expect(planTables(counted(many), false)).to.include({ constraints: 6000 })
  })
})
