// SPDX-License-Identifier: GPL-3.0-or-later
// What a simulated federation looks like, checked at the door.
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import { trainerCommandSchema, trainerEnvironmentSchema, trainerLimitsSchema } from '../external/command.ts'
import { layerGroupsSchema, MOST_LAYER_GROUPS } from '../model/layer-groups.ts'
import { centreSchema } from '../strategy/groups.ts'
import { serverSettingsSchema } from '../strategy/server.ts'
import { trainingParametersSchema } from '../train/parameters.ts'
import { patienceSchema, scheduleSchema } from './schedule.ts'

const fraction = z.number().gt(0).max(1)
const share = z.number().min(0).lt(1)

export const simulationConfigSchema = z.strictObject({
  keepers: z.number().int().min(1).max(10_000),
  rounds: z.number().int().min(1).max(100_000),
  /** C: the share of keepers who take part in a round (at least one does). */
  fraction: fraction.default(1),
  partition: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('iid') }),
      z.strictObject({ kind: z.literal('dirichlet'), alpha: z.number().positive() }),
      z.strictObject({ kind: z.literal('shards'), shardsPerPart: z.number().int().min(1).default(2) }),
      z.strictObject({ kind: z.literal('sizes'), sizes: z.array(z.number().int().min(0)).min(1) }),
    ])
    .default({ kind: 'iid' }),
  /** Local training. Each keeper and round gets its own seed, derived from `seed` below. */
  training: trainingParametersSchema.omit({ seed: true }),
  /** How the learning rate changes over the rounds. */
  schedule: scheduleSchema.optional(),
  /** This many of the keepers, the last ones, have no samples: they join, are chosen, and weigh nothing; with privacy they add their noise and weigh like all. */
  empty: z.number().int().min(0).optional(),
  /** Also record each keeper's accuracy, loss and F1, on test samples mixed like its own. */
  perClient: z.boolean().optional(),
  /** A program that trains in place of the own trainer, as in a keeper's config. */
  trainer: z
    .strictObject({
      command: trainerCommandSchema,
      limits: trainerLimitsSchema.prefault({}),
      environment: trainerEnvironmentSchema.default({}),
    })
    .optional(),
  weighting: z.enum(['samples', 'equal']).default('samples'),
  /** Most that a keeper may weigh, as rounds.maxSamples of a manifest. */
  maxSamples: z.number().int().min(1).default(60_000),
  server: serverSettingsSchema.default({ kind: 'fedavg' }),
  centre: centreSchema.default({ kind: 'mean' }),
  /** Groups of layers that rounds cover in turn: as in a manifest, or a number of groups of neighbouring layers, as even as may be. */
  layerGroups: z.union([z.int().min(2).max(MOST_LAYER_GROUPS), layerGroupsSchema]).optional(),
  /** This share of the keepers, the last ones, has no samples in rounds of other layer groups than these (names; numbered groups are 1, 2, …). */
  partial: z.strictObject({ share: fraction, groups: z.array(z.string()) }).optional(),
  /** Chance that a chosen keeper never delivers its update. */
  dropOut: share.default(0),
  poison: z
    .strictObject({
      /** Share of the keepers who are bad, rounded down. */
      share: share,
      /**
       * label-flip: trains on label classes−1−y. sign-flip: sends global − strength·(local − global).
       * scaling: sends global + strength·(local − global) after training on flipped labels.
       * norm-bust: an update of norm strength·bound.norm against the direction of its own training.
       */
      attack: z.enum(['label-flip', 'sign-flip', 'scaling', 'norm-bust']),
      strength: z.number().positive().default(4),
      /** Bad members keep to the bound: they scale their update down to bound.norm if it is longer. */
      within: z.boolean().default(false),
    })
    .optional(),
  /**
   * Largest Euclidean norm of an update; honest members clip theirs to it. `check`: 'none'; 'mean', where a longer mean loses the round; or
   * 'member', where a longer update is left out (as a proof of shortness does under encryption).
   */
  bound: z
    .strictObject({ norm: z.number().positive(), check: z.enum(['none', 'mean', 'member']).default('member') })
    .optional(),
  privacy: z
    .strictObject({ clippingNorm: z.number().positive(), noiseMultiplier: z.number().min(0), delta: fraction })
    .optional(),
  seed: z.number().int().min(0).max(0xffff_ffff).default(1),
  /** Each keeper's own training.seed, as in its config; from `seed` unless told. */
  seeds: z.array(z.number().int().min(0).max(0xffff_ffff)).optional(),
  /** Stop early once the test accuracy is at least this. */
  targetAccuracy: fraction.optional(),
  /** Stop early when nothing gets better any more. */
  patience: patienceSchema.optional(),
})
export type SimulationSettings = z.input<typeof simulationConfigSchema>
export type SimulationConfig = z.output<typeof simulationConfigSchema>

/** Throws BAD_SIMULATION with the field, the value found and the one expected. */
export function parseSimulationConfig(settings: unknown): SimulationConfig {
  const parsed = simulationConfigSchema.safeParse(settings)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    const found = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)?.[key], settings)
    throw new LearningError(
      'BAD_SIMULATION',
      `simulation: ${issue.path.join('.') || '(all)'} is ${JSON.stringify(found)}: ${issue.message}`,
    )
  }
  const config = parsed.data
  const perRound = Math.max(1, Math.round(config.fraction * config.keepers))
  if (config.centre.kind !== 'mean' && config.centre.groups > perRound) {
    throw new LearningError(
      'BAD_SIMULATION',
      `simulation: ${config.centre.groups} groups, but only ${perRound} keepers take part in a round`,
    )
  }
  if (config.centre.kind === 'trimmed-mean' && 2 * config.centre.trim >= config.centre.groups) {
    throw new LearningError(
      'BAD_SIMULATION',
      `simulation: trimming ${config.centre.trim} on each side leaves nothing of ${config.centre.groups} groups`,
    )
  }
  if (config.partial !== undefined && config.layerGroups === undefined) {
    throw new LearningError('BAD_SIMULATION', 'simulation: partial needs layerGroups, of which it names some')
  }
  if (config.poison !== undefined && config.bound === undefined) {
    const { attack, within } = config.poison
    if (within || attack === 'norm-bust') {
      const what = within ? 'poison.within' : 'poison.attack norm-bust'
      throw new LearningError('BAD_SIMULATION', `simulation: ${what} needs bound.norm, the bound that it is about`)
    }
  }
  if (config.seeds !== undefined && config.seeds.length !== config.keepers) {
    throw new LearningError('BAD_SIMULATION', `simulation: ${config.seeds.length} seeds for ${config.keepers} keepers`)
  }
  if ((config.empty ?? 0) >= config.keepers) {
    throw new LearningError(
      'BAD_SIMULATION',
      `simulation: empty is ${config.empty} of ${config.keepers} keepers: none has samples`,
    )
  }
  if (config.partition.kind === 'sizes' && config.partition.sizes.every((size) => size === 0)) {
    throw new LearningError('BAD_SIMULATION', 'simulation: partition.sizes are all 0: no keeper has samples')
  }
  if (config.partition.kind === 'sizes' && config.empty !== undefined) {
    throw new LearningError('BAD_SIMULATION', 'simulation: empty goes without partition sizes: give some a size of 0')
  }
  if (config.partition.kind === 'sizes' && config.partition.sizes.length !== config.keepers) {
    throw new LearningError(
      'BAD_SIMULATION',
      `simulation: ${config.partition.sizes.length} sizes for ${config.keepers} keepers`,
    )
  }
  return config
}

/** Identifies a run, so that it is not resumed as another. What ends it may change: rounds, target, patience. */
export function configHash(config: SimulationConfig, specHash: string, data: string): string {
  const { rounds: _rounds, targetAccuracy: _target, patience: _patience, ...lasting } = config
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify([lasting, specHash, data]))))
}
