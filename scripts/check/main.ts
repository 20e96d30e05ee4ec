// SPDX-License-Identifier: GPL-3.0-or-later
// `npm run lint`: every gate in turn; prints what failed and ends with the counts.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from '../bootstrap/paths.mjs'
import { formatTally } from '../test/tally.ts'
import { GATES } from './gates.ts'

const HELP = `usage: npm run lint [-- [gate…] [--all]]

${GATES.map((gate) => `  ${gate.name.padEnd(9)} ${gate.checks}${gate.slow ? ' (slow: with --all or by name)' : ''}`).join('\n')}
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { all: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
})
if (values.help) {
  process.stdout.write(HELP)
  process.exit(0)
}
const unknown = positionals.find((name) => !GATES.some((gate) => gate.name === name))
if (unknown !== undefined) {
  process.stderr.write(`no gate '${unknown}'\n${HELP}`)
  process.exit(64)
}

const chosen = GATES.filter((gate) =>
  positionals.length > 0 ? positionals.includes(gate.name) : values.all || !gate.slow,
)
const tally = { passed: 0, failed: 0, skipped: 0 }
for (const gate of chosen) {
  const start = performance.now()
  const [script, ...args] = gate.command
  const run = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(ROOT, script!), ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  const passed = run.status === 0
  tally[passed ? 'passed' : 'failed'] += 1
  process.stdout.write(`${passed ? 'ok  ' : 'FAIL'} ${gate.name.padEnd(9)} ${gate.checks} (${seconds} s)\n`)
  if (!passed) process.stdout.write(`${run.stdout}${run.stderr}\n`)
}
process.stdout.write(`${formatTally(tally)}\n`)
process.exitCode = tally.failed > 0 ? 1 : 0
