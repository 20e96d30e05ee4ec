// SPDX-License-Identifier: GPL-3.0-or-later
// The bench harness: every area reports the same row shape, so that results of different days and machines compare.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import os from 'node:os'
import { dirname, join } from 'node:path'

/** One measured figure. `ratio` is value / peerValue: below 1 means we use less than the peer. */
export type BenchRow = {
  /** Stable name, `area.subject.what`, listed in scripts/bench/README.md. */
  readonly metric: string
  readonly value: number
  /** 'ms', 's', 'bytes', 'gas', 'constraints', 'samples/s', 'ratio', 'percent', 'count', … */
  readonly unit: string
  /** The peer measured in the same run, or null when nothing comparable exists. */
  readonly peer: string | null
  readonly peerValue: number | null
  readonly ratio: number | null
  /** Median absolute deviation of the timed runs, same unit as value; null for counts. */
  readonly spread?: number | null
  /** The figure over time, where that is the point: one value a round, same unit as value. */
  readonly series?: readonly number[]
  readonly note?: string
  /** When it was measured, if that was in an earlier run than the file's last. */
  readonly when?: string
}

/** An area plugs in by exporting `bench` from scripts/bench/<area>.ts. */
export type Bench = {
  readonly area: string
  readonly summary: string
  run(context: BenchContext): Promise<void>
}

export type BenchContext = {
  /** `--quick`: fewer runs and the smaller sizes; for CI and for trying a bench out. */
  readonly quick: boolean
  /** Extra arguments after the area's name. */
  readonly args: readonly string[]
  /** Directory of MNIST IDX files, when at hand. */
  readonly dataDir: string | null
  /** Recorded so far. */
  readonly rows: readonly BenchRow[]
  record(row: {
    metric: string
    value: number
    unit: string
    peer?: string
    peerValue?: number
    spread?: number
    series?: readonly number[]
    note?: string
  }): void
  /** A line of progress on stderr. */
  progress(message: string): void
}

export type Timing = { readonly median: number; readonly spread: number; readonly runs: readonly number[] }

/**
 * Times `body` in milliseconds: `warmup` discarded runs, then `runs` measured ones.
 * Median and median absolute deviation, because shared machines have outliers on one side only.
 */
export async function time(
  body: () => unknown | Promise<unknown>,
  options: { warmup?: number; runs?: number } = {},
): Promise<Timing> {
  const { warmup = 1, runs = 5 } = options
  for (let i = 0; i < warmup; i++) await body()
  const measured: number[] = []
  for (let i = 0; i < runs; i++) {
    const start = performance.now()
    await body()
    measured.push(performance.now() - start)
  }
  const middle = median(measured)
  return { median: middle, spread: median(measured.map((run) => Math.abs(run - middle))), runs: measured }
}

/**
 * Times two bodies in alternation, so that a busy moment of the machine falls on both.
 * Returns milliseconds for each.
 */
export async function timeBeside(
  ours: () => unknown | Promise<unknown>,
  peer: () => unknown | Promise<unknown>,
  options: { warmup?: number; runs?: number } = {},
): Promise<{ ours: Timing; peer: Timing }> {
  const { warmup = 1, runs = 5 } = options
  const measured: [number[], number[]] = [[], []]
  for (let i = 0; i < warmup + runs; i++) {
    for (const [side, body] of [ours, peer].entries()) {
      const start = performance.now()
      await body()
      if (i >= warmup) measured[side as 0 | 1].push(performance.now() - start)
    }
  }
  const summarise = (list: number[]): Timing => {
    const middle = median(list)
    return { median: middle, spread: median(list.map((run) => Math.abs(run - middle))), runs: list }
  }
  return { ours: summarise(measured[0]), peer: summarise(measured[1]) }
}

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('median of no values')
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}

/** Rows as an aligned table for people. */
export function formatTable(rows: readonly BenchRow[]): string {
  const cells = [['metric', 'value', 'unit', 'peer', 'peer value', 'ratio', '± spread']]
  for (const row of rows) {
    cells.push([
      row.metric,
      formatNumber(row.value),
      row.unit,
      row.peer ?? '',
      row.peerValue === null ? '' : formatNumber(row.peerValue),
      row.ratio === null ? '' : `${formatNumber(row.ratio)}×`,
      row.spread == null ? '' : formatNumber(row.spread),
    ])
  }
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)))
  const numeric = new Set([1, 4, 5, 6])
  return cells
    .map((line) =>
      line
        .map((cell, column) => (numeric.has(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function formatNumber(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en-US')
  return Math.abs(value) >= 100 ? value.toFixed(1) : value.toPrecision(3)
}

type ResultsFile = {
  readonly area: string
  readonly quick: boolean
  readonly when: string
  readonly machine: object
  readonly rows: readonly BenchRow[]
}

/**
 * Writes bench/results/<area>.json: the machine, the moment, the rows. With `keep`, the run was of some subjects only: rows
 * of the file that were not measured again stay, each with the moment it is from.
 * @throws Error when rows of a quick and of a full run, or of two machines, would meet in one file.
 */
export async function writeResults(
  file: string,
  area: string,
  rows: readonly BenchRow[],
  quick: boolean,
  keep = false,
): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const machine = {
    node: process.version,
    platform: `${os.platform()}-${os.arch()}`,
    cores: os.cpus().length,
    cpu: os.cpus()[0]?.model ?? 'unknown',
  }
  const before = keep ? await readResults(file) : null
  if (before !== null && (before.quick !== quick || JSON.stringify(before.machine) !== JSON.stringify(machine))) {
    throw new Error(`${file} is of ${before.quick ? 'a quick run' : 'another machine'}; write elsewhere with --out DIR`)
  }
  const results = { area, quick, when: new Date().toISOString(), machine, rows: mergeRows(before, rows) }
  await writeFile(`${file}.part`, `${JSON.stringify(results, null, 2)}\n`)
  await rename(`${file}.part`, file)
}

/** Rows of an earlier file in their order, those measured again replaced, new ones at the end. */
export function mergeRows(
  before: Pick<ResultsFile, 'when' | 'rows'> | null,
  rows: readonly BenchRow[],
): readonly BenchRow[] {
  if (before === null) return rows
  const measured = new Map(rows.map((row) => [row.metric, row]))
  const kept = before.rows.map((row) => measured.get(row.metric) ?? { ...row, when: row.when ?? before.when })
  const known = new Set(before.rows.map(({ metric }) => metric))
  return [...kept, ...rows.filter(({ metric }) => !known.has(metric))]
}

async function readResults(file: string): Promise<ResultsFile | null> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  return text === null ? null : (JSON.parse(text) as ResultsFile)
}

/** Collects rows for one area; a row with a peer gets its ratio. */
export function createContext(options: {
  quick: boolean
  args: readonly string[]
  dataDir: string | null
}): BenchContext & { rows: BenchRow[] } {
  const rows: BenchRow[] = []
  return {
    ...options,
    rows,
    record({ metric, value, unit, peer, peerValue, spread, series, note }) {
      const ratio = peerValue === undefined || peerValue === 0 ? null : value / peerValue
      rows.push({
        metric,
        value,
        unit,
        peer: peer ?? null,
        peerValue: peerValue ?? null,
        ratio,
        spread: spread ?? null,
        ...(series === undefined ? {} : { series }),
        ...(note === undefined ? {} : { note }),
      })
    },
    progress(message) {
      process.stderr.write(`  ${message}\n`)
    },
  }
}

export const RESULTS_DIR = join('bench', 'results')
