// SPDX-License-Identifier: GPL-3.0-or-later
// An interrupted training as bytes.
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import { seal, unseal } from '../sealed.ts'
import type { TrainingCheckpoint } from '../types.ts'
import { MOST_WORKERS, trainingParametersSchema } from './parameters.ts'

const MAGIC = 'COHTRN01'
const natural = z.number().int().min(0)
const headerSchema = z.strictObject({
  specHash: z.string().regex(/^[0-9a-f]{64}$/),
  parameters: trainingParametersSchema,
  workers: z.number().int().min(1).max(MOST_WORKERS).default(1),
  epoch: natural,
  step: natural,
  updates: natural,
  history: z.array(z.strictObject({ epoch: natural, loss: z.number(), accuracy: z.number() })),
  lossSum: z.number(),
  correct: z.number().min(0),
  seen: natural,
})

export function encodeCheckpoint(checkpoint: TrainingCheckpoint): Uint8Array<ArrayBuffer> {
  const { weights, anchor, moments, workers, ...rest } = checkpoint
  // Without it a file says 1, as those from before there were workers do.
  const header = workers === 1 ? rest : { ...rest, workers }
  return seal(MAGIC, header, [weights, anchor, ...moments])
}

/** Throws BAD_CHECKPOINT on anything that `encodeCheckpoint` did not write, whole. */
export function decodeCheckpoint(bytes: Uint8Array): TrainingCheckpoint {
  const { header, vectors } = unseal(MAGIC, bytes, 'training checkpoint')
  const parsed = headerSchema.safeParse(header)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new LearningError(
      'BAD_CHECKPOINT',
      `training checkpoint: header field ${issue.path.join('.')}: ${issue.message}`,
    )
  }
  const [weights, anchor, ...moments] = vectors
  if (weights === undefined || anchor === undefined || vectors.some(({ length }) => length !== weights.length)) {
    throw new LearningError('BAD_CHECKPOINT', 'training checkpoint: weights, anchor and moments must be of one length')
  }
  return { ...parsed.data, weights, anchor, moments }
}
