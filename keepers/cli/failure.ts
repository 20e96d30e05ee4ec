// SPDX-License-Identifier: GPL-3.0-or-later
import { ZodError } from 'zod'
import type { LearningError, LearningErrorCode } from '../learning/index.ts'

/** Exit codes after sysexits.h, so that a supervisor can distinguish "fix the input" from "try again". */
export const EXIT = {
  failure: 1,
  usage: 64,
  data: 65,
  noInput: 66,
  unavailable: 69,
  software: 70,
  temporary: 75,
  config: 78,
} as const

/** A wrong option or argument, or options that do not go together; the message names it and valid values. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly exitCode = EXIT.usage
}

/** Ends a command for a reason that is not an error of a room. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: number

  constructor(message: string, exitCode: number) {
    super(message)
    this.exitCode = exitCode
  }
}

/** The reason that Ctrl-C aborts a command's signal with. Shells report SIGINT as 130. */
export function interrupted(): CommandError {
  return new CommandError('interrupted', 130)
}

/** Codes of the learning room, which knows nothing of exit codes: its parameters come from options, its data from files. */
const LEARNING: Partial<Record<LearningErrorCode, number>> = {
  BAD_PARAMETERS: EXIT.usage,
  BAD_SIMULATION: EXIT.usage,
  BAD_DATA: EXIT.data,
  BAD_MODEL: EXIT.data,
  BAD_CHECKPOINT: EXIT.data,
  BAD_STRATEGY: EXIT.data,
  BAD_TENSORS: EXIT.data,
  TRAINER_FAILED: EXIT.data,
  NO_TRAINER: EXIT.usage,
  MODEL_DATA_MISMATCH: EXIT.data,
  EMPTY_SHARD: EXIT.data,
  DATA_NOT_FOUND: EXIT.noInput,
  DOWNLOAD_FAILED: EXIT.unavailable,
  NO_BACKEND: EXIT.unavailable,
  WORKER_DIED: EXIT.temporary,
}

/** Codes of the operating system and of ethers. */
const BY_CODE: Readonly<Record<string, number>> = {
  ENOENT: EXIT.noInput,
  ENOSPC: EXIT.temporary,
  EDQUOT: EXIT.temporary,
  EFBIG: EXIT.temporary,
  INSUFFICIENT_FUNDS: EXIT.temporary,
}

/** The exit code of an error: its own if it has one (`exitCode`), 65 for input that did not parse, else by room or code, else 1. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof ZodError) return EXIT.data
  if (!(error instanceof Error)) return EXIT.failure
  if ('exitCode' in error && typeof error.exitCode === 'number') return error.exitCode
  // Recognised by name, because importing the class would load the room for every command that fails.
  if (error.name === 'SizingError') return EXIT.usage
  if (error.name === 'LearningError') return LEARNING[(error as LearningError).code] ?? EXIT.failure
  return BY_CODE[String((error as { code?: unknown }).code)] ?? EXIT.failure
}

/** The failure in one line; with COHORT_DEBUG the stack as well. */
export function oneLine(error: unknown): string {
  if (process.env.COHORT_DEBUG !== undefined && error instanceof Error) return error.stack ?? error.message
  if (error instanceof ZodError) {
    return error.issues.map((issue) => `${issue.path.join('.') || 'input'}: ${issue.message}`).join('; ')
  }
  return error instanceof Error ? error.message : String(error)
}
