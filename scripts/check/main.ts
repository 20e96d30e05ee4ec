// SPDX-License-Identifier: GPL-3.0-or-later
// `npm run lint`: every gate in turn; prints what failed and ends with the counts.
import { join } from 'node:path'
import { commandLine, refuse } from '../arguments.ts'
import { ROOT } from '../bootstrap/paths.mjs'
import { runNode } from '../run-node.ts'
import { formatTally } from '../test/tally.ts'
import { GATES, type Gate } from './gates.ts'

const HELP = `usage: npm run lint [-- [gate…] [--all]]

${GATES.map((gate) => `  ${gate.name.padEnd(10)} ${gate.checks}${gate.slow ? ' (slow: with --all or by name)' : ''}`).join('\n')}
`

const { values, positionals } = commandLine(
  {
    allowPositionals: true,
    options: { all: { type: 'boolean' } },
  },
  HELP,
)
const unknown = positionals.find((name) => !GATES.some((gate) => gate.name === name))
if (unknown !== undefined) refuse(`no gate '${unknown}'`, HELP)

const chosen = GATES.filter((gate) =>
  positionals.length > 0 ? positionals.includes(gate.name) : values.all || !gate.slow,
)
const tally = { passed: 0, failed: 0, skipped: 0 }
// The slow gates run in a sequence of their own, beside the quick ones, which end long before.
const rows = [chosen.filter((gate) => !gate.slow), chosen.filter((gate) => gate.slow)]
await Promise.all(
  rows.map(async (gates) => {
    for (const gate of gates) await check(gate)
  }),
)
process.stdout.write(`${formatTally(tally)}\n`)
process.exitCode = tally.failed > 0 ? 1 : 0

async function check(gate: Gate): Promise<void> {
  const start = performance.now()
  const [script, ...args] = gate.command
  const { output, code } = await runNode(['--disable-warning=ExperimentalWarning', join(ROOT, script!), ...args], {
    cwd: ROOT,
  })
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  tally[code === 0 ? 'passed' : 'failed'] += 1
  process.stdout.write(`${code === 0 ? 'ok  ' : 'FAIL'} ${gate.name.padEnd(10)} ${gate.checks} (${seconds} s)\n`)
  if (code !== 0) process.stdout.write(`${output}\n`)
}
