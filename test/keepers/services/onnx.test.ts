// SPDX-License-Identifier: GPL-3.0-or-later
// Networks from elsewhere as a service's: what exporters write as ONNX, what is read of it, and what is refused.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { LearningError, proceduralDigits } from '../../../keepers/learning/index.ts'
import { chooseArchitecture, draftService, readSample, type Sample } from '../../../keepers/services/index.ts'
import { openManifest } from '../../../keepers/versions/index.ts'
import { topologyOfOnnx } from '../../../keepers/versions/onnx.ts'
import { importOnnx } from '../../../keepers/zkml/index.ts'
import { type Model, onnxFile } from '../zkml/import/onnx-file.ts'

const FIXTURES = 'test/keepers/services/fixtures'
const layersOf = (bytes: Uint8Array, outputs: number) =>
  (
    topologyOfOnnx(importOnnx(bytes), 'net.onnx', { outputs }).config.layers as {
      class_name: string
      config: Record<string, unknown>
    }[]
  ).map(({ class_name, config }) => [
    class_name,
    config.units ?? config.filters ?? config.activation ?? null,
    config.activation,
  ])

/** PyTorch's way: channels first, a convolution, a flatten, a dense layer. */
const picture = (more: Partial<Model> = {}): Model => ({
  opset: 17,
  input: { name: 'x', shape: [1, 1, 8, 8] },
  output: 'y',
  nodes: [
    { op: 'Conv', inputs: ['x', 'w', 'b'], outputs: ['c'], attributes: { kernel_shape: [3, 3] } },
    { op: 'Relu', inputs: ['c'], outputs: ['r'] },
    { op: 'MaxPool', inputs: ['r'], outputs: ['p'], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
    { op: 'Flatten', inputs: ['p'], outputs: ['f'] },
    { op: 'Gemm', inputs: ['f', 'v', 'a'], outputs: ['y'] },
  ],
  constants: {
    w: { shape: [2, 1, 3, 3], data: new Float32Array(18).fill(0.1) },
    b: { shape: [2], data: [0, 0] },
    v: { shape: [18, 3], data: new Float32Array(54).fill(0.1) },
    a: { shape: [3], data: [0, 0, 0] },
  },
  ...more,
})

describe('an ONNX file as a service’s architecture', function () {
  this.timeout(60_000)

  it('is scikit-learn’s networks, their heads widened to what the service needs', () => {
    const read = (name: string): Uint8Array => readFileSync(join(FIXTURES, name))
    expect(layersOf(read('classifier.onnx'), 2)).to.deep.equal([
      ['Dense', 12, 'linear'],
      ['Activation', 'relu', 'relu'],
      ['Dense', 2, 'softmax'],
    ])
    expect(layersOf(read('digits.onnx'), 10).map(([, size]) => size)).to.deep.equal([12, 'relu', 8, 'relu', 10])
    expect(layersOf(read('regressor.onnx'), 1)).to.deep.equal([
      ['Dense', 12, 'linear'],
      ['Activation', 'tanh', 'tanh'],
      ['Dense', 1, 'linear'],
    ])
  })

  it('is trained anew and proven: scikit-learn’s classifier of cells, a manifest with a provable model', async () => {
    const sample = await readSample('examples/breast-cancer/cells.csv')
    const spec = await chooseArchitecture(join(FIXTURES, 'classifier.onnx'), sample)
    expect(spec.parameterCount).to.equal(30 * 12 + 12 + 12 * 2 + 2)
    const options = { name: 'sk', spec, sample, keepers: 16, decryptionsPerEpoch: 64, rounds: 10 }
    const { manifest, report } = await draftService(options)
    expect(report.accuracy.proven).to.be.at.least(0.93)
    expect((await openManifest(manifest)).spec.parameterCount).to.equal(spec.parameterCount)
  })

  it('may be an owner’s LayersModel of pictures instead, which is proven as it is', async () => {
    const { train, test } = proceduralDigits({ seed: 1, train: 200, test: 100 })
    const task = { kind: 'classification' as const, classes: Array.from('0123456789') }
    const sample: Sample = { train, test, task, input: { kind: 'picture', shape: [28, 28, 1] } }
    const spec = await chooseArchitecture('examples/fashion-mnist/model.json', sample)
    expect(spec.parameterCount).to.equal(3216)
    const options = { name: 'wardrobe', spec, sample, keepers: 16, decryptionsPerEpoch: 64, rounds: 2 }
    const { manifest, report } = await draftService(options)
    expect(manifest.input).to.deep.equal({ kind: 'picture', shape: [28, 28, 1] })
    expect(report.headroom.clippedShare).to.equal(0)
    expect(report.proof.constraints).to.be.within(50_000, 100_000)
  })

  it('is a picture’s, whose channels come first there and last here', () => {
    expect(layersOf(onnxFile(picture()), 3)).to.deep.equal([
      ['Conv2D', 2, 'linear'],
      // The importer pools first, which comes to the same and is cheaper to prove.
      ['MaxPooling2D', null, undefined],
      ['Activation', 'relu', 'relu'],
      ['Flatten', null, undefined],
      ['Dense', 3, 'softmax'],
    ])
  })

  it('is refused by name where keepers could not train it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cohort-onnx-'))
    const refused = (model: Model, outputs: number, message: RegExp): void => {
      expect(() => topologyOfOnnx(importOnnx(onnxFile(model)), 'net.onnx', { outputs }), `${message}`).to.throw(
        LearningError,
        message,
      )
    }
    try {
      const nodes = picture().nodes
      const skip = { op: 'Add', inputs: ['c', 'c2'], outputs: ['r'] }
      const twice = [nodes[0]!, { op: 'Tanh', inputs: ['c'], outputs: ['c2'] }, skip, ...nodes.slice(2)]
      refused(picture({ nodes: twice }), 3, /net\.onnx: .* joins several branches; convert it to a tfjs LayersModel/)
      const cut = [
        ...nodes.slice(0, 4),
        { ...nodes[4]!, outputs: ['s'] },
        { op: 'Relu', inputs: ['s'], outputs: ['y'] },
      ]
      refused(picture({ nodes: cut }), 3, /after the last dense layer/)
      refused(
        picture({ nodes: nodes.slice(0, 3).map((node, i) => (i === 2 ? { ...node, outputs: ['y'] } : node)) }),
        3,
        /no dense layer/,
      )
      const sample = await readSample('examples/breast-cancer/cells.csv')
      const file = join(folder, 'digits.onnx')
      writeFileSync(file, readFileSync(join(FIXTURES, 'digits.onnx')))
      const error = await chooseArchitecture(file, sample).catch((caught: unknown) => caught)
      expect((error as Error).message).to.match(
        /digits\.onnx: takes \[64\] and tells 10 classes apart; the sample has \[30\]/,
      )
      writeFileSync(file, 'nothing')
      const broken = await chooseArchitecture(file, sample).catch((caught: unknown) => caught)
      expect((broken as Error).message).to.match(/ONNX|protobuf|malformed|cut/i)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
