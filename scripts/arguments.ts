// SPDX-License-Identifier: GPL-3.0-or-later
import { type ParseArgsConfig, parseArgs } from 'node:util'

/** Exit code of sysexits.h for a wrong command line. */
const EX_USAGE = 64

/** Prints the error in the command line and the help, and ends the process with 64. */
export function refuse(problem: string, help: string): never {
  process.stderr.write(`${problem}\n${help}`)
  process.exit(EX_USAGE)
}

/** Prints the help and ends the process, when `--help` or `-h` is among the arguments. A wrong option ends it with 64. */
export function commandLine<const T extends ParseArgsConfig>(config: T, help: string): ReturnType<typeof parseArgs<T>> {
  if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) {
    process.stdout.write(help)
    process.exit(0)
  }
  try {
    return parseArgs(config)
  } catch (error) {
    // Only the first sentence, because the rest is about arguments that begin with a dash.
    refuse((error as Error).message.split('. ')[0]!, help)
  }
}
