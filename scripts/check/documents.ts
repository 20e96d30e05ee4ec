// SPDX-License-Identifier: GPL-3.0-or-later
// The gate for documents: checks that every command in them exists, with these options and values.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cohortProgram } from '../../keepers/cli/program.ts'
import pkg from '../../package.json' with { type: 'json' }
import { ROOT } from '../bootstrap/paths.mjs'
import { runNode } from '../run-node.ts'
import { commandsIn, faultIn, type NpmScripts } from './documented-commands.ts'

const DOCUMENTS = ['*.md', 'docs/**/*.md', '{contracts,circuits,keepers,scripts,test,deploy,bench}/**/README.md']

/** The project's own scripts, which print their options when asked for help. */
async function npmScripts(names: ReadonlySet<string>): Promise<NpmScripts> {
  const helps = Object.entries(pkg.scripts).map(async ([name, line]): Promise<[string, string | null]> => {
    const file = / run (scripts\/\S+\.ts)$/.exec(line)?.[1]
    if (file === undefined || !names.has(name)) return [name, null]
    const { output, code } = await runNode(['--disable-warning=ExperimentalWarning', join(ROOT, file), '--help'], {
      cwd: ROOT,
    })
    return [name, code === 0 ? output : null]
  })
  return new Map(await Promise.all(helps))
}

const commands = globSync(DOCUMENTS, { cwd: ROOT })
  .sort()
  .flatMap((file) => commandsIn(file, readFileSync(join(ROOT, file), 'utf8')))
const used = new Set(
  commands.filter(({ words }) => words.includes('--')).map(({ words }) => (words[1] === 'test' ? 'test' : words[2]!)),
)
const scripts = await npmScripts(used)
const program = cohortProgram()
let faults = 0
for (const command of commands) {
  const fault = faultIn(command, program, scripts)
  if (fault === null) continue
  faults++
  process.stdout.write(`${command.file}:${command.line}: ${fault}\n`)
}
process.stdout.write(`${commands.length} commands, ${faults} wrong\n`)
process.exitCode = faults > 0 || commands.length === 0 ? 1 : 0
