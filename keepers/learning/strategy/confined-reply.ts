// SPDX-License-Identifier: GPL-3.0-or-later
// What the process of a strategy's call says: a line of JSON, then the state's values. Whatever got out of the module's context can say
// anything in its place, so the keeper bounds the bytes, and takes only what fits the model. It is not Node's channel between processes,
// whose messages can stop the receiver.
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import type { ParameterSpec } from '../types.ts'
import { MOST_VECTORS, type StrategyModule, type StrategyState } from './module.ts'

/** The facts about a module that opening it reveals. */
export type StrategyFacts = Pick<StrategyModule, 'vectors' | 'home' | 'localRate' | 'weighs'>
export type StrategyAnswer = StrategyFacts | StrategyState | number

/** Of the line, besides the names of parameters. */
const MOST_LINE = 65_536
const MOST_MESSAGE = 4_096
const FLOAT = Float32Array.BYTES_PER_ELEMENT

const lineSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('facts'),
    vectors: z.int().min(0).max(MOST_VECTORS),
    home: z.array(z.string()),
    localRate: z.number().positive().nullable(),
    weighs: z.boolean(),
  }),
  z.strictObject({ kind: z.literal('state'), vectors: z.int().min(0).max(MOST_VECTORS) }),
  z.strictObject({ kind: z.literal('weight'), weight: z.int().min(0) }),
  z.strictObject({
    kind: z.literal('error'),
    code: z.enum(['BAD_STRATEGY', 'BAD_VECTOR']),
    message: z.string().max(MOST_MESSAGE),
  }),
])

/** Largest number of bytes of an answer about a model of these parameters. */
export function mostReplyBytes(parameters: readonly ParameterSpec[]): number {
  const names = Buffer.byteLength(JSON.stringify(parameters.map(({ name }) => name)))
  return MOST_LINE + names + (1 + MOST_VECTORS) * lengthOf(parameters) * FLOAT
}

export function encodeReply(answer: StrategyAnswer | Error): Buffer {
  const line = (fields: z.input<typeof lineSchema>) => Buffer.from(`${JSON.stringify(fields)}\n`)
  if (answer instanceof Error) {
    const code = answer instanceof LearningError && answer.code === 'BAD_VECTOR' ? 'BAD_VECTOR' : 'BAD_STRATEGY'
    return line({ kind: 'error', code, message: answer.message.slice(0, MOST_MESSAGE) })
  }
  if (typeof answer === 'number') return line({ kind: 'weight', weight: answer })
  if (!('weights' in answer)) return line({ kind: 'facts', ...answer, home: [...answer.home] })
  const values = [answer.weights, ...answer.vectors].map((v) => Buffer.from(v.buffer, v.byteOffset, v.byteLength))
  return Buffer.concat([line({ kind: 'state', vectors: answer.vectors.length }), ...values])
}

/**
 * Reads an answer that nobody vouches for.
 * @throws LearningError the module's own, as the process passes it on
 * @throws Error saying what is wrong with the answer itself
 */
export function decodeReply(bytes: Buffer, parameters: readonly ParameterSpec[]): StrategyAnswer {
  const end = bytes.indexOf('\n')
  if (end < 0) throw new Error('its answer has no end')
  const parsed = lineSchema.safeParse(jsonOf(bytes.toString('utf8', 0, end)))
  if (!parsed.success) throw new Error('its answer is none of a strategy')
  const said = parsed.data
  const rest = bytes.subarray(end + 1)
  if (said.kind === 'state') return stateOf(rest, said.vectors, lengthOf(parameters))
  if (rest.length > 0) throw new Error('its answer has more than belongs to it')
  if (said.kind === 'error') throw new LearningError(said.code, said.message)
  if (said.kind === 'weight') return said.weight
  const { kind: _, ...facts } = said
  const known = new Set(parameters.map(({ name }) => name))
  if (facts.home.some((name) => !known.has(name))) throw new Error('home: it names what is no parameter of the model')
  if (facts.localRate !== null && facts.vectors === 0) throw new Error('control: it remembers no vector')
  return facts
}

function stateOf(bytes: Buffer, vectors: number, length: number): StrategyState {
  if (bytes.length !== (1 + vectors) * length * FLOAT) throw new Error('its state has not the size of the model`s')
  const copy = Uint8Array.from(bytes)
  const all = Array.from({ length: 1 + vectors }, (_, i) => new Float32Array(copy.buffer, i * length * FLOAT, length))
  if (all.some((vector) => vector.some((value) => !Number.isFinite(value)))) {
    throw new Error('its state has a value that is not finite')
  }
  const [weights, ...others] = all.map((vector) => vector.slice())
  return { weights: weights!, vectors: others }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function lengthOf(parameters: readonly ParameterSpec[]): number {
  return parameters.reduce((sum, { length }) => sum + length, 0)
}
