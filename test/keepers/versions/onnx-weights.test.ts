// SPDX-License-Identifier: GPL-3.0-or-later
// An ONNX file's weights as a service's first ones: the service's model computes what the file computes.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { blobCid } from '../../../keepers/network/index.ts'
import { chooseArchitecture, readSample, type Sample } from '../../../keepers/services/index.ts'
import {
  firstWeights,
  modelPart,
  provableGraph,
  type ServiceManifest,
  startOf,
  VersionError,
} from '../../../keepers/versions/index.ts'
import { specOfOnnx } from '../../../keepers/versions/onnx.ts'
import { weightsOfOnnx } from '../../../keepers/versions/onnx-weights.ts'
import { floatScores, importOnnx } from '../../../keepers/zkml/index.ts'
import { type Model, onnxFile } from '../zkml/import/onnx-file.ts'

const CELLS = 'examples/breast-cancer/cells.csv'
const TRAINED = readFileSync('examples/scikit-learn/cells.onnx')

const noise = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed) / 2)

/** PyTorch's way: channels first, a convolution with a pool, a flatten, a dense layer. */
const picture = (channels: number, more: Partial<Model> = {}): Model => ({
  opset: 17,
  input: { name: 'x', shape: [1, channels, 6, 8] },
  output: 'y',
  nodes: [
    { op: 'Conv', inputs: ['x', 'w', 'b'], outputs: ['c'], attributes: { kernel_shape: [3, 3] } },
    { op: 'Relu', inputs: ['c'], outputs: ['r'] },
    { op: 'MaxPool', inputs: ['r'], outputs: ['p'], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
    { op: 'Flatten', inputs: ['p'], outputs: ['f'] },
    { op: 'Gemm', inputs: ['f', 'v', 'a'], outputs: ['y'] },
  ],
  constants: {
    w: { shape: [4, channels, 3, 3], data: noise(36 * channels, 1) },
    b: { shape: [4], data: noise(4, 2) },
    v: { shape: [24, 3], data: noise(72, 3) },
    a: { shape: [3], data: noise(3, 4) },
  },
  ...more,
})

type Form = Pick<ServiceManifest, 'input' | 'task'>
const classes = (...names: string[]): Form['task'] => ({ kind: 'classification', classes: names })
const pictures = (...shape: [number, number, number]): Form => ({
  input: { kind: 'picture', shape },
  task: classes('a', 'b', 'c'),
})

/** Scores of the service's model with the file's weights. */
function scoresOf(bytes: Uint8Array, form: Form, inputs: Float64Array[]): Float64Array[] {
  const outputs =
    form.task.kind === 'regression'
      ? 1
      : form.task.kind === 'labels'
        ? form.task.labels.length
        : form.task.classes.length
  const spec = specOfOnnx(importOnnx(bytes), 'net.onnx', {
    ...{ inputShape: form.input.shape, outputs, labels: form.task.kind === 'labels' },
  })
  const { weights } = weightsOfOnnx(bytes, 'net.onnx', form)
  const target = form.task.kind === 'regression' ? { target: form.task.target } : {}
  return floatScores(provableGraph({ spec, ...target }, weights), inputs).map((scores) => Float64Array.from(scores))
}

function expectClose(found: Float64Array[], wanted: Float64Array[]): void {
  expect(found.length).to.equal(wanted.length)
  for (const [row, scores] of found.entries()) {
    expect(scores.length).to.equal(wanted[row]!.length)
    for (const [i, score] of scores.entries()) expect(score, `row ${row}`).to.be.closeTo(wanted[row]![i]!, 1e-4)
  }
}

describe('first weights from an ONNX file', function () {
  this.timeout(60_000)

  for (const channels of [1, 3]) {
    it(`computes what a network of pictures with ${channels} channels computes, values in the service\`s order`, () => {
      const bytes = onnxFile(picture(channels))
      const [height, width] = [6, 8]
      const last = Array.from({ length: 5 }, (_, seed) => Float64Array.from(noise(height * width * channels, seed)))
      const first = last.map((pixels) =>
        Float64Array.from(pixels, (_, i) => {
          const [channel, pixel] = [Math.floor(i / (height * width)), i % (height * width)]
          return pixels[pixel * channels + channel]!
        }),
      )
      expectClose(
        scoresOf(bytes, pictures(height, width, channels), last),
        floatScores(importOnnx(bytes), first).map((scores) => Float64Array.from(scores)),
      )
    })
  }

  it('goes on from scikit-learn`s classifier, scaler and single score included', async () => {
    const { input, task, test } = await readSample(CELLS)
    const size = test.inputs.length / test.count
    const scaled = Array.from({ length: test.count }, (_, row) =>
      Float64Array.from(test.inputs.subarray(row * size, (row + 1) * size), (value) => value * test.scale),
    )
    if (input.kind !== 'table') throw new Error('a table')
    const raw = scaled.map((row) => row.map((value, i) => value * input.scale![i]!.deviation + input.scale![i]!.mean))
    const [found, wanted] = [scoresOf(TRAINED, { input, task }, scaled), floatScores(importOnnx(TRAINED), raw)]
    for (const [row, [no, yes]] of found.entries()) {
      // Of the file: the chances of both classes, or one score.
      const file = wanted[row]!
      const score = file.length === 1 ? file[0]! : Math.log(file[1]! / file[0]!)
      expect(yes! - no!, `row ${row}`).to.be.closeTo(score, 2e-3 * Math.max(1, Math.abs(score)))
    }
    const right = found.filter(([no, yes], row) => Number(yes! > no!) === test.labels[row]).length
    expect(right / found.length).to.be.at.least(0.93)
    // The same columns as an array: the file's scaling goes in less that of the array's places.
    const scale = input.scale!.map((one) => ({ ...one, min: -1e5, max: 1e5 }))
    const array: Form['input'] = { kind: 'tensor', shape: [30], array: 'x', label: 'y', numbers: 'float', scale }
    expect(weightsOfOnnx(TRAINED, 'net.onnx', { input: array, task })).to.deep.equal(
      weightsOfOnnx(TRAINED, 'net.onnx', { input, task }),
    )
  })

  it('takes an amount`s mean and deviation into the last layer', async () => {
    const bytes = readFileSync('test/keepers/services/fixtures/regressor.onnx')
    const { input } = await readSample('examples/diabetes/patients.csv', { unit: 'points' })
    const target = { mean: 152, deviation: 77 }
    const task: Form['task'] = { kind: 'regression', unit: 'points', target, loss: { kind: 'mse' } }
    const inputs = Array.from({ length: 4 }, (_, seed) => Float64Array.from(noise(10, seed)))
    const wanted = floatScores(importOnnx(bytes), inputs)
    const found = scoresOf(bytes, { input, task }, inputs)
    // What is proven is mean + deviation · output again, which is the file's own amount.
    for (const [row, [amount]] of found.entries()) expect(amount).to.be.closeTo(wanted[row]![0]!, 1e-2)
  })

  it('refuses a scaling before a convolution by its node', () => {
    const nodes = picture(1).nodes.map((node) => (node.op === 'Conv' ? { ...node, inputs: ['s', 'w', 'b'] } : node))
    const scaled = picture(1, {
      nodes: [{ op: 'Mul', inputs: ['x', 'k'], outputs: ['s'] }, ...nodes],
      constants: { ...picture(1).constants, k: { shape: [1], data: [2] } },
    })
    expect(() => weightsOfOnnx(onnxFile(scaled), 'net.onnx', pictures(6, 8, 1))).to.throw(
      /net\.onnx: .*reads scaled pixels/,
    )
  })

  describe('named in a manifest', () => {
    let sample: Sample
    let manifest: Pick<ServiceManifest, 'model' | 'input' | 'task'>
    let spec: Awaited<ReturnType<typeof chooseArchitecture>>
    before(async () => {
      sample = await readSample(CELLS)
      spec = await chooseArchitecture('examples/scikit-learn/cells.onnx', sample)
      const model = { ...modelPart(spec), weights: await startOf(TRAINED) }
      manifest = { model, input: sample.input, task: sample.task }
    })

    it('are those of the file with that CID, and drawn ones where none is named', async () => {
      expect(manifest.model.weights!.cid).to.equal(await blobCid(TRAINED))
      const { weights } = weightsOfOnnx(TRAINED, 'net.onnx', manifest)
      expect(await firstWeights(manifest, spec, TRAINED)).to.deep.equal(weights)
      const { weights: _, ...model } = manifest.model
      expect(await firstWeights({ ...manifest, model }, spec, null)).not.to.deep.equal(weights)
    })

    it('are refused from another file, from none, and from one of another architecture', async () => {
      const failure = async (file: Uint8Array | null, cid?: string): Promise<VersionError> => {
        const { weights } = manifest.model
        const model = { ...manifest.model, weights: { ...weights!, ...(cid === undefined ? {} : { cid }) } }
        return (await firstWeights({ ...manifest, model }, spec, file).catch((error: unknown) => error)) as VersionError
      }
      const altered = Uint8Array.from(TRAINED)
      altered[altered.length - 1]! ^= 1
      const other = readFileSync('test/keepers/services/fixtures/digits.onnx')
      for (const [error, message] of [
        [await failure(altered), /the file of weights is bafk\w+, the manifest names bafk\w+/],
        [await failure(null), /model\.weights: bafk\w+ is needed, and there is no file of it/],
        [await failure(other, await blobCid(other)), /model\.weights: /],
        [await failure(Uint8Array.of(1, 2, 3), await blobCid(Uint8Array.of(1, 2, 3))), /model\.weights: /],
      ] as const) {
        expect(error).to.be.instanceOf(VersionError)
        expect(error.code).to.equal('WRONG_START')
        expect(error.message).to.match(message)
      }
    })
  })
})
