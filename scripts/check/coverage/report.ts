// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProbedProject } from './probed-project.ts'

export type FileCoverage = {
  readonly file: string
  readonly lines: readonly [hit: number, all: number]
  readonly branches: readonly [hit: number, all: number]
  /** Unreached code, for people. */
  readonly missed: readonly string[]
}

/** The combined coverage of the tests of several equal projects: probes are branches, all else is the contract's own lines. */
export function readCoverage(projects: readonly ProbedProject[]): FileCoverage[] {
  const [first] = projects
  if (first === undefined) return []
  const { folder, branches: branchesOf } = first
  const hitsOf = addHits(
    projects.map((project) => lineHits(readFileSync(join(project.folder, 'coverage', 'lcov.info'), 'utf8'))),
  )
  const coverage: FileCoverage[] = []
  for (const [file, hits] of hitsOf) {
    const branches = branchesOf.get(file)
    if (branches === undefined) continue
    const probeLines = new Set(branches.map((branch) => branch.probeLine))
    const lines = [...hits].filter(([line]) => !probeLines.has(line))
    const missed = branches.filter((branch) => (hits.get(branch.probeLine) ?? 0) === 0)
    const probedLines = readFileSync(join(folder, file), 'utf8').split('\n')
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

type LineHits = Map<string, Map<number, number>>

/** lcov's DA records: how often each line of each file was reached. */
export function lineHits(lcov: string): LineHits {
  const hitsOf: LineHits = new Map()
  for (const record of lcov.split('end_of_record')) {
    const file = /^SF:(.+)$/m.exec(record)?.[1]
    if (file === undefined) continue
    const hits = [...record.matchAll(/^DA:(\d+),(\d+)/gm)]
    hitsOf.set(file, new Map(hits.map(([, line, count]) => [Number(line), Number(count)])))
  }
  return hitsOf
}

/** Hits of several runs of the same sources. */
export function addHits(runs: readonly LineHits[]): LineHits {
  const sum: LineHits = new Map()
  for (const run of runs) {
    for (const [file, hits] of run) {
      const total = sum.get(file) ?? new Map<number, number>()
      for (const [line, count] of hits) total.set(line, (total.get(line) ?? 0) + count)
      sum.set(file, total)
    }
  }
  return sum
}

export function totalOf(
  files: readonly FileCoverage[],
  of: 'lines' | 'branches',
): { hit: number; all: number; percent: number } {
  const hit = files.reduce((sum, file) => sum + file[of][0], 0)
  const all = files.reduce((sum, file) => sum + file[of][1], 0)
  return { hit, all, percent: percent([hit, all]) }
}

export function percent([hit, all]: readonly [number, number]): number {
  return all === 0 ? 100 : (100 * hit) / all
}

/** Whether lines and branches reach `floor` percent. Zero branches can only mean that the probes failed. */
export function isReached(files: readonly FileCoverage[], floor: number): boolean {
  const branches = totalOf(files, 'branches')
  return totalOf(files, 'lines').percent >= floor && branches.percent >= floor && branches.all > 0
}
