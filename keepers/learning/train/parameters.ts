// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper's settings for its training, and their validation.
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import type { TrainingParameters } from '../types.ts'

/** Most threads that share the batches of one training. */
export const MOST_WORKERS = 64

const rate = z.number().positive().max(100)
const share = z.number().min(0).lt(1)
const optimizerSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('sgd'),
    learningRate: rate,
    momentum: share.optional(),
    nesterov: z.boolean().optional(),
  }),
  z.strictObject({
    kind: z.literal('adam'),
    learningRate: rate,
    beta1: share.optional(),
    beta2: share.optional(),
    epsilon: z.number().positive().optional(),
  }),
])

export const trainingParametersSchema = z.strictObject({
  epochs: z.number().int().min(1).max(100_000),
  batchSize: z.number().int().min(1).max(65_536),
  optimizer: optimizerSchema,
  seed: z.number().int().min(0).max(0xffff_ffff),
  clipGradientNorm: z.number().positive().optional(),
  proximalMu: z.number().min(0).optional(),
  weightDecay: z.number().min(0).optional(),
})

/** Seed of a round's training, from a keeper's own. @param round From 1. */
export function seedOfRound(seed: number, round: number): number {
  return (seed * 1_000_003 + round) >>> 0
}

/** A frozen copy. Throws BAD_PARAMETERS with the field, the value found and the one expected. */
export function parseTrainingParameters(value: unknown): TrainingParameters {
  const parsed = trainingParametersSchema.safeParse(value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    const found = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)?.[key], value)
    throw new LearningError(
      'BAD_PARAMETERS',
      `training parameter ${issue.path.join('.') || '(all)'} is ${JSON.stringify(found)}: ${issue.message}`,
    )
  }
  return Object.freeze(parsed.data) as TrainingParameters
}

/** Sensible defaults for the models that go by name. */
export const DEFAULT_TRAINING: TrainingParameters = Object.freeze<TrainingParameters>({
  epochs: 1,
  batchSize: 32,
  optimizer: { kind: 'adam', learningRate: 0.001 },
  seed: 1,
})
