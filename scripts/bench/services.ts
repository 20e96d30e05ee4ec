// SPDX-License-Identifier: GPL-3.0-or-later
// Results of services for other people's problems: each example made by `cohort service new`, beside the same network trained in
// one place.
//
//   services.<example>.learned      percent (R² of an amount: ratio) after 50 rounds of four keepers; peer: all samples in one place
//   services.<example>.proven       the same of the integers that are proven; peer: the float network
//   services.<example>.clipped      percent of weights that the plan clips in the worst version of 50 rounds that its calibration has not
//                                   seen, trained as the demo's keepers train; more than 0.1 fails the bench
//   services.<example>.constraints  of the circuit that proves every version
//   services.<example>.proof        seconds from input to proof, witness included
//   services.<example>.samples      that all keepers have together, those that judge included
//   services.<example>.parameters   of the network
//
//   services.million.*          a million parameters, four keeper processes, three rounds: seconds a round, processor seconds and peak
//   services.million-deep.*     the same of equal layers, all in each round;
//   services.million-groups.*   and in four groups (rounds.layerGroups)
//   services.ten-million.*      memory of a keeper, by state, too, bytes; ten million: one round; only when they are named
//
// `npm run bench -- services diabetes …` measures only the examples named.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { initialWeights, LocalTrainer, type ModelSpec } from '../../keepers/learning/index.ts'
import {
  chooseArchitecture,
  draftService,
  readSample,
  type Sample,
  serviceCircuit,
  USUAL_TOKENIZER,
} from '../../keepers/services/index.ts'
import {
  firstWeights,
  openManifest,
  provableModel,
  type ServiceManifest,
  saltOf,
} from '../../keepers/versions/index.ts'
import { InferenceProver, setupFolder, withWeights } from '../../keepers/zkml/index.ts'
import { EXAMPLES, type RowsExample } from '../examples/examples.ts'
import { NoExampleError } from '../examples/missing.ts'
import { pictureSample } from '../examples/pictures.ts'
import { type Bench, type BenchContext, time } from './harness.ts'
import { type GrowthOptions, largestClippedShare } from './services/growth.ts'
import { LARGE_SUBJECTS, measureLarge } from './services/million.ts'
import { examplesTable, outgrown } from './services/table.ts'

const ROUNDS = 50
/** A round is two passes over each keeper's part. */
const CENTRAL_EPOCHS = 100
const CHAIN = { keepers: 16, decryptionsPerEpoch: 64 } as const

type Subject = {
  readonly sample: () => Promise<Sample>
  readonly training: GrowthOptions['training']
  readonly model?: string
  /** The model's file has the weights before the first round. */
  readonly startsTrained?: boolean
  readonly embedding?: number
}

const rows = ({ data, options, model, startsTrained, training }: RowsExample): Subject => ({
  sample: async () => readSample(await data(), options),
  training,
  ...(model === undefined ? {} : { model }),
  ...(startsTrained === undefined ? {} : { startsTrained }),
})
const { model: wardrobe, pictures, classes, training } = EXAMPLES.fashion

const EMBEDDING = 8

const SUBJECTS: Readonly<Record<string, Subject>> = {
  cancer: rows(EXAMPLES.cancer),
  diabetes: rows(EXAMPLES.diabetes),
  mail: rows(EXAMPLES.mail),
  'cancer-sklearn': rows(EXAMPLES.sklearn),
  fashion: {
    sample: async () => (await pictureSample((await pictures(undefined)).folder, classes)).sample,
    training,
    ...(wardrobe === undefined ? {} : { model: wardrobe }),
  },
  'mail-embedding': {
    ...rows({
      ...EXAMPLES.mail,
      options: { ...EXAMPLES.mail.options, tokenizer: { ...USUAL_TOKENIZER, pooling: 'mean' } },
    }),
    embedding: EMBEDDING,
  },
}

export const bench: Bench = {
  area: 'services',
  summary: 'services of tables, amounts and text: accuracy beside central training, and what a proof takes',
  async run(context) {
    const known = [...Object.keys(SUBJECTS), ...Object.keys(LARGE_SUBJECTS)]
    const unknown = context.args.find((name) => !known.includes(name))
    if (unknown !== undefined) throw new RangeError(`no example '${unknown}'; known: ${known.join(', ')}`)
    // Minutes and gigabytes: measured only when asked for.
    for (const name of context.args) if (Object.hasOwn(LARGE_SUBJECTS, name)) await measureLarge(context, name)
    for (const [name, subject] of Object.entries(SUBJECTS)) {
      if (context.args.length > 0 && !context.args.includes(name)) continue
      try {
        await measure(context, name, subject)
      } catch (error) {
        if (!(error instanceof NoExampleError)) throw error
        context.progress(`${name} skipped: ${error.message}`)
      }
    }
    context.progress(['', ...examplesTable(context.rows), ''].join('\n'))
    const lost = outgrown(context.rows)
    if (lost.length > 0) throw new Error(`weights outgrow their plans: ${lost.join('; ')}`)
  },
}

async function measure(context: BenchContext, name: string, subject: Subject): Promise<void> {
  context.progress(`${name} …`)
  const sample = await subject.sample()
  const spec = await chooseArchitecture(subject.model, sample, subject.embedding)
  const rounds = context.quick ? 5 : ROUNDS
  const start = subject.startsTrained === true ? { start: await readFile(subject.model!) } : {}
  const { manifest, report } = await draftService({ name, spec, sample, rounds, ...start, ...CHAIN })
  const first = await firstWeights(manifest, spec, start.start ?? null)
  const central = await trainedInOnePlace(spec, sample, { first, epochs: context.quick ? 10 : CENTRAL_EPOCHS })
  const amount = manifest.task.kind === 'regression'
  const unit = amount ? 'ratio' : 'percent'
  const figure = (share: number): number => (amount ? share : 100 * share)
  const { accuracy } = report
  const note = `${report.parameters} parameters, ${sample.train.count} samples in four parts, ${sample.test.count} judge`
  const learned = { value: figure(accuracy.float), peerValue: figure(central), unit, note }
  context.record({ metric: `services.${name}.learned`, peer: 'the same network in one place', ...learned })
  const proven = { value: figure(accuracy.proven), peerValue: figure(accuracy.float), unit }
  context.record({ metric: `services.${name}.proven`, peer: 'in float', ...proven })
  const clipped = await largestClippedShare(manifest, { sample, rounds, training: subject.training, start: first })
  context.record({ metric: `services.${name}.clipped`, value: 100 * clipped, unit: 'percent' })
  context.record({ metric: `services.${name}.constraints`, value: report.proof.constraints, unit: 'constraints' })
  const samples = sample.train.count + sample.test.count
  context.record({ metric: `services.${name}.samples`, value: samples, unit: 'count' })
  context.record({ metric: `services.${name}.parameters`, value: report.parameters, unit: 'count' })
  const { median, spread } = await proofTime(manifest, sample, context.quick ? 1 : 3)
  context.record({ metric: `services.${name}.proof`, value: median / 1000, spread: spread / 1000, unit: 's' })
}

async function trainedInOnePlace(
  spec: ModelSpec,
  sample: Sample,
  { first, epochs }: { readonly first: Float32Array; readonly epochs: number },
): Promise<number> {
  const trainer = await LocalTrainer.create({ spec })
  trainer.loadData(sample.train)
  trainer.setWeights(first)
  trainer.setParameters({ epochs, batchSize: 32, optimizer: { kind: 'adam', learningRate: 0.005 }, seed: 1 })
  await trainer.train()
  const { accuracy } = await trainer.evaluate(sample.test)
  trainer.teardown()
  return accuracy
}

async function proofTime(manifest: ServiceManifest, { test }: Sample, runs: number) {
  const folder = await mkdtemp(join(tmpdir(), 'cohort-bench-services-'))
  try {
    const made = await serviceCircuit(manifest, join(folder, 'circuit'))
    await setupFolder(join(folder, 'circuit'))
    const model = await openManifest(manifest)
    const weights = initialWeights(model.spec, manifest.model.initialSeed)
    const { program } = provableModel(model, weights)
    const prover = await InferenceProver.open(await withWeights(made, program, saltOf(weights)))
    const size = test.inputs.length / test.count
    const input = Array.from(test.inputs.subarray(0, size), (value) => value * test.scale)
    try {
      return await time(() => prover.prove({ input, context: 1n }), { warmup: 1, runs })
    } finally {
      await prover.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
