// SPDX-License-Identifier: GPL-3.0-or-later
// Processor time of a keeper's work.
import type { Plan } from '../fhe/index.ts'

/** Processor seconds, of one core of the machine on which they were measured. */
export type Costs = {
  /** An operation on a whole update or share: a base, and an amount for each transmitted coefficient. */
  readonly encrypt: Linear
  readonly check: Linear
  readonly add: Linear
  readonly share: Linear
  /** One mask in a share, which has one for each other drafted member. */
  readonly mask: Linear
  readonly combine: Linear
  /** Combining one share. */
  readonly combineShare: Linear
  /** Fetching a whole blob over bitswap; below, a part or a note. Counts both keepers together. */
  readonly blob: number
  readonly part: number
  /** A round's fixed cost, whatever its size, without training. */
  readonly round: number
  /** Following the chain, per second. */
  readonly follow: number
}
export type Linear = { readonly fixed: number; readonly each: number }

/**
 * Measured by `npm run bench -- scale` (bench/results/scale.json) on a core of a shared machine: an Intel Xeon with two cores, Node 24.
 * `test/keepers/sizing/costs.test.ts` compares the two.
 */
export const MEASURED_COSTS: Costs = {
  encrypt: { fixed: 0.0314, each: 3.84e-7 },
  check: { fixed: 0.000226, each: 5.89e-7 },
  add: { fixed: 0.000264, each: 1.18e-8 },
  share: { fixed: 0.00135, each: 1.17e-7 },
  mask: { fixed: 0, each: 4.59e-10 },
  combine: { fixed: 0.000408, each: 1.46e-8 },
  combineShare: { fixed: 0.000264, each: 1.18e-8 },
  blob: 0.016,
  part: 0.0034,
  round: 0.145,
  follow: 0.015,
}

export const costOf = ({ fixed, each }: Linear, { carried }: Pick<Plan, 'carried'>): number => fixed + each * carried
