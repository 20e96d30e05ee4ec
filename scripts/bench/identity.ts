// SPDX-License-Identifier: GPL-3.0-or-later
// A proof of identity: how often the network takes strangers for one another on drawn people that training never saw, what the circuits
// cost by part, what a proof costs holder and chain.
//
// Metrics: identity.load, identity.network.{parameters,training,equal-error,widest-stranger,false-match,false-non-match,threshold-1e-<k>,fnmr-at-1e-<k>},
// identity.curve.{false-match,false-non-match} (series over thresholds 0.05 … 0.95), identity.part.<name>,
// identity.{proof,list}.{constraints,compile,setup,key,load,witness,prove}, identity.bytes.{proof,credential,capture},
// identity.gas.{pass,renew,first-transfer,transfer,list-add,list-remove}. Rates are shares of one.
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CHOSEN_ON,
  type FaceScores,
  faceModel,
  faceProgram,
  faceScores,
  identityCircuit,
  JUDGED,
  LIST_DEPTH,
  listCircuit,
  NEARNESS,
  ratesAt,
  thresholdFor,
  trainFaceModel,
} from '../../keepers/apps/identity/index.ts'
import {
  compileCircuit,
  folderPaths,
  type IntegerProgram,
  networkSource,
  SourceProver,
  setupSource,
  WitnessProgram,
} from '../../keepers/zkml/index.ts'
import { parseR1cs } from '../../keepers/zkml/setup/r1cs.ts'
import { type Bench, type BenchContext, time } from './harness.ts'
import { exampleInputs, measureGateGas } from './identity/chain.ts'

const CURVE = Array.from({ length: 19 }, (_, i) => (i + 1) / 20)
/** More people than a credential's file is judged on: rates of one in a thousand need many strangers. */
const PEOPLE = 300

export const bench: Bench = {
  area: 'identity',
  summary: 'proofs of identity: the network’s errors on drawn faces, constraints by part, proving, gas',
  async run(context) {
    const model = faceModel()
    const program = faceProgram(model)
    context.record({
      metric: 'identity.load',
      value: loadavg()[0]!,
      unit: 'processes',
      note: 'load of the machine at the start',
    })
    if (!context.quick) {
      const start = process.cpuUsage()
      await trainFaceModel({ seed: 1 })
      const { user, system } = process.cpuUsage(start)
      context.record({ metric: 'identity.network.training', value: (user + system) / 1e6, unit: 'processor s' })
    }
    context.record({ metric: 'identity.network.parameters', value: model.weights.length, unit: 'count' })
    recordRates(context, program)
    await recordParts(context, program)
    const home = await mkdtemp(join(tmpdir(), 'cohort-identity-bench-'))
    try {
      const folders = { people: join(home, 'people'), changes: join(home, 'changes') }
      await measure(context, 'identity.proof', folders.people, () => identityCircuit(folders.people, program))
      await measure(context, 'identity.list', folders.changes, () => listCircuit(folders.changes))
      context.progress('gas')
      for (const [metric, value] of Object.entries(await measureGateGas(folders, program)))
        context.record({ metric: `identity.${metric}`, value, unit: metric.startsWith('gas') ? 'gas' : 'bytes' })
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  },
}

function recordRates(context: BenchContext, program: IntegerProgram): void {
  context.progress('false matches and false non-matches')
  const chosen = faceScores(program, CHOSEN_ON)
  const scores = faceScores(program, { ...JUDGED, people: context.quick ? 60 : PEOPLE })
  const of = `${scores.genuine.length} own and ${scores.impostor.length} strangers' pictures of drawn people`
  const share = (metric: string, value: number, note = of) =>
    context.record({ metric: `identity.network.${metric}`, value, unit: 'share', note })
  const used = ratesAt(scores, NEARNESS.numerator / NEARNESS.denominator)
  share('false-match', used.falseMatch, `${of}, at the circuit's ${used.threshold}`)
  share('false-non-match', used.falseNonMatch)
  for (const k of [2, 3]) {
    const threshold = thresholdFor(chosen, 10 ** -k)
    share(`threshold-1e-${k}`, threshold, 'squared cosine, chosen on other people')
    const { falseMatch, falseNonMatch } = ratesAt(scores, threshold)
    share(`fnmr-at-1e-${k}`, falseNonMatch, `false matches there: ${falseMatch.toFixed(5)}`)
  }
  share('equal-error', equalError(scores))
  share('widest-stranger', widestStranger(scores, used.threshold), 'of other people, those for whom one picture passes')
  const curve = CURVE.map((threshold) => ratesAt(scores, threshold))
  for (const [name, series] of [
    ['false-match', curve.map(({ falseMatch }) => falseMatch)],
    ['false-non-match', curve.map(({ falseNonMatch }) => falseNonMatch)],
  ] as const)
    context.record({
      ...{ metric: `identity.curve.${name}`, value: series[9]!, unit: 'share', series },
      note: 'at squared cosines 0.05, 0.1 … 0.95; the value is at 0.5',
    })
}

/** The share of other people for whom the picture passes that passes for most of them. */
function widestStranger({ genuine, impostor }: FaceScores, threshold: number): number {
  // One own score a picture, and the scores with all others in a row.
  const others = impostor.length / genuine.length
  const passes = genuine.map(
    (_, i) => impostor.slice(i * others, (i + 1) * others).filter((score) => score >= threshold).length,
  )
  return Math.max(...passes) / others
}

/** Where both rates meet: one falls with the threshold, the other rises. */
function equalError(scores: FaceScores): number {
  let [low, high] = [0, 1]
  for (let step = 0; step < 12; step++) {
    const middle = (low + high) / 2
    const { falseMatch, falseNonMatch } = ratesAt(scores, middle)
    if (falseMatch > falseNonMatch) low = middle
    else high = middle
  }
  const { falseMatch, falseNonMatch } = ratesAt(scores, high)
  return (falseMatch + falseNonMatch) / 2
}

/** Each part compiled by itself. */
async function recordParts(context: BenchContext, program: IntegerProgram): Promise<void> {
  const { gadgets, source } = networkSource(program)
  const parts: readonly (readonly [string, string, string])[] = [
    ['network', `${gadgets.map((gadget) => `include "${gadget}.circom";`).join('\n')}\n${source}`, 'Network()'],
    ['credential-signature', 'include "identity.circom";', 'SignedCredential()'],
    ['camera-signature', 'include "eddsa_poseidon.circom";', 'EddsaPoseidon()'],
    ['not-in-list', 'include "interval_list.circom";', `NotInList(${LIST_DEPTH})`],
    ['country', 'include "bitmap.circom";', 'InBitmap(4)'],
    ['pixels', 'include "packing.circom";', 'RangedPack(256, 6)'],
  ]
  for (const [name, head, call] of parts) {
    const directory = await mkdtemp(join(tmpdir(), 'cohort-part-'))
    try {
      const text = `pragma circom 2.2.0;\n${head}\ncomponent main = ${call};\n`
      const { r1cs } = await compileCircuit(text, { directory, name: 'part' })
      const { constraints } = parseR1cs(await readFile(r1cs), r1cs).header
      context.record({ metric: `identity.part.${name}`, value: constraints, unit: 'constraints' })
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  }
}

async function measure(
  context: BenchContext,
  name: string,
  folder: string,
  compile: () => Promise<{ readonly constraints: number }>,
): Promise<void> {
  const once = async (metric: string, body: () => Promise<unknown>) => {
    const start = process.cpuUsage()
    const { median } = await time(body, { warmup: 0, runs: 1 })
    const { user, system } = process.cpuUsage(start)
    const note = `${((user + system) / 1e6).toFixed(1)} s of processor time`
    context.record({ metric: `${name}.${metric}`, value: median / 1000, unit: 's', note })
  }
  let constraints = 0
  await once('compile', async () => {
    constraints = (await compile()).constraints
  })
  context.record({ metric: `${name}.constraints`, value: constraints, unit: 'constraints' })
  await once('setup', () => setupSource(folder))
  const { zkey, wasm } = folderPaths(folder)
  context.record({ metric: `${name}.key`, value: (await stat(zkey)).size, unit: 'bytes' })
  let prover: SourceProver | undefined
  await once('load', async () => {
    prover = await SourceProver.open(folder)
  })
  try {
    const inputs = exampleInputs(name.endsWith('list') ? 'list' : 'proof')
    const witness = await WitnessProgram.load(await readFile(wasm))
    const runs = context.quick ? 2 : 5
    const calculated = await time(() => witness.calculate(inputs), { runs })
    context.record({ metric: `${name}.witness`, value: calculated.median, spread: calculated.spread, unit: 'ms' })
    const start = process.cpuUsage()
    const proven = await time(() => prover!.prove(inputs), { runs })
    const { user, system } = process.cpuUsage(start)
    context.record({
      ...{ metric: `${name}.prove`, value: proven.median / 1000, spread: proven.spread / 1000, unit: 's' },
      note: `witness and a check of the proof included; ${((user + system) / 1e6 / (runs + 1)).toFixed(1)} s of processor time`,
    })
  } finally {
    await prover!.close()
  }
}
