// SPDX-License-Identifier: GPL-3.0-or-later
// The state of a simulation, in memory and as bytes.
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import { seal, unseal } from '../sealed.ts'
import type { ServerState } from '../strategy/server.ts'
import type { ClientFigures } from './client-figures.ts'

export type RoundRecord = {
  readonly round: number
  /** Name of the group of layers that the round covered; absent when it covered all. */
  readonly layers?: string
  /** On the test set, after the round. */
  readonly accuracy: number
  readonly loss: number
  /** Euclidean norm of the step that the global weights made; null in states of before it was recorded. */
  readonly norm: number | null
  /** Mean over the honest members of their last local epoch. */
  readonly trainLoss: number | null
  readonly members: number
  readonly dropped: number
  readonly poisoned: number
  /** Updates beyond the bound, left out; they count neither as `members` nor as `dropped`. */
  readonly refused: number
  /** The mean was beyond the bound: the round changed nothing. */
  readonly lost: boolean
  /** Members that took part without samples; `members` does not count them. */
  readonly idle: number
  /** On the test set: mean F1 of the classes (or several labels), and recall, precision and F1 of each; null and empty of amounts. */
  readonly macroF1: number | null
  readonly recall: readonly (number | null)[]
  readonly precision: readonly (number | null)[]
  readonly f1: readonly (number | null)[]
  /** Each keeper's figures on test samples mixed like its own (of amounts and labels: on its own); with personal layers, by its own model. Only if asked for. */
  readonly clients?: readonly (ClientFigures | null)[]
  /** σ of the decrypted sum with the least noise in the round: a group's sum, or the whole sum. */
  readonly noise?: number
  /** ε spent so far, when differential privacy is on. */
  readonly epsilon?: number
}

/** Everything after some round; `encodeSimulation` makes bytes of it. */
export type SimulationState = {
  readonly configHash: string
  readonly round: number
  readonly weights: Float32Array
  readonly server: ServerState
  readonly records: readonly RoundRecord[]
  /** Layers that stay with keepers, of those who have trained some. */
  readonly homes: ReadonlyMap<number, Float32Array>
  /** Control variates of keepers, of those who have trained with one. */
  readonly controls: ReadonlyMap<number, Float32Array>
}

const MAGIC = 'COHSIM01'
const recordSchema = z.strictObject({
  round: z.number().int().min(1),
  layers: z.string().optional(),
  accuracy: z.number(),
  loss: z.number(),
  trainLoss: z.number().nullable(),
  members: z.number().int(),
  dropped: z.number().int(),
  poisoned: z.number().int(),
  // Absent from states of before there was a bound.
  refused: z.number().int().default(0),
  lost: z.boolean().default(false),
  // And these of before there were any.
  norm: z.number().nullable().default(null),
  idle: z.number().int().default(0),
  macroF1: z.number().nullable().default(null),
  recall: z.array(z.number().nullable()).default([]),
  precision: z.array(z.number().nullable()).default([]),
  f1: z.array(z.number().nullable()).default([]),
  clients: z
    .array(z.strictObject({ accuracy: z.number(), loss: z.number(), f1: z.number().nullable() }).nullable())
    .optional(),
  noise: z.number().optional(),
  epsilon: z.number().optional(),
})
const stateSchema = z.strictObject({
  configHash: z.string(),
  round: z.number().int().min(0),
  serverRound: z.number().int().min(0),
  records: z.array(recordSchema),
  homes: z.array(z.number().int().min(0)).default([]),
  controls: z.array(z.number().int().min(0)).default([]),
})

export function encodeSimulation(state: SimulationState): Uint8Array<ArrayBuffer> {
  const { configHash, round, records, weights, server, homes, controls } = state
  const keepers = { homes: [...homes.keys()], controls: [...controls.keys()] }
  const header = { configHash, round, records, serverRound: server.round, ...keepers }
  return seal(MAGIC, header, [weights, server.m, server.v, ...homes.values(), ...controls.values()])
}

/** Throws BAD_CHECKPOINT on anything that `encodeSimulation` did not write, whole. */
export function decodeSimulation(bytes: Uint8Array): SimulationState {
  const { header, vectors } = unseal(MAGIC, bytes, 'saved simulation')
  const parsed = stateSchema.safeParse(header)
  const [weights, m, v, ...own] = vectors
  if (!parsed.success || weights === undefined || m === undefined || v === undefined) {
    throw new LearningError('BAD_CHECKPOINT', 'saved simulation: the header does not fit')
  }
  const { serverRound, homes, controls, ...rest } = parsed.data
  if (own.length !== homes.length + controls.length) {
    throw new LearningError('BAD_CHECKPOINT', 'saved simulation: vectors of keepers are missing')
  }
  return {
    ...rest,
    records: rest.records as RoundRecord[],
    weights,
    server: { round: serverRound, m, v },
    homes: new Map(homes.map((keeper, i) => [keeper, own[i]!])),
    controls: new Map(controls.map((keeper, i) => [keeper, own[homes.length + i]!])),
  }
}
