// SPDX-License-Identifier: GPL-3.0-or-later
// The speed of learning in federations, and the damage that bad members do. Curves go to bench/results/learning/.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type DatasetPair,
  decodeSimulation,
  encodeSimulation,
  LearningError,
  type ModelName,
  modelSpec,
  type RoundRecord,
  roundsChart,
  roundsCsv,
  type SimulationSettings,
  type SimulationState,
  simulate,
} from '../../../keepers/learning/index.ts'
import { ROOT } from '../../bootstrap/paths.mjs'
import { type BenchContext, RESULTS_DIR } from '../harness.ts'

const CURVES = join(ROOT, RESULTS_DIR, 'learning')
const SCRATCH = join(ROOT, 'build', 'bench-learning')

/** COHORT_BENCH_MINUTES bounds each curve; the next run goes on from there. */
const MINUTES = Number(process.env.COHORT_BENCH_MINUTES ?? Number.POSITIVE_INFINITY)

/** Plays a federation. In full runs it keeps its curve, and goes on where an interrupted bench stopped. */
async function play(
  context: BenchContext,
  data: DatasetPair,
  curve: string,
  model: ModelName,
  settings: SimulationSettings,
): Promise<readonly RoundRecord[]> {
  const saved = join(SCRATCH, `${curve}.state`)
  const started = performance.now()
  const budget = new AbortController()
  let records: readonly RoundRecord[] = []
  const onRound = async (record: RoundRecord, state: SimulationState) => {
    records = state.records
    if (performance.now() - started > 60_000 * MINUTES) budget.abort()
    if (record.round % 5 === 0) {
      context.progress(`${curve}: round ${record.round}, ${(100 * record.accuracy).toFixed(2)} %`)
    }
    if (context.quick) return
    await mkdir(SCRATCH, { recursive: true })
    await writeFile(`${saved}.part`, encodeSimulation(state))
    await rename(`${saved}.part`, saved)
  }
  const bytes = context.quick ? null : await readFile(saved).catch(() => null)
  const options = { spec: modelSpec(model), data, settings, onRound, signal: budget.signal }
  const resume = bytes === null ? {} : { resume: decodeSimulation(bytes) }
  try {
    ;({ records } = await simulate({ ...options, ...resume }).catch((error: unknown) => {
      // A state left by a bench with other settings: start over.
      if (bytes === null || !(error instanceof LearningError && error.code === 'BAD_CHECKPOINT')) throw error
      return simulate(options)
    }))
  } catch (error) {
    if (!budget.signal.aborted) throw error
    context.progress(`${curve}: out of time after round ${records.length}; run again to go on`)
  }
  if (!context.quick) {
    await mkdir(CURVES, { recursive: true })
    await writeFile(join(CURVES, `${curve}.csv`), roundsCsv(records))
    await writeFile(join(CURVES, `${curve}.svg`), roundsChart(records, curve))
  }
  return records
}

/** The first round at or above `accuracy`; otherwise the note says how far the run came. */
function recordRounds(
  context: BenchContext,
  metric: string,
  records: readonly RoundRecord[],
  accuracy: number,
  note: string,
): void {
  const reached = records.find((record) => record.accuracy >= accuracy)
  const best = Math.max(...records.map((record) => record.accuracy))
  context.record({
    metric,
    value: reached?.round ?? records.length,
    unit: 'count',
    note:
      reached === undefined
        ? `NOT reached in ${records.length} rounds (best ${(100 * best).toFixed(2)} %); ${note}`
        : note,
  })
}

/** McMahan et al. 2017, table 2, with the article's CNN in place of their 1.66 M-parameter one. */
export async function fedavg(context: BenchContext, data: DatasetPair): Promise<void> {
  for (const [kind, learningRate, most] of [
    ['iid', 0.2, 150],
    ['shards', 0.1, 600],
  ] as const) {
    const records = await play(context, data, `fedavg-${kind}`, 'article-cnn', {
      keepers: 100,
      rounds: context.quick ? 3 : most,
      fraction: 0.1,
      partition: { kind },
      training: { epochs: 5, batchSize: 10, optimizer: { kind: 'sgd', learningRate } },
      seed: 1,
      targetAccuracy: 0.985,
    })
    for (const percent of [97, 98.5]) {
      const note = `100 clients, C 0.1, E 5, B 10, SGD ${learningRate}, ${data.train.name}`
      recordRounds(context, `learning.fedavg.${kind}.rounds-to-${percent}`, records, percent / 100, note)
    }
  }
}

export async function dirichlet(context: BenchContext, data: DatasetPair): Promise<void> {
  const records = await play(context, data, 'dirichlet', 'article-cnn', {
    keepers: 10,
    rounds: context.quick ? 2 : 20,
    partition: { kind: 'dirichlet', alpha: 0.5 },
    training: { epochs: 1, batchSize: 10, optimizer: { kind: 'sgd', learningRate: 0.1 } },
    seed: 1,
  })
  recordRounds(
    context,
    'learning.dirichlet.rounds-to-97',
    records,
    0.97,
    '10 clients, Dirichlet(0.5), E 1, B 10, SGD 0.1',
  )
  context.record({ metric: 'learning.dirichlet.accuracy', value: 100 * records.at(-1)!.accuracy, unit: 'percent' })
}

export async function poison(context: BenchContext, data: DatasetPair): Promise<void> {
  const base: SimulationSettings = {
    keepers: 20,
    rounds: context.quick ? 2 : 15,
    training: { epochs: 1, batchSize: 10, optimizer: { kind: 'sgd', learningRate: 0.1 } },
    seed: 1,
  }
  const bad = { share: 0.2, attack: 'sign-flip', strength: 4 } as const
  const accuracy = async (curve: string, extra: Partial<SimulationSettings>) =>
    100 * (await play(context, data, `poison-${curve}`, 'small-cnn', { ...base, ...extra })).at(-1)!.accuracy
  const clean = await accuracy('clean', {})
  for (const [strategy, centre] of [
    ['fedavg', { kind: 'mean' }],
    ['median', { kind: 'median', groups: 10 }],
    ['trimmed-mean', { kind: 'trimmed-mean', groups: 10, trim: 4 }],
  ] as const) {
    context.record({
      metric: `learning.poison.${strategy}.accuracy`,
      value: await accuracy(strategy, { poison: bad, centre }),
      unit: 'percent',
      peer: 'clean run',
      peerValue: clean,
      note: '4 of 20 members send −4 × their update; groups of 2',
    })
  }
}

export async function simulateTime(context: BenchContext, data: DatasetPair): Promise<void> {
  const rounds = context.quick ? 2 : 20
  const started = performance.now()
  const { records } = await simulate({
    spec: modelSpec('small-cnn'),
    data,
    settings: {
      keepers: 100,
      rounds,
      training: { epochs: 1, batchSize: 10, optimizer: { kind: 'sgd', learningRate: 0.1 } },
      seed: 1,
    },
  })
  context.record({
    metric: 'learning.simulate.100x20.time',
    value: (performance.now() - started) / 1000,
    unit: 's',
    peer: 'limit asked for',
    peerValue: 600,
    note: `${rounds} rounds, small CNN, ${(100 * records.at(-1)!.accuracy).toFixed(2)} % at the end`,
  })
}
