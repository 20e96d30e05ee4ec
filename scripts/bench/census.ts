// SPDX-License-Identifier: GPL-3.0-or-later
// A private table's releases: what their circuits cost, what a release costs server and chain, how far noisy counts are from true ones, and
// how well a model that was designed on noisy marginals does, by its true and by its reported accuracy.
//
// Metrics: census.{marginals,outcomes,noise}.{constraints,key,compile,setup,prove,processor}, census.table.{marginals,outcomes}.processor,
// census.gas.{commit,request,accept,beacon,advance,deliver,release}.{marginals,outcomes}, census.noise.{deviation,delta},
// census.error.epsilon-<unit>, census.accuracy.{majority,exact,epsilon-<unit>,reported}. Accuracies are in percent of 10,000 people.
// Subjects: utility (no proofs, seconds), releases.
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { countPairs } from '../../keepers/apps/census/counting.ts'
import {
  type AdditiveModel,
  CENSUS,
  CENSUS_CIRCUITS,
  CensusProver,
  deltaOf,
  designModel,
  generateCensus,
  noiseDeviation,
  noiseInputs,
  planCounting,
  type Row,
  readCensusKey,
  readRelease,
  setupCensus,
  TableSecret,
  UNIT_EPSILON,
} from '../../keepers/apps/census/index.ts'
import { predict } from '../../keepers/apps/census/model.ts'
import { digitLimits, drawNoise, noiseDistribution } from '../../keepers/apps/census/noise.ts'
import { slicesOf } from '../../keepers/apps/census/schema.ts'
import { type Costs, createBenchLedger } from './census/chain.ts'
import type { Bench, BenchContext } from './harness.ts'
import { time } from './harness.ts'

const SEED = 1
const ROWS = 10_000
/** Epsilon of a count, in millionths, and digits that keep the tail below 10^-9. */
const UNITS = [
  { epsilon: 20_000, digits: 11 },
  { epsilon: 50_000, digits: 9 },
  { epsilon: UNIT_EPSILON, digits: 8 },
  { epsilon: 300_000, digits: 7 },
  { epsilon: 1_000_000, digits: 5 },
]
/** Tables of noise over which errors and accuracies are means. */
const DRAWS = 20

export const bench: Bench = {
  area: 'census',
  summary: 'releases about a private table: circuits, whole tables, gas, error and accuracy by epsilon',
  async run(context) {
    const rows = generateCensus(ROWS, SEED)
    const wanted = (subject: string) => context.args.length === 0 || context.args.includes(subject)
    if (wanted('utility')) recordUtility(context, rows)
    if (!wanted('releases')) return
    const folder = await mkdtemp(join(tmpdir(), 'cohort-census-bench-'))
    try {
      await recordSetup(context, folder)
      await recordReleases(context, folder, rows)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}

const accuracyOf = (model: AdditiveModel, rows: readonly Row[]) =>
  (100 * rows.filter((row) => row !== null && predict(CENSUS, model, row) === row[CENSUS.target]).length) / rows.length

function recordUtility(context: BenchContext, rows: readonly Row[]): void {
  const exact = countPairs(CENSUS, rows)
  const upper = (100 * rows.filter((row) => row?.[CENSUS.target] === 1).length) / rows.length
  const percent = (metric: string, value: number, note?: string) =>
    context.record({ metric, value, unit: 'percent', ...(note === undefined ? {} : { note }) })
  percent('census.accuracy.majority', Math.max(upper, 100 - upper), 'of the label that more people have')
  percent('census.accuracy.exact', accuracyOf(designModel(CENSUS, exact), rows), 'designed on true marginals')
  context.record({ metric: 'census.noise.deviation', value: noiseDeviation(), unit: 'counts' })
  context.record({
    metric: 'census.noise.delta',
    value: Number(deltaOf(UNIT_EPSILON)) / 1e18,
    unit: 'delta of a count',
    note: `at epsilon ${UNIT_EPSILON / 1e6}`,
  })
  for (const { epsilon, digits } of UNITS) {
    const limits = digitLimits(Math.round(0.999 * epsilon), digits)
    let [error, accuracy] = [0, 0]
    for (let draw = 0; draw < DRAWS; draw++) {
      const noise = Array.from({ length: slicesOf(CENSUS) }, (_, s) =>
        drawNoise(BigInt(draw + 1), BigInt(s), limits),
      ).flat()
      error += exact.reduce((sum, _, i) => sum + Math.abs(noise[i]!), 0) / exact.length / DRAWS
      const model = designModel(
        CENSUS,
        exact.map((cell, i) => cell + noise[i]!),
      )
      accuracy += accuracyOf(model, rows) / DRAWS
    }
    const delta = Number(deltaOf(epsilon, noiseDistribution(limits))) / 1e18
    const note = `all marginals: epsilon ${(7 * epsilon) / 1e6}, delta ${(7 * delta).toExponential(1)}; mean of ${DRAWS} draws`
    context.record({ metric: `census.error.epsilon-${epsilon / 1e6}`, value: error, unit: 'counts', note })
    percent(`census.accuracy.epsilon-${epsilon / 1e6}`, accuracy, note)
  }
}

async function recordSetup(context: BenchContext, folder: string): Promise<void> {
  let [at, step] = [performance.now(), '']
  const ended = () => {
    if (step !== '')
      context.record({ metric: step, value: (performance.now() - at) / 1000, unit: 's', note: loadNote() })
  }
  await setupCensus(folder, CENSUS, {
    onProgress: (circuit, stage) => {
      ended()
      context.progress(`${stage}: ${circuit}`)
      ;[at, step] = [performance.now(), `census.${circuit}.${stage === 'compiling' ? 'compile' : 'setup'}`]
    },
  })
  ended()
  for (const name of CENSUS_CIRCUITS) {
    const { constraints, zkeyBytes } = await readCensusKey(folder, CENSUS, name)
    context.record({ metric: `census.${name}.constraints`, value: constraints, unit: 'constraints' })
    context.record({ metric: `census.${name}.key`, value: zkeyBytes, unit: 'bytes' })
  }
}

async function recordReleases(context: BenchContext, folder: string, rows: readonly Row[]): Promise<void> {
  const secret = new TableSecret(new Uint8Array(32).fill(9))
  context.progress('deploying a ledger and verifiers')
  const ledger = await createBenchLedger(folder, rows, secret)
  const marginals = await release(context, folder, rows, secret, null, ledger)
  const model = designModel(CENSUS, readRelease(CENSUS, null, marginals))
  const outcomes = readRelease(CENSUS, model, await release(context, folder, rows, secret, model, ledger))
  const all = outcomes.reduce((sum, count) => sum + count, 0)
  context.record({
    metric: 'census.accuracy.reported',
    value: (100 * (outcomes[0]! + outcomes[3]!)) / all,
    unit: 'percent',
    peer: 'true',
    peerValue: accuracyOf(model, rows),
    note: 'of the model that was designed on released marginals; with noise',
  })
}

async function release(
  context: BenchContext,
  folder: string,
  rows: readonly Row[],
  secret: TableSecret,
  model: AdditiveModel | null,
  ledger: Awaited<ReturnType<typeof createBenchLedger>>,
): Promise<readonly bigint[]> {
  const name = model === null ? 'marginals' : 'outcomes'
  const opened = await ledger.open(model)
  const counting = { shape: CENSUS, rows, secret, request: `bench/${opened.id}`, model }
  const plan = planCounting(counting)
  const prover = await CensusProver.open(folder, CENSUS, name)
  const before = process.cpuUsage()
  const proofs: Awaited<ReturnType<CensusProver['prove']>>[] = []
  try {
    context.progress(`proving ${plan.commitments.length} chunks: ${name}`)
    const timing = await time(async () => void proofs.push(await prover.prove(plan.inputsOf(proofs.length))), {
      warmup: 0,
      runs: plan.commitments.length,
    })
    recordProof(context, name, timing, before, plan.commitments.length)
  } finally {
    await prover.close()
  }
  const noise = await CensusProver.open(folder, CENSUS, 'noise')
  const noisy: Awaited<ReturnType<CensusProver['prove']>>[] = []
  const start = process.cpuUsage()
  try {
    const slices = model === null ? slicesOf(CENSUS) : 1
    const timing = await time(
      async () =>
        void noisy.push(
          await noise.prove(noiseInputs(counting, plan, noisy.length, await opened.contextOf(noisy.length))),
        ),
      { warmup: 0, runs: slices },
    )
    if (model === null) recordProof(context, 'noise', timing, start, slices)
  } finally {
    await noise.close()
  }
  context.record({
    metric: `census.table.${name}.processor`,
    value: seconds(process.cpuUsage(before)),
    unit: 's',
    note: 'all chunks and slices, witnesses included',
  })
  const { outputs, gas } = await opened.finish(plan, proofs, noisy)
  recordGas(context, name, gas)
  return outputs
}

const seconds = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1e6
const loadNote = () => `seconds of clock; load ${loadavg()[0]!.toFixed(0)}`

function recordProof(
  context: BenchContext,
  name: string,
  timing: Awaited<ReturnType<typeof time>>,
  before: NodeJS.CpuUsage,
  count: number,
): void {
  context.record({
    metric: `census.${name}.prove`,
    value: timing.median / 1000,
    spread: timing.spread / 1000,
    unit: 's',
    note: loadNote(),
  })
  context.record({ metric: `census.${name}.processor`, value: seconds(process.cpuUsage(before)) / count, unit: 's' })
}

function recordGas(context: BenchContext, name: string, gas: Costs): void {
  for (const [step, value] of Object.entries(gas))
    context.record({ metric: `census.gas.${step}.${name}`, value, unit: 'gas' })
  const whole = Object.values(gas).reduce((sum, value) => sum + value, 0)
  context.record({ metric: `census.gas.release.${name}`, value: whole, unit: 'gas', note: 'all steps of one release' })
}
