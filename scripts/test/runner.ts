// SPDX-License-Identifier: GPL-3.0-or-later
import { globSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../bootstrap/paths.mjs'
import { runNode } from '../run-node.ts'
import { ALLOCATOR, COLLECTOR } from './memory.ts'
import type { Suite } from './suites.ts'
import { failuresOf, type Tally, tallyOf } from './tally.ts'
import { type FileTiming, readTimings } from './timings.ts'

export type SuiteResult = {
  readonly suite: Suite
  readonly tally: Tally
  readonly output: string
  /** The failures and their reasons; empty after a success. */
  readonly failures: string
  readonly seconds: number
  /** Empty for tests in Solidity, and for a run that died. */
  readonly timings: readonly FileTiming[]
}

/** A part of a suite that runs in a process of its own. */
export type Job = { readonly suite: Suite; readonly files: readonly string[] }

/** One job a suite; of a suite that mostly waits one a file, those first that take longest. */
export function jobsOf(suite: Suite, files: readonly string[]): Job[] {
  const { waits } = suite
  if (waits === undefined) return files.length === 0 ? [] : [{ suite, files }]
  const rank = (file: string): number => {
    const at = waits.findIndex((part) => file.includes(part))
    return at === -1 ? waits.length : at
  }
  return [...files].sort((a, b) => rank(a) - rank(b)).map((file) => ({ suite, files: [file] }))
}

/** Ports of a lane, so that what runs at the same time never asks for the same one: see scripts/demo/ports.ts. */
const [FIRST_PORT, PORTS_PER_LANE] = [20_000, 1_000]
const LANES = 12

/** The files of a suite below test/, sorted. */
export function filesOf(suite: Suite, pattern?: string): string[] {
  const ending = suite.runner === 'solidity' ? '.t.sol' : '.test.ts'
  const files = globSync(`test/${suite.folder}/**/*${ending}`, { cwd: ROOT }).sort()
  return pattern === undefined ? files : files.filter((file) => file.includes(pattern))
}

/**
 * Runs a job in a process of its own.
 * A run that dies before its summary, or fails outside its tests, counts as one failure.
 * @param lane of those that run at the same time, from 0
 */
export async function runJob({ suite, files }: Job, lane: number): Promise<SuiteResult> {
  const start = performance.now()
  const folder = await mkdtemp(join(tmpdir(), 'cohort-test-'))
  const timingsFile = join(folder, 'timings.json')
  const firstPort = FIRST_PORT + (lane % LANES) * PORTS_PER_LANE
  const binary =
    suite.runner === 'mocha'
      ? [join(ROOT, 'node_modules/mocha/bin/mocha.js'), '--exit']
      : [
          join(ROOT, 'node_modules/hardhat/dist/src/cli.js'),
          'test',
          suite.runner === 'hardhat' ? 'mocha' : 'solidity',
          '--no-compile',
        ]
  const stopwatch = suite.runner === 'solidity' ? [] : ['scripts/test/stopwatch.ts']
  const run = await runNode(
    ['--disable-warning=ExperimentalWarning', ...COLLECTOR, ...binary, ...stopwatch, ...files],
    {
      cwd: ROOT,
      env: {
        ...ALLOCATOR,
        ...process.env,
        FORCE_COLOR: process.stdout.isTTY ? '1' : '0',
        COHORT_PORTS: `${firstPort}-${firstPort + PORTS_PER_LANE - 1}`,
        COHORT_TIMINGS: timingsFile,
      },
    },
  )
  const timings = await readTimings(timingsFile)
  await rm(folder, { recursive: true, force: true })
  const tally = tallyOf(run.output) ?? { passed: 0, failed: 0, skipped: 0 }
  let { output } = run
  let failures = failuresOf(output)
  if (run.code !== 0 && tally.failed === 0) {
    tally.failed = 1
    failures = `the run ended with ${run.signal ?? `exit code ${run.code}`} outside its tests`
    output += `\n${suite.name}: ${failures}\n`
  }
  return { suite, tally, output, failures, seconds: (performance.now() - start) / 1000, timings }
}
