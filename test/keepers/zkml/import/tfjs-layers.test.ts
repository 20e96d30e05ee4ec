// SPDX-License-Identifier: GPL-3.0-or-later
// Every supported tfjs layer against tfjs itself, and random networks.
import * as tf from '@tensorflow/tfjs'
import { expect } from 'chai'
import {
  CompileError,
  calibrate,
  encodeInput,
  evaluate,
  type IntegerProgram,
  importTfjsArtifacts,
  interpret,
  proveBounds,
  tensorOf,
  tfjsLayers,
} from '../../../../keepers/zkml/index.ts'
import { Random } from '../random.ts'
import { artifactsOf, requireEqual } from './tfjs-model.ts'

const RANDOM_NETWORKS = 40

const L = tf.layers
const IMAGE: [number, number, number] = [7, 6, 3]
const SEQUENCE: [number, number] = [9, 4]

/** One network for each layer, in the forms that differ. */
const SINGLE: Record<string, () => tf.layers.Layer[]> = {
  'Conv2D, strided, same': () => [
    L.conv2d({ inputShape: IMAGE, filters: 4, kernelSize: [3, 2], strides: 2, padding: 'same', activation: 'relu' }),
  ],
  'Conv2D, dilated': () => [
    L.conv2d({ inputShape: IMAGE, filters: 2, kernelSize: 2, dilationRate: 2, useBias: false }),
  ],
  'Conv1D, strided': () => [L.conv1d({ inputShape: SEQUENCE, filters: 3, kernelSize: 4, strides: 2, padding: 'same' })],
  DepthwiseConv2D: () => [L.depthwiseConv2d({ inputShape: IMAGE, kernelSize: 3, depthMultiplier: 2, padding: 'same' })],
  SeparableConv2D: () => [
    L.separableConv2d({
      inputShape: IMAGE,
      filters: 5,
      kernelSize: 3,
      depthMultiplier: 2,
      strides: 2,
      padding: 'same',
      activation: 'tanh',
    }),
  ],
  'AveragePooling2D, same': () => [L.averagePooling2d({ inputShape: IMAGE, poolSize: 3, strides: 2, padding: 'same' })],
  'MaxPooling2D, same': () => [
    L.maxPooling2d({ inputShape: IMAGE, poolSize: [2, 3], strides: [2, 1], padding: 'same' }),
  ],
  AveragePooling1D: () => [L.averagePooling1d({ inputShape: SEQUENCE, poolSize: 2 })],
  MaxPooling1D: () => [L.maxPooling1d({ inputShape: SEQUENCE, poolSize: 3, strides: 2 })],
  GlobalAveragePooling2D: () => [L.globalAveragePooling2d({ inputShape: IMAGE, dataFormat: 'channelsLast' })],
  GlobalMaxPooling2D: () => [L.globalMaxPooling2d({ inputShape: IMAGE, dataFormat: 'channelsLast' })],
  GlobalAveragePooling1D: () => [L.globalAveragePooling1d({ inputShape: SEQUENCE })],
  GlobalMaxPooling1D: () => [L.globalMaxPooling1d({ inputShape: SEQUENCE })],
  'BatchNormalization, behind a convolution': () => [
    L.conv2d({ inputShape: IMAGE, filters: 4, kernelSize: 2 }),
    L.batchNormalization(),
  ],
  'BatchNormalization, without scale or centre': () => [
    L.batchNormalization({ inputShape: IMAGE, scale: false, center: false }),
  ],
  'ReLU with a maximum': () => [L.dense({ inputShape: [5], units: 6 }), L.reLU({ maxValue: 0.5 })],
  LeakyReLU: () => [L.leakyReLU({ inputShape: [5], alpha: 0.2 })],
  'Activations by name': () =>
    ['relu6', 'sigmoid', 'tanh', 'hardSigmoid', 'linear', 'relu'].map((activation, i) =>
      L.dense({ ...(i === 0 ? { inputShape: [5] } : {}), units: 5, activation: activation as 'relu' }),
    ),
  'Dense over a sequence': () => [L.dense({ inputShape: SEQUENCE, units: 3, activation: 'relu' })],
  'Flatten, Reshape, Permute, RepeatVector': () => [
    L.flatten({ inputShape: [2, 3, 2] }),
    L.reshape({ targetShape: [3, 4] }),
    L.permute({ dims: [2, 1] }),
    L.flatten(),
    L.repeatVector({ n: 2 }),
  ],
  'Padding, cropping, upsampling': () => [
    L.zeroPadding2d({
      inputShape: IMAGE,
      padding: [
        [1, 2],
        [0, 3],
      ],
    }),
    L.cropping2D({
      cropping: [
        [0, 1],
        [2, 0],
      ],
    }),
    L.upSampling2d({ size: [2, 3] }),
  ],
  'Dropout and noise do nothing': () => [
    L.dropout({ inputShape: [4], rate: 0.5 }),
    L.gaussianNoise({ stddev: 1 }),
    L.alphaDropout({ rate: 0.3 }),
    L.dense({ units: 2 }),
  ],
  'LayerNormalization and ELU': () => [
    L.dense({ inputShape: SEQUENCE, units: 6 }),
    L.layerNormalization({ epsilon: 0.01 }),
    L.elu(),
  ],
  'LayerNormalization without scale and centre': () => [
    L.layerNormalization({ inputShape: [8], scale: false, center: false }),
  ],
  ...Object.fromEntries(
    (['elu', 'selu', 'softplus', 'softsign', 'swish', 'mish', 'gelu', 'gelu_new'] as const).map((activation) => [
      `activation ${activation}`,
      // tfjs' types do not list all that it knows.
      () => [L.dense({ inputShape: [4], units: 6, activation: activation as 'elu' })],
    ]),
  ),
  'Softmax at the end': () => [L.dense({ inputShape: [4], units: 3, activation: 'softmax' })],
  'Softmax as a layer': () => [L.dense({ inputShape: [4], units: 3 }), L.softmax()],
  'Softmax inside the network': () => [
    L.dense({ inputShape: [4], units: 3, activation: 'softmax' }),
    L.dense({ units: 2, activation: 'tanh' }),
  ],
  'Softmax over rows': () => [L.dense({ inputShape: [3, 4], units: 5, activation: 'softmax' }), L.flatten()],
  'Softmax over rows at the end': () => [L.dense({ inputShape: [3, 4], units: 5 }), L.softmax({ axis: -1 })],
  'Softmax, and Dropout behind it': () => [
    L.dense({ inputShape: [4], units: 3, activation: 'softmax' }),
    L.dropout({ rate: 0.5 }),
  ],
}

describe('tfjs layers', function () {
  this.timeout(120_000)
  before(async () => {
    await tf.setBackend('cpu')
  })

  for (const [what, layers] of Object.entries(SINGLE))
    it(`computes what tfjs computes: ${what}`, () =>
      requireEqual(tf.sequential({ layers: layers() }), new Random(what.length), what))

  it('takes a Softmax along the axis that is said, which tfjs itself cannot run, and refuses one that is not', async () => {
    const model = tf.sequential({ layers: [L.dense({ inputShape: [3, 4], units: 2 }), L.softmax({ axis: -1 })] })
    const artifacts = await artifactsOf(model)
    const along = (axis: unknown) => {
      const changed = structuredClone(artifacts)
      changed.modelTopology.config.layers[1].config.axis = axis
      return importTfjsArtifacts(changed)
    }
    const input = new Random(6).list(12, -1, 1)
    for (const axis of [1, -2]) {
      const found = evaluate(along(axis), input).data
      for (const column of [0, 1])
        expect(found[column]! + found[2 + column]! + found[4 + column]!).to.be.closeTo(1, 1e-9)
    }
    const rows = evaluate(along(2), input).data
    for (const row of [0, 2, 4]) expect(rows[row]! + rows[row + 1]!).to.be.closeTo(1, 1e-9)
    for (const axis of [undefined, 0, 3, -3, [1], 'last'])
      expect(() => along(axis)).to.throw(CompileError, /axis .* of a Softmax over 2 axes/)
  })

  it('computes what tfjs computes: Embedding', async () => {
    const model = tf.sequential({
      layers: [L.embedding({ inputDim: 7, outputDim: 3, inputLength: 5 }), L.flatten(), L.dense({ units: 2 })],
    })
    await requireEqual(model, new Random(3), 'Embedding', [0, 6, 3, 3, 1])
  })

  it('computes what tfjs computes: functional models with merges, shared layers and models inside models', async () => {
    const input = tf.input({ shape: IMAGE })
    const shared = L.conv2d({ filters: 3, kernelSize: 3, padding: 'same', activation: 'relu' })
    const once = shared.apply(input) as tf.SymbolicTensor
    const twice = shared.apply(once) as tf.SymbolicTensor
    const inner = tf.sequential({
      layers: [L.conv2d({ inputShape: IMAGE, filters: 3, kernelSize: 1 }), L.batchNormalization()],
    })
    const merged = [
      L.add().apply([once, twice, input]),
      L.multiply().apply([once, twice]),
      L.average().apply([once, twice]),
      inner.apply(twice),
    ] as tf.SymbolicTensor[]
    const joined = L.concatenate({ axis: -1 }).apply(merged)
    const output = L.dense({ units: 2, activation: 'softmax' }).apply(L.flatten().apply(joined)) as tf.SymbolicTensor
    await requireEqual(tf.model({ inputs: input, outputs: output }), new Random(9), 'functional')
  })

  it('pads a causal Conv1D before the sequence only, which tfjs reads but cannot run', async () => {
    const model = tf.sequential({
      layers: [L.conv1d({ inputShape: [4, 1], filters: 1, kernelSize: 2, dilationRate: 2, padding: 'causal' })],
    })
    model.layers[0]!.setWeights([tf.tensor([10, 1], [2, 1, 1]), tf.tensor([0.5])])
    const graph = importTfjsArtifacts(await artifactsOf(model))
    expect(Array.from(evaluate(graph, [1, 2, 3, 4]).data)).to.deep.equal([1.5, 2.5, 13.5, 24.5])
  })

  it(`agrees with tfjs on random networks, and their integer programs agree with them (${RANDOM_NETWORKS} networks)`, async () => {
    let refusals = 0
    for (let seed = 1; seed <= RANDOM_NETWORKS; seed++) {
      const random = new Random(seed)
      const model = randomModel(random)
      const graph = await requireEqual(model, random, `seed ${seed}`)
      const size = graph.input.shape.reduce((a, b) => a * b, 1)
      const inputs = [0, 1, 2].map(() => random.list(size, -1, 1))
      const knobs = { inputBits: 14, weightBits: { default: 14 }, activationBits: { default: 13 } }
      let program: IntegerProgram
      try {
        program = calibrate(graph, inputs, { mode: 'released', knobs, inputRange: { min: -1, max: 1 } }).program
      } catch (error) {
        // Bounds over many layers may pass 2^52 at so many bits; to refuse is then right, and rare.
        expect((error as CompileError).code).to.equal('bound-exceeded')
        refusals++
        continue
      }
      proveBounds(program)
      const { scale } = tensorOf(program, program.scores)
      for (const input of inputs) {
        const float = evaluate(graph, input).data
        const { scores } = interpret(program, encodeInput(program, input))
        const largest = Math.max(1, ...float.map(Math.abs))
        for (const [i, score] of scores.entries())
          expect(score * scale, `seed ${seed}`).to.be.closeTo(float[i]!, 0.1 * largest)
      }
      model.dispose()
    }
    expect(refusals).to.be.lessThan(4)
  })

  it('lists its layers', () => {
    expect(tfjsLayers()).to.include.members(['Dense', 'Conv2D', 'SeparableConv2D', 'Embedding', 'InputLayer'])
  })
})

/** A chain of layers that fit, with a dense head. */
function randomModel(random: Random): tf.Sequential {
  const model = tf.sequential()
  let first = true
  const add = (make: (config: object) => tf.layers.Layer): void => {
    model.add(make(first ? { inputShape: [random.int(5, 8), random.int(5, 8), random.int(1, 3)] } : {}))
    first = false
  }
  const padding = () => random.pick(['same', 'valid'] as const)
  const steps = [
    () =>
      add((config) =>
        L.conv2d({
          ...config,
          filters: random.int(1, 4),
          kernelSize: random.int(1, 3),
          strides: random.int(1, 2),
          padding: 'same',
          activation: random.pick(['relu', 'linear', 'tanh']),
        }),
      ),
    () =>
      add((config) =>
        L.depthwiseConv2d({
          ...config,
          kernelSize: random.int(1, 3),
          depthMultiplier: random.int(1, 2),
          padding: 'same',
        }),
      ),
    () => add((config) => L.batchNormalization(config)),
    () => add((config) => L.averagePooling2d({ ...config, poolSize: 2, strides: 1, padding: padding() })),
    () => add((config) => L.maxPooling2d({ ...config, poolSize: 2, strides: random.int(1, 2), padding: 'same' })),
    () => add((config) => L.leakyReLU({ ...config, alpha: 0.25 })),
    () => add((config) => L.zeroPadding2d({ ...config, padding: 1 })),
    () => add((config) => L.activation({ ...config, activation: random.pick(['relu', 'relu6', 'sigmoid']) })),
  ]
  for (let i = random.int(2, 5); i > 0; i--) random.pick(steps)()
  model.add(random.next() < 0.5 ? L.flatten() : L.globalAveragePooling2d({ dataFormat: 'channelsLast' }))
  model.add(L.dense({ units: random.int(2, 4), activation: random.pick(['relu', 'linear']) }))
  model.add(L.dense({ units: 2 }))
  return model
}
