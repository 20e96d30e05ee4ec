// SPDX-License-Identifier: GPL-3.0-or-later
// A whole federation on one machine: rounds of virtual keepers, good, bad and absent ones. Reproducible from its seed whatever
// the number of threads, and resumable after any round.
import { availableParallelism } from 'node:os'
import {
  type Partition,
  partitionBySize,
  partitionDirichlet,
  partitionIid,
  partitionShards,
} from '../data/partition.ts'
import { LearningError } from '../errors.ts'
import { specHash } from '../model/spec.ts'
import { checkVector, initialWeights } from '../model/vector.ts'
import { PrivacyAccountant } from '../privacy/accountant.ts'
import { deriveSeed, SeededRandom } from '../random.ts'
import { aggregate } from '../strategy/groups.ts'
import { initialServerState, serverStep } from '../strategy/server.ts'
import type { Dataset, ModelSpec, TrainingParameters } from '../types.ts'
import { configHash, parseSimulationConfig, type SimulationConfig, type SimulationSettings } from './config.ts'
import { openPool, type PlayerPool } from './pool.ts'
import type { RoundRecord, SimulationState } from './state.ts'

export type SimulationResult = SimulationState & {
  readonly histograms: Partition['histograms']
  readonly reachedTarget: boolean
}

export type SimulateOptions = {
  readonly spec: ModelSpec
  readonly data: { readonly train: Dataset; readonly test: Dataset }
  readonly settings: SimulationSettings
  /** Threads; 0 = in the calling one. All cores unless told. */
  readonly workers?: number
  readonly signal?: AbortSignal
  readonly resume?: SimulationState
  /** After each round; the state is complete and may be stored. */
  readonly onRound?: (record: RoundRecord, state: SimulationState) => void | Promise<void>
  /** Within a round: how many members have delivered. */
  readonly onMember?: (round: number, done: number, members: number) => void
}

// Labels that keep the streams of randomness apart.
const [PARTITION, CHOICE, ABSENCE, LOCAL, GROUPS, BAD, WEIGHTS] = [1, 2, 3, 4, 5, 6, 7]

export async function simulate(options: SimulateOptions): Promise<SimulationResult> {
  const { spec, data, signal, resume } = options
  const config = parseSimulationConfig(options.settings)
  const identity = configHash(config, specHash(spec), `${data.train.name} ${data.train.count} ${data.test.count}`)
  if (data.test.count === 0) throw new LearningError('EMPTY_SHARD', 'simulation: the test set is empty')
  const partition = split(data.train, config)
  let state = begin(spec, config, identity, resume)
  const bad = new Set(
    new SeededRandom(deriveSeed(config.seed, BAD))
      .permutation(config.keepers)
      .subarray(0, Math.floor(config.keepers * (config.poison?.share ?? 0))),
  )
  const workers = options.workers ?? Math.min(config.keepers, availableParallelism())
  signal?.throwIfAborted()
  const pool = await openPool(spec, data, workers, signal)
  const abort = () => void pool.close()
  signal?.addEventListener('abort', abort, { once: true })
  const reached = () => (state.records.at(-1)?.accuracy ?? 0) >= (config.targetAccuracy ?? 2)
  try {
    while (state.round < config.rounds && !reached()) {
      signal?.throwIfAborted()
      state = await playRound(pool, spec, data.test, config, partition, bad, state, options.onMember)
      await options.onRound?.(state.records.at(-1)!, state)
    }
  } catch (error) {
    // Closing the pool fails whatever was in flight; the reason that counts is the caller's.
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', abort)
    await pool.close()
  }
  return { ...state, histograms: partition.histograms, reachedTarget: reached() }
}

function split(train: Dataset, config: SimulationConfig): Partition {
  const { partition, keepers } = config
  const seed = deriveSeed(config.seed, PARTITION)
  if (partition.kind === 'iid') return partitionIid(train, { parts: keepers, seed })
  if (partition.kind === 'dirichlet') return partitionDirichlet(train, { parts: keepers, seed, alpha: partition.alpha })
  if (partition.kind === 'sizes') return partitionBySize(train, { sizes: partition.sizes, seed })
  return partitionShards(train, { parts: keepers, seed, shardsPerPart: partition.shardsPerPart })
}

function begin(
  spec: ModelSpec,
  config: SimulationConfig,
  identity: string,
  resume: SimulationState | undefined,
): SimulationState {
  if (resume === undefined) {
    return {
      configHash: identity,
      round: 0,
      weights: initialWeights(spec, deriveSeed(config.seed, WEIGHTS)),
      server: initialServerState(config.server, spec.parameterCount),
      records: [],
    }
  }
  if (resume.configHash !== identity) {
    throw new LearningError(
      'BAD_CHECKPOINT',
      'cannot resume: the saved simulation had other settings, another model or other data; give it a new directory',
    )
  }
  for (const vector of [resume.weights, resume.server.m, resume.server.v]) checkVector(spec, vector, 'saved simulation')
  return resume
}

async function playRound(
  pool: PlayerPool,
  spec: ModelSpec,
  test: Dataset,
  config: SimulationConfig,
  partition: Partition,
  bad: ReadonlySet<number>,
  state: SimulationState,
  onMember: SimulateOptions['onMember'],
): Promise<SimulationState> {
  const { round, weights: global } = state
  const { seed } = config
  const chosen = new SeededRandom(deriveSeed(seed, CHOICE, round))
    .permutation(config.keepers)
    .subarray(0, Math.max(1, Math.round(config.fraction * config.keepers)))
    .sort()
  const absence = new SeededRandom(deriveSeed(seed, ABSENCE, round))
  const members = [...chosen].filter(() => absence.uniform() >= config.dropOut)
  const privacy = config.privacy === undefined ? null : { ...config.privacy, contributors: Math.max(1, members.length) }
  let delivered = 0
  const outcomes = await Promise.all(
    members.map(async (keeper) => {
      const outcome = await pool.play({
        indices: partition.shards[keeper]!,
        global,
        training: { ...config.training, seed: deriveSeed(seed, LOCAL, round, keeper) } as TrainingParameters,
        attack: bad.has(keeper) ? config.poison! : null,
        privacy,
      })
      delivered += 1
      onMember?.(round, delivered, members.length)
      return outcome
    }),
  )
  let { weights, server } = state
  // A round that nobody finished changes nothing.
  if (members.length > 0) {
    const updates = outcomes.map(({ weights, samples }) => ({
      weights,
      // Differential privacy bounds every client alike, so none may weigh more.
      weight: config.weighting === 'equal' || privacy !== null ? 1 : samples,
    }))
    const centre =
      config.centre.kind === 'mean' || members.length >= config.centre.groups
        ? config.centre
        : ({ kind: 'median', groups: members.length } as const)
    const mean = aggregate(centre, updates, deriveSeed(seed, GROUPS, round))
    ;({ weights, state: server } = serverStep(config.server, global, mean, server))
  }
  const honest = outcomes.filter((_, i) => !bad.has(members[i]!))
  const evaluation = await evaluateOn(pool, weights, test.count)
  const record: RoundRecord = {
    round: round + 1,
    ...evaluation,
    trainLoss: honest.length === 0 ? null : honest.reduce((sum, { loss }) => sum + loss, 0) / honest.length,
    members: members.length,
    dropped: chosen.length - members.length,
    poisoned: members.filter((keeper) => bad.has(keeper)).length,
    ...(config.privacy === undefined || config.privacy.noiseMultiplier === 0
      ? {}
      : { epsilon: spent(config, round + 1) }),
  }
  checkVector(spec, weights, `global weights after round ${round + 1}`)
  return { ...state, round: round + 1, weights, server, records: [...state.records, record] }
}

async function evaluateOn(pool: PlayerPool, weights: Float32Array, count: number) {
  const parts = Math.min(pool.size, count)
  const outcomes = await Promise.all(
    Array.from({ length: parts }, (_, i) =>
      pool.evaluate({
        weights,
        from: Math.floor((i * count) / parts),
        to: Math.floor(((i + 1) * count) / parts),
      }),
    ),
  )
  return {
    accuracy: outcomes.reduce((sum, { correct }) => sum + correct, 0) / count,
    loss: outcomes.reduce((sum, { lossSum }) => sum + lossSum, 0) / count,
  }
}

/** Clients are drawn without replacement here; the accountant's Poisson sampling at the same rate is the usual approximation. */
function spent(config: SimulationConfig, rounds: number): number {
  const { noiseMultiplier, delta } = config.privacy!
  return new PrivacyAccountant().add({ noiseMultiplier, samplingRate: config.fraction, steps: rounds }).spent(delta)
    .epsilon
}
