#!/usr/bin/env node
// SPDX-License-Identifier: GPL-3.0-or-later
// The `cohort` command. Each area registers its own subcommands and loads its heavy code only when one runs.
import { existsSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import pkg from '../../package.json' with { type: 'json' }
import { EXIT, exitCodeOf, oneLine } from './failure.ts'

/** Area files beside this one, and the function each exports, in the order of the help text. */
const AREAS = [
  ['keeper', 'registerKeeper'],
  ['fsm', 'registerFsm'],
  ['dao', 'registerDao'],
  ['learning', 'registerLearning'],
  ['simulate', 'registerSimulate'],
  ['zkml', 'registerZkml'],
  ['ceremony', 'registerCeremony'],
  ['infer', 'registerInfer'],
  ['prover', 'registerProver'],
  ['story', 'registerStory'],
  ['spend', 'registerSpend'],
] as const

async function createProgram(): Promise<Command> {
  const program = new Command('cohort')
    .description('Machine learning that its participants own together.')
    .version(pkg.version)
    .showHelpAfterError('(add --help for the options)')
    .exitOverride()
  for (const [file, register] of AREAS) {
    const url = new URL(`./${file}.ts`, import.meta.url)
    if (!existsSync(url)) continue
    const area: Record<string, (program: Command) => void> = await import(url.href)
    area[register]?.(program)
  }
  return program
}

try {
  await (await createProgram()).parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version are no mistake; everything else that commander throws is an option or argument that is wrong.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage
  } else {
    process.stderr.write(`cohort: ${oneLine(error)}\n`)
    process.exitCode = exitCodeOf(error)
  }
}
