// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  flatten,
  initialWeights,
  LocalTrainer,
  loadModel,
  MODEL_NAMES,
  modelSpec,
  parseModelSpec,
  proceduralDigits,
  saveModel,
  specHash,
  unflatten,
} from '../../../keepers/learning/index.ts'
import { loadTfjs } from '../../../keepers/learning/model/tfjs-model.ts'
import { relativeError } from './reference.ts'
import { refuses } from './refusal.ts'

describe('learning: models', function () {
  this.timeout(20_000)
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cohort-model-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  it('have the published sizes', () => {
    expect(modelSpec('article-cnn').parameterCount).to.equal(44_426)
    expect(modelSpec('small-cnn').parameterCount).to.equal(2_202)
    expect(modelSpec('logistic').parameterCount).to.equal(7_850)
    expect(modelSpec('mlp').parameterCount).to.equal(199_210)
  })

  it('have hashes that never change by accident, and differ', () => {
    expect(MODEL_NAMES.map((name) => specHash(modelSpec(name)))).to.deep.equal([
      '738f5b70e4ee9958f0752d8d22c65a6541abb003d50c2dbe56a95a30cb0c103a',
      '03e83b999a98169e51fab462f3a8a81209e0087c98b86099333af47b98e7c1ef',
      '23d1ab4caad918b948c743269383513f037ae239dbd1a81add7314d0831c82d4',
      '054613a4193e7e1191dbc71f6322d4fb7784f95511482d32323fc969781d8848',
    ])
  })

  it('the hash ignores initialisers and missing-versus-null options, and sees everything else', async () => {
    const spec = modelSpec('small-cnn')
    const changed = (edit: (layers: any[]) => void) => {
      const topology = structuredClone(spec.topology) as any
      edit(topology.config.layers)
      return parseModelSpec({ modelTopology: topology }).then(specHash)
    }
    const base = specHash(spec)
    expect(
      await changed((layers) => Object.assign(layers[0].config, { kernel_initializer: 'x', dtype: 'float32' })),
    ).to.equal(base)
    expect(await changed((layers) => delete layers[2].config.max_value)).to.equal(base)
    expect(await changed((layers) => Object.assign(layers[0].config, { padding: 'same' }))).to.not.equal(base)
    expect(await changed((layers) => Object.assign(layers[0].config, { name: 'other' }))).to.not.equal(base)
    expect(
      await changed((layers) =>
        Object.assign(layers[2], { class_name: 'Activation', config: { name: 'relu1', activation: 'tanh' } }),
      ),
    ).to.not.equal(base)
  })

  it('initial weights are the same bits from the same seed, with the spread that Glorot asks for', () => {
    const spec = modelSpec('article-cnn')
    const weights = initialWeights(spec, 7)
    expect(weights).to.deep.equal(initialWeights(spec, 7))
    expect(weights).to.not.deep.equal(initialWeights(spec, 8))
    const { offset, length } = spec.parameters.find(({ name }) => name === 'dense1/kernel')!
    const limit = Math.sqrt(6 / (256 + 120))
    const values = weights.subarray(offset, offset + length)
    const variance = values.reduce((sum, w) => sum + w * w, 0) / length
    expect(Math.max(...values)).to.be.within(0.99 * limit, limit)
    expect(variance).to.be.closeTo((limit * limit) / 3, 0.02 * limit * limit)
  })

  it('flatten and unflatten are inverse, and refuse what does not fit', async () => {
    const spec = modelSpec('small-cnn')
    const weights = initialWeights(spec, 3)
    const tensors = unflatten(spec, weights)
    expect([...tensors.keys()]).to.deep.equal([
      'conv1/kernel',
      'conv1/bias',
      'conv2/kernel',
      'conv2/bias',
      'dense/kernel',
      'dense/bias',
    ])
    expect(flatten(spec, tensors)).to.deep.equal(weights)
    await refuses(() => unflatten(spec, weights.subarray(1)), 'BAD_VECTOR', /2201 values, but small-cnn has 2202/)
    const broken = weights.slice()
    broken[150] = Number.NaN
    await refuses(() => unflatten(spec, broken), 'BAD_VECTOR', /weights\[150\] \(conv2\/kernel\) is NaN/)
    await refuses(
      () => flatten(spec, new Map([...tensors].slice(1))),
      'BAD_VECTOR',
      /conv1\/kernel of small-cnn is missing/,
    )
    await refuses(
      () => flatten(spec, new Map([...tensors, ['x', new Float32Array(1)]])),
      'BAD_VECTOR',
      /x does not belong/,
    )
    await refuses(
      () => flatten(spec, new Map([...tensors, ['conv1/bias', new Float32Array(5)]])),
      'BAD_VECTOR',
      /conv1\/bias has 5 values, expected 4/,
    )
  })

  for (const name of MODEL_NAMES) {
    it(`${name}: saved, loaded by tfjs itself, it answers the same`, async () => {
      const spec = modelSpec(name)
      const weights = initialWeights(spec, 11)
      await saveModel({ spec, weights }, directory)
      expect((await readdir(directory)).sort()).to.deep.equal(['model.json', 'weights.bin'])
      const json = JSON.parse(await readFile(join(directory, 'model.json'), 'utf8'))
      const bytes = await readFile(join(directory, 'weights.bin'))
      const tf = await loadTfjs()
      await tf.setBackend('cpu')
      const theirs = await tf.loadLayersModel({
        load: async () => ({
          modelTopology: json.modelTopology,
          weightSpecs: json.weightsManifest[0].weights,
          weightData: new Uint8Array(bytes).buffer,
        }),
      })
      const { test } = proceduralDigits({ seed: 1, train: 1, test: 6 })
      const inputs = Float32Array.from(test.inputs, (value) => value / 255)
      const trainer = await LocalTrainer.create({ spec })
      trainer.setWeights(weights)
      const ours = await trainer.predict(inputs)
      const answers = (theirs.predict(tf.tensor4d(inputs, [6, 28, 28, 1])) as any).dataSync()
      expect(relativeError(ours, answers)).to.be.below(1e-5)
      theirs.dispose()
    })
  }

  it('refuses a model with activations that would fill the memory, before allocating them', async () => {
    const layers = [
      {
        class_name: 'AveragePooling2D',
        config: { name: 'pool', pool_size: [8192, 8192], batch_input_shape: [null, 8192, 8192, 1] },
      },
      { class_name: 'Flatten', config: { name: 'flat' } },
      { class_name: 'Dense', config: { name: 'out', units: 2 } },
    ]
    const spec = await parseModelSpec({ modelTopology: { class_name: 'Sequential', config: { name: 'wide', layers } } })
    expect(spec.parameterCount).to.equal(4)
    await refuses(() => LocalTrainer.create({ spec }), 'BAD_MODEL', /more than 2 GiB of working memory/)
    await refuses(
      () => parseModelSpec({ modelTopology: { class_name: 'Sequential', config: { name: 'x', layers: [] } } }),
      'BAD_MODEL',
      /layers/,
    )
  })

  // A layer that only tfjs knows, and it draws all weights while it builds the model.
  for (const [what, units] of [
    ['one layer', [2 ** 17]],
    ['two layers that would do alone', [40_000, 800]],
  ] as const)
    it(`refuses a model for tfjs of too many weights in ${what}, before there is memory for them`, async () => {
      const topology = structuredClone(modelSpec('mlp').topology) as any
      const { layers } = topology.config
      layers.splice(1, 0, { class_name: 'BatchNormalization', config: { name: 'norm', axis: -1 } })
      units.forEach((count, i) => {
        layers[2 + i].config.units = count
      })
      const tf = await loadTfjs()
      const before = tf.memory().numBytes
      const error = await parseModelSpec({ modelTopology: topology }).catch((cause: Error) => cause)
      expect(error).to.have.property('code', 'BAD_MODEL')
      expect(error)
        .to.have.property('message')
        .which.matches(/more than the 50000000 parameters/)
      // 31 million values may be there, 102 million not.
      expect(tf.memory().numBytes - before).to.be.below(4 * 50_000_000)
    })

  it('loads saved models to the same bits', async () => {
    const spec = modelSpec('small-cnn')
    const weights = initialWeights(spec, 5)
    await saveModel({ spec, weights }, directory)
    const loaded = await loadModel(directory)
    expect(loaded.weights).to.deep.equal(weights)
    expect(specHash(loaded.spec)).to.equal(specHash(spec))
  })

  it('refuses to write weights that are not finite, and leaves the directory as it was', async () => {
    const spec = modelSpec('logistic')
    const weights = initialWeights(spec, 5)
    await saveModel({ spec, weights }, directory)
    const bad = weights.slice()
    bad[3] = Number.POSITIVE_INFINITY
    await refuses(() => saveModel({ spec, weights: bad }, directory), 'BAD_VECTOR', /weights\[3\]/)
    expect((await loadModel(directory)).weights).to.deep.equal(weights)
  })

  describe('model files', () => {
    async function edited(edit: (json: any) => void): Promise<void> {
      const spec = modelSpec('logistic')
      await saveModel({ spec, weights: initialWeights(spec, 5) }, directory)
      const file = join(directory, 'model.json')
      const json = JSON.parse(await readFile(file, 'utf8'))
      edit(json)
      await writeFile(file, JSON.stringify(json))
    }
    const weightsOf = (json: any) => json.weightsManifest[0].weights
    const cases: [string, (json: any) => void, RegExp][] = [
      ['without topology', (json) => delete json.modelTopology, /modelTopology/],
      ['of another class', (json) => Object.assign(json.modelTopology, { class_name: 'Tree' }), /modelTopology/],
      [
        'whose stored shape differs',
        (json) => Object.assign(weightsOf(json)[0], { shape: [10, 784] }),
        /dense\/kernel is stored as \[10,784\], the layer has \[784,10\]/,
      ],
      [
        'with a stranger among the weights',
        (json) => Object.assign(weightsOf(json)[0], { name: 'odd' }),
        /no layer has a parameter odd/,
      ],
      ['with integer weights', (json) => Object.assign(weightsOf(json)[0], { dtype: 'int32' }), /only float32/],
      [
        'that reads outside its directory',
        (json) => Object.assign(json.weightsManifest[0], { paths: ['../../etc/passwd'] }),
        /must be a plain file name/,
      ],
      [
        'that ends in relu',
        (json) => Object.assign(json.modelTopology.config.layers[1].config, { activation: 'relu' }),
        /ends in relu/,
      ],
    ]
    for (const [what, edit, message] of cases) {
      it(`refuses one ${what}`, async () => {
        await edited(edit)
        await refuses(() => loadModel(directory), 'BAD_MODEL', message)
      })
    }

    it('refuses weights that are cut off or too long', async () => {
      await edited(() => {})
      const file = join(directory, 'weights.bin')
      const bytes = await readFile(file)
      await writeFile(file, bytes.subarray(0, 1000))
      await refuses(() => loadModel(directory), 'BAD_MODEL', /weights\.bin: cut off at 1000 bytes, in dense\/kernel/)
      await writeFile(file, Buffer.concat([bytes, Buffer.alloc(4)]))
      await refuses(() => loadModel(directory), 'BAD_MODEL', /31404 bytes, but the manifest lists 31400/)
    })

    it('refuses text that is not JSON', async () => {
      await writeFile(join(directory, 'model.json'), '{"modelTopology": ')
      await refuses(() => loadModel(directory), 'BAD_MODEL', /model\.json: .*JSON/)
    })
  })
})
