// SPDX-License-Identifier: GPL-3.0-or-later
// tfjs models as files: shards, quantised weights, and what is refused.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { expect } from 'chai'
import {
  CompileError,
  type CompileErrorCode,
  evaluate,
  importModelFile,
  importTfjs,
  importTfjsArtifacts,
} from '../../../../keepers/zkml/index.ts'
import { Random } from '../random.ts'
import { type Artifacts, artifactsOf, predict, randomise } from './tfjs-model.ts'

const L = tf.layers

describe('tfjs model files', function () {
  this.timeout(60_000)
  before(async () => {
    await tf.setBackend('cpu')
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
      /activation snake/,
      ({ modelTopology }) => {
        modelTopology.config.layers[0].config.activation = 'snake'
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

  it('refuses a saved model, and says what to do', () => {
    const text = '{"format":"saved-model","modelTopology":{"node":[]},"weightsManifest":[]}'
    expect(() => importTfjs(text, () => undefined)).to.throw(
      CompileError,
      /saved-model; save it as a layers-model or a graph-model/,
    )
  })

  it('refuses text that is not a model', () => {
    for (const text of [
      '',
      '{',
      '[]',
      '{"modelTopology":{}}',
      '{"modelTopology":{"class_name":"Graph","config":{}},"weightsManifest":[]}',
    ])
      expect(() => importTfjs(text, () => undefined), text).to.throw(CompileError)
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
