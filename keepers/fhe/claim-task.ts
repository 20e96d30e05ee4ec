// SPDX-License-Identifier: GPL-3.0-or-later
// The only work on ciphertexts that may leave the keeper: sums over the ciphertexts of a published update, with public challenges. Encryptions,
// decryption shares and projections need a member's secrets, so they stay.
import { Core } from './core.ts'
import { equalBytes } from './encoding.ts'
import { FheError } from './errors.ts'
import { type Plan, type PlanOptions, plan } from './plan.ts'
import type { ClaimSeeds, ClaimSums } from './projection.ts'
import { CLAIM_REPEATS, PROJECTION_ROWS } from './sizes.ts'

/** The sums over ciphertexts `from` … `to` − 1 of one update. */
export type ClaimTask = {
  readonly plan: PlanOptions
  readonly planHash: Uint8Array
  readonly seeds: ClaimSeeds
  readonly from: number
  readonly to: number
  /** Narrow, as they travel: `claimTaskBytes` of them. */
  readonly ciphertexts: Uint8Array
}

/** Has the sums of a claim computed elsewhere. They are exact, so the order of addition does not matter. */
export type ClaimHelper = (task: ClaimTask, signal?: AbortSignal) => Promise<ClaimSums>

/** The options from which `plan` makes this plan. */
export function optionsOf(agreed: Plan): PlanOptions {
  const { set, members, threshold, vectorLength, clipBound, maxWeight, minTotalWeight, clipNorm } = agreed
  const { roundsPerKey, decryptionsPerKey, statisticalBits, scaleBits, precision } = agreed
  return {
    ...{ set, members, threshold, vectorLength, clipBound, maxWeight, minTotalWeight, clipNorm },
    ...{ roundsPerKey, decryptionsPerKey, statisticalBits, scaleBits, minPrecisionBits: precision.bits },
  }
}

/** Bytes of ciphertexts `from` … `to` − 1; only the last of a plan is shorter than the others. */
export function claimTaskBytes({ set, wire, carried }: Plan, from: number, to: number): number {
  const upTo = (count: number) => Math.min(carried, set.degree * count)
  return wire.width * (upTo(to) - upTo(from))
}

/** @throws FheError 'invalid-argument' unless these can be sums of a claim under this plan */
export function checkClaimSums({ set }: Plan, { constants, weights }: ClaimSums): void {
  const primes = set.primes.slice(0, -1)
  const columns = CLAIM_REPEATS * primes.length
  const bad = (what: string) => new FheError('invalid-argument', `the sums of a claim have ${what}`, { field: 'sums' })
  if (constants.length !== columns || weights.length !== 8 * set.degree * columns) {
    throw bad(`${constants.length} constants and ${weights.length} bytes of weights; the plan has ${columns} columns`)
  }
  const view = new DataView(weights.buffer, weights.byteOffset, weights.length)
  for (const [column, constant] of constants.entries()) {
    const p = primes[column % primes.length]!
    if (constant < 0n || constant >= p) throw bad(`constant ${column} not below its prime`)
    for (let i = 0; i < set.degree; i++) {
      if (view.getBigUint64(8 * (set.degree * column + i), true) >= p)
        throw bad(`weight ${i} of column ${column} not below its prime`)
    }
  }
}

/** Computes sums of claims; keeps the kernel of the last plan. */
export class ClaimCalculator {
  #core: Core | null = null

  /** @throws FheError for options that make no plan, or another one than the hash says, and for lengths that do not fit it */
  async compute(task: ClaimTask): Promise<ClaimSums> {
    const core = await this.#coreOf(task)
    const { set, wire, ciphertexts } = core.plan
    const { from, to, seeds } = task
    if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to && to <= ciphertexts)) {
      throw new FheError('invalid-argument', `ciphertexts ${from} to ${to} of ${ciphertexts}`, { field: 'from' })
    }
    const columns = CLAIM_REPEATS * (set.primes.length - 1)
    for (const [field, bytes, expected] of [
      ['ciphertexts', task.ciphertexts, claimTaskBytes(core.plan, from, to)],
      ['projection', seeds.projection, 32],
      ['round', seeds.round, 32],
      ['rho', seeds.rho, 8 * PROJECTION_ROWS * columns],
    ] as const) {
      if (bytes.length !== expected) {
        throw new FheError('invalid-argument', `${field} has ${bytes.length} bytes, ${expected} are needed`, { field })
      }
    }
    core.openClaim(seeds)
    const whole = set.degree * wire.width
    for (let index = from; index < to; index++) {
      const at = whole * (index - from)
      core.addToClaim(index, task.ciphertexts.subarray(at, at + whole))
    }
    return core.closeClaim()!
  }

  dispose(): void {
    this.#core?.[Symbol.dispose]()
    this.#core = null
  }

  async #coreOf({ plan: options, planHash }: ClaimTask): Promise<Core> {
    if (this.#core !== null && equalBytes(this.#core.plan.hash, planHash)) return this.#core
    const agreed = plan(options)
    if (!equalBytes(agreed.hash, planHash)) {
      throw new FheError('wrong-plan', 'the options of this task make another plan than its hash says')
    }
    this.dispose()
    this.#core = await Core.open(agreed)
    return this.#core
  }
}
