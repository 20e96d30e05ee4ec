// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import {
  createDataset,
  type Dataset,
  decodeCheckpoint,
  encodeCheckpoint,
  head,
  initialWeights,
  LocalTrainer,
  modelSpec,
  parseModelSpec,
  proceduralDigits,
  subset,
  type TrainingCheckpoint,
  type TrainingParameters,
} from '../../../keepers/learning/index.ts'
import { refuses } from './refusal.ts'

const PARAMETERS: TrainingParameters = {
  epochs: 2,
  batchSize: 16,
  optimizer: { kind: 'adam', learningRate: 0.003 },
  seed: 7,
}

describe('learning: local trainer', function () {
  this.timeout(30_000)
  const { train, test } = proceduralDigits({ seed: 3, train: 1200, test: 300 })

  async function fresh(name: 'small-cnn' | 'logistic' | 'mlp' = 'small-cnn', data: Dataset = train) {
    const trainer = await LocalTrainer.create({ spec: modelSpec(name) })
    trainer.loadData(data)
    trainer.setParameters(PARAMETERS)
    trainer.setWeights(initialWeights(trainer.spec, 1))
    return trainer
  }

  it('learns: loss falls, test accuracy rises far above chance', async () => {
    const trainer = await fresh()
    trainer.setParameters({ ...PARAMETERS, epochs: 6 })
    const before = await trainer.evaluate(test)
    const { history, samplesSeen, weights } = await trainer.train()
    const after = await trainer.evaluate(test)
    expect(samplesSeen).to.equal(7200)
    expect(history.map(({ epoch }) => epoch)).to.deep.equal([0, 1, 2, 3, 4, 5])
    expect(history[5]!.loss).to.be.below(history[0]!.loss / 2)
    expect(before.accuracy).to.be.below(0.4)
    expect(after.accuracy).to.be.above(0.75)
    expect(weights).to.deep.equal(trainer.getWeights())
    expect(after.confusion.reduce((a, b) => a + b, 0)).to.equal(300)
    expect([...Array(10).keys()].reduce((sum, c) => sum + after.confusion[11 * c]!, 0) / 300).to.equal(after.accuracy)
  })

  it('the same seed gives the same bits; another order or seed does not', async () => {
    const run = async (seed: number) => {
      const trainer = await fresh()
      trainer.setParameters({ ...PARAMETERS, seed })
      return (await trainer.train()).weights
    }
    const first = await run(7)
    expect(await run(7)).to.deep.equal(first)
    expect(await run(8)).to.not.deep.equal(first)
  })

  for (const optimizer of [
    { kind: 'adam', learningRate: 0.003 },
    { kind: 'sgd', learningRate: 0.05, momentum: 0.9 },
  ] as const) {
    it(`${optimizer.kind}: interrupted, stored and resumed in another trainer, it reaches the same bits`, async () => {
      const parameters: TrainingParameters = { ...PARAMETERS, optimizer, epochs: 3, batchSize: 4, proximalMu: 0.1 }
      const whole = await fresh()
      whole.setParameters(parameters)
      const expected = await whole.train()

      const first = await fresh()
      first.setParameters(parameters)
      const controller = new AbortController()
      let seen = 0
      const stopped = await first
        .train({
          signal: controller.signal,
          onProgress: ({ epoch, step }) => {
            if (epoch === 1 && step > 20) controller.abort(new Error('stop here'))
            seen++
          },
        })
        .catch((error: Error) => error.message)
      expect(stopped).to.equal('stop here')
      expect(seen).to.be.above(0)
      const checkpoint = first.checkpoint()!
      expect(checkpoint.epoch).to.be.at.least(1)
      const bytes = encodeCheckpoint(checkpoint)
      first.teardown()

      const second = await fresh()
      const result = await second.train({ resume: decodeCheckpoint(bytes) })
      expect(result.weights).to.deep.equal(expected.weights)
      expect(result.history).to.deep.equal(expected.history)
      expect(second.checkpoint()).to.equal(null)
    })
  }

  it('resuming with another model, other data or a bent checkpoint is refused', async () => {
    const trainer = await fresh('logistic')
    const controller = new AbortController()
    trainer.setParameters({ ...PARAMETERS, epochs: 500, batchSize: 1 })
    await trainer.train({ signal: controller.signal, onProgress: () => controller.abort() }).catch(() => {})
    const checkpoint = trainer.checkpoint()!
    const other = await fresh('small-cnn')
    await refuses(() => other.train({ resume: checkpoint }), 'BAD_CHECKPOINT', /not of small-cnn/)
    const small = await fresh('logistic', head(train, 3))
    const late: TrainingCheckpoint = { ...checkpoint, step: 900 }
    await refuses(() => small.train({ resume: late }), 'BAD_CHECKPOINT', /step 900 lie beyond 500 epochs of 3 steps/)
    const bytes = encodeCheckpoint(checkpoint)
    for (const [cut, message] of [
      [bytes.subarray(0, 20), /too few/],
      [bytes.subarray(0, bytes.length - 1), /SHA-256/],
      [bytes.map((byte, i) => (i === 200 ? byte ^ 1 : byte)), /SHA-256/],
      [bytes.map((byte, i) => (i === 0 ? 0 : byte)), /does not start with COHTRN01/],
    ] as const) {
      await refuses(() => decodeCheckpoint(cut), 'BAD_CHECKPOINT', message)
    }
  })

  it('FedProx pulls towards the start: the larger μ, the smaller the move', async () => {
    const moved = async (proximalMu: number) => {
      const trainer = await fresh()
      trainer.setParameters({ ...PARAMETERS, optimizer: { kind: 'sgd', learningRate: 0.05 }, proximalMu })
      const start = trainer.getWeights()
      const { weights } = await trainer.train()
      return Math.hypot(...weights.map((w, i) => w - start[i]!))
    }
    const [free, pulled, held] = [await moved(0), await moved(1), await moved(10)]
    expect(pulled).to.be.below(0.8 * free)
    expect(held).to.be.below(0.5 * pulled)
  })

  it('clipping bounds every step', async () => {
    const trainer = await fresh('small-cnn', head(train, 16))
    trainer.setParameters({
      epochs: 1,
      batchSize: 16,
      seed: 1,
      optimizer: { kind: 'sgd', learningRate: 1 },
      clipGradientNorm: 0.01,
    })
    const start = trainer.getWeights()
    const { weights } = await trainer.train()
    expect(Math.hypot(...weights.map((w, i) => w - start[i]!))).to.be.closeTo(0.01, 1e-4)
  })

  it('weight decay is the gradient of half the squared weights', async () => {
    const run = async (weightDecay: number) => {
      const trainer = await fresh('small-cnn', head(train, 16))
      trainer.setParameters({
        epochs: 1,
        batchSize: 16,
        seed: 1,
        optimizer: { kind: 'sgd', learningRate: 0.1 },
        weightDecay,
      })
      return (await trainer.train()).weights
    }
    const [plain, decayed] = [await run(0), await run(0.5)]
    const start = initialWeights(modelSpec('small-cnn'), 1)
    for (const i of [0, 500, 2100]) expect(plain[i]! - decayed[i]!).to.be.closeTo(0.1 * 0.5 * start[i]!, 1e-6)
  })

  it('a diverging run is named, and the weights are as they were', async () => {
    const huge = Float32Array.from(train.inputs, (value) => value * 1e23)
    const trainer = await fresh('small-cnn', createDataset({ ...train, inputs: huge }))
    trainer.setParameters({ ...PARAMETERS, optimizer: { kind: 'sgd', learningRate: 100 } })
    const start = trainer.getWeights()
    await refuses(
      () => trainer.train(),
      'DIVERGED',
      /diverged in epoch 1, step \d+.*lower the learning rate \(now 100\)/,
    )
    expect(trainer.getWeights()).to.deep.equal(start)
    expect(trainer.checkpoint()).to.equal(null)
  })

  it('dropout is seeded, and off when predicting', async () => {
    const spec = await parseModelSpec({
      modelTopology: {
        class_name: 'Sequential',
        config: {
          name: 'dropped',
          layers: [
            { class_name: 'Flatten', config: { name: 'flat', batch_input_shape: [null, 28, 28, 1] } },
            { class_name: 'Dense', config: { name: 'hidden', units: 20, activation: 'tanh' } },
            { class_name: 'Dropout', config: { name: 'drop', rate: 0.5 } },
            { class_name: 'Dense', config: { name: 'out', units: 10, activation: 'softmax' } },
          ],
        },
      },
    })
    const run = async (backend: 'fused' | 'tfjs-wasm', seed: number) => {
      const trainer = await LocalTrainer.create({ spec, backend })
      trainer.loadData(head(train, 200))
      trainer.setParameters({ ...PARAMETERS, seed })
      const { weights } = await trainer.train()
      const inputs = new Float32Array(784).fill(0.5)
      expect(await trainer.predict(inputs)).to.deep.equal(await trainer.predict(inputs))
      return weights
    }
    for (const backend of ['fused', 'tfjs-wasm'] as const) {
      const first = await run(backend, 1)
      expect(await run(backend, 1), backend).to.deep.equal(first)
      expect(await run(backend, 2), backend).to.not.deep.equal(first)
    }
  })

  it('a batch size larger than anything before does not disturb the weights', async () => {
    const trainer = await fresh('logistic')
    const start = trainer.getWeights()
    trainer.setParameters({ ...PARAMETERS, epochs: 1, batchSize: 1200, optimizer: { kind: 'sgd', learningRate: 1e-9 } })
    const { weights } = await trainer.train()
    expect(Math.max(...weights.map((w, i) => Math.abs(w - start[i]!)))).to.be.below(1e-6)
    expect((await trainer.evaluate(test)).count).to.equal(300)
  })

  it('memory stays flat over 1,000 steps', async () => {
    const trainer = await fresh('small-cnn', head(train, 100))
    trainer.setParameters({ ...PARAMETERS, epochs: 10, batchSize: 10 })
    await trainer.train()
    const used = () => process.memoryUsage().arrayBuffers
    const before = used()
    trainer.setParameters({ ...PARAMETERS, epochs: 100, batchSize: 10 })
    await trainer.train()
    expect(used() - before).to.be.below(4 << 20)
  })

  describe('refuses', () => {
    it('data that the model cannot take', async () => {
      const trainer = await LocalTrainer.create({ spec: modelSpec('small-cnn', { classes: 4 }) })
      await refuses(
        () => trainer.loadData(train),
        'MODEL_DATA_MISMATCH',
        /10 classes, but small-cnn distinguishes only 4/,
      )
      const flat = createDataset({
        name: 'flat',
        origin: 'memory',
        inputShape: [4],
        classes: 2,
        inputs: new Float32Array(4),
        labels: [1],
      })
      await refuses(
        () => trainer.loadData(flat),
        'MODEL_DATA_MISMATCH',
        /flat has samples of 4, but small-cnn takes 28×28×1/,
      )
    })

    it('an empty shard, and training without data', async () => {
      const trainer = await fresh()
      await refuses(
        () => trainer.loadData(subset(train, new Uint32Array(0), 'none')),
        'EMPTY_SHARD',
        /none: the shard has no samples/,
      )
      trainer.removeData()
      await refuses(() => trainer.train(), 'EMPTY_SHARD', /no data is loaded/)
    })

    it('inputs that are not finite', () =>
      refuses(
        () =>
          createDataset({
            name: 'd',
            origin: 'memory',
            inputShape: [2],
            classes: 2,
            inputs: Float32Array.of(1, 2, 3, Number.NaN),
            labels: [0, 1],
          }),
        'BAD_DATA',
        /d: value 1 of sample 1 is NaN/,
      ))

    it('weights of another model', async () => {
      const trainer = await fresh()
      await refuses(() => trainer.setWeights(new Float32Array(5)), 'BAD_VECTOR', /5 values, but small-cnn has 2202/)
    })

    const bad: [string, object, RegExp][] = [
      ['zero epochs', { epochs: 0 }, /epochs is 0/],
      ['half a batch', { batchSize: 1.5 }, /batchSize is 1\.5/],
      ['a negative rate', { optimizer: { kind: 'sgd', learningRate: -1 } }, /optimizer\.learningRate is -1/],
      ['an unknown optimiser', { optimizer: { kind: 'lion', learningRate: 1 } }, /optimizer\.kind is "lion"/],
      ['an unknown field', { epoch: 3 }, /epoch/],
      ['a seed that is not 32 bits', { seed: 2 ** 32 }, /seed is 4294967296/],
    ]
    for (const [what, change, message] of bad) {
      it(what, async () => {
        const trainer = await fresh()
        await refuses(
          () => trainer.setParameters({ ...PARAMETERS, ...change } as TrainingParameters),
          'BAD_PARAMETERS',
          message,
        )
      })
    }

    it('any use after teardown, and a second training at the same time', async () => {
      const trainer = await fresh()
      trainer.setParameters({ ...PARAMETERS, epochs: 10_000 })
      const first = trainer.train()
      await refuses(() => trainer.train(), 'BAD_PARAMETERS', /already training/)
      setImmediate(() => trainer.teardown())
      await refuses(() => first, 'TORN_DOWN', /torn down/)
      await refuses(() => trainer.getWeights(), 'TORN_DOWN', /torn down/)
    })
  })
})
