// SPDX-License-Identifier: GPL-3.0-or-later
// Line and branch coverage of contracts/, at least 95 % each. The contract tests run under Hardhat's coverage against a
// copy of the contracts in which every branch has a probe (branch-probes.ts).
import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CACHE, ROOT } from '../bootstrap/paths.mjs'
import { addBranchProbes, type Branch } from './branch-probes.ts'

const FLOOR_PERCENT = 95

/**
 * Gas under probes is not the contract's gas, and a deployment to a node runs compiled production code. Random play and the
 * real circuits of stories and spends take long and reach nothing that the unit tests do not.
 */
const NOT_FOR_COVERAGE = /gas|snapshot|invariant|escrow|\.story\.|\.model\.|\/deploy\//i

const HELP = `usage: node scripts/check/coverage.ts [--json] [--keep] [test files…]

  Fails below ${FLOOR_PERCENT} % of lines or of branches in contracts/. --keep leaves the probed project in .cache/coverage.
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, keep: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
})
if (values.help) {
  process.stdout.write(HELP)
  process.exit(0)
}

type FileCoverage = {
  file: string
  lines: [hit: number, all: number]
  branches: [hit: number, all: number]
  missed: string[]
}

const project = join(CACHE, 'coverage')
const probed = prepareProject()
runTests()
const files = readReport(probed)
report(files)
if (!values.keep) rmSync(project, { recursive: true, force: true })

/** A project beside ours: probed contracts, everything else by link. Returns each contract's branches and original length. */
function prepareProject(): Map<string, readonly Branch[]> {
  rmSync(project, { recursive: true, force: true })
  mkdirSync(project, { recursive: true })
  for (const entry of [
    'node_modules',
    'keepers',
    'scripts',
    'deploy',
    'circuits',
    'test',
    'types',
    'snapshots',
    'tsconfig.json',
  ]) {
    symlinkSync(join(ROOT, entry), join(project, entry))
  }
  for (const entry of ['package.json', 'hardhat.config.ts']) cpSync(join(ROOT, entry), join(project, entry))
  const branches = new Map<string, readonly Branch[]>()
  cpSync(join(ROOT, 'contracts'), join(project, 'contracts'), { recursive: true })
  for (const file of globSync('contracts/**/*.sol', { cwd: ROOT })) {
    const result = addBranchProbes(readFileSync(join(ROOT, file), 'utf8'))
    writeFileSync(join(project, file), result.source)
    branches.set(file, result.branches)
  }
  return branches
}

function runTests(): void {
  const tests =
    positionals.length > 0
      ? positionals
      : globSync('test/contracts/**/*.test.ts', { cwd: ROOT }).filter((file) => !NOT_FOR_COVERAGE.test(file))
  const cli = join(ROOT, 'node_modules/hardhat/dist/src/cli.js')
  const run = spawnSync(process.execPath, ['--preserve-symlinks-main', cli, 'test', 'mocha', '--coverage', ...tests], {
    cwd: project,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    env: { ...process.env, COHORT_COVERAGE: '1' },
  })
  if (run.status !== 0) {
    process.stdout.write(`${run.stdout}${run.stderr}\nthe tests fail under coverage\n`)
    process.exit(1)
  }
}

/** lcov's DA lines, split into our probes (branches) and the contract's own lines. */
function readReport(branchesOf: Map<string, readonly Branch[]>): FileCoverage[] {
  const lcov = readFileSync(join(project, 'coverage', 'lcov.info'), 'utf8')
  const coverage: FileCoverage[] = []
  for (const record of lcov.split('end_of_record')) {
    const file = /^SF:(.+)$/m.exec(record)?.[1]
    const branches = file === undefined ? undefined : branchesOf.get(file)
    if (file === undefined || branches === undefined) continue
    const hits = new Map(
      [...record.matchAll(/^DA:(\d+),(\d+)/gm)].map(([, line, count]) => [Number(line), Number(count)]),
    )
    const probeLines = new Set(branches.map((branch) => branch.probeLine))
    const lines = [...hits].filter(([line]) => !probeLines.has(line))
    const missed = branches.filter((branch) => (hits.get(branch.probeLine) ?? 0) === 0)
    const probedLines = readFileSync(join(project, file), 'utf8').split('\n')
    coverage.push({
      file,
      lines: [lines.filter(([, count]) => count > 0).length, lines.length],
      branches: [branches.length - missed.length, branches.length],
      missed: [
        ...lines.filter(([, count]) => count === 0).map(([line]) => `line: ${probedLines[line - 1]?.trim()}`),
        ...missed.map((branch) => `${branch.side} of line ${branch.originalLine}`),
      ],
    })
  }
  return coverage
}

function report(files: readonly FileCoverage[]): void {
  const total = (of: 'lines' | 'branches') => {
    const hit = files.reduce((sum, file) => sum + file[of][0], 0)
    const all = files.reduce((sum, file) => sum + file[of][1], 0)
    return { hit, all, percent: percent([hit, all]) }
  }
  const lines = total('lines')
  const branches = total('branches')
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
      `lines ${lines.percent.toFixed(1)} % (${lines.hit}/${lines.all}), branches ${branches.percent.toFixed(1)} % (${branches.hit}/${branches.all}), floor ${FLOOR_PERCENT} %\n`,
    )
  }
  // No branches at all would mean that the probes did not work, not that there is nothing to cover.
  const enough = lines.percent >= FLOOR_PERCENT && branches.percent >= FLOOR_PERCENT && branches.all > 0
  process.exitCode = enough ? 0 : 1
}

function percent([hit, all]: readonly [number, number]): number {
  return all === 0 ? 100 : (100 * hit) / all
}
