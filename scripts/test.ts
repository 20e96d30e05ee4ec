// SPDX-License-Identifier: GPL-3.0-or-later
// `npm test`: runs every suite in a process of its own, two at a time, beside suites that mostly wait. Contracts are compiled while suites run that
// do not need them. Ends with the counts on a line of their own.
import { writeFileSync } from 'node:fs'
import os from 'node:os'
import { basename, join } from 'node:path'
import process from 'node:process'
import { commandLine, refuse } from './arguments.ts'
import { explain } from './bootstrap/errors.mjs'
import { CACHE, ROOT } from './bootstrap/paths.mjs'
import { ensureBuilt } from './bootstrap/stale.mjs'
import { formatLoad, Lanes } from './test/lanes.ts'
import { processorSeconds } from './test/processor-time.ts'
import { filesOf, type Job, jobsOf, runJob, type SuiteResult } from './test/runner.ts'
import { SUITES } from './test/suites.ts'
import { addTallies, formatTally } from './test/tally.ts'
import { cpuSecondsOf, dearestFiles, timesOfSuites } from './test/timings.ts'
import { unpackedMnist } from './test/unpacked-mnist.ts'

const HELP = `usage: npm test [-- [suite…] [--file TEXT] [--jobs N] [--times FILE]]

  suite        ${SUITES.map((suite) => suite.name).join(', ')} (default: all but ${SUITES.filter((suite) => suite.onDemand).map((suite) => suite.name)})
  --file TEXT  only test files whose path contains TEXT
  --jobs N     suites at a time (default: one per core, at most 2), beside those that mostly wait
  --times FILE write the seconds of every test file, by the clock and of CPU time, as JSON, the costliest first

  Ends with the test files and suites that took longest, and with what ran when.
`

const { values, positionals } = commandLine(
  {
    allowPositionals: true,
    options: { file: { type: 'string' }, jobs: { type: 'string' }, times: { type: 'string' } },
  },
  HELP,
)
const unknown = positionals.filter((name) => !SUITES.some((suite) => suite.name === name))
const jobs = Number(values.jobs ?? Math.min(2, os.availableParallelism()))
if (unknown.length > 0) refuse(`no suite '${unknown[0]}'`, HELP)
if (!Number.isInteger(jobs) || jobs < 1) refuse(`--jobs takes a whole number from 1, not '${values.jobs}'`, HELP)

/** How many files of suites that mostly wait run at a time. Each may be a chain and five keepers, some 2 GiB. */
const WAITING_JOBS = os.totalmem() >= 12 * 2 ** 30 ? 2 : 1
/** Lines of the table of test files at the end. */
const DEAREST = 30

const chosen = SUITES.filter((suite) => (positionals.length === 0 ? !suite.onDemand : positionals.includes(suite.name)))
const queue = chosen.flatMap((suite) => jobsOf(suite, filesOf(suite, values.file)))
const results: SuiteResult[] = []
const lanes = new Lanes(() => process.uptime())

// Where the tests would find it, too, but for whoever names another place.
const mnist = await unpackedMnist(join(ROOT, '..', 'shared', 'data', 'mnist'), join(CACHE, 'mnist'))
if (mnist !== null) process.env.COHORT_MNIST ??= mnist

/** Whether the contracts are compiled; null as long as they are not. */
let built: boolean | null = null
const contracts = compileContracts()

async function compileContracts(): Promise<boolean> {
  try {
    if (chosen.some(({ chainless }) => chainless !== true)) {
      await lanes.note('build', 'contracts', ensureBuilt(process.execPath))
    }
    built = true
  } catch (error) {
    process.stderr.write(`cohort: ${explain(error).line}\n`)
    built = false
  }
  return built
}

/** This lane's next job. The lanes with `patience` leave the core that the compiler uses to it. */
async function nextJob(todo: Job[], patience: boolean): Promise<Job | undefined> {
  if (built === null && !patience) {
    const at = todo.findIndex(({ suite }) => suite.chainless)
    if (at !== -1) return todo.splice(at, 1)[0]
  }
  return (await contracts) ? todo.shift() : undefined
}

/** @param queues of jobs: the lane turns to the next one when it finds nothing more to do in one */
async function worker(queues: readonly Job[][], lane: number): Promise<void> {
  const patience = lane <= WAITING_JOBS
  const take = async (): Promise<Job | undefined> => {
    for (const todo of queues) {
      const next = await nextJob(todo, patience)
      if (next !== undefined) return next
    }
    return undefined
  }
  for (let next = await take(); next !== undefined; next = await take()) {
    const { suite, files } = next
    const what = suite.waits === undefined ? `${files.length} files` : files[0]!
    process.stderr.write(`${suite.name}: ${what} …\n`)
    const name = suite.waits === undefined ? suite.name : basename(what, '.test.ts')
    const result = await lanes.note(`lane ${lane}`, name, runJob(next, lane))
    results.push(result)
    process.stdout.write(`\n── ${suite.name}: ${what} (${result.seconds.toFixed(0)} s) ──\n${result.output}\n`)
  }
}

const waiting = queue.filter(({ suite }) => suite.waits !== undefined)
const busy = queue.filter(({ suite }) => suite.waits === undefined)
// Several of the suites at the end wait half of their time: the lanes of those that mostly wait help with them.
await Promise.all([...Array(WAITING_JOBS).fill([waiting, busy]), ...Array(jobs).fill([busy])].map(worker))
// Again, and last: nobody should have to look for a failure above thousands of lines.
for (const { suite, failures } of results) {
  if (failures !== '') process.stdout.write(`── failed in ${suite.name} ──\n${failures}\n\n`)
}
process.stdout.write('── what took longest: seconds of the processors, of the clock ──\n')
for (const line of dearestFiles(
  results.flatMap(({ timings }) => timings),
  DEAREST,
)) {
  process.stdout.write(`${line}\n`)
}
if (values.times !== undefined) {
  const times = timesOfSuites(results.map(({ suite, timings }) => ({ suite: suite.name, timings })))
  writeFileSync(values.times, `${JSON.stringify(times, null, 2)}\n`)
}
process.stdout.write('── what ran when, in seconds ──\n')
for (const line of lanes.lines()) process.stdout.write(`${line}\n`)
process.stdout.write(`${formatLoad(processorSeconds(), process.uptime(), os.availableParallelism())}\n`)
process.stdout.write('── suites ──\n')
for (const suite of chosen) {
  const ofSuite = results.filter((result) => result.suite === suite)
  if (ofSuite.length === 0) continue
  const seconds = ofSuite.reduce((sum, result) => sum + result.seconds, 0)
  // Tests in Solidity have no stopwatch.
  const cpu =
    suite.runner === 'solidity'
      ? ''
      : `, ${cpuSecondsOf(ofSuite.flatMap(({ timings }) => timings)).toFixed(0)} s of the processors`
  const tally = formatTally(addTallies(ofSuite.map((result) => result.tally)))
  process.stdout.write(`${suite.name.padEnd(10)} ${tally} (${seconds.toFixed(0)} s${cpu})\n`)
}
const total = addTallies(results.map((result) => result.tally))
if (!(await contracts)) total.failed += 1
process.stdout.write(`${formatTally(total)}\n`)
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0
