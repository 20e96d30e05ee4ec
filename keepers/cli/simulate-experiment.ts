// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort simulate --experiment`: all runs of an experiment file, one after the other, and a table of them.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { type RoundRecord, StrategyModule, strategyHash } from '../learning/index.ts'
import { type Experiment, type Run, readExperiment, runFolder } from './experiment.ts'
import { chooseSpec, ProgressLine, replaceFile } from './learning-options.ts'
import { type Played, playSimulation, STATE_FILE, summaryOf } from './simulate-run.ts'

const SWEEP_FILE = 'sweep.csv'

type ExperimentOptions = {
  readonly experiment: string
  /** Options from the command line that belong in the file. */
  readonly stray: readonly string[]
  readonly out?: string
  readonly workers?: number
  readonly json?: boolean
}

export async function runExperiment(options: ExperimentOptions, signal: AbortSignal): Promise<void> {
  const room = await import('../learning/index.ts')
  if (options.stray.length > 0) {
    const names = options.stray.map((name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`)
    throw new room.LearningError('BAD_PARAMETERS', `${names.join(', ')}: with --experiment, this belongs in the file`)
  }
  const experiment = await readExperiment(options.experiment)
  for (const name of options.out === undefined ? [] : [STATE_FILE, SWEEP_FILE]) {
    if (!existsSync(join(options.out!, name))) continue
    throw new room.LearningError('BAD_PARAMETERS', `${options.out} holds a simulation (${name}): choose another --out`)
  }
  const { data: dir, limit, runs, folder } = experiment
  const opened = await room.openData({ ...(dir === undefined ? {} : { dir }), signal })
  const train = limit === undefined ? opened.train : room.head(opened.train, limit)
  const line = new ProgressLine()
  line.lasting(opened.announcement)
  const spec = await chooseSpec(experiment.model, train)
  const modules = runs.map((run) => moduleOf(run, spec.parameters, room.readStrategy))
  const table: { run: Run; played: Played }[] = []
  for (const [index, run] of runs.entries()) {
    const title = titleOf(experiment, run)
    if (runs.length > 1) line.lasting(`run ${index + 1} of ${runs.length}: ${run.label}`)
    const place = runs.length === 1 ? options.out : options.out && join(options.out, runFolder(run, index))
    const played = await playSimulation({
      ...{ title, spec, config: run.config, signal, line, folder, strategy: modules[index] },
      data: { train, test: opened.test },
      ...{ workers: options.workers, out: place },
    })
    table.push({ run, played })
    if (options.json !== true) process.stdout.write(`${summaryOf({ ...played, title }, place)}\n`)
    if (options.out !== undefined && runs.length > 1) await replaceFile(join(options.out, SWEEP_FILE), sweepCsv(table))
  }
  if (options.json === true) {
    const report = table.map(({ run, played }) => ({
      label: run.label,
      strategy: run.strategy,
      data: train.name,
      ...played,
    }))
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
  }
}

function titleOf({ name }: Experiment, { label }: Run): string {
  return label === '' ? name : `${name}, ${label}`
}

function moduleOf(
  { strategy }: Run,
  parameters: ConstructorParameters<typeof StrategyModule>[2],
  read: (file: string) => Uint8Array,
): StrategyModule | undefined {
  if (strategy === null) return undefined
  const source = read(strategy.file)
  return new StrategyModule(
    source,
    { sha256: strategyHash(source), settings: strategy.settings },
    parameters,
    strategy.file,
  )
}

/** One line a run: its last round, and its best. */
function sweepCsv(table: readonly { readonly run: Run; readonly played: Played }[]): string {
  const header = [
    'run',
    'rounds',
    'stopped',
    'accuracy',
    'loss',
    'macroF1',
    'bestAccuracy',
    'bestRound',
    'epsilon',
    'seconds',
  ]
  const lines = table.map(({ run, played }) => {
    const { rounds, stopped, seconds } = played
    const last = rounds.at(-1)
    const best = rounds.reduce<RoundRecord | undefined>(
      (top, each) => (top && top.accuracy >= each.accuracy ? top : each),
      undefined,
    )
    const figures = [
      rounds.length,
      stopped,
      last?.accuracy,
      last?.loss,
      last?.macroF1,
      best?.accuracy,
      best?.round,
      last?.epsilon,
    ]
    return [`"${run.label.replaceAll('"', '""')}"`, ...figures.map((value) => value ?? ''), seconds.toFixed(1)].join(
      ',',
    )
  })
  return `${[header.join(','), ...lines].join('\n')}\n`
}
