// SPDX-License-Identifier: GPL-3.0-or-later
// The wrappers of the README of cohort-trainer, word for word, run as a keeper runs its program: each learns, and the weights that come
// back are those that the framework has judged. A framework that is not installed is skipped by name.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  createDataset,
  type ExternalRound,
  ExternalTrainer,
  initialWeights,
  LocalTrainer,
  modelSpec,
  proceduralDigits,
  SeededRandom,
} from '../../keepers/learning/index.ts'
import { pythonHas } from '../keepers/learning/python.ts'
import { type Framework, NEEDED, type Network, writeTrainer } from '../keepers/learning/trainer-snippets.ts'

const CLOUDS = (() => {
  const random = new SeededRandom(5)
  const labels = Uint16Array.from({ length: 200 }, (_, i) => i % 2)
  const inputs = Float32Array.from(
    { length: 800 },
    (_, i) => random.normal() + 2 * (labels[i >> 2]! - 0.5) * ((i % 4) - 1.5),
  )
  const data = createDataset({ name: 'clouds', origin: 'memory', inputShape: [4], classes: 2, inputs, labels })
  return { data, spec: modelSpec('mlp', { inputShape: [4], classes: 2 }), network: [4, 200, 200, 2] as Network }
})()
const DIGITS = {
  data: proceduralDigits({ seed: 3, train: 400, test: 10 }).train,
  spec: modelSpec('small-cnn'),
  network: 'small-cnn' as Network,
}

type Case = {
  readonly framework: Framework
  readonly what: string
  readonly on: { readonly data: typeof DIGITS.data; readonly spec: typeof DIGITS.spec; readonly network: Network }
  readonly rate: number
  /** The loss that it states is of its last weights, not of the way there. */
  readonly statesLast?: boolean
}

const CASES: readonly Case[] = [
  { framework: 'scikit-learn', what: 'a table', on: CLOUDS, rate: 0.01 },
  { framework: 'A Flower client', what: 'a table', on: CLOUDS, rate: 0.1, statesLast: true },
  { framework: 'PyTorch', what: 'a table', on: CLOUDS, rate: 0.005, statesLast: true },
  { framework: 'PyTorch', what: 'pictures', on: DIGITS, rate: 0.01, statesLast: true },
  { framework: 'Keras', what: 'a table', on: CLOUDS, rate: 0.005 },
  { framework: 'Keras', what: 'pictures', on: DIGITS, rate: 0.01 },
]

describe('the trainers of the README, word for word', function () {
  this.timeout(300_000)
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-frameworks-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  for (const { framework, what, on, rate, statesLast } of CASES) {
    it(`${framework} trains a keeper's model of ${what}`, async function () {
      if (!NEEDED[framework].every(pythonHas)) return this.skip()
      const { data, spec, network } = on
      const home = join(folder, `${framework} ${what}`.replaceAll(' ', '-'))
      const trainer = { ...writeTrainer(home, framework, network), folder: home }
      const round: ExternalRound = {
        ...{ round: 1, epoch: 1, clip: null, privacy: null, manifest: null },
        training: { epochs: 12, batchSize: 20, optimizer: { kind: 'adam', learningRate: rate }, seed: 3 },
      }
      const before = initialWeights(spec, 2)
      const { weights, samples, loss } = await new ExternalTrainer(spec, trainer, join(home, 'rounds')).train(
        before,
        data,
        round,
      )
      const judge = await LocalTrainer.create({ spec })
      judge.setWeights(before)
      const first = await judge.evaluate(data)
      judge.setWeights(weights)
      const last = await judge.evaluate(data)
      judge.teardown()
      expect(samples).to.equal(data.count)
      expect(first.accuracy, 'untrained').to.be.below(0.9)
      expect(last.accuracy).to.be.above(0.93)
      if (statesLast === true) expect(last.loss).to.be.closeTo(loss, 1e-3)
      else expect(loss).to.be.below(first.loss / 2)
    })
  }
})
