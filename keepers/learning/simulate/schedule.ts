// SPDX-License-Identifier: GPL-3.0-or-later
// How the learning rate changes from round to round, and when to stop.
import { z } from 'zod'
import type { RoundRecord } from './state.ts'

const factor = z.number().gt(0).max(1)

export const scheduleSchema = z.discriminatedUnion('kind', [
  /** × factor each round, like a live keeper's training.decay. */
  z.strictObject({ kind: z.literal('exponential'), factor }),
  /** × factor every `every` rounds. */
  z.strictObject({ kind: z.literal('step'), every: z.int().min(1), factor }),
  /** From 1 down to `least` along half a cosine over all rounds (Loshchilov & Hutter 2017, without restarts). */
  z.strictObject({ kind: z.literal('cosine'), least: z.number().min(0).max(1).default(0) }),
  /** Up in a straight line over the first `rounds`, then 1. */
  z.strictObject({ kind: z.literal('warm-up'), rounds: z.int().min(1) }),
])
export type Schedule = z.infer<typeof scheduleSchema>

/** The factor on the learning rate. @param round From 0, of `rounds`. */
export function scheduleFactor(schedule: Schedule | undefined, round: number, rounds: number): number {
  if (schedule === undefined) return 1
  switch (schedule.kind) {
    case 'exponential':
      return schedule.factor ** round
    case 'step':
      return schedule.factor ** Math.floor(round / schedule.every)
    case 'cosine': {
      const done = rounds > 1 ? round / (rounds - 1) : 0
      // Not zero: no optimiser takes that.
      return Math.max(1e-6, schedule.least + ((1 - schedule.least) * (1 + Math.cos(Math.PI * done))) / 2)
    }
    case 'warm-up':
      return Math.min(1, (round + 1) / schedule.rounds)
  }
}

export const patienceSchema = z.strictObject({
  /** Rounds without a better figure after which to stop. */
  rounds: z.int().min(1),
  metric: z.enum(['accuracy', 'loss']).default('loss'),
  /** How much better counts as better. */
  least: z.number().min(0).default(0),
})
export type Patience = z.infer<typeof patienceSchema>

/** Whether the last `rounds` records are all no better than what came before them. */
export function isOutOfPatience(patience: Patience | undefined, records: readonly RoundRecord[]): boolean {
  if (patience === undefined) return false
  const { rounds, metric, least } = patience
  const figures = records.map((record) => (metric === 'loss' ? -record.loss : record.accuracy))
  let best = Number.NEGATIVE_INFINITY
  let since = 0
  for (const figure of figures) {
    if (figure > best + (best === Number.NEGATIVE_INFINITY ? 0 : least)) {
      best = figure
      since = 0
    } else since += 1
  }
  return since >= rounds
}
