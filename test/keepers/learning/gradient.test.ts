// SPDX-License-Identifier: GPL-3.0-or-later
// The arithmetic: our gradients against tfjs's CPU backend and against finite differences.
import { expect } from 'chai'
import { createEngine } from '../../../keepers/learning/engine/backend.ts'
import type { Engine } from '../../../keepers/learning/engine/engine.ts'
import { MODEL_NAMES, modelSpec } from '../../../keepers/learning/model/registry.ts'
import { parseModelSpec } from '../../../keepers/learning/model/spec.ts'
import { initialWeights } from '../../../keepers/learning/model/vector.ts'
import { SeededRandom } from '../../../keepers/learning/random.ts'
import type { BackendName, ModelSpec } from '../../../keepers/learning/types.ts'
import { referenceLoss, relativeError } from './reference.ts'

/** A Sequential model.json from `[class, config]` pairs; the first layer gets the input shape. */
function sequential(inputShape: number[], ...layers: [string, Record<string, unknown>][]): unknown {
  return {
    modelTopology: {
      class_name: 'Sequential',
      config: {
        name: 'trial',
        layers: layers.map(([class_name, config], i) => ({
          class_name,
          config: { name: `layer${i}`, ...config, ...(i === 0 ? { batch_input_shape: [null, ...inputShape] } : {}) },
        })),
      },
    },
  }
}

const dense = (units: number, activation = 'linear'): [string, Record<string, unknown>] => [
  'Dense',
  { units, activation, use_bias: true },
]
const conv = (filters: number, size: number | [number, number], extra = {}): [string, Record<string, unknown>] => [
  'Conv2D',
  { filters, kernel_size: typeof size === 'number' ? [size, size] : size, padding: 'valid', ...extra },
]
const pool = (kind: 'Average' | 'Max', size: number, stride = size): [string, Record<string, unknown>] => [
  `${kind}Pooling2D`,
  { pool_size: [size, size], strides: [stride, stride], padding: 'valid' },
]
const flat: [string, Record<string, unknown>] = ['Flatten', {}]

/** Every layer, odd sizes and every branch of the fused path. */
const CASES: Record<string, unknown> = {
  'strided convolution, sigmoid': sequential(
    [11, 9, 3],
    conv(5, [3, 2], { strides: [2, 3], activation: 'sigmoid' }),
    flat,
    dense(4, 'softmax'),
  ),
  "'same' padding, odd side after, no bias": sequential(
    [8, 7, 2],
    conv(3, [4, 3], { padding: 'same', use_bias: false, activation: 'tanh' }),
    conv(7, 3, { padding: 'same', strides: [2, 2], activation: 'relu' }),
    flat,
    ['Dense', { units: 3, activation: 'softmax', use_bias: false }],
  ),
  'max pooling with overlap': sequential(
    [9, 9, 1],
    conv(6, 2, { activation: 'relu' }),
    pool('Max', 3, 2),
    conv(2, 2),
    ['ReLU', {}],
    flat,
    dense(5, 'softmax'),
  ),
  'average pooling with overlap, activations alone': sequential(
    [10, 10, 1],
    conv(4, 3),
    pool('Average', 3, 2),
    ['Activation', { activation: 'tanh' }],
    flat,
    dense(13, 'sigmoid'),
    ['Activation', { activation: 'relu' }],
    dense(3),
    ['Softmax', {}],
  ),
  'logits without softmax': sequential([6], dense(7, 'relu'), dense(2)),
}

function stageNoise(engine: Engine, count: number, seed: number): void {
  const random = new SeededRandom(seed)
  const { inputs, labels } = engine.stage(count)
  for (let i = 0; i < inputs.length; i++) inputs[i] = random.normal()
  for (let i = 0; i < count; i++) labels[i] = random.below(engine.spec.classes)
}

/** Random weights with biases that are not zero, so that bias paths are seen. */
function noisyWeights(spec: ModelSpec): Float32Array {
  const random = new SeededRandom(99)
  return initialWeights(spec, 5).map((w) => w + 0.05 * random.normal())
}

async function gradientOn(spec: ModelSpec, backend: BackendName, count: number) {
  const engine = await createEngine(spec, backend)
  engine.setWeights(noisyWeights(spec))
  stageNoise(engine, count, 3)
  const outcome = engine.gradient(count)
  stageNoise(engine, count, 3)
  const probabilities = engine.predict(count)
  engine.dispose()
  return { ...outcome, probabilities }
}

describe('learning: gradients', function () {
  this.timeout(60_000)
  const specs: [string, () => Promise<ModelSpec>][] = [
    ...MODEL_NAMES.map((name): [string, () => Promise<ModelSpec>] => [name, async () => modelSpec(name)]),
    ...Object.entries(CASES).map(([name, json]): [string, () => Promise<ModelSpec>] => [
      name,
      () => parseModelSpec(json),
    ]),
  ]
  for (const [name, make] of specs) {
    it(`${name}: the fused step agrees with tfjs's CPU backend, batch of 5`, async () => {
      const spec = await make()
      const ours = await gradientOn(spec, 'fused', 5)
      const theirs = await gradientOn(spec, 'tfjs-cpu', 5)
      expect(ours.gradient.length).to.equal(spec.parameterCount)
      for (const { offset, length, name: parameter } of spec.parameters) {
        const slice = (g: Float32Array) => g.subarray(offset, offset + length)
        expect(relativeError(slice(ours.gradient), slice(theirs.gradient)), parameter).to.be.below(1e-4)
      }
      expect(relativeError(ours.probabilities, theirs.probabilities)).to.be.below(1e-5)
      expect(ours.lossSum).to.be.closeTo(theirs.lossSum, 1e-4 * theirs.lossSum)
      expect(ours.correct).to.equal(theirs.correct)
    })
  }

  for (const [name, make] of specs) {
    it(`${name}: the fused gradient agrees with finite differences in double precision`, async () => {
      const spec = await make()
      const engine = await createEngine(spec, 'fused')
      const weights = Float64Array.from(noisyWeights(spec))
      engine.setWeights(Float32Array.from(weights))
      stageNoise(engine, 2, 8)
      const { inputs, labels } = engine.stage(2)
      const [x, y] = [inputs.slice(), labels.slice()]
      const { gradient } = engine.gradient(2)
      const scale = gradient.reduce((top, g) => Math.max(top, Math.abs(g)), 0)
      const random = new SeededRandom(21)
      const checks = spec.parameterCount > 5000 ? 3 : 8
      for (const { name: parameter, offset, length } of spec.parameters) {
        for (let i = 0; i < checks; i++) {
          const at = offset + random.below(length)
          const held = weights[at]!
          const lossAt = (step: number) => {
            weights[at] = held + step
            return referenceLoss(spec, weights, x, y)
          }
          const slope = (lossAt(1e-6) - lossAt(-1e-6)) / 2e-6
          weights[at] = held
          expect(Math.abs(slope - gradient[at]!), `${parameter}[${at - offset}]`).to.be.below(1e-4 * scale)
        }
      }
    })
  }

  it('gradients over a batch are the mean of the gradients of its samples', async () => {
    const spec = modelSpec('small-cnn')
    const engine = await createEngine(spec, 'fused')
    engine.setWeights(noisyWeights(spec))
    stageNoise(engine, 21, 4)
    const inputs = engine.stage(21).inputs.slice()
    const labels = engine.stage(21).labels.slice()
    const whole = engine.gradient(21).gradient
    const sum = new Float64Array(spec.parameterCount)
    for (let n = 0; n < 21; n++) {
      const one = engine.stage(1)
      one.inputs.set(inputs.subarray(784 * n, 784 * (n + 1)))
      one.labels[0] = labels[n]!
      engine.gradient(1).gradient.forEach((g, i) => {
        sum[i]! += g / 21
      })
    }
    expect(relativeError(whole, sum)).to.be.below(1e-5)
  })
})
