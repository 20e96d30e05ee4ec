// SPDX-License-Identifier: GPL-3.0-or-later
// tfjs models: every supported layer against tfjs itself, random networks, files in shards, and what is refused.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { expect } from 'chai'
import {
  CompileError,
  type CompileErrorCode,
  calibrate,
  encodeInput,
  evaluate,
  type Graph,
  type IntegerProgram,
  importModelFile,
  importTfjs,
  importTfjsArtifacts,
  interpret,
  proveBounds,
  tensorOf,
  tfjsLayers,
} from '../../../../keepers/zkml/index.ts'
import { Random } from '../random.ts'

const RANDOM_NETWORKS = 40

type Artifacts = { modelTopology: any; weightSpecs: any[]; weightData: Uint8Array }

async function artifactsOf(model: tf.LayersModel): Promise<Artifacts> {
  let saved: tf.io.ModelArtifacts | undefined
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      saved = artifacts
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } }
    }),
  )
  return {
    modelTopology: JSON.parse(JSON.stringify(saved!.modelTopology)),
    weightSpecs: saved!.weightSpecs!,
    weightData: new Uint8Array(saved!.weightData as ArrayBuffer),
  }
}

/** Weights at random, variances positive, so that nothing is at its neutral initial value. */
function randomise(model: tf.LayersModel, random: Random): void {
  for (const weight of model.weights) {
    const positive = weight.name.includes('variance') || weight.name.includes('gamma')
    const size = weight.shape.reduce<number>((a, b) => a * (b ?? 1), 1)
    const data = positive ? random.list(size, 0.5, 1.5) : random.list(size, -0.5, 0.5)
    weight.write(tf.tensor(data, weight.shape as number[]))
  }
}

function predict(model: tf.LayersModel, input: readonly number[]): number[] {
  const shape = model.inputs[0]!.shape.slice(1) as number[]
  return tf.tidy(() => Array.from((model.predict(tf.tensor(input as number[], [1, ...shape])) as tf.Tensor).dataSync()))
}

async function requireEqual(model: tf.LayersModel, random: Random, what: string, input?: number[]): Promise<Graph> {
  randomise(model, random)
  const graph = importTfjsArtifacts(await artifactsOf(model))
  const size = graph.input.shape.reduce((a, b) => a * b, 1)
  const sample = input ?? random.list(size, -1, 1)
  const expected = predict(model, sample)
  const found = evaluate(graph, sample).data
  expect(found.length, what).to.equal(expected.length)
  const scores = graph.notes.some((note) => note.includes('Softmax')) ? softmax(found) : Array.from(found)
  const scale = Math.max(1, ...expected.map(Math.abs))
  for (const [i, score] of scores.entries()) expect(score, what).to.be.closeTo(expected[i]!, 1e-4 * scale)
  return graph
}

function softmax(scores: Float64Array): number[] {
  const powers = Array.from(scores, (score) => Math.exp(score - Math.max(...scores)))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}

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
  'Softmax at the end': () => [L.dense({ inputShape: [4], units: 3, activation: 'softmax' })],
  'Softmax as a layer': () => [L.dense({ inputShape: [4], units: 3 }), L.softmax()],
}

describe('tfjs import', function () {
  this.timeout(120_000)
  before(async () => {
    await tf.setBackend('cpu')
  })

  for (const [what, layers] of Object.entries(SINGLE))
    it(`computes what tfjs computes: ${what}`, () =>
      requireEqual(tf.sequential({ layers: layers() }), new Random(what.length), what))

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

  it('reads a model.json with several shards and quantised weights from disk', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'cohort-tfjs-'))
    try {
      const model = tf.sequential({
        layers: [L.dense({ inputShape: [4], units: 3, activation: 'relu' }), L.dense({ units: 2 })],
      })
      randomise(model, new Random(5))
      const { modelTopology, weightSpecs, weightData } = await artifactsOf(model)
      const write = (name: string, weightsManifest: unknown) =>
        writeFile(join(directory, name), JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest }))
      // A shard may end in the middle of a number.
      await writeFile(join(directory, 'a.bin'), weightData.subarray(0, 30))
      await writeFile(join(directory, 'b.bin'), weightData.subarray(30))
      await write('model.json', [{ paths: ['a.bin', 'b.bin'], weights: weightSpecs }])
      const exact = await importModelFile(join(directory, 'model.json'))
      const expected = predict(model, [0.1, -0.2, 0.3, 0.4])
      const found = Array.from(evaluate(exact, [0.1, -0.2, 0.3, 0.4]).data)
      for (const [i, value] of found.entries()) expect(value).to.be.closeTo(expected[i]!, 1e-6)

      const floats = new Float32Array(weightData.buffer, weightData.byteOffset, weightData.byteLength / 4)
      for (const [dtype, tolerance] of [
        ['uint8', 0.02],
        ['uint16', 1e-4],
        ['float16', 2e-3],
      ] as const) {
        const bytes = quantised(floats, dtype)
        await writeFile(join(directory, `${dtype}.bin`), bytes)
        const quantization =
          dtype === 'float16'
            ? { dtype, original_dtype: 'float32' }
            : { dtype, min: -0.5, scale: 1 / (dtype === 'uint8' ? 255 : 65535), original_dtype: 'float32' }
        await write(`${dtype}.json`, [
          { paths: [`${dtype}.bin`], weights: weightSpecs.map((spec) => ({ ...spec, quantization })) },
        ])
        const graph = await importModelFile(join(directory, `${dtype}.json`))
        for (const [i, value] of evaluate(graph, [0.1, -0.2, 0.3, 0.4]).data.entries())
          expect(value, dtype).to.be.closeTo(expected[i]!, tolerance)
      }

      await rm(join(directory, 'b.bin'))
      await refused(importModelFile(join(directory, 'model.json')), 'missing-part', /b\.bin is missing/)
      await writeFile(join(directory, 'b.bin'), weightData.subarray(30, 60))
      await refused(importModelFile(join(directory, 'model.json')), 'malformed-file', /needs bytes/)
      await writeFile(join(directory, 'b.bin'), Buffer.concat([weightData.subarray(30), new Uint8Array(4)]))
      await refused(importModelFile(join(directory, 'model.json')), 'malformed-file', /bytes where its weights need/)
      await write('model.json', [{ paths: ['../../etc/passwd'], weights: weightSpecs }])
      await refused(importModelFile(join(directory, 'model.json')), 'malformed-file', /outside/)
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  const refusals: [string, CompileErrorCode, RegExp, (artifacts: Artifacts) => void][] = [
    [
      'an unknown layer',
      'unsupported-operator',
      /not supported: GRU, LSTM/,
      ({ modelTopology }) => {
        modelTopology.config.layers[0].class_name = 'LSTM'
        modelTopology.config.layers[1].class_name = 'GRU'
      },
    ],
    [
      'an unknown activation',
      'unsupported-operator',
      /activation swish/,
      ({ modelTopology }) => {
        modelTopology.config.layers[0].config.activation = 'swish'
      },
    ],
    [
      'an open input dimension',
      'dynamic-shape',
      /dimension 1 of its input is open/,
      ({ modelTopology }) => {
        modelTopology.config.layers[0].config.batch_input_shape = [null, null]
      },
    ],
    [
      'a NaN weight',
      'not-finite',
      /NaN at position 0/,
      ({ weightData }) => {
        weightData.set([0, 0, 192, 127], 0)
      },
    ],
    [
      'a weight that is in no shard',
      'missing-part',
      /weight kernel is in no shard/,
      ({ weightSpecs }) => {
        weightSpecs[0].name = 'other/kernel'
      },
    ],
    [
      'a Softmax that is computed with',
      'unsupported-operator',
      /reads a Softmax/,
      ({ modelTopology }) => {
        modelTopology.config.layers[0].config.activation = 'softmax'
      },
    ],
    [
      'a field of the wrong type',
      'malformed-file',
      /use_bias/,
      ({ modelTopology }) => {
        modelTopology.config.layers[0].config.use_bias = 'yes'
      },
    ],
    [
      'a weight of another shape',
      'shape-mismatch',
      /do not multiply/,
      ({ weightSpecs }) => {
        weightSpecs[0].shape = [3, 4]
      },
    ],
  ]
  for (const [what, code, pattern, spoil] of refusals)
    it(`refuses ${what}`, async () => {
      const model = tf.sequential({ layers: [L.dense({ inputShape: [4], units: 3 }), L.dense({ units: 2 })] })
      const artifacts = await artifactsOf(model)
      artifacts.weightData = Uint8Array.from(artifacts.weightData)
      artifacts.weightSpecs = artifacts.weightSpecs.map((spec) => ({ ...spec }))
      spoil(artifacts)
      await refused(
        Promise.resolve().then(() => importTfjsArtifacts(artifacts)),
        code,
        pattern,
      )
    })

  it('refuses text that is no model', () => {
    for (const text of [
      '',
      '{',
      '[]',
      '{"modelTopology":{}}',
      '{"modelTopology":{"class_name":"Graph","config":{}},"weightsManifest":[]}',
    ])
      expect(() => importTfjs(text, () => undefined), text).to.throw(CompileError)
  })

  it('lists its layers', () => {
    expect(tfjsLayers()).to.include.members(['Dense', 'Conv2D', 'SeparableConv2D', 'Embedding', 'InputLayer'])
  })
})

async function refused(work: Promise<unknown>, code: CompileErrorCode, pattern: RegExp): Promise<void> {
  let error: unknown
  try {
    await work
  } catch (thrown) {
    error = thrown
  }
  expect(error).to.be.instanceOf(CompileError)
  expect((error as CompileError).code).to.equal(code)
  expect((error as CompileError).message).to.match(pattern)
}

function quantised(floats: Float32Array, dtype: 'uint8' | 'uint16' | 'float16'): Uint8Array {
  if (dtype === 'uint8') return Uint8Array.from(floats, (value) => Math.round((value + 0.5) * 255))
  const half = (value: number): number => {
    const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(value))))
    const fraction = Math.round((Math.abs(value) / 2 ** exponent) * 1024)
    return (value < 0 ? 0x8000 : 0) + (exponent + 14) * 1024 + fraction
  }
  const words = Uint16Array.from(floats, dtype === 'uint16' ? (value) => Math.round((value + 0.5) * 65535) : half)
  return new Uint8Array(words.buffer)
}

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
