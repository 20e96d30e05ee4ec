#!/usr/bin/env node
// SPDX-License-Identifier: GPL-3.0-or-later
// The `cohort` command.
import { CommanderError } from 'commander'
import { EXIT, exitCodeOf, oneLine } from './failure.ts'
import { plainText } from './plain-text.ts'
import { cohortProgram } from './program.ts'

try {
  await cohortProgram().parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version are not mistakes; everything else that commander throws is a wrong option or argument.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage
  } else {
    process.stderr.write(plainText(`cohort: ${oneLine(error)}\n`))
    process.exitCode = exitCodeOf(error)
  }
}
