// SPDX-License-Identifier: GPL-3.0-or-later
// `npm test`: every suite in a process of its own, two at a time; ends with the counts alone on a line.
import os from 'node:os'
import { commandLine, refuse } from './arguments.ts'
import { filesOf, runSuite, type SuiteResult } from './test/runner.ts'
import { SUITES } from './test/suites.ts'
import { addTallies, formatTally } from './test/tally.ts'

const HELP = `usage: npm test [-- [suite…] [--file TEXT] [--jobs N]]

  suite        ${SUITES.map((suite) => suite.name).join(', ')} (default: all but ${SUITES.filter((suite) => suite.onDemand).map((suite) => suite.name)})
  --file TEXT  only test files whose path contains TEXT
  --jobs N     suites at a time (default: one a core, at most 2), beside those that mostly wait
`

const { values, positionals } = commandLine(
  {
    allowPositionals: true,
    options: { file: { type: 'string' }, jobs: { type: 'string' } },
  },
  HELP,
)
const unknown = positionals.filter((name) => !SUITES.some((suite) => suite.name === name))
const jobs = Number(values.jobs ?? Math.min(2, os.availableParallelism()))
if (unknown.length > 0) refuse(`no suite '${unknown[0]}'`, HELP)
if (!Number.isInteger(jobs) || jobs < 1) refuse(`--jobs takes a whole number from 1, not '${values.jobs}'`, HELP)

const queue = SUITES.filter((suite) => (positionals.length === 0 ? !suite.onDemand : positionals.includes(suite.name)))
  .map((suite) => ({ suite, files: filesOf(suite, values.file) }))
  .filter(({ files }) => files.length > 0)
const results: SuiteResult[] = []

async function worker(todo: typeof queue): Promise<void> {
  for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
    process.stderr.write(`${next.suite.name}: ${next.files.length} files …\n`)
    const result = await runSuite(next.suite, next.files)
    results.push(result)
    process.stdout.write(`\n── ${result.suite.name} (${result.seconds.toFixed(0)} s) ──\n${result.output}\n`)
  }
}

const busy = queue.filter(({ suite }) => !suite.waits)
const waiting = queue.filter(({ suite }) => suite.waits)
await Promise.all([worker(waiting), ...Array.from({ length: jobs }, () => worker(busy))])
// Again, and last: nobody should have to look for a failure above thousands of lines.
for (const { suite, failures } of results) {
  if (failures !== '') process.stdout.write(`── failed in ${suite.name} ──\n${failures}\n\n`)
}
for (const { suite, tally, seconds } of results) {
  process.stdout.write(`${suite.name.padEnd(10)} ${formatTally(tally)} (${seconds.toFixed(0)} s)\n`)
}
const total = addTallies(results.map((result) => result.tally))
process.stdout.write(`${formatTally(total)}\n`)
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0
