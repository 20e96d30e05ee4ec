// SPDX-License-Identifier: GPL-3.0-or-later
// A story's way to a proof: the reader's accuracy on phrasing that it never saw, the cost of its circuit, and the time for key and
// proof.
//
// Metrics: story.reader.{training,accuracy,sure-accuracy}, story.circuit.{constraints,hash,compile,setup,key,load,witness,prove};
// of the circuit for stories that nobody is shown the same as story.private.*, with `signature` (commitment and ranges included) in
// place of `hash`.
import {
  encodeStory,
  launchHeadlines,
  PRIVATE_STORY_CIRCUIT,
  readStory,
  STORY_CIRCUIT,
  signPrivateStory,
  storyProgram,
  trainHeadlineReader,
} from '../../keepers/apps/story/index.ts'
import { type IntegerProgram, SEED_BYTES } from '../../keepers/zkml/index.ts'
import type { Bench, BenchContext } from './harness.ts'
import { measureCircuit } from './serving/circuit.ts'

const TAG = '0x0000000000000001'
const HEADLINE = 'Heron 4 blasts off from Kourou with weather satellite'
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
    const input = encodeStory(TAG, HEADLINE)
    await measureCircuit(context, 'story.circuit', program, { shown: STORY_CIRCUIT, input })
    const { story, salt, signed } = signPrivateStory(new Uint8Array(SEED_BYTES).fill(1), TAG, HEADLINE)
    const hidden = { shown: PRIVATE_STORY_CIRCUIT, input: story, opened: { salts: { input: salt }, signed } }
    await measureCircuit(context, 'story.private', program, hidden)
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
