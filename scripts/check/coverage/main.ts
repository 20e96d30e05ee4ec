// SPDX-License-Identifier: GPL-3.0-or-later
// Checks line and branch coverage of contracts/, at least 95 % each. The contract tests run under Hardhat's coverage against a copy of the
// contracts with a probe in every branch (branch-probes.ts). Costly tests run only if the others do not reach enough.
import { globSync } from 'node:fs'
import os from 'node:os'
import { commandLine, refuse } from '../../arguments.ts'
import { ROOT } from '../../bootstrap/paths.mjs'
import { buildProbedProject, duplicateProject, type ProbedProject, removeProjects, runTests } from './probed-project.ts'
import { type FileCoverage, isReached, percent, readCoverage, totalOf } from './report.ts'

const FLOOR_PERCENT = 95

/**
 * Tests that do not run here. Tests of gas would fail, because probes take gas, and deployments to a node run production code. Random play, crowds,
 * the real circuits of stories, spends and lookups, and processes of our own programs (commands, relayers, provers) take long and reach only code
 * that the unit tests also reach.
 */
const NOT_FOR_COVERAGE =
  /gas|snapshot|invariant|crowd|escrow|lookups|relayer|market-commands|prover-service|\.story\.|\.model\.|\/deploy\//i

/** Attacks, sequences and ceremonies, which take half of the time for lines that other tests mostly reach. */
const COSTLY =
  /attack|hostile|vandal|money|liars|forgeries|ceremony|verifier\/|absent\.|joining|suspicion|private\.|odds|histories/i

const HELP = `usage: node scripts/check/coverage/main.ts [--json] [--keep] [--whole] [--jobs N] [test files…]

  Fails below ${FLOOR_PERCENT} % of lines or of branches in contracts/. Stops as soon as the test files that ran reach this.

  --whole   runs all test files, to report every line that no test reaches
  --jobs N  processes that share the test files (default: one per core, at most 2)
  --keep    leaves the probed projects in .cache/coverage
`

const { values, positionals } = commandLine(
  {
    allowPositionals: true,
    options: {
      json: { type: 'boolean' },
      keep: { type: 'boolean' },
      whole: { type: 'boolean' },
      jobs: { type: 'string' },
    },
  },
  HELP,
)
const jobs = Number(values.jobs ?? Math.min(2, os.availableParallelism()))
if (!Number.isInteger(jobs) || jobs < 1) refuse(`--jobs takes a whole number from 1, not '${values.jobs}'`, HELP)

const tests = (
  positionals.length > 0
    ? positionals
    : globSync('test/contracts/**/*.test.ts', { cwd: ROOT }).filter((file) => !NOT_FOR_COVERAGE.test(file))
).sort()
const parts = values.whole
  ? [tests]
  : [tests.filter((file) => !COSTLY.test(file)), tests.filter((file) => COSTLY.test(file))]
try {
  const { files, ran } = await coverageOf(parts.filter((files) => files.length > 0))
  report(files, ran)
} catch (error) {
  process.stdout.write(`${(error as Error).message}\n`)
  process.exitCode = 1
} finally {
  if (!values.keep) removeProjects()
}

/** Runs parts of the test files in turn until the floor is reached. @returns the coverage, and how many files ran */
async function coverageOf(parts: readonly (readonly string[])[]): Promise<{ files: FileCoverage[]; ran: number }> {
  // Compiled once. Each process gets a project of its own, because Hardhat writes into it.
  const compiled = await buildProbedProject('compiled')
  const used: ProbedProject[] = []
  let coverage: FileCoverage[] = []
  let ran = 0
  for (const files of parts) {
    const projects = Array.from({ length: Math.min(jobs, files.length) }, (_, i) =>
      duplicateProject(compiled, String(used.length + i)),
    )
    used.push(...projects)
    ran += files.length
    // Dealt out in turn: the files of a folder cost about the same.
    await Promise.all(
      projects.map((project, i) =>
        runTests(
          project,
          files.filter((_, j) => j % projects.length === i),
        ),
      ),
    )
    coverage = readCoverage(used)
    if (isReached(coverage, FLOOR_PERCENT)) break
  }
  return { files: coverage, ran }
}

function report(files: readonly FileCoverage[], ran: number): void {
  const lines = totalOf(files, 'lines')
  const branches = totalOf(files, 'branches')
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ lines, branches, files }, null, 2)}\n`)
  } else {
    for (const file of [...files].sort((a, b) => (a.file < b.file ? -1 : 1))) {
      process.stdout.write(
        `${percent(file.lines).toFixed(1).padStart(6)} %  ${percent(file.branches).toFixed(1).padStart(6)} %  ${file.file}\n`,
      )
      for (const missed of file.missed) process.stdout.write(`                   ${missed}\n`)
    }
    process.stdout.write(
      `${ran} of ${tests.length} test files: lines ${lines.percent.toFixed(1)} % (${lines.hit}/${lines.all}), branches ${branches.percent.toFixed(1)} % (${branches.hit}/${branches.all}), floor ${FLOOR_PERCENT} %\n`,
    )
  }
  process.exitCode = isReached(files, FLOOR_PERCENT) ? 0 : 1
}
