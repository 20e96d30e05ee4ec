// SPDX-License-Identifier: GPL-3.0-or-later
// An interrupted training as bytes: 8 bytes of magic, the length of a JSON header, the header, the vectors, a SHA-256.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import type { TrainingCheckpoint } from '../types.ts'
import { trainingParametersSchema } from './parameters.ts'

const MAGIC = 'COHTRN01'
const DIGEST = 32
const natural = z.number().int().min(0)
const headerSchema = z.strictObject({
  specHash: z.string().regex(/^[0-9a-f]{64}$/),
  parameters: trainingParametersSchema,
  epoch: natural,
  step: natural,
  updates: natural,
  parameterCount: natural,
  moments: natural.max(2),
  history: z.array(z.strictObject({ epoch: natural, loss: z.number(), accuracy: z.number() })),
  lossSum: z.number(),
  correct: natural,
  seen: natural,
})

export function encodeCheckpoint(checkpoint: TrainingCheckpoint): Uint8Array<ArrayBuffer> {
  const { weights, anchor, moments, ...rest } = checkpoint
  const header = Buffer.from(JSON.stringify({ ...rest, parameterCount: weights.length, moments: moments.length }))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(header.length)
  const vectors = [weights, anchor, ...moments].map((v) => Buffer.from(v.buffer, v.byteOffset, v.byteLength))
  const body = Buffer.concat([Buffer.from(MAGIC), length, header, ...vectors])
  const digest = createHash('sha256').update(body).digest()
  return new Uint8Array(Buffer.concat([body, digest]))
}

/** Throws BAD_CHECKPOINT on anything that `encodeCheckpoint` did not write, whole. */
export function decodeCheckpoint(bytes: Uint8Array): TrainingCheckpoint {
  const refuse = (message: string) => new LearningError('BAD_CHECKPOINT', `training checkpoint: ${message}`)
  if (bytes.length < MAGIC.length + 4 + DIGEST) throw refuse(`${bytes.length} bytes are too few`)
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length - DIGEST)
  if (body.toString('latin1', 0, MAGIC.length) !== MAGIC) throw refuse(`does not start with ${MAGIC}`)
  const digest = createHash('sha256').update(body).digest()
  if (!digest.equals(bytes.subarray(bytes.length - DIGEST))) throw refuse('SHA-256 does not match: damaged or cut off')
  const start = MAGIC.length + 4 + body.readUInt32LE(MAGIC.length)
  if (start > body.length) throw refuse('the header runs past the end')
  let json: unknown
  try {
    json = JSON.parse(body.toString('utf8', MAGIC.length + 4, start))
  } catch (cause) {
    throw new LearningError('BAD_CHECKPOINT', 'training checkpoint: the header is not JSON', { cause })
  }
  const parsed = headerSchema.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw refuse(`header field ${issue.path.join('.')}: ${issue.message}`)
  }
  const { parameterCount, moments, parameters, ...rest } = parsed.data
  if (body.length - start !== 4 * parameterCount * (2 + moments)) {
    throw refuse(`${body.length - start} bytes of vectors, expected ${4 * parameterCount * (2 + moments)}`)
  }
  const vector = (index: number) =>
    new Float32Array(new Uint8Array(body.subarray(start + 4 * parameterCount * index)).buffer, 0, parameterCount)
  return {
    ...rest,
    parameters: parameters as TrainingCheckpoint['parameters'],
    weights: vector(0),
    anchor: vector(1),
    moments: Array.from({ length: moments }, (_, i) => vector(2 + i)),
  }
}
