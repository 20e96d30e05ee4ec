// SPDX-License-Identifier: GPL-3.0-or-later
// What a simulation has come to, in memory and as bytes.
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import { seal, unseal } from '../sealed.ts'
import type { ServerState } from '../strategy/server.ts'

export type RoundRecord = {
  readonly round: number
  /** On the test set, after the round. */
  readonly accuracy: number
  readonly loss: number
  /** Mean over the honest members of their last local epoch. */
  readonly trainLoss: number | null
  readonly members: number
  readonly dropped: number
  readonly poisoned: number
  /** Updates beyond the bound, left out; they count neither as `members` nor as `dropped`. */
  readonly refused: number
  /** The mean was beyond the bound: the round changed nothing. */
  readonly lost: boolean
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
}

const MAGIC = 'COHSIM01'
const recordSchema = z.strictObject({
  round: z.number().int().min(1),
  accuracy: z.number(),
  loss: z.number(),
  trainLoss: z.number().nullable(),
  members: z.number().int(),
  dropped: z.number().int(),
  poisoned: z.number().int(),
  // Absent from states of before there was a bound.
  refused: z.number().int().default(0),
  lost: z.boolean().default(false),
  epsilon: z.number().optional(),
})
const stateSchema = z.strictObject({
  configHash: z.string(),
  round: z.number().int().min(0),
  serverRound: z.number().int().min(0),
  records: z.array(recordSchema),
})

export function encodeSimulation(state: SimulationState): Uint8Array<ArrayBuffer> {
  const { configHash, round, records, weights, server } = state
  return seal(MAGIC, { configHash, round, records, serverRound: server.round }, [weights, server.m, server.v])
}

/** Throws BAD_CHECKPOINT on anything that `encodeSimulation` did not write, whole. */
export function decodeSimulation(bytes: Uint8Array): SimulationState {
  const { header, vectors } = unseal(MAGIC, bytes, 'saved simulation')
  const parsed = stateSchema.safeParse(header)
  const [weights, m, v] = vectors
  if (!parsed.success || weights === undefined || m === undefined || v === undefined || vectors.length !== 3) {
    throw new LearningError('BAD_CHECKPOINT', 'saved simulation: the header does not fit')
  }
  const { serverRound, ...rest } = parsed.data
  return {
    ...rest,
    records: rest.records as RoundRecord[],
    weights,
    server: { round: serverRound, m, v },
  }
}
