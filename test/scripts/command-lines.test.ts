// SPDX-License-Identifier: GPL-3.0-or-later
// A wrong command line ends with 64 (EX_USAGE of sysexits.h), wherever it is typed.
import { spawnSync } from 'node:child_process'
import { expect } from 'chai'
import { type Command, CommanderError, InvalidArgumentError } from 'commander'
import { exitCodeOf, UsageError } from '../../keepers/cli/failure.ts'
import { cohortProgram } from '../../keepers/cli/program.ts'
import { LearningError } from '../../keepers/learning/index.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'

const node = (...args: string[]) =>
  spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], { cwd: ROOT, encoding: 'utf8' })

/** All commands below one that do something themselves. */
function leaves(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves)
}

function pathOf(command: Command): string[] {
  return command.parent === null ? [] : [...pathOf(command.parent), command.name()]
}

describe('a wrong command line', function () {
  this.timeout(60_000)

  for (const script of [
    'test.ts',
    'plans.ts',
    ...['bench', 'check', 'demo', 'docs', 'packages', 'release', 'soak'].map((name) => `${name}/main.ts`),
  ]) {
    it(`of scripts/${script} ends with 64 and names the option`, () => {
      const { status, stdout, stderr } = node(`scripts/${script}`, '--no-such-option')
      expect([status, stdout], stderr).to.deep.equal([64, ''])
      expect(stderr).to.contain("Unknown option '--no-such-option'").and.not.to.contain('    at ')
    })
  }

  it('of any cohort command is refused by commander, before the command does anything', async () => {
    const paths = leaves(cohortProgram()).map(pathOf)
    expect(paths.length).to.be.greaterThan(50)
    for (const path of paths) {
      const program = cohortProgram()
      const quiet = { writeErr: () => undefined, writeOut: () => undefined }
      const silence = (command: Command): void => {
        command.configureOutput(quiet)
        command.commands.forEach(silence)
      }
      silence(program)
      const error: unknown = await program
        .parseAsync([...path, '--no-such-option'], { from: 'user' })
        .catch((caught: unknown) => caught)
      expect(error, path.join(' ')).to.be.instanceOf(CommanderError)
      expect((error as CommanderError).code, path.join(' ')).to.be.oneOf([
        'commander.unknownOption',
        'commander.missingMandatoryOptionValue',
      ])
    }
  })

  it('has values refused by the option`s own parser, with an error that ends in 64', () => {
    let parsers = 0
    for (const command of leaves(cohortProgram())) {
      for (const { parseArg, long } of command.options) {
        if (parseArg === undefined) continue
        try {
          // Some take any text at all.
          parseArg('~ no such value ~', undefined as never)
        } catch (error) {
          parsers++
          const told =
            error instanceof InvalidArgumentError || (error instanceof UsageError && exitCodeOf(error) === 64)
          expect(told, `${pathOf(command).join(' ')} ${long}: ${String(error)}`).to.equal(true)
        }
      }
    }
    expect(parsers).to.be.greaterThan(50)
  })

  it('ends with 64 as a process, and so does a parameter that the learning room refuses', () => {
    for (const args of [['zkml', 'setup', 'x', '--remote'], ['dao', 'vote'], ['chess']]) {
      expect(node('keepers/cli/main.ts', ...args).status, args.join(' ')).to.equal(64)
    }
    expect(exitCodeOf(new LearningError('BAD_PARAMETERS', 'epochs'))).to.equal(64)
    expect(exitCodeOf(new LearningError('DATA_NOT_FOUND', 'no file'))).to.equal(66)
    expect(exitCodeOf(new LearningError('DIVERGED', 'NaN'))).to.equal(1)
  })
})
