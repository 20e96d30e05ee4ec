// SPDX-License-Identifier: GPL-3.0-or-later
import { z } from 'zod'
import { clientPrivacySchema, layerGroupsSchema, serverSettingsSchema } from '../learning/index.ts'

/** The bounds on updates and the use of their mean: the part of a manifest that every round uses. */
export const roundTermsSchema = z.strictObject({
  /** Bound on each entry of an update (the change of one weight in one round). */
  clipBound: z.number().positive().max(64),
  /** Bound on the Euclidean norm of an update. */
  clipNorm: z.number().positive().max(10_000),
  /** Most samples one keeper may declare: its weight in the mean. */
  maxSamples: z.int().min(1).max(10_000_000),
  /** Least samples of all keepers together; decides the precision of the mean. */
  minTotalSamples: z.int().min(1),
  /** Statistical bits of the flooding of decryption shares. */
  statisticalBits: z.int().min(30).max(160),
  /** How members apply the mean update; without a strategy they add it. The model's blob contains the strategy's moments. */
  strategy: serverSettingsSchema.optional(),
  /** Client-level differential privacy: noise that every member adds before encryption. Off without it. */
  privacy: clientPrivacySchema.optional(),
  /**
   * Groups of layers that take turns (`groupOfRound`): a round covers the parameters of one group and changes no others. Together the groups
   * contain every layer with parameters once. Without groups, every round covers the whole model.
   */
  layerGroups: layerGroupsSchema.optional(),
})

export type RoundTerms = z.infer<typeof roundTermsSchema>

/** Terms that suit a small model, as the starting point for a new manifest. */
export const USUAL_TERMS: RoundTerms = {
  clipBound: 1,
  clipNorm: 20,
  maxSamples: 60_000,
  minTotalSamples: 1_000,
  statisticalBits: 128,
}
