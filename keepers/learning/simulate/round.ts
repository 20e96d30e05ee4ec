// SPDX-License-Identifier: GPL-3.0-or-later
// One round of a simulated federation: who takes part, who vanishes, what they send, and what becomes of it.
import type { Partition } from '../data/partition.ts'
import { LearningError } from '../errors.ts'
import { checkVector } from '../model/vector.ts'
import { PrivacyAccountant } from '../privacy/accountant.ts'
import { deriveSeed, SeededRandom } from '../random.ts'
import { gaussianNormBound, normOf } from '../strategy/bound.ts'
import { aggregate } from '../strategy/groups.ts'
import type { WeightedUpdate } from '../strategy/mean.ts'
import { serverStep } from '../strategy/server.ts'
import type { ModelSpec, TrainingParameters } from '../types.ts'
import type { ClientOutcome } from './client.ts'
import type { SimulationConfig } from './config.ts'
import type { PlayerPool } from './pool.ts'
import type { SimulationState } from './state.ts'

/** What stays the same from round to round. */
export type Federation = {
  readonly spec: ModelSpec
  readonly config: SimulationConfig
  readonly shards: Partition['shards']
  /** Size of the test set. */
  readonly testCount: number
  readonly pool: PlayerPool
  /** Combines weights in place of the configured centre: somebody else's strategy, to stand beside ours. */
  readonly combine?: Combine | undefined
}

/** Weights of the members that delivered, in their order; returns the weights to step towards. */
export type Combine = (
  updates: readonly WeightedUpdate[],
  at: { readonly round: number; readonly global: Float32Array },
) => Promise<Float32Array>

/** Labels that keep the streams of randomness apart. */
export const STREAM = { partition: 1, choice: 2, absence: 3, local: 4, groups: 5, bad: 6, weights: 7 } as const

/** What a member's own training may come to, as for a keeper: it sends nothing, and the round goes on. */
const NO_UPDATE: ReadonlySet<string> = new Set(['DIVERGED', 'TRAINER_FAILED'])

type Delivery = ClientOutcome & { readonly keeper: number }

/** An update that was clipped to the bound may miss it by the rounding of the weights that carry it. */
const ROUNDING = 1e-4

/** The state after the next round. `onMember` hears how many of how many have delivered. */
export async function playRound(
  federation: Federation,
  state: SimulationState,
  onMember?: (round: number, done: number, members: number) => void,
): Promise<SimulationState> {
  const { config, spec } = federation
  const { round, weights: global } = state
  const bad = badKeepers(config)
  const chosen = new SeededRandom(deriveSeed(config.seed, STREAM.choice, round))
    .permutation(config.keepers)
    .subarray(0, Math.max(1, Math.round(config.fraction * config.keepers)))
    .sort()
  const absence = new SeededRandom(deriveSeed(config.seed, STREAM.absence, round))
  const present = [...chosen].filter(() => absence.uniform() >= config.dropOut)
  const delivered = await collect(federation, state, present, bad, onMember)
  const deliveries =
    config.bound?.check === 'member' ? delivered.filter(isShort(config, global, present.length)) : delivered

  let { weights, server } = state
  let lost = false
  // A round in which nobody delivers changes nothing.
  if (deliveries.length > 0) {
    const updates = deliveries.map(({ weights, samples }) => ({
      weights,
      // Differential privacy bounds every client alike, so none may weigh more.
      weight: config.weighting === 'equal' || config.privacy !== undefined ? 1 : samples,
    }))
    const combined =
      (await federation.combine?.(updates, { round, global })) ??
      aggregate(centreFor(config, updates.length), updates, deriveSeed(config.seed, STREAM.groups, round))
    lost = config.bound?.check === 'mean' && !isShortMean(config, global, combined, present.length)
    if (!lost) ({ weights, state: server } = serverStep(config.server, global, combined as Float32Array, server))
    checkVector(spec, weights, `global weights after round ${round + 1}`)
  }
  const honest = deliveries.filter(({ keeper }) => !bad.has(keeper))
  const record = {
    round: round + 1,
    ...(await evaluateOn(federation, weights)),
    trainLoss: honest.length === 0 ? null : honest.reduce((sum, { loss }) => sum + loss, 0) / honest.length,
    members: deliveries.length,
    dropped: chosen.length - delivered.length,
    refused: delivered.length - deliveries.length,
    lost,
    poisoned: deliveries.length - honest.length,
    ...(config.privacy === undefined || config.privacy.noiseMultiplier === 0
      ? {}
      : { epsilon: spentAfter(config, round + 1) }),
  }
  return { ...state, round: round + 1, weights, server, records: [...state.records, record] }
}

function badKeepers(config: SimulationConfig): ReadonlySet<number> {
  const order = new SeededRandom(deriveSeed(config.seed, STREAM.bad)).permutation(config.keepers)
  return new Set(order.subarray(0, Math.floor(config.keepers * (config.poison?.share ?? 0))))
}

/** What the members send. One whose own training fails sends nothing; when all fail, that is an error. */
async function collect(
  { pool, config, shards }: Federation,
  { round, weights: global }: SimulationState,
  members: readonly number[],
  bad: ReadonlySet<number>,
  onMember: ((round: number, done: number, members: number) => void) | undefined,
): Promise<Delivery[]> {
  const privacy = config.privacy === undefined ? null : { ...config.privacy, contributors: Math.max(1, members.length) }
  let done = 0
  let diverged: unknown = null
  const played = await Promise.all(
    members.map(async (keeper): Promise<Delivery | null> => {
      const training = { ...config.training, seed: deriveSeed(config.seed, STREAM.local, round, keeper) }
      try {
        const outcome = await pool.play({
          round,
          indices: shards[keeper]!,
          global,
          training: training as TrainingParameters,
          attack: bad.has(keeper) ? config.poison! : null,
          bound: config.bound?.norm ?? null,
          privacy,
        })
        return { keeper, ...outcome }
      } catch (error) {
        if (!(error instanceof LearningError && NO_UPDATE.has(error.code))) throw error
        diverged = error
        return null
      } finally {
        done += 1
        onMember?.(round, done, members.length)
      }
    }),
  )
  const deliveries = played.filter((delivery) => delivery !== null)
  if (deliveries.length === 0 && diverged !== null) throw diverged
  return deliveries
}

/** With fewer members than groups, each is a group of its own and the median holds what a trimmed mean cannot. */
function centreFor({ centre }: SimulationConfig, members: number): SimulationConfig['centre'] {
  if (centre.kind === 'mean' || members >= centre.groups) return centre
  return { kind: 'median', groups: members }
}

async function evaluateOn({ pool, testCount }: Federation, weights: Float32Array) {
  const parts = Math.min(pool.size, testCount)
  const edge = (part: number) => Math.floor((part * testCount) / parts)
  const outcomes = await Promise.all(
    Array.from({ length: parts }, (_, part) => pool.evaluate({ weights, from: edge(part), to: edge(part + 1) })),
  )
  return {
    accuracy: outcomes.reduce((sum, { correct }) => sum + correct, 0) / testCount,
    loss: outcomes.reduce((sum, { lossSum }) => sum + lossSum, 0) / testCount,
  }
}

/** Deviation of the noise that one member adds to each value. */
function noiseOf({ privacy }: SimulationConfig, members: number): number {
  return privacy === undefined ? 0 : (privacy.noiseMultiplier * privacy.clippingNorm) / Math.sqrt(Math.max(1, members))
}

/** Whether a member's update is within the bound, honest noise included. */
function isShort(config: SimulationConfig, global: Float32Array, members: number): (of: Delivery) => boolean {
  const limit = config.bound!.norm * (1 + ROUNDING) + gaussianNormBound(noiseOf(config, members), global.length)
  return ({ weights }) => normOf(Float64Array.from(weights, (value, i) => value - global[i]!)) <= limit
}

/** The same for the mean, whose noise is that of the members over the root of their number. */
function isShortMean(config: SimulationConfig, global: Float32Array, mean: Float32Array, members: number): boolean {
  const deviation = noiseOf(config, members) / Math.sqrt(Math.max(1, members))
  const limit = config.bound!.norm * (1 + ROUNDING) + gaussianNormBound(deviation, global.length)
  return normOf(Float64Array.from(mean, (value, i) => value - global[i]!)) <= limit
}

/** Clients are drawn without replacement here; the accountant's Poisson sampling at the same rate is the usual approximation. */
function spentAfter(config: SimulationConfig, rounds: number): number {
  const { noiseMultiplier, delta } = config.privacy!
  return new PrivacyAccountant().add({ noiseMultiplier, samplingRate: config.fraction, steps: rounds }).spent(delta)
    .epsilon
}
