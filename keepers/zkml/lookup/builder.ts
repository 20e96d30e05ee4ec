// SPDX-License-Identifier: GPL-3.0-or-later
// Gadgets write into this: wires, constraints, and the steps that compute the wires of a witness. Gadgets only ask for ranges;
// ranges.ts proves them all at the end, when it is known which tables serve them best.
import { SCALAR_FIELD } from '../bn254.ts'
import { type Coefficient, constant, isConstant, type Linear, minus, scaled, single, ZERO } from './linear.ts'
import type { Values } from './values.ts'

/** A · B = C. */
export type Constraint = { readonly a: Linear; readonly b: Linear; readonly c: Linear }

/** Computes wires from wires that steps before it have computed. */
export type Step = (values: Values) => void

/** 0 ≤ value < 2^bits is to be proven; where `exact` is false, 0 ≤ value < 2^(bits + a few) is enough. */
export type RangeRequest = { readonly value: Linear; readonly bits: number; readonly exact: boolean }

/** The statement of every circuit, in the order of the public signals. */
export const PUBLIC_WIRES = { modelCommitment: 0, inputCommitment: 1, result: 2, context: 3 } as const
const PUBLIC = 4

/** The wire of the challenge X: public, and computed by the verifier from the commitment to round 1. */
export const CHALLENGE = 4

export type Round = 1 | 2

export class Builder {
  /** False: a circuit for plain Groth16, which has no challenge. */
  readonly allowsChallenge: boolean
  /** True: nobody reads the constraints but to count them, and writers leave long expressions out (cost.ts). */
  readonly onlyCounts: boolean
  /** Constraints that were counted without being written. */
  counted = 0
  readonly constraints: Constraint[] = []
  readonly ranges: RangeRequest[] = []
  readonly steps: Record<Round, Step[]> = { 1: [], 2: [] }
  /** The round of every wire; public signals are known before both. */
  readonly rounds: Round[] = Array.from({ length: PUBLIC + 1 }, () => 1)

  constructor(allowsChallenge: boolean, onlyCounts = false) {
    this.allowsChallenge = allowsChallenge
    this.onlyCounts = onlyCounts
  }

  get wires(): number {
    return this.rounds.length
  }

  /** Whether anything needs the challenge. */
  get hasChallenge(): boolean {
    return this.steps[2].length > 0
  }

  /** A new wire, which a step has to compute. Those of round 2 depend on the challenge; all else is of round 1. */
  wire(round: Round = 1): number {
    return this.rounds.push(round) - 1
  }

  /** The wire of the public signal that a prover gives. */
  context(): number {
    return PUBLIC_WIRES.context
  }

  step(step: Step, round: Round = 1): void {
    this.steps[round].push(step)
  }

  constrain(a: Linear, b: Linear, c: Linear): void {
    this.constraints.push({ a, b, c })
  }

  /** One constraint. */
  equate(a: Linear, b: Linear): void {
    this.constrain(minus(a, b), constant(1), ZERO)
  }

  /** A wire with this value: one linear constraint. */
  keep(x: Linear, round: Round = 1): Linear {
    const wire = this.wire(round)
    this.step((values) => values.set(wire, values.field(x)), round)
    this.equate(x, single(wire))
    return single(wire)
  }

  /** The value of a public signal: one linear constraint. */
  publish(name: keyof typeof PUBLIC_WIRES, x: Linear): void {
    const wire = PUBLIC_WIRES[name]
    this.step((values) => values.set(wire, values.field(x)))
    this.equate(x, single(wire))
  }

  /** a · b: one constraint, and none where one of them is constant. */
  product(a: Linear, b: Linear, round: Round = 1): Linear {
    if (isConstant(a)) return scaled(b, a.constant)
    if (isConstant(b)) return scaled(a, b.constant)
    const wire = this.wire(round)
    this.step((values) => values.set(wire, (values.field(a) * values.field(b)) % SCALAR_FIELD), round)
    this.constrain(a, b, single(wire))
    return single(wire)
  }

  /** a · b for integers with a product of at most 53 bits: the same constraint, and a faster step. */
  integerProduct(a: Linear, b: Linear): Linear {
    if (isConstant(a)) return scaled(b, a.constant)
    if (isConstant(b)) return scaled(a, b.constant)
    const wire = this.wire()
    this.step((values) => values.set(wire, values.integer(a) * values.integer(b)))
    this.constrain(a, b, single(wire))
    return single(wire)
  }

  /** A wire that a prover may choose; constraints must determine its value. */
  hint(compute: (values: Values) => Coefficient): Linear {
    const wire = this.wire()
    this.step((values) => values.set(wire, compute(values)))
    return single(wire)
  }

  range(value: Linear, bits: number, exact: boolean): void {
    const { constant: known } = value
    // Seen to hold. Its lookup would stand for a row of the table, which the set-up refuses.
    if (isConstant(value) && typeof known === 'number' && known >= 0 && known < 2 ** bits) return
    if (bits > 0) this.ranges.push({ value, bits, exact })
    // Nothing but zero has no bits.
    else this.equate(value, ZERO)
  }
}
