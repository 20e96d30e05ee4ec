// SPDX-License-Identifier: GPL-3.0-or-later
// One round of a simulated federation: who takes part, who vanishes, what they send, and what becomes of it.
import { LearningError } from '../errors.ts'
import { valuesIn, withValues } from '../model/layer-groups.ts'
import { checkVector } from '../model/vector.ts'
import { PrivacyAccountant } from '../privacy/accountant.ts'
import { deriveSeed, SeededRandom } from '../random.ts'
import { gaussianNormBound, normOf } from '../strategy/bound.ts'
import { type Control, nextControl } from '../strategy/control.ts'
import { aggregate } from '../strategy/groups.ts'
import { withHome } from '../strategy/home.ts'
import type { StrategyModule, StrategyRound } from '../strategy/module.ts'
import { serverStep } from '../strategy/server.ts'
import { seedOfRound } from '../train/parameters.ts'
import type { TrainingParameters } from '../types.ts'
import type { ClientOutcome } from './client.ts'
import type { SimulationConfig } from './config.ts'
import { evaluateClients, evaluateOn, figuresOfTally } from './evaluate.ts'
import { coveredIn, type Federation, homeParts } from './federation.ts'
import { scheduleFactor } from './schedule.ts'
import type { SimulationState } from './state.ts'

/** Labels that keep the streams of randomness apart. */
export const STREAM = { partition: 1, choice: 2, absence: 3, local: 4, groups: 5, bad: 6, weights: 7 } as const

/** Failures of a member's own training: as with a keeper, it sends nothing and the round goes on. */
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
  const there = [...chosen].filter(() => absence.uniform() >= config.dropOut)
  const covered = coveredIn(federation, round)
  const without = there.filter((keeper) => samplesOf(federation, keeper, round).length === 0)
  // With privacy nobody is to see who has none: they send noise, as keepers do.
  const present = config.privacy === undefined ? there.filter((keeper) => !without.includes(keeper)) : there
  const length = covered === null ? global.length : covered.parts.reduce((sum, part) => sum + part.length, 0)
  const delivered = await collect(federation, state, present, bad, onMember)
  const deliveries =
    config.bound?.check === 'member'
      ? delivered.filter(isShort(config, global, { members: present.length, length }))
      : delivered

  let { weights, server } = state
  let lost = false
  // Without deliveries the weights stay as they are.
  if (deliveries.length > 0) {
    const updates = deliveries.map((delivery) => ({
      weights: delivery.weights,
      weight: weightOf(federation, delivery),
    }))
    const combined =
      (await federation.combine?.(updates, { round, global })) ??
      aggregate(centreFor(config, updates.length), updates, deriveSeed(config.seed, STREAM.groups, round))
    lost = config.bound?.check === 'mean' && !isShortMean(config, global, combined, { members: present.length, length })
    // Counted as keepers count: members that declare no samples do not belong to them.
    const apart = config.privacy === undefined ? without.length : 0
    const facts = { round: round + 1, contributors: deliveries.length, members: config.keepers - apart }
    if (!lost) ({ weights, server } = nextWeights(federation, state, combined, facts))
    checkVector(spec, weights, `global weights after round ${round + 1}`)
  }
  const homes = new Map(state.homes)
  for (const { keeper, own } of deliveries) if (own !== undefined) homes.set(keeper, own)
  const controls = new Map(state.controls)
  for (const { keeper, weights: sent } of lost ? [] : deliveries) {
    const control = controlOf(federation, state, keeper)
    if (control !== null) controls.set(keeper, nextControl(control, changeOf(sent, global)))
  }
  const honest = deliveries.filter(({ keeper }) => !bad.has(keeper))
  const trained = honest.filter(({ samples }) => samples > 0)
  const tally = await evaluateOn(federation, weights)
  const record = {
    round: round + 1,
    ...(covered === null ? {} : { layers: covered.name }),
    ...figuresOfTally(tally, federation.test),
    norm: normOf(changeOf(weights, global)),
    ...(config.perClient === true ? { clients: await evaluateClients(federation, weights, tally, homes) } : {}),
    trainLoss: trained.length === 0 ? null : trained.reduce((sum, { loss }) => sum + loss, 0) / trained.length,
    members: deliveries.length,
    dropped: chosen.length - delivered.length - (there.length - present.length),
    refused: delivered.length - deliveries.length,
    lost,
    poisoned: deliveries.length - honest.length,
    idle: without.length,
    ...privacyAfter(config, state, { present: present.length, deliveries: deliveries.length }),
  }
  return { ...state, round: round + 1, weights, server, homes, controls, records: [...state.records, record] }
}

/** With privacy every client has the same bound, so all weigh the same; otherwise they weigh by samples, or as the strategy decides. */
function weightOf({ config, strategy }: Federation, { samples, lossBefore = Number.NaN }: Delivery): number {
  if (config.privacy !== undefined) return 1
  if (strategy?.weighs === true) return strategy.weight(samples, lossBefore, config.maxSamples)
  return config.weighting === 'equal' ? 1 : Math.min(samples, config.maxSamples)
}

const changeOf = (weights: Float32Array, global: Float32Array): Float32Array =>
  weights.map((value, i) => value - global[i]!)

/** A keeper's control variates; null if the strategy has none, and for a program, which keeps its own. */
function controlOf({ strategy, config }: Federation, state: SimulationState, keeper: number): Control | null {
  if (strategy === undefined || strategy.localRate === null || config.trainer !== undefined) return null
  const [server] = vectorsOf(strategy, state.server)
  return { localRate: strategy.localRate, server: server!, own: state.controls.get(keeper) ?? null }
}

/**
 * The step towards the mean of the members' weights: by the module, or by the configured strategy. Only the parameters that the round covers
 * move, and their moments, as with keepers.
 */
function nextWeights(
  federation: Federation,
  { weights: global, server, round }: SimulationState,
  combined: Float32Array,
  facts: StrategyRound,
): Pick<SimulationState, 'weights' | 'server'> {
  const { config, strategy } = federation
  const parts = coveredIn(federation, round)?.parts ?? null
  const of = (vector: Float32Array) => (parts === null || vector.length === 0 ? vector : valuesIn(vector, parts))
  const into = (old: Float32Array, values: Float32Array) => (parts === null ? values : withValues(old, parts, values))
  if (strategy === undefined) {
    const theirs = { ...server, m: of(server.m), v: of(server.v) }
    const { weights, state } = serverStep(config.server, of(global), of(combined), theirs)
    return {
      weights: into(global, weights),
      server: { round: state.round, m: into(server.m, state.m), v: into(server.v, state.v) },
    }
  }
  const mean = Float64Array.from(combined, (value, i) => value - global[i]!)
  const vectors = vectorsOf(strategy, server)
  const next = strategy.step({ weights: global, vectors }, mean, facts)
  const [m = server.m, v = server.v] = next.vectors.map((vector, i) => into(vectors[i]!, of(vector)))
  return { weights: into(global, of(next.weights)), server: { round: server.round + 1, m, v } }
}

/** A keeper's samples in a round: none while the round covers layers that it leaves to others. */
function samplesOf(federation: Federation, keeper: number, round: number): Uint32Array {
  const { config, shards } = federation
  const { partial, keepers } = config
  const covered = coveredIn(federation, round)
  const leavesIt =
    partial !== undefined &&
    covered !== null &&
    keeper >= keepers - Math.floor(partial.share * keepers) &&
    !partial.groups.includes(covered.name)
  return leavesIt ? new Uint32Array(0) : shards[keeper]!
}

/** A module's vectors are where a built-in strategy has its moments. */
function vectorsOf(strategy: StrategyModule, { m, v, round }: SimulationState['server']): readonly Float32Array[] {
  return round === 0 ? strategy.initial() : [m, v].slice(0, strategy.vectors)
}

function badKeepers(config: SimulationConfig): ReadonlySet<number> {
  const order = new SeededRandom(deriveSeed(config.seed, STREAM.bad)).permutation(config.keepers)
  return new Set(order.subarray(0, Math.floor(config.keepers * (config.poison?.share ?? 0))))
}

/** The members' updates. A member with a failed training sends nothing; throws when all fail. */
async function collect(
  federation: Federation,
  before: SimulationState,
  members: readonly number[],
  bad: ReadonlySet<number>,
  onMember: ((round: number, done: number, members: number) => void) | undefined,
): Promise<Delivery[]> {
  const { pool, config, strategy, spec } = federation
  const { round, weights: global, homes, server } = before
  const privacy = config.privacy === undefined ? null : { ...config.privacy, contributors: Math.max(1, members.length) }
  const home = homeParts(strategy, spec)
  const common = {
    round,
    home,
    only: coveredIn(federation, round)?.parts ?? null,
    judge: strategy?.weighs === true,
    state: strategy === undefined ? [] : vectorsOf(strategy, server),
  }
  const rate = config.training.optimizer.learningRate * scheduleFactor(config.schedule, round, config.rounds)
  const optimizer = { ...config.training.optimizer, learningRate: rate }
  let done = 0
  let diverged: unknown = null
  const played = await Promise.all(
    members.map(async (keeper): Promise<Delivery | null> => {
      const own = config.seeds?.[keeper]
      const seed =
        own === undefined ? deriveSeed(config.seed, STREAM.local, round, keeper) : seedOfRound(own, round + 1)
      const training = { ...config.training, optimizer, seed }
      try {
        const outcome = await pool.play({
          ...common,
          indices: samplesOf(federation, keeper, round),
          control: controlOf(federation, before, keeper),
          global: homes.has(keeper) ? withHome(global, home, homes.get(keeper)!) : global,
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

/** With fewer members than groups, each member is its own group, and the median takes the place of a trimmed mean. */
function centreFor({ centre }: SimulationConfig, members: number): SimulationConfig['centre'] {
  if (centre.kind === 'mean' || members >= centre.groups) return centre
  return { kind: 'median', groups: members }
}

/** Deviation of the noise that one member adds to each value. */
function noiseOf({ privacy }: SimulationConfig, members: number): number {
  return privacy === undefined ? 0 : (privacy.noiseMultiplier * privacy.clippingNorm) / Math.sqrt(Math.max(1, members))
}

/** Members that add noise, and the values that it is added to. */
type Noisy = { readonly members: number; readonly length: number }

/** Whether a member's update is within the bound, honest noise included. */
function isShort(
  config: SimulationConfig,
  global: Float32Array,
  { members, length }: Noisy,
): (of: Delivery) => boolean {
  const limit = config.bound!.norm * (1 + ROUNDING) + gaussianNormBound(noiseOf(config, members), length)
  return ({ weights }) => normOf(Float64Array.from(weights, (value, i) => value - global[i]!)) <= limit
}

/** The same for the mean. Its noise is the members' noise divided by the square root of their number. */
function isShortMean(
  config: SimulationConfig,
  global: Float32Array,
  mean: Float32Array,
  { members, length }: Noisy,
): boolean {
  const deviation = noiseOf(config, members) / Math.sqrt(Math.max(1, members))
  const limit = config.bound!.norm * (1 + ROUNDING) + gaussianNormBound(deviation, length)
  return normOf(Float64Array.from(mean, (value, i) => value - global[i]!)) <= limit
}

/**
 * σ of the round's least noisy sum that was opened, and ε of all rounds so far. A median or trimmed mean opens every group's sum, and
 * a client is in one of them: of n shares of noise σC/√n a group of g has σC·√(g/n), so the smallest group counts. The same holds for
 * the sum of those who delivered when others did not. Clients are drawn without replacement here; the accountant's Poisson sampling at
 * the same rate is the usual approximation.
 */
function privacyAfter(
  config: SimulationConfig,
  { records }: SimulationState,
  { present, deliveries }: { readonly present: number; readonly deliveries: number },
): { noise?: number; epsilon?: number } {
  if (config.privacy === undefined || config.privacy.noiseMultiplier === 0) return {}
  const { noiseMultiplier, delta } = config.privacy
  const { centre, fraction: samplingRate } = config
  const groups = centre.kind === 'mean' ? 1 : Math.min(centre.groups, Math.max(1, deliveries))
  const smallest = Math.floor(deliveries / groups)
  // Nothing was opened when nobody delivered.
  const noise = deliveries === 0 ? null : noiseMultiplier * Math.sqrt(smallest / present)
  const opened = records.filter(({ members }) => members > 0).map((record) => record.noise ?? noiseMultiplier)
  const steps = new Map<number, number>()
  for (const sigma of noise === null ? opened : [...opened, noise]) steps.set(sigma, (steps.get(sigma) ?? 0) + 1)
  const accountant = new PrivacyAccountant()
  for (const [sigma, count] of steps) accountant.add({ noiseMultiplier: sigma, samplingRate, steps: count })
  return { ...(noise === null ? {} : { noise }), epsilon: steps.size > 0 ? accountant.spent(delta).epsilon : 0 }
}
