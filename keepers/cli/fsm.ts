// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort fsm`: compares specification, contract and behaviours of the round machine, or draws it.
import process from 'node:process'
import { type Command, Option } from 'commander'

/** Adds `cohort fsm` and its subcommands. */
export function registerFsm(program: Command): void {
  const fsm = program.command('fsm').description('check and draw the state machine of the rounds')

  fsm
    .command('check')
    .description('check that specification, contract and behaviours agree; each difference is an error')
    .option('--file <yaml>', "specification (default: the project's)")
    .addOption(new Option('--json', 'print JSON'))
    .action(async (options: { file?: string; json?: boolean }) => {
      const [{ readSpecification }, { checkFsm, projectSubjects }] = await Promise.all([
        import('../agent/fsm/specification.ts'),
        import('../agent/fsm/check.ts'),
      ])
      const specification = readSpecification(options.file)
      const problems = checkFsm(specification, await projectSubjects())
      if (options.json) process.stdout.write(`${JSON.stringify({ label: specification.label, problems })}\n`)
      else if (problems.length === 0) process.stdout.write(`${specification.label}: all agree\n`)
      else for (const problem of problems) process.stdout.write(`${problem}\n`)
      if (problems.length > 0) process.exitCode = 1
    })

  fsm
    .command('graph')
    .description('print the machine as a Mermaid state diagram')
    .option('--file <yaml>', "specification (default: the project's)")
    .option('--published', 'only the published states, without our sub-states')
    .action(async (options: { file?: string; published?: boolean }) => {
      const [{ readSpecification }, { mermaid }] = await Promise.all([
        import('../agent/fsm/specification.ts'),
        import('../agent/fsm/graph.ts'),
      ])
      process.stdout.write(`${mermaid(readSpecification(options.file), { refined: options.published !== true })}\n`)
    })
}
