// SPDX-License-Identifier: GPL-3.0-or-later
// The exact cost of a program as a circuit with lookups, counted without writing the circuit; fast enough for every step of a search. A
// test holds the counts against written circuits.
import type { IntegerProgram } from '../graph/program.ts'
import { PUBLIC_WIRES } from './builder.ts'
import { type DirectOptions, writeStatement } from './statement.ts'
import { planTables, RangeCounts } from './tables.ts'

export type LookupCost = {
  readonly constraints: number
  /** Of them: one for each row of a table, and one for each table. */
  readonly tableConstraints: number
  /** Bits of the tables. */
  readonly tables: readonly number[]
  /** 0 where nothing needs a challenge: the circuit is then of plain Groth16. */
  readonly challenges: 0 | 1
  /** log2 of the domain that a prover computes over. */
  readonly power: number
}

/** @throws CircuitError `unsupported` as LookupCircuit does */
export function lookupCost(program: IntegerProgram, options: DirectOptions = {}): LookupCost {
  const { builder } = writeStatement(program, options, true)
  const counts = new RangeCounts()
  for (const { bits, exact } of builder.ranges) counts.add(bits, exact)
  const plan = planTables(counts, builder.allowsChallenge)
  const constraints = builder.constraints.length + builder.counted + plan.constraints
  const challenges = builder.hasChallenge || plan.widths.length > 0 ? 1 : 0
  const signals = Object.keys(PUBLIC_WIRES).length + challenges
  return {
    constraints,
    tableConstraints: plan.widths.reduce((sum, width) => sum + 2 ** width + 1, 0),
    tables: plan.widths,
    challenges,
    power: domainOf(constraints, signals),
  }
}

/** log2 of the domain of a circuit: a row for each constraint, each public signal and the constant (setup/qap.ts). */
export function domainOf(constraints: number, publicSignals: number): number {
  return 32 - Math.clz32(constraints + publicSignals)
}
