// SPDX-License-Identifier: GPL-3.0-or-later
// The general path: the kernels supplied to tfjs's WASM backend, models beyond our own layers, and the update rules.
import type * as Tf from '@tensorflow/tfjs'
import { expect } from 'chai'
import { createEngine } from '../../../keepers/learning/engine/backend.ts'
import type { Engine } from '../../../keepers/learning/engine/engine.ts'
import { activate } from '../../../keepers/learning/engine/tfjs.ts'
import { SUPPLIED_KERNELS } from '../../../keepers/learning/engine/tfjs-kernels.ts'
import { modelSpec } from '../../../keepers/learning/model/registry.ts'
import { parseModelSpec, specHash } from '../../../keepers/learning/model/spec.ts'
import { loadTfjs } from '../../../keepers/learning/model/tfjs-model.ts'
import { initialWeights } from '../../../keepers/learning/model/vector.ts'
import { SeededRandom } from '../../../keepers/learning/random.ts'
import type { OptimizerSettings } from '../../../keepers/learning/types.ts'
import { relativeError } from './reference.ts'
import { refuses } from './refusal.ts'

function noise(length: number, seed: number): Float32Array {
  const random = new SeededRandom(seed)
  return Float32Array.from({ length }, () => random.normal())
}

function stageNoise(engine: Engine, count: number, seed: number): void {
  const { inputs, labels } = engine.stage(count)
  inputs.set(noise(inputs.length, seed))
  for (let i = 0; i < count; i++) labels[i] = (i * 7 + seed) % engine.spec.classes
}

/** A functional model with what the fused path does not know: depthwise convolution, batch normalisation, a skip. */
const RESIDUAL = {
  modelTopology: {
    class_name: 'Functional',
    config: {
      name: 'residual',
      layers: [
        node('InputLayer', 'image', { batch_input_shape: [null, 8, 8, 3], dtype: 'float32', sparse: false }),
        node('Conv2D', 'first', { filters: 6, kernel_size: [3, 3], padding: 'same', activation: 'relu' }, 'image'),
        node('DepthwiseConv2D', 'depth', { kernel_size: [3, 3], padding: 'same', depth_multiplier: 1 }, 'first'),
        node('BatchNormalization', 'norm', { axis: -1, momentum: 0.9, epsilon: 0.001 }, 'depth'),
        node('Add', 'skip', {}, 'first', 'norm'),
        node('MaxPooling2D', 'pool', { pool_size: [2, 2], strides: [2, 2], padding: 'same' }, 'skip'),
        node('Dropout', 'drop', { rate: 0.25 }, 'pool'),
        node('Flatten', 'flat', {}, 'drop'),
        node(
          'Dense',
          'out',
          { units: 4, activation: 'softmax', kernel_regularizer: { class_name: 'L1L2', config: { l1: 0, l2: 0.01 } } },
          'flat',
        ),
      ],
      input_layers: [['image', 0, 0]],
      output_layers: [['out', 0, 0]],
    },
  },
}

function node(class_name: string, name: string, config: Record<string, unknown>, ...inputs: string[]) {
  const inbound_nodes = inputs.length === 0 ? [] : [inputs.map((input) => [input, 0, 0, {}])]
  return { class_name, name, config: { name, trainable: true, ...config }, inbound_nodes }
}

describe('learning: tfjs', function () {
  this.timeout(60_000)
  let tf: typeof Tf

  before(async () => {
    tf = await loadTfjs()
    await activate(tf, 'tfjs-cpu')
    await activate(tf, 'tfjs-wasm')
  })

  it('the WASM backend has every kernel that is supplied', () => {
    for (const name of SUPPLIED_KERNELS) expect(tf.getKernel(name, 'wasm'), name).to.not.equal(undefined)
  })

  /** Runs `body` on both backends and compares the bits that come out. */
  function onBoth(body: () => Tf.Tensor): { wasm: ArrayLike<number>; cpu: ArrayLike<number> } {
    const run = (backend: string) => {
      void tf.setBackend(backend)
      expect(tf.getBackend()).to.equal(backend)
      return tf.tidy(() => body().dataSync()) as Float32Array
    }
    return { wasm: run('wasm'), cpu: run('cpu') }
  }

  const GEOMETRIES: {
    image: [number, number, number]
    kernel: [number, number]
    out: number
    strides: [number, number]
    pad: 'valid' | 'same' | number
  }[] = [
    { image: [8, 8, 1], kernel: [5, 5], out: 6, strides: [1, 1], pad: 'valid' },
    { image: [9, 7, 3], kernel: [3, 2], out: 5, strides: [2, 3], pad: 'valid' },
    { image: [9, 7, 4], kernel: [4, 4], out: 7, strides: [1, 1], pad: 'same' },
    { image: [10, 11, 2], kernel: [3, 5], out: 4, strides: [2, 2], pad: 'same' },
    { image: [6, 6, 2], kernel: [3, 3], out: 3, strides: [1, 1], pad: 1 },
  ]
  for (const { image, kernel, out, strides, pad } of GEOMETRIES) {
    const label = `${image.join('×')} by ${kernel.join('×')}, strides ${strides}, ${pad}`
    it(`Conv2DBackpropFilter equals the CPU backend and the slope: ${label}`, () => {
      const shape: [number, number, number, number] = [3, ...image]
      const filterShape: [number, number, number, number] = [...kernel, image[2], out]
      const xs = noise(3 * image[0] * image[1] * image[2], 1)
      const info = tf.backend_util.computeConv2DInfo(shape, filterShape, strides, 1, pad as 'same')
      const dys = noise(
        info.outShape.reduce((a, b) => a * b, 1),
        2,
      )
      const { wasm, cpu } = onBoth(() => {
        const filter = tf.variable(tf.zeros(filterShape))
        const x = tf.tensor4d(xs, shape)
        const dy = tf.tensor4d(dys, info.outShape as [number, number, number, number])
        return tf.grad((w) => tf.conv2d(x, w as Tf.Tensor4D, strides, pad as 'same'))(filter, dy)
      })
      expect(relativeError(wasm, cpu)).to.be.below(1e-5)
      // The output is linear in the filter, so a finite difference is exact: column i of the map, dotted with dy.
      const at = Math.floor(wasm.length / 2)
      void tf.setBackend('cpu')
      const slope = tf.tidy(() => {
        const unit = new Float32Array(wasm.length)
        unit[at] = 1
        const y = tf
          .conv2d(tf.tensor4d(xs, shape), tf.tensor4d(unit, filterShape), strides, pad as 'same')
          .dataSync<'float32'>()
        return y.reduce((sum, value, i) => sum + value * dys[i]!, 0)
      })
      const scale = Array.from(cpu).reduce((top, g) => Math.max(top, Math.abs(g)), 0)
      expect(Math.abs(slope - wasm[at]!) / scale).to.be.below(1e-4)
    })

    // tfjs gives depthwise gradients for 'valid' and 'same' only.
    for (const multiplier of typeof pad === 'number' ? [] : [1, 2]) {
      it(`depthwise gradients (multiplier ${multiplier}) equal the CPU backend: ${label}`, () => {
        if (typeof pad === 'number') return
        const shape: [number, number, number, number] = [2, ...image]
        const filterShape: [number, number, number, number] = [...kernel, image[2], multiplier]
        const xs = noise(2 * image[0] * image[1] * image[2], 3)
        const ws = noise(
          filterShape.reduce((a, b) => a * b, 1),
          4,
        )
        const info = tf.backend_util.computeConv2DInfo(shape, filterShape, strides, 1, pad, 'floor', true)
        const dys = noise(
          info.outShape.reduce((a, b) => a * b, 1),
          5,
        )
        for (const which of [0, 1]) {
          const { wasm, cpu } = onBoth(() => {
            const dy = tf.tensor4d(dys, info.outShape as [number, number, number, number])
            const gradients = tf.grads((x, w) => tf.depthwiseConv2d(x as Tf.Tensor4D, w as Tf.Tensor4D, strides, pad))
            return gradients([tf.tensor4d(xs, shape), tf.tensor4d(ws, filterShape)], dy)[which]!
          })
          expect(relativeError(wasm, cpu), which === 0 ? 'input' : 'filter').to.be.below(1e-5)
        }
      })
    }
  }

  it('UnsortedSegmentSum equals the CPU backend', () => {
    const xs = noise(24, 6)
    const { wasm, cpu } = onBoth(() =>
      tf.unsortedSegmentSum(tf.tensor2d(xs, [6, 4]), tf.tensor1d([2, 0, 2, 4, 1, 2], 'int32'), 5),
    )
    expect(relativeError(wasm, cpu)).to.be.below(1e-6)
  })

  for (const [size, stride, pad] of [
    [2, 2, 'valid'],
    [3, 2, 'same'],
    [3, 1, 'same'],
    [2, 1, 'valid'],
  ] as const) {
    it(`MaxPoolGrad equals the CPU backend, negative values included: ${size}×${size}, stride ${stride}, ${pad}`, () => {
      const xs = noise(2 * 9 * 8 * 3, 7).map((x) => x - 1)
      const { wasm, cpu } = onBoth(() =>
        tf.grad((x) => tf.square(tf.maxPool(x as Tf.Tensor4D, size, stride, pad)))(tf.tensor4d(xs, [2, 9, 8, 3])),
      )
      expect(relativeError(wasm, cpu)).to.be.below(1e-6)
    })
  }

  it('a functional model with layers beyond ours trains on WASM as on CPU', async () => {
    const spec = await parseModelSpec(RESIDUAL)
    expect(spec.inputShape).to.deep.equal([8, 8, 3])
    expect(spec.classes).to.equal(4)
    expect(spec.parameters.map(({ name }) => name)).to.include('norm/moving_variance')
    expect(await parseModelSpec(RESIDUAL).then(specHash)).to.equal(specHash(spec))
    const results = []
    for (const backend of ['tfjs-wasm', 'tfjs-cpu'] as const) {
      const engine = await createEngine(spec, backend)
      engine.setWeights(initialWeights(spec, 4))
      engine.beginUpdates({ optimizer: { kind: 'sgd', learningRate: 0.05 } })
      const losses = []
      for (let step = 0; step < 4; step++) {
        stageNoise(engine, 6, step)
        losses.push(engine.trainStep(6, step).lossSum)
      }
      results.push({ losses, weights: engine.getWeights() })
      engine.dispose()
    }
    expect(relativeError(results[0]!.weights, results[1]!.weights)).to.be.below(1e-4)
    expect(relativeError(results[0]!.losses, results[1]!.losses)).to.be.below(1e-4)
    const moving = spec.parameters.find(({ name }) => name === 'norm/moving_mean')!
    expect(results[0]!.weights.subarray(moving.offset, moving.offset + moving.length).some((m) => m !== 0)).to.equal(
      true,
    )
  })

  it('falls back to the plain CPU only with a warning, and names the missing part', async function () {
    const spec = await parseModelSpec(RESIDUAL)
    await refuses(() => createEngine(spec, 'fused'), 'NO_BACKEND', /the fused backend cannot run this: class_name/)
    const native = await createEngine(spec, 'tfjs-node').catch((error: Error) => error)
    if (!(native instanceof Error)) this.skip() // tfjs-node is installed here, so nothing falls back
    const warnings: string[] = []
    const engine = await createEngine(spec, 'auto', (text) => warnings.push(text), ['tfjs-node', 'tfjs-cpu'])
    expect(engine.backend).to.equal('tfjs-cpu')
    expect(warnings).to.deep.equal([
      'training on the plain CPU backend, which is slow: tfjs-node: @tensorflow/tfjs-node is not installed',
    ])
    engine.dispose()
    const usual = await createEngine(spec, 'auto', (text) => warnings.push(text))
    expect(usual.backend).to.equal('tfjs-wasm')
    expect(warnings).to.have.length(1)
    usual.dispose()
  })

  it('leaks no tensor over 30 steps', async () => {
    const spec = await parseModelSpec(RESIDUAL)
    const engine = await createEngine(spec, 'tfjs-wasm')
    engine.setWeights(initialWeights(spec, 4))
    engine.beginUpdates({ optimizer: { kind: 'adam', learningRate: 0.01 } })
    const step = (seed: number) => {
      stageNoise(engine, 4, seed)
      engine.trainStep(4, seed)
      engine.predict(4)
    }
    step(0)
    const before = tf.memory().numTensors
    for (let i = 1; i <= 30; i++) step(i)
    expect(tf.memory().numTensors).to.equal(before)
    engine.dispose()
  })

  const OPTIMIZERS: [string, OptimizerSettings, (tf: typeof Tf) => Tf.Optimizer][] = [
    ['SGD', { kind: 'sgd', learningRate: 0.1 }, (tf) => tf.train.sgd(0.1)],
    ['momentum', { kind: 'sgd', learningRate: 0.1, momentum: 0.9 }, (tf) => tf.train.momentum(0.1, 0.9)],
    [
      'Nesterov momentum',
      { kind: 'sgd', learningRate: 0.1, momentum: 0.8, nesterov: true },
      (tf) => tf.train.momentum(0.1, 0.8, true),
    ],
    ['Adam', { kind: 'adam', learningRate: 0.02 }, (tf) => tf.train.adam(0.02)],
  ]
  for (const [name, settings, peer] of OPTIMIZERS) {
    it(`${name} takes the same steps as tfjs's own`, async () => {
      const spec = modelSpec('logistic', { inputShape: [6], classes: 3 })
      const engine = await createEngine(spec, 'fused')
      engine.setWeights(initialWeights(spec, 2))
      engine.beginUpdates({ optimizer: settings })
      void tf.setBackend('cpu')
      const weights = initialWeights(spec, 2)
      const kernel = tf.variable(tf.tensor2d(weights.slice(0, 18), [6, 3]))
      const bias = tf.variable(tf.tensor1d(weights.slice(18)))
      const optimizer = peer(tf)
      for (let step = 0; step < 20; step++) {
        stageNoise(engine, 8, step)
        const { inputs, labels } = engine.stage(8)
        const [x, y] = [inputs.slice(), labels.slice()]
        engine.trainStep(8, step)
        optimizer.minimize(() =>
          tf.losses.softmaxCrossEntropy(
            tf.oneHot(tf.tensor1d(y, 'int32'), 3),
            tf.add(tf.matMul(tf.tensor2d(x, [8, 6]), kernel as Tf.Tensor2D), bias),
          ),
        )
      }
      const theirs = [...kernel.dataSync(), ...bias.dataSync()]
      expect(relativeError(engine.getWeights(), theirs)).to.be.below(1e-4)
    })
  }
})
