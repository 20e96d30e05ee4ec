// SPDX-License-Identifier: GPL-3.0-or-later
// A whole federation on one machine: rounds of virtual keepers, good, bad and absent ones. Reproducible from its seed whatever
// the number of threads, and resumable after any round.
import {
  type Partition,
  partitionBySize,
  partitionDirichlet,
  partitionIid,
  partitionShards,
} from '../data/partition.ts'
import { LearningError } from '../errors.ts'
import { contradictionInLayerGroups, evenLayerGroups, type LayerGroup } from '../model/layer-groups.ts'
import { specHash } from '../model/spec.ts'
import { checkVector, initialWeights } from '../model/vector.ts'
import { deriveSeed } from '../random.ts'
import type { StrategyModule } from '../strategy/module.ts'
import { initialServerState } from '../strategy/server.ts'
import type { Dataset, ModelSpec } from '../types.ts'
import { configHash, parseSimulationConfig, type SimulationConfig, type SimulationSettings } from './config.ts'
import type { Combine } from './federation.ts'
import { openPool, programOf, usualThreads } from './pool.ts'
import { playRound, STREAM } from './round.ts'
import { isOutOfPatience } from './schedule.ts'
import type { RoundRecord, SimulationState } from './state.ts'

export type SimulationResult = SimulationState & {
  /** Samples per class of each keeper. */
  readonly histograms: Partition['histograms']
  readonly reachedTarget: boolean
  /** The condition that ended the run. */
  readonly stopped: 'rounds' | 'target' | 'patience'
}

export type SimulateOptions = {
  readonly spec: ModelSpec
  readonly data: { readonly train: Dataset; readonly test: Dataset }
  readonly settings: SimulationSettings
  /** Where `settings.trainer` runs; the working directory unless told. */
  readonly folder?: string
  /** Threads; 0 = in the calling one. All cores unless told. */
  readonly workers?: number
  readonly signal?: AbortSignal
  /** A module in place of `settings.server`. */
  readonly strategy?: StrategyModule | undefined
  /** A caller's aggregation in place of `settings.centre`; a saved state does not contain it. */
  readonly combine?: Combine
  /** Weights before the first round, in place of drawn ones; a state that is resumed has its own. */
  readonly start?: Float32Array
  readonly resume?: SimulationState
  /** After each round; the state is complete and may be stored. */
  readonly onRound?: (record: RoundRecord, state: SimulationState) => void | Promise<void>
  /** Within a round: how many members are done. */
  readonly onMember?: (round: number, done: number, members: number) => void
}

/**
 * Plays the rounds. Throws BAD_SIMULATION (settings), EMPTY_SHARD (too little data for so many keepers), BAD_CHECKPOINT (a state
 * of another simulation), DIVERGED or TRAINER_FAILED (nobody's
 * training came to anything), NO_TRAINER, or the signal's reason.
 */
export async function simulate(options: SimulateOptions): Promise<SimulationResult> {
  const { spec, data, signal, resume, onRound, onMember } = options
  const config = parseSimulationConfig(options.settings)
  const { strategy } = options
  if (strategy?.weighs === true && config.privacy !== undefined) {
    throw new LearningError(
      'BAD_SIMULATION',
      'simulation: the strategy weighs keepers, and privacy has all weigh the same',
    )
  }
  const layerGroups = layerGroupsOf(config, spec)
  if (layerGroups.length > 0 && (strategy?.localRate ?? null) !== null) {
    throw new LearningError(
      'BAD_SIMULATION',
      'simulation: the strategy corrects gradients by control variates, which are of whole updates: leave layerGroups out',
    )
  }
  const about = `${data.train.name} ${data.train.count} ${data.test.count}`
  const terms = strategy === undefined ? '' : ` ${JSON.stringify(strategy.terms)}`
  const identity = configHash(config, specHash(spec), about + terms)
  if (data.test.count === 0) throw new LearningError('EMPTY_SHARD', 'simulation: the test set is empty')
  const partition = split(data.train, config)
  const { shards, histograms } = partition
  let state = begin({ spec, config, identity, start: options.start }, resume)
  const workers = options.workers ?? Math.min(config.keepers, usualThreads())
  signal?.throwIfAborted()
  const trainer = programOf(config, options.folder)
  const pool = await openPool(spec, { ...data, trainer }, workers, signal)
  const abort = () => void pool.close()
  signal?.addEventListener('abort', abort, { once: true })
  const reached = () => (state.records.at(-1)?.accuracy ?? 0) >= (config.targetAccuracy ?? Number.POSITIVE_INFINITY)
  try {
    while (state.round < config.rounds && !reached() && !isOutOfPatience(config.patience, state.records)) {
      signal?.throwIfAborted()
      state = await playRound(
        { spec, config, shards, histograms, test: data.test, pool, combine: options.combine, strategy, layerGroups },
        state,
        onMember,
      )
      await onRound?.(state.records.at(-1)!, state)
    }
  } catch (error) {
    // Closing the pool fails whatever was in flight; the reason that counts is the caller's.
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', abort)
    await pool.close()
  }
  const patient = state.round >= config.rounds ? 'rounds' : 'patience'
  return { ...state, histograms, reachedTarget: reached(), stopped: reached() ? 'target' : patient }
}

/** @throws LearningError BAD_SIMULATION for groups that do not divide the model's layers among them */
function layerGroupsOf({ layerGroups, partial }: SimulationConfig, { parameters }: ModelSpec): readonly LayerGroup[] {
  if (layerGroups === undefined) return []
  const groups = typeof layerGroups === 'number' ? evenLayerGroups(parameters, layerGroups) : layerGroups
  const stray = partial?.groups.find((name) => !groups.some((group) => group.name === name))
  const wrong =
    contradictionInLayerGroups(groups, parameters) ??
    (stray === undefined ? null : `partial.groups: ${stray} is none of ${groups.map(({ name }) => name).join(', ')}`)
  if (wrong !== null) throw new LearningError('BAD_SIMULATION', `simulation: layerGroups: ${wrong}`)
  return groups
}

function split(train: Dataset, config: SimulationConfig): Partition {
  const { partition, empty = 0 } = config
  const keepers = config.keepers - empty
  const dealt = deal(train, partition, keepers, deriveSeed(config.seed, STREAM.partition))
  if (empty === 0) return dealt
  return {
    shards: [...dealt.shards, ...Array.from({ length: empty }, () => new Uint32Array(0))],
    histograms: [...dealt.histograms, ...Array.from({ length: empty }, () => new Uint32Array(train.classes))],
  }
}

function deal(train: Dataset, partition: SimulationConfig['partition'], keepers: number, seed: number): Partition {
  if (partition.kind === 'iid') return partitionIid(train, { parts: keepers, seed })
  if (partition.kind === 'dirichlet') return partitionDirichlet(train, { parts: keepers, seed, alpha: partition.alpha })
  if (partition.kind === 'sizes') return partitionBySize(train, { sizes: partition.sizes, seed })
  return partitionShards(train, { parts: keepers, seed, shardsPerPart: partition.shardsPerPart })
}

function begin(
  {
    spec,
    config,
    identity,
    start,
  }: { spec: ModelSpec; config: SimulationConfig; identity: string; start: Float32Array | undefined },
  resume: SimulationState | undefined,
): SimulationState {
  if (resume === undefined) {
    if (start !== undefined) checkVector(spec, start, 'start')
    return {
      configHash: identity,
      round: 0,
      weights: start?.slice() ?? initialWeights(spec, deriveSeed(config.seed, STREAM.weights)),
      server: initialServerState(config.server, spec.parameterCount),
      records: [],
      homes: new Map(),
      controls: new Map(),
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
