// SPDX-License-Identifier: GPL-3.0-or-later
// Losses other than plain cross-entropy: their gradients on both paths, what training with them comes to, and what is refused.
import { expect } from 'chai'
import { createDataset, slice, subset } from '../../../keepers/learning/data/dataset.ts'
import { createEngine } from '../../../keepers/learning/engine/backend.ts'
import { simulate } from '../../../keepers/learning/index.ts'
import { sequentialSpec } from '../../../keepers/learning/model/spec.ts'
import { initialWeights } from '../../../keepers/learning/model/vector.ts'
import { SeededRandom } from '../../../keepers/learning/random.ts'
import { classFigures, figuresOf } from '../../../keepers/learning/train/figures.ts'
import { LocalTrainer } from '../../../keepers/learning/train/trainer.ts'
import type { Dataset, Loss, ModelSpec } from '../../../keepers/learning/types.ts'
import { relativeError } from './reference.ts'
import { refuses } from './refusal.ts'

function network(outputs: number, loss: Loss, inputs = 4): ModelSpec {
  const dense = (name: string, units: number, activation: string, more: object = {}) => ({
    class_name: 'Dense',
    config: { name, units, activation, use_bias: true, ...more },
  })
  const layers = [dense('a', 6, 'tanh', { batch_input_shape: [null, inputs] }), dense('b', outputs, 'linear')]
  return { ...sequentialSpec({ class_name: 'Sequential', config: { name: 'net', layers } }, [inputs]), loss }
}

/** y = 2 x₀ − x₁, with noise. */
function amounts(count: number, seed: number): Dataset {
  const random = new SeededRandom(seed)
  const inputs = Float32Array.from({ length: 4 * count }, () => random.normal())
  const targets = Float32Array.from(
    { length: count },
    (_, i) => 2 * inputs[4 * i]! - inputs[4 * i + 1]! + 0.1 * random.normal(),
  )
  const labels = new Uint16Array(count)
  return createDataset({ name: 'amounts', origin: 'memory', inputShape: [4], classes: 1, inputs, labels, targets })
}

/** Whether x₀ and x₁ are above 0. */
function severalLabels(count: number): Dataset {
  const random = new SeededRandom(5)
  const inputs = Float32Array.from({ length: 4 * count }, () => random.normal())
  const targets = Float32Array.from({ length: 2 * count }, (_, i) =>
    inputs[4 * Math.floor(i / 2) + (i % 2)]! > 0 ? 1 : 0,
  )
  const labels = new Uint16Array(count)
  return createDataset({ name: 'two', origin: 'memory', inputShape: [4], classes: 1, inputs, labels, targets })
}

const LOSSES: [outputs: number, loss: Loss][] = [
  [1, { kind: 'mse' }],
  [3, { kind: 'mse' }],
  [1, { kind: 'mae' }],
  [1, { kind: 'huber', delta: 0.5 }],
  [3, { kind: 'binary-cross-entropy' }],
  [3, { kind: 'cross-entropy', weights: [0.5, 1, 4] }],
]

describe('learning: losses', function () {
  this.timeout(60_000)
  for (const [outputs, loss] of LOSSES) {
    it(`${loss.kind} of ${outputs}: gradients agree with finite differences, and with tfjs's`, async () => {
      const spec = network(outputs, loss)
      const random = new SeededRandom(7)
      const weights = initialWeights(spec, 3).map((weight) => weight + 0.1 * random.normal())
      const count = 5
      const inputs = Float32Array.from({ length: 4 * count }, () => random.normal())
      const labels = Int32Array.from({ length: count }, () => random.below(outputs))
      const soft = loss.kind === 'binary-cross-entropy'
      const targets = Float32Array.from({ length: count * outputs }, () => (soft ? random.below(2) : random.normal()))
      const on = async (backend: 'fused' | 'tfjs-cpu') => {
        const engine = await createEngine(spec, backend)
        return (changed: Float32Array) => {
          engine.setWeights(changed)
          const staged = engine.stage(count)
          staged.inputs.set(inputs)
          staged.labels.set(labels)
          staged.targets.set(targets)
          return engine.gradient(count)
        }
      }
      const [ours, theirs] = [await on('fused'), await on('tfjs-cpu')]
      const { gradient, lossSum } = ours(weights)
      const other = theirs(weights)
      expect(relativeError(gradient, other.gradient)).to.be.below(1e-4)
      expect(lossSum).to.be.closeTo(other.lossSum, 1e-4 * lossSum)
      const step = 2e-3
      for (let at = 0; at < spec.parameterCount; at += 5) {
        const moved = (by: number) => {
          const copy = weights.slice()
          copy[at]! += by
          return ours(copy).lossSum / count
        }
        expect((moved(step) - moved(-step)) / (2 * step), `weight ${at}`).to.be.closeTo(gradient[at]!, 3e-3)
      }
    })
  }

  for (const loss of [{ kind: 'mse' }, { kind: 'mae' }, { kind: 'huber', delta: 1 }] as const) {
    it(`${loss.kind}: an amount is learned, and said how far off`, async () => {
      const trainer = await LocalTrainer.create({ spec: network(1, loss) })
      trainer.loadData(amounts(400, 1))
      trainer.setParameters({ epochs: 30, batchSize: 32, optimizer: { kind: 'adam', learningRate: 0.01 }, seed: 1 })
      const test = amounts(200, 2)
      const before = await trainer.evaluate(test)
      await trainer.train()
      const after = await trainer.evaluate(test)
      expect(before.amounts!.r2).to.be.below(0.5)
      expect(after.amounts!.r2).to.be.above(0.95)
      expect(after.accuracy).to.equal(after.amounts!.r2)
      // From the predictions alone.
      const answers = await trainer.predict(test.inputs as Float32Array)
      const errors = [...answers].map((answer, i) => answer - test.targets![i]!)
      const rmse = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length)
      expect(after.amounts!.rmse).to.be.closeTo(rmse, 1e-6)
      if (loss.kind === 'mse') expect(after.loss).to.be.closeTo(rmse ** 2, 1e-6)
      expect(after.confusion).to.have.length(0)
    })
  }

  it('weights of classes: a rare class counts as much as its weight says', async () => {
    const random = new SeededRandom(4)
    const labels = Uint16Array.from({ length: 600 }, (_, i) => (i % 12 === 0 ? 1 : 0))
    const inputs = Float32Array.from({ length: 4 * 600 }, (_, i) => random.normal() + labels[Math.floor(i / 4)]! * 0.5)
    const data = createDataset({ name: 'rare', origin: 'memory', inputShape: [4], classes: 2, inputs, labels })
    const recall = async (loss: Loss): Promise<number> => {
      const trainer = await LocalTrainer.create({ spec: network(2, loss) })
      trainer.loadData(data)
      trainer.setParameters({ epochs: 20, batchSize: 32, optimizer: { kind: 'adam', learningRate: 0.01 }, seed: 1 })
      await trainer.train()
      const { confusion } = await trainer.evaluate(data)
      return confusion[3]! / (confusion[2]! + confusion[3]!)
    }
    const plain = await recall({ kind: 'cross-entropy' })
    expect(await recall({ kind: 'cross-entropy', weights: [1, 11] })).to.be.above(plain + 0.2)
    expect(await recall({ kind: 'cross-entropy', weights: [1, 1] })).to.be.closeTo(plain, 0.02)
  })

  it('several labels: each has a probability of its own', async () => {
    const trainer = await LocalTrainer.create({ spec: network(2, { kind: 'binary-cross-entropy' }) })
    trainer.loadData(severalLabels(300))
    trainer.setParameters({ epochs: 30, batchSize: 32, optimizer: { kind: 'adam', learningRate: 0.01 }, seed: 1 })
    await trainer.train()
    const chances = await trainer.predict(Float32Array.of(2, 2, 0, 0, -2, 2, 0, 0))
    expect([...chances].map((chance) => chance > 0.5)).to.deep.equal([true, true, false, true])
    expect((await trainer.evaluate()).accuracy).to.be.above(0.95)
  })

  it('several labels: counts of each, and F1 over them, by hand', async () => {
    const trainer = await LocalTrainer.create({ spec: network(2, { kind: 'binary-cross-entropy' }) })
    const data = severalLabels(40)
    const chances = await trainer.predict(data.inputs as Float32Array)
    const evaluation = await trainer.evaluate(data)
    const count = (label: number, holds: (has: boolean, answered: boolean) => boolean) =>
      Array.from({ length: 40 }, (_, i) => 2 * i + label).filter((at) =>
        holds(data.targets![at]! > 0.5, chances[at]! > 0.5),
      ).length
    const byHand = [0, 1].map((label) => ({
      samples: count(label, (has) => has),
      answers: count(label, (_, answered) => answered),
      right: count(label, (has, answered) => has && answered),
    }))
    expect(evaluation.labels).to.deep.equal(byHand)
    const f1 = byHand.map(({ samples, answers, right }) => (2 * right) / (samples + answers))
    expect(classFigures(evaluation, ['left', 'up']).map(({ name, f1: one }) => [name, one])).to.deep.equal([
      ['left', f1[0]],
      ['up', f1[1]],
    ])
    const hits = [0, 1].reduce((sum, label) => sum + count(label, (has, answered) => has === answered), 0)
    const figures = figuresOf(evaluation)
    expect(Object.keys(figures)).to.deep.equal(['accuracy', 'f1'])
    expect(figures.f1).to.be.closeTo((f1[0]! + f1[1]!) / 2, 1e-12)
    expect(figures.accuracy).to.be.closeTo(hits / 80, 1e-12)
  })

  it('refuses data of another task, by name', async () => {
    const classifier = await LocalTrainer.create({ spec: network(2, { kind: 'cross-entropy' }) })
    await refuses(async () => classifier.loadData(amounts(10, 1)), 'MODEL_DATA_MISMATCH', /has targets, but net tells/)
    const { targets: _, ...labelled } = amounts(10, 1)
    const amount = await LocalTrainer.create({ spec: network(1, { kind: 'mse' }) })
    await refuses(
      async () => amount.loadData(labelled),
      'MODEL_DATA_MISMATCH',
      /has labels, but net is trained for 1 target/,
    )
    const one = await LocalTrainer.create({ spec: network(1, { kind: 'cross-entropy' }) })
    await refuses(async () => one.loadData(labelled), 'MODEL_DATA_MISMATCH', /1 output; a classifier needs at least 2/)
    const wrong = { ...labelled, targets: Float32Array.of(1, Number.NaN) }
    await refuses(
      async () => createDataset({ ...wrong, inputs: new Float32Array(8), labels: [0, 0] }),
      'BAD_DATA',
      /target 1 is NaN/,
    )
  })

  const settings = {
    ...{ keepers: 3, rounds: 1, perClient: true },
    training: { epochs: 1, batchSize: 10, optimizer: { kind: 'sgd', learningRate: 0.1 } },
  } as const

  it('a simulation of amounts records R² of the whole test set however many threads share it, and of each client', async () => {
    const spec = network(1, { kind: 'mse' })
    const data = { train: amounts(60, 1), test: amounts(31, 2) }
    const { records, weights } = await simulate({ spec, data, workers: 0, settings })
    expect(records[0]).to.deep.include({ macroF1: null, recall: [], precision: [], f1: [] })
    const trainer = await LocalTrainer.create({ spec })
    trainer.setWeights(weights)
    expect(records[0]!.accuracy).to.be.closeTo((await trainer.evaluate(data.test)).accuracy, 1e-9)
    const { clients } = records[0]!
    expect(clients!.map((client) => client!.f1)).to.deep.equal([null, null, null])
    const threads = (await simulate({ spec, data, workers: 3, settings })).records[0]!
    expect(threads.accuracy).to.be.closeTo(records[0]!.accuracy, 1e-9)
    // On its own samples: the loss of all clients is that of all samples.
    const loss = clients!.reduce((sum, client) => sum + client!.loss / 3, 0)
    expect(loss).to.be.closeTo((await trainer.evaluate(data.train)).loss, 1e-6)
    expect(clients!.every((client) => client!.accuracy <= 1)).to.equal(true)
  })

  it('a simulation of several labels records F1 of each, and of each client', async () => {
    const spec = network(2, { kind: 'binary-cross-entropy' })
    const data = { train: severalLabels(60), test: severalLabels(30) }
    for (const workers of [0, 2]) {
      const { records, weights } = await simulate({ spec, data, workers, settings: { ...settings, rounds: 2 } })
      const { f1, macroF1, accuracy, clients } = records[1]!
      const trainer = await LocalTrainer.create({ spec })
      trainer.setWeights(weights)
      const evaluation = await trainer.evaluate(data.test)
      expect(f1).to.deep.equal(classFigures(evaluation).map((figures) => figures.f1))
      expect([macroF1, accuracy]).to.deep.equal([figuresOf(evaluation).f1, evaluation.accuracy])
      expect(clients!.map((client) => client!.f1! >= 0 && client!.f1! <= 1)).to.deep.equal([true, true, true])
    }
  })

  it('targets go with their samples into parts of a dataset', () => {
    const data = amounts(6, 1)
    expect([...subset(data, Uint32Array.of(4, 1)).targets!]).to.deep.equal([data.targets![4], data.targets![1]])
    expect([...slice(data, 2, 4).targets!]).to.deep.equal([data.targets![2], data.targets![3]])
  })
})
