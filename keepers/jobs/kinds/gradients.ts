// SPDX-License-Identifier: GPL-3.0-or-later
// Gradients of slices of a training's batches. A worker sees weights and samples.
import { z } from 'zod'
import type { Loss, ModelSpec, SliceAnswer, SliceTask } from '../../learning/index.ts'
import { JobError } from '../errors.ts'
import { bytesOf, decodeFrame, encodeFrame, numbersIn } from '../frame.ts'
import type { JobKind } from '../kind.ts'

const lossSchema: z.ZodType<Loss> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('cross-entropy'), weights: z.array(z.number().positive()).max(65_536).optional() }),
  z.strictObject({ kind: z.literal('binary-cross-entropy') }),
  z.strictObject({ kind: z.literal('mse') }),
  z.strictObject({ kind: z.literal('mae') }),
  z.strictObject({ kind: z.literal('huber'), delta: z.number().positive() }),
])

const inputSchema = z.strictObject({
  name: z.string().max(200),
  topology: z.record(z.string(), z.unknown()),
  specHash: z.hex().length(64),
  loss: lossSchema.optional(),
  count: z.int().min(1).max(4096),
  seed: z.int().min(0).max(0xffff_ffff),
  share: z.number().min(0).max(1),
})

const answerSchema = z.strictObject({ lossSum: z.number(), correct: z.int().min(0) })

export const gradients: JobKind<SliceTask, SliceAnswer> = {
  name: 'gradients',
  mostInput: 256 << 20,
  mostAnswer: 128 << 20,
  attempts: 3,
  pickupMs: 5_000,
  timeoutMs: 60_000,
  laneOf: () => 'gradients',
  encodeInput: encode,
  async decodeInput(bytes) {
    const { fields, parts } = decodeFrame(bytes, inputSchema, 4)
    const spec = await specOf(fields)
    const { count, seed, share } = fields
    const size = spec.inputShape.reduce((a, b) => a * b, 1)
    return {
      ...{ spec, count, seed, share },
      weights: numbersIn(parts[0]!, Float32Array, spec.parameterCount, 'weights'),
      inputs: numbersIn(parts[1]!, Float32Array, count * size, 'inputs'),
      labels: numbersIn(parts[2]!, Int32Array, count, 'labels'),
      targets: numbersIn(parts[3]!, Float32Array, count * spec.classes, 'targets'),
    }
  },
  encodeAnswer: ({ gradient, lossSum, correct }) => {
    // JSON has only finite numbers, so a worker cannot report a training that diverges.
    if (!Number.isFinite(lossSum)) throw new JobError('BAD_ANSWER', 'the loss of this slice is not finite')
    return encodeFrame({ lossSum, correct }, [bytesOf(gradient)])
  },
  async decodeAnswer(bytes, { spec, count }) {
    const { fields, parts } = decodeFrame(bytes, answerSchema, 1)
    const gradient = numbersIn(parts[0]!, Float32Array, spec.parameterCount, 'gradient')
    const bad = gradient.findIndex((value) => !Number.isFinite(value))
    if (bad >= 0) throw new JobError('BAD_ANSWER', `value ${bad} of the gradient is ${gradient[bad]}`)
    const most = count * spec.classes
    if (fields.correct > most) throw new JobError('BAD_ANSWER', `${fields.correct} right answers of ${count} samples`)
    return { gradient, ...fields }
  },
}

/** Hashes of architectures, kept because every job of a training has one. */
const hashes = new WeakMap<ModelSpec, string>()

async function encode(task: SliceTask): Promise<Uint8Array> {
  const { spec, count, seed, share, weights, inputs, labels, targets } = task
  const { name, topology, loss } = spec
  let hash = hashes.get(spec)
  if (hash === undefined) {
    const { specHash } = await import('../../learning/index.ts')
    hash = specHash(spec)
    hashes.set(spec, hash)
  }
  return encodeFrame(
    { name, topology, specHash: hash, ...(loss === undefined ? {} : { loss }), count, seed, share },
    [weights, inputs, labels, targets].map(bytesOf),
  )
}

/** Architectures from earlier jobs, by hash, kept because parsing one takes longer than a small slice. */
const known = new Map<string, ModelSpec>()
const MOST_KNOWN = 16

async function specOf(fields: z.infer<typeof inputSchema>): Promise<ModelSpec> {
  const { name, topology, loss, specHash: expected } = fields
  const label = `${expected} ${JSON.stringify(loss)}`
  const found = known.get(label)
  if (found !== undefined) return found
  const { LearningError, parseModelSpec, specHash } = await import('../../learning/index.ts')
  try {
    const spec = {
      ...(await parseModelSpec({ modelTopology: topology })),
      name,
      ...(loss === undefined ? {} : { loss }),
    }
    const hash = specHash(spec)
    if (hash !== expected)
      throw new JobError('BAD_MESSAGE', `the topology has the hash ${hash}, the job says ${expected}`)
    if (known.size >= MOST_KNOWN) known.clear()
    known.set(label, spec)
    return spec
  } catch (error) {
    if (error instanceof LearningError) throw new JobError('BAD_MESSAGE', error.message, { cause: error })
    throw error
  }
}
