// SPDX-License-Identifier: GPL-3.0-or-later
// Robust aggregation that goes together with encryption: members are dealt into groups, only the group means are ever
// decrypted, and a robust centre of those means becomes the update.
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import { SeededRandom } from '../random.ts'
import { coordinateMedian, trimmedMean, type WeightedUpdate, weightedMean } from './mean.ts'

export const centreSchema = z.discriminatedUnion('kind', [
  /** One mean over all. */
  z.strictObject({ kind: z.literal('mean') }),
  /** Mean of the group means without the `trim` extremes on each side, per coordinate. */
  z.strictObject({
    kind: z.literal('trimmed-mean'),
    groups: z.number().int().min(3),
    trim: z.number().int().min(1),
  }),
  /** Median of the group means, per coordinate. */
  z.strictObject({ kind: z.literal('median'), groups: z.number().int().min(3) }),
])
export type Centre = z.infer<typeof centreSchema>

/**
 * Deals `members` into `groups` of almost equal size, at random. Fix the seed only after members have committed to their updates,
 * or bad members could choose their group. Returns member indices per group.
 */
export function dealGroups(members: number, groups: number, seed: number): Uint32Array[] {
  if (groups < 1 || groups > members) {
    throw new LearningError('BAD_PARAMETERS', `${groups} groups cannot be made of ${members} members`)
  }
  const order = new SeededRandom(seed).permutation(members)
  return Array.from({ length: groups }, (_, g) =>
    order.slice(Math.floor((g * members) / groups), Math.floor(((g + 1) * members) / groups)).sort(),
  )
}

/** The robust centre of group means that were already formed (under encryption, say). */
export function centreOfGroups(centre: Centre, means: readonly WeightedUpdate[]): Float32Array<ArrayBuffer> {
  const vectors = means.map(({ weights }) => weights)
  if (centre.kind === 'mean') return weightedMean(means)
  if (centre.kind === 'median') return coordinateMedian(vectors)
  return trimmedMean(vectors, centre.trim)
}

/** Groups the updates, averages each group, and takes the centre. The plain-text simulation does this in place of encryption. */
export function aggregate(centre: Centre, updates: readonly WeightedUpdate[], seed: number): Float32Array<ArrayBuffer> {
  if (centre.kind === 'mean') return weightedMean(updates)
  const groups = dealGroups(updates.length, Math.min(centre.groups, updates.length), seed)
  const means = groups.map((group) => {
    const members = [...group].map((index) => updates[index]!)
    return { weights: weightedMean(members), weight: members.reduce((sum, { weight }) => sum + weight, 0) }
  })
  return centreOfGroups(centre, means)
}
