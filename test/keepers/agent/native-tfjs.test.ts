// SPDX-License-Identifier: GPL-3.0-or-later
// tfjs-node trains what the fused step does not know, where it is installed. It is not here, so a stub takes its place on the resolution
// path: a package of its name that gives tfjs the backend `tensorflow`, by the kernels of the plain CPU. What is tested is the choice
// and what is said of it; that the native add-on computes rightly is not.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'

const TFJS = createRequire(import.meta.url).resolve('@tensorflow/tfjs')
const STUB = `
const tf = require(${JSON.stringify(TFJS)})
tf.registerBackend('tensorflow', () => tf.engine().registryFactory.cpu.factory(), 3)
tf.copyRegisteredKernels('cpu', 'tensorflow')
`
/** Puts the stub where Node looks for packages, in every thread. */
const HOOK = (folder: string) => `
import { registerHooks } from 'node:module'
registerHooks({
  resolve: (specifier, context, next) =>
    next(specifier, specifier === '@tensorflow/tfjs-node' ? { ...context, parentURL: ${JSON.stringify(pathToFileURL(join(folder, 'x.mjs')).href)} } : context),
})
`

describe('training by tfjs-node', function () {
  this.timeout(60_000)
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-native-'))
    const stub = join(folder, 'node_modules/@tensorflow/tfjs-node')
    mkdirSync(stub, { recursive: true })
    writeFileSync(join(stub, 'package.json'), JSON.stringify({ name: '@tensorflow/tfjs-node', main: 'index.js' }))
    writeFileSync(join(stub, 'index.js'), STUB)
    writeFileSync(join(folder, 'hook.mjs'), HOOK(folder))
    const rows = Array.from({ length: 40 }, (_, i) => `${(i * 37) % 41},${(i * 17) % 23},${i % 2 ? 'a' : 'b'}`)
    writeFileSync(join(folder, 'rows.csv'), `x,y,label\n${rows.join('\n')}\n`)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** What a keeper logs of its shard, with a model that has a skip beside its layers or without. */
  async function logged(skip: boolean, installed: boolean): Promise<Record<string, unknown>[]> {
    const script = `
import { Trainer } from '${ROOT}/keepers/agent/training/trainer.ts'
import { noteShard } from '${ROOT}/keepers/agent/training/shard-notes.ts'
import { parseConfig } from '${ROOT}/keepers/agent/index.ts'
import { exampleManifest, modelPart } from '${ROOT}/keepers/versions/index.ts'
import { parseModelSpec } from '${ROOT}/keepers/learning/index.ts'
import { readFileSync } from 'node:fs'
const layer = (class_name, name, config, ...from) => ({
  class_name, name, config: { name, trainable: true, ...config },
  inbound_nodes: from.length === 0 ? [] : [from.map((one) => [one, 0, 0, {}])],
})
const dense = { units: 6, activation: 'relu', use_bias: true }
const layers = [
  layer('InputLayer', 'row', { batch_input_shape: [null, 2], dtype: 'float32', sparse: false }),
  layer('Dense', 'a', dense, 'row'),
  layer('Dense', 'b', dense, 'a'),
  layer('Add', 'sum', {}, 'a', 'b'),
  layer('Dense', 'out', { units: 2, activation: 'softmax', use_bias: true }, 'sum'),
]
const io = { input_layers: [['row', 0, 0]], output_layers: [['out', 0, 0]] }
const skip = await parseModelSpec({ modelTopology: { class_name: 'Functional', config: { name: 'skip', layers, ...io } } })
const input = { kind: 'table', shape: [2], features: ['x', 'y'], label: 'label', delimiter: ',' }
const plain = exampleManifest('logistic', { classes: ['a', 'b'], input })
const manifest = ${skip} ? { ...plain, model: modelPart(skip) } : plain
const example = readFileSync('${ROOT}/keepers/agent/keeper.example.yaml', 'utf8')
const config = parseConfig(example.replace('source: digits ', 'source: csv\\n  path: rows.csv '), ${JSON.stringify(folder)}, manifest)
const trainer = await Trainer.start(config)
const say = (level) => (fields, message) => console.log(JSON.stringify({ level, ...fields, message }))
noteShard({ info: say('info'), warn: say('warn') }, trainer.shard)
const { weights } = await trainer.train(trainer.shard.initialWeights, { round: 1, epoch: 1 }, config.training)
console.log(JSON.stringify({ moved: weights.some((weight, i) => weight !== trainer.shard.initialWeights[i]) }))
await trainer.stop()
`
    const file = join(folder, `run-${skip}-${installed}.mjs`)
    writeFileSync(file, script)
    const hook = installed ? ['--import', pathToFileURL(join(folder, 'hook.mjs')).href] : []
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...hook, file])
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
    expect(out, err).to.contain('moved')
    return out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  }

  it('is taken where it is installed and the fused step does not know a layer, and the keeper says so', async () => {
    const [shard, ...rest] = await logged(true, true)
    expect(shard).to.deep.include({ level: 'info', event: 'shard', backend: 'tfjs-node' })
    expect(rest).to.deep.equal([{ moved: true }])
  })

  it('is not needed: the WebAssembly of tfjs takes its place, and the fused step goes before both', async () => {
    expect((await logged(true, false))[0]).to.deep.include({ event: 'shard', backend: 'tfjs-wasm' })
    expect((await logged(false, true))[0]).to.deep.include({ event: 'shard', backend: 'fused' })
  })
})
