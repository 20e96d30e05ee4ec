// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash } from 'node:crypto'
import { z } from 'zod'
import {
  clientPrivacySchema,
  csvSchemaSchema,
  type ModelSpec,
  modelSpec,
  serverSettingsSchema,
} from '../learning/index.ts'
import { planDigest } from './provable.ts'

/**
 * What the members of a service agree on beyond the chain's parameters. Every member's copy must be equal: its hash is
 * in the key messages, and an epoch is never formed with a member that has another.
 */
export const profileSchema = z.strictObject({
  /** Architecture by name. */
  model: z.enum(['small-cnn', 'article-cnn', 'mlp', 'logistic']),
  /** Shape of one sample: height, width, channels of a picture, or the number of a table's features. */
  inputShape: z.array(z.int().min(1).max(4096)).min(1).max(3).default([28, 28, 1]),
  /** How many classes, or their names in the order of the model's outputs: tables and folders of pictures need names. */
  classes: z
    .union([z.int().min(2).max(4096), z.array(z.string().min(1)).min(2).max(4096)], {
      error: 'takes a number of at least 2, or a list of at least 2 names',
    })
    .default(10),
  /** For a model of tables: columns, their order and scaling, the column of the label. */
  table: csvSchemaSchema.omit({ classes: true, inputShape: true }).optional(),
  /** Seed of the weights before the first round. */
  initialSeed: z.int().min(0).max(0xffffffff).default(1),
  /** Bound on each entry of an update (the change of one weight in one round). */
  clipBound: z.number().positive().max(64).default(1),
  /** Bound on the Euclidean norm of an update. */
  clipNorm: z.number().positive().max(10_000).default(20),
  /** Most samples one keeper may declare: its weight in the mean. */
  maxSamples: z.int().min(1).max(10_000_000).default(60_000),
  /** Least samples over all keepers; decides the precision of the mean. */
  minTotalSamples: z.int().min(1).default(1_000),
  /** Statistical bits of the flooding of decryption shares. */
  statisticalBits: z.int().min(30).max(160).default(128),
  /** A member votes for a model unless its own hold-out accuracy falls by more than this below what earlier ones reached, 0 … 1. */
  voteTolerance: z.number().min(0).max(1).default(0.25),
  /** What members make of the mean update; without it they add it. What it remembers goes with the model's blob. */
  strategy: serverSettingsSchema.optional(),
  /** Client-level differential privacy: noise that every member adds before encryption. Off without it. */
  privacy: clientPrivacySchema.optional(),
})

export type ServiceProfile = z.infer<typeof profileSchema>

/** The architecture that a profile means. Throws LearningError BAD_MODEL when the model does not take the shape. */
export function specOf(profile: ServiceProfile): ModelSpec {
  const { model, inputShape, classes } = profile
  return modelSpec(model, { inputShape, classes: typeof classes === 'number' ? classes : classes.length })
}

/** SHA-256 over the profile with its keys in order, and over the plan by which weights are rounded and committed to. */
export function profileHash(profile: ServiceProfile): Uint8Array {
  const entries = Object.entries(profile).sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256')
    .update(`cohort/profile/1${JSON.stringify(entries)}${planDigest(profile.model)}`)
    .digest()
}
