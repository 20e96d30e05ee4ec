// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import {
  head,
  initialWeights,
  LocalTrainer,
  type ModelSpec,
  parseModelSpec,
  proceduralDigits,
} from '../../../keepers/learning/index.ts'

describe('learning: worker threads with batch normalisation, by tfjs', function () {
  this.timeout(60_000)
  const data = head(proceduralDigits({ seed: 3, train: 1200, test: 300 }).train, 40)
  const layers = [
    { class_name: 'Flatten', config: { name: 'flat', batch_input_shape: [null, 28, 28, 1] } },
    { class_name: 'Dense', config: { name: 'hidden', units: 12, activation: 'relu' } },
    { class_name: 'BatchNormalization', config: { name: 'norm', momentum: 0.5 } },
    { class_name: 'Dropout', config: { name: 'drop', rate: 0.25 } },
    { class_name: 'Dense', config: { name: 'out', units: 10, activation: 'softmax' } },
  ]
  const modelTopology = { class_name: 'Sequential', config: { name: 'normed', layers } }
  let spec: ModelSpec
  before(async () => {
    spec = await parseModelSpec({ modelTopology })
  })

  const run = async (workers: number, epochs: number) => {
    const trainer = await LocalTrainer.create({ spec })
    try {
      expect(trainer.backend).to.equal('tfjs-wasm')
      trainer.loadData(data)
      trainer.setParameters({
        ...{ epochs, batchSize: 40, weightDecay: 0.1, seed: 7 },
        optimizer: { kind: 'adam', learningRate: 0.003 },
      })
      trainer.setWeights(initialWeights(spec, 1))
      return (await trainer.train({ workers })).weights
    } finally {
      trainer.teardown()
    }
  }
  const farthest = (a: Float32Array, b: Float32Array) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)))

  it('the statistics are the means of the slices`', async () => {
    const [alone, together] = [await run(1, 1), await run(2, 1)]
    const statistic = (weights: Float32Array, name: string) => {
      const { offset, length } = spec.parameters.find((parameter) => parameter.name === `norm/${name}`)!
      return weights.subarray(offset, offset + length)
    }
    const means = statistic(alone, 'moving_mean')
    expect(Math.max(...means)).to.be.above(0.1)
    expect(farthest(statistic(together, 'moving_mean'), means)).to.be.below(1e-5)
    const variances = statistic(alone, 'moving_variance')
    const ofSlices = statistic(together, 'moving_variance')
    // Without the spread between the slices: less, but not by much.
    for (const [i, variance] of ofSlices.entries()) {
      expect(variance).to.be.within(0.7 * variances[i]!, 1.0001 * variances[i]!)
    }
  })

  it('the bits are the same twice, dropout included', async () => {
    const first = await run(2, 5)
    expect(await run(2, 5)).to.deep.equal(first)
    expect(await run(2, 4)).to.not.deep.equal(first)
  })
})
