// SPDX-License-Identifier: GPL-3.0-or-later
import { z } from 'zod'

export const trainerLimitsSchema = z.strictObject({
  /** Seconds of wall-clock time a round; then the program and all that it started are killed. */
  seconds: z.number().positive().max(86_400).default(600),
  /** MiB of address space (`ulimit -v`) of each of its processes: more than the memory that it touches. Unlimited when absent. */
  memoryMiB: z.int().min(16).max(16_777_216).optional(),
  /** `none`: it runs in a network namespace of its own, without an interface that is up. */
  network: z.enum(['none', 'allowed']).default('none'),
  /** `own`: the program runs in its own process namespace, sees no other process, and no process that it starts outlives it. */
  processes: z.enum(['own', 'shared']).default('own'),
})
export type TrainerLimits = z.infer<typeof trainerLimitsSchema>

/** A program and its arguments; no shell looks at them. */
export const trainerCommandSchema = z.array(z.string().min(1).max(4096)).min(1).max(64)

/** Variables that it gets beside PATH, HOME and the locale. */
export const trainerEnvironmentSchema = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string())

/** A trainer that is a program. */
export type TrainerCommand = {
  readonly command: readonly string[]
  readonly limits: TrainerLimits
  readonly environment: Readonly<Record<string, string>>
  /** Where it runs; relative paths in the command start there. Absolute. */
  readonly folder: string
}
