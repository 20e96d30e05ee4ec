// SPDX-License-Identifier: GPL-3.0-or-later
// Proofs of segments. A worker sees input and salts, which are the whole witness. It has circuits and keys in folders of its own.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { JobError } from '../errors.ts'
import { bytesOf, decodeFrame, encodeFrame, numbersIn } from '../frame.ts'
import type { JobKind } from '../kind.ts'
import type { ProofAnswer, ProofCheck, ProofTask } from './proof-task.ts'

const element = z
  .string()
  .regex(/^(0|[1-9]\d{0,77})$/)
  .transform(BigInt)

const inputSchema = z.strictObject({
  circuitId: z.string().regex(/^0x[0-9a-f]{64}$/),
  modelCommitment: element,
  salts: z.strictObject({ input: element.optional(), output: element.optional() }),
  context: element,
  count: z
    .int()
    .min(1)
    .max(1 << 24),
})
const answerSchema = z.strictObject({ proof: z.record(z.string(), z.unknown()), publicSignals: z.unknown() })

/** The lane of a circuit's proofs: only workers with its folder take from it. */
export function proofLane({ circuitId, modelCommitment }: Pick<ProofTask, 'circuitId' | 'modelCommitment'>): string {
  return `proofs-${createHash('sha256').update(`${circuitId}:${modelCommitment}`).digest('hex').slice(0, 32)}`
}

/** @param check What an answer must pass. A worker, which reads no answers, omits it. */
export function proofs(check?: ProofCheck): JobKind<ProofTask, ProofAnswer> {
  return {
    name: 'proofs',
    mostInput: 128 << 20,
    mostAnswer: 1 << 16,
    attempts: 2,
    pickupMs: 10_000,
    timeoutMs: 1_800_000,
    laneOf: proofLane,
    encodeInput({ circuitId, modelCommitment, input, salts, context }) {
      const text = (value: bigint | undefined) => (value === undefined ? undefined : String(value))
      const fields = {
        ...{ circuitId, modelCommitment: String(modelCommitment), context: String(context), count: input.length },
        salts: { input: text(salts.input), output: text(salts.output) },
      }
      return encodeFrame(fields, [bytesOf(input)])
    },
    async decodeInput(bytes) {
      const { fields, parts } = decodeFrame(bytes, inputSchema, 1)
      const { count, salts, ...rest } = fields
      const input = numbersIn(parts[0]!, Float64Array, count, 'input')
      const bad = input.findIndex((value) => !Number.isSafeInteger(value))
      if (bad >= 0) throw new JobError('BAD_MESSAGE', `input value ${bad} is ${input[bad]}, not an integer`)
      return {
        ...rest,
        input,
        salts: {
          ...(salts.input === undefined ? {} : { input: salts.input }),
          ...(salts.output === undefined ? {} : { output: salts.output }),
        },
      }
    },
    async encodeAnswer({ proof, publicSignals }) {
      const { proofToJson } = await import('../../zkml/index.ts')
      return encodeFrame({ proof: proofToJson(proof), publicSignals: publicSignals.map(String) }, [])
    },
    async decodeAnswer(bytes, task) {
      const { fields } = decodeFrame(bytes, answerSchema, 0)
      const { ProveError, parseProof, parsePublicSignals } = await import('../../zkml/index.ts')
      try {
        const answer = { proof: parseProof(fields.proof), publicSignals: parsePublicSignals(fields.publicSignals) }
        if (check === undefined || !(await check(task, answer))) {
          throw new JobError('BAD_ANSWER', `the proof is not one of this statement under circuit ${task.circuitId}`)
        }
        return answer
      } catch (error) {
        if (error instanceof ProveError) throw new JobError('BAD_ANSWER', error.message, { cause: error })
        throw error
      }
    },
  }
}
