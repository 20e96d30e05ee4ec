// SPDX-License-Identifier: GPL-3.0-or-later
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../bootstrap/paths.mjs'
import { runNode } from '../run-node.ts'
import type { Suite } from './suites.ts'
import { failuresOf, type Tally, tallyOf } from './tally.ts'

export type SuiteResult = {
  readonly suite: Suite
  readonly tally: Tally
  readonly output: string
  /** What failed and why; empty when nothing did. */
  readonly failures: string
  readonly seconds: number
}

/** The files of a suite below test/, sorted. */
export function filesOf(suite: Suite, pattern?: string): string[] {
  const ending = suite.runner === 'solidity' ? '.t.sol' : '.test.ts'
  const files = globSync(`test/${suite.folder}/**/*${ending}`, { cwd: ROOT }).sort()
  return pattern === undefined ? files : files.filter((file) => file.includes(pattern))
}

/**
 * Runs one suite in a process of its own.
 * A run that dies before its summary, or fails outside its tests, counts as one failure.
 */
export async function runSuite(
  suite: Suite,
  files: readonly string[],
  extra: readonly string[] = [],
): Promise<SuiteResult> {
  const start = performance.now()
  const binary =
    suite.runner === 'mocha'
      ? [join(ROOT, 'node_modules/mocha/bin/mocha.js'), '--exit']
      : [
          join(ROOT, 'node_modules/hardhat/dist/src/cli.js'),
          'test',
          suite.runner === 'hardhat' ? 'mocha' : 'solidity',
          '--no-compile',
        ]
  const run = await runNode(['--disable-warning=ExperimentalWarning', ...binary, ...extra, ...files], {
    cwd: ROOT,
    env: { ...process.env, FORCE_COLOR: process.stdout.isTTY ? '1' : '0' },
  })
  const tally = tallyOf(run.output) ?? { passed: 0, failed: 0, skipped: 0 }
  let { output } = run
  let failures = failuresOf(output)
  if (run.code !== 0 && tally.failed === 0) {
    tally.failed = 1
    failures = `the run ended with ${run.signal ?? `exit code ${run.code}`} outside its tests`
    output += `\n${suite.name}: ${failures}\n`
  }
  return { suite, tally, output, failures, seconds: (performance.now() - start) / 1000 }
}
