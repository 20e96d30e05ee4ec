// SPDX-License-Identifier: GPL-3.0-or-later
// Services of services beside one flat service.
//
//   nested.accuracy.{flat,nested,handed-back,region,vote,student,taught}   percent of test samples, mean over seeds; spread: half of a 95 %
//                                                                         confidence interval of the mean (Student's t)
//   nested.gap.{nested,handed-back,student}      percentage points below the peer (flat; taught), paired by seed, with the same interval
//   nested.labelled                             inputs of those asked that the services agreed on
//   nested.bytes.{flat,lower,upper}             updates and decryption shares of a round that one member sends, by the plan of the encryption
//   nested.gas.<action>                         from snapshots/nested.json
//
// Nothing was tuned on the test samples; seeds 1 to 10 (--quick: 2). Subjects: accuracy, bytes, gas.
import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { head, modelSpec } from '../../keepers/learning/index.ts'
import { planFor, USUAL_TERMS } from '../../keepers/versions/index.ts'
import { ROOT } from '../bootstrap/paths.mjs'
import type { Bench, BenchContext } from './harness.ts'
import { compare, type Outcome, type Terms } from './nested/federation.ts'
import { loadDigitPair } from './zkml/networks.ts'

const TERMS: Terms = { regions: 3, members: 4, rounds: 20, samples: 100, labels: 300, clipNorm: 8 }
const SEEDS = 10

/** Quantiles of Student's t, 97.5 %, by degrees of freedom. */
const T: Readonly<Record<number, number>> = { 1: 12.706, 4: 2.776, 9: 2.262 }

export const bench: Bench = {
  area: 'nested',
  summary: 'services that are members of services, and students of ensembles, beside one flat service',
  async run(context) {
    const wanted = (subject: string): boolean => context.args.length === 0 || context.args.includes(subject)
    if (wanted('accuracy')) await accuracy(context)
    if (wanted('bytes')) bytes(context)
    if (wanted('gas')) gas(context)
  },
}

async function accuracy(context: BenchContext): Promise<void> {
  const { record, progress, quick } = context
  const data = await loadDigitPair(context.dataDir)
  const test = head(data.test, quick ? 500 : 2_000)
  const spec = modelSpec('logistic')
  const outcomes: Outcome[] = []
  for (let seed = 1; seed <= (quick ? 2 : SEEDS); seed++) {
    const outcome = await compare(spec, data.train, test, TERMS, seed)
    outcomes.push(outcome)
    const { flat, nested, handedBack, student } = outcome
    progress(`seed ${seed}: flat ${flat}, nested ${nested}, handed back ${handedBack}, student ${student}`)
  }
  const { regions, members, samples, rounds, labels } = TERMS
  const note = `${regions} services of ${members} members, about ${samples} samples each (Dirichlet 0.5), ${rounds} rounds, logistic regression; ${test.count} test pictures of ${data.test.name}, ${outcomes.length} seeds; load ${loadavg()[0]!.toFixed(1)}`
  const rows = {
    flat: 'flat',
    nested: 'nested',
    handedBack: 'handed-back',
    region: 'region',
    vote: 'vote',
    student: 'student',
    taught: 'taught',
  } as const
  for (const [key, name] of Object.entries(rows)) {
    const { mean, half } = interval(outcomes.map((outcome) => 100 * outcome[key as keyof typeof rows]))
    record({ metric: `nested.accuracy.${name}`, value: mean, unit: 'percent', spread: half, note })
  }
  for (const [key, name, peer] of [
    ['nested', 'nested', 'flat'],
    ['handedBack', 'handed-back', 'flat'],
    ['student', 'student', 'taught'],
  ] as const) {
    const { mean, half } = interval(outcomes.map((outcome) => 100 * (outcome[peer] - outcome[key])))
    record({
      metric: `nested.gap.${name}`,
      value: mean,
      unit: 'points',
      spread: half,
      note: `below ${peer}, paired by seed`,
    })
  }
  const { mean, half } = interval(outcomes.map(({ labelled }) => labelled))
  record({ metric: 'nested.labelled', value: mean, unit: 'count', spread: half, note: `of ${labels} asked` })
}

/** Mean, and half of its 95 % confidence interval. */
function interval(values: readonly number[]): { mean: number; half: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  return { mean, half: T[values.length - 1]! * Math.sqrt(variance / values.length) }
}

function bytes({ record }: BenchContext): void {
  const { regions, members } = TERMS
  const vectorLength = modelSpec('logistic').parameterCount
  const of = (count: number) => {
    const threshold = Math.floor(count / 2) + 1
    const terms = { ...USUAL_TERMS, minTotalSamples: 400, maxSamples: 1_000 }
    return planFor({ members: count, threshold, decryptionsPerKey: 100, vectorLength, terms }).bytes
  }
  const [flat, lower, upper] = [of(regions * members), of(members), of(regions)]
  for (const [name, plan, who] of [
    ['flat', flat, `${regions * members} members`],
    ['lower', lower, `${members} members`],
    ['upper', upper, `${regions} representatives`],
  ] as const) {
    const value = plan.update + plan.decryptionShare
    record({
      metric: `nested.bytes.${name}`,
      value,
      unit: 'bytes',
      note: `update and decryption share of one of ${who}, ${vectorLength} parameters`,
    })
  }
  // Every member fetches the updates of all others.
  const fetched = (count: number, plan: { readonly update: number }): number => (count - 1) * plan.update
  record({
    metric: 'nested.bytes.fetched',
    value: fetched(members, lower) + (fetched(regions, upper) * regions) / (regions * members),
    unit: 'bytes',
    peer: 'flat',
    peerValue: fetched(regions * members, flat),
    note: 'updates that a member fetches in a round of its service, and its part of the round above; without slices',
  })
}

function gas({ record }: BenchContext): void {
  const snapshot: { gas: Record<string, number> } = JSON.parse(
    readFileSync(join(ROOT, 'snapshots/nested.json'), 'utf8'),
  )
  for (const [action, value] of Object.entries(snapshot.gas)) {
    record({ metric: `nested.gas.${action.replaceAll(/[ ,]+/g, '-')}`, value, unit: 'gas' })
  }
}
