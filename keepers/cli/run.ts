// SPDX-License-Identifier: GPL-3.0-or-later
import process from 'node:process'
import { CommanderError } from 'commander'
import { EXIT, exitCodeOf, oneLine } from './failure.ts'
import { plainText } from './plain-text.ts'
import { cohortProgram } from './program.ts'

/**
 * Runs one command. Its output goes to the process's standard output and error. A failure sets `process.exitCode`; a success leaves it as
 * it is.
 * @param args what follows `cohort`
 */
export async function runCohort(args: readonly string[]): Promise<void> {
  try {
    await cohortProgram().parseAsync(args, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version are not mistakes; everything else that commander throws is a wrong option or argument.
      process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage
    } else {
      process.stderr.write(plainText(`cohort: ${oneLine(error)}\n`))
      process.exitCode = exitCodeOf(error)
    }
  }
}
