// SPDX-License-Identifier: GPL-3.0-or-later
// A story's way to a proof: how well the reader reads phrasing that it never saw, what its circuit costs, how long key and
// proof take.
//
// Metrics: story.reader.{training,accuracy,sure-accuracy}, story.circuit.{constraints,hash,compile,setup,key,load,witness,prove}.
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { launchHeadlines, trainHeadlineReader } from '../../keepers/learning/index.ts'
import { encodeStory, readStory, STORY_CIRCUIT, storyProgram } from '../../keepers/serving/index.ts'
import {
  compileFolder,
  folderPaths,
  InferenceProver,
  type IntegerProgram,
  programCost,
  setupFolder,
} from '../../keepers/zkml/index.ts'
import { type Bench, type BenchContext, time } from './harness.ts'

const TAG = '0x0000000000000001'
const TEST_HEADLINES = 1500
/** The share of headlines that a market with a suitable least margin would act on. */
const SURE = 0.8

export const bench: Bench = {
  area: 'story',
  summary: 'the reader of signed stories: training, accuracy on unseen phrasing, circuit, key and proof',
  async run(context) {
    const start = performance.now()
    const { model, evaluation } = await trainHeadlineReader()
    const seconds = (performance.now() - start) / 1000
    context.record({ metric: 'story.reader.training', value: seconds, unit: 's', note: 'data included' })
    const program = storyProgram(model)
    recordAccuracy(context, program, evaluation.accuracy)
    const folder = await mkdtemp(join(tmpdir(), 'cohort-story-bench-'))
    try {
      await measureCircuit(context, program, folder)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}

function recordAccuracy(context: BenchContext, program: IntegerProgram, float: number): void {
  const readings = launchHeadlines('test', TEST_HEADLINES, 1).map(({ headline, label }) => {
    const reading = readStory(program, encodeStory(TAG, headline))
    return { margin: Number(reading.margin), right: reading.label === label }
  })
  const share = (list: typeof readings) => (100 * list.filter(({ right }) => right).length) / list.length
  context.record({
    metric: 'story.reader.accuracy',
    value: share(readings),
    unit: 'percent',
    peer: 'float',
    peerValue: 100 * float,
    note: `${TEST_HEADLINES} headlines of frames that training never saw, names in part invented anew`,
  })
  readings.sort((a, b) => b.margin - a.margin)
  const sure = readings.slice(0, SURE * readings.length)
  context.record({
    metric: 'story.reader.sure-accuracy',
    value: share(sure),
    unit: 'percent',
    note: `the ${100 * SURE} % with the highest margins, at least ${sure.at(-1)!.margin}`,
  })
}

async function measureCircuit(context: BenchContext, program: IntegerProgram, folder: string): Promise<void> {
  const { input } = programCost(program, STORY_CIRCUIT)
  context.record({ metric: 'story.circuit.hash', value: input.quadratic + input.linear, unit: 'constraints' })
  const once = async (body: () => Promise<unknown>) => (await time(body, { warmup: 0, runs: 1 })).median / 1000
  context.progress('compiling')
  const compile = await once(() => compileFolder({ folder, program, options: STORY_CIRCUIT }))
  context.record({ metric: 'story.circuit.compile', value: compile, unit: 's' })
  context.progress('local set-up')
  context.record({ metric: 'story.circuit.setup', value: await once(() => setupFolder(folder)), unit: 's' })
  const { size } = await stat(folderPaths(folder).zkey)
  context.record({ metric: 'story.circuit.key', value: size, unit: 'bytes' })
  let prover: InferenceProver | undefined
  const load = await once(async () => {
    prover = await InferenceProver.open(folder)
  })
  context.record({ metric: 'story.circuit.load', value: load, unit: 's' })
  try {
    const { circuit } = prover!
    const { constraints } = circuit.folder.manifest
    context.record({ metric: 'story.circuit.constraints', value: constraints, unit: 'constraints' })
    const request = {
      input: encodeStory(TAG, 'Heron 4 blasts off from Kourou with weather satellite'),
      integers: true,
      context: 1n,
    }
    const runs = context.quick ? 2 : 5
    const witness = await time(() => circuit.witness(request), { runs })
    context.record({ metric: 'story.circuit.witness', value: witness.median, spread: witness.spread, unit: 'ms' })
    const prove = await time(() => prover!.prove(request), { runs })
    context.record({
      metric: 'story.circuit.prove',
      value: prove.median / 1000,
      spread: prove.spread / 1000,
      unit: 's',
      note: 'witness and a check of the proof included',
    })
  } finally {
    await prover!.close()
  }
}
