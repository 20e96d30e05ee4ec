// SPDX-License-Identifier: GPL-3.0-or-later
import { ZodError } from 'zod'

/** Exit codes after sysexits.h, so that a supervisor can tell "fix the input" from "try again". */
export const EXIT = { failure: 1, usage: 64, data: 65, noInput: 66, unavailable: 69, software: 70, config: 78 } as const

/** Options that each parse and do not go together; says which, and what would. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly exitCode = EXIT.usage
}

/**
 * An error's own exit code when it carries one (`exitCode`), 65 for input that did not parse, else 1.
 */
export function exitCodeOf(error: unknown): number {
  if (error instanceof ZodError) return EXIT.data
  if (error !== null && typeof error === 'object' && 'exitCode' in error && typeof error.exitCode === 'number')
    return error.exitCode
  return EXIT.failure
}

/** What went wrong in one line; the stack goes to whoever sets COHORT_DEBUG. */
export function oneLine(error: unknown): string {
  if (process.env.COHORT_DEBUG !== undefined && error instanceof Error) return error.stack ?? error.message
  if (error instanceof ZodError) {
    return error.issues.map((issue) => `${issue.path.join('.') || 'input'}: ${issue.message}`).join('; ')
  }
  return error instanceof Error ? error.message : String(error)
}
