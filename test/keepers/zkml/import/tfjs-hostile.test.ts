// SPDX-License-Identifier: GPL-3.0-or-later
// tfjs models that nobody saved: shards that are no files, names with a meaning of their own, nesting without end.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { buildWithPlan, CompileError, calibrate, importModelFile, importTfjs } from '../../../../keepers/zkml/index.ts'

const WEIGHTS = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6, 0.5, -0.5).buffer)

function model(options: { paths?: string[]; name?: string; units?: number; topology?: unknown } = {}) {
  const { paths = ['w.bin'], name = 'd', units = 2 } = options
  const dense = { class_name: 'Dense', config: { name, units, activation: 'linear', batch_input_shape: [null, 3] } }
  return {
    format: 'layers-model',
    modelTopology: options.topology ?? { class_name: 'Sequential', config: { name: 's', layers: [dense] } },
    weightsManifest: [
      {
        paths,
        weights: [
          { name: `${name}/kernel`, shape: [3, 2], dtype: 'float32' },
          { name: `${name}/bias`, shape: [2], dtype: 'float32' },
        ],
      },
    ],
  }
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    expect(error).to.be.instanceOf(CompileError)
    return (error as Error).message
  }
  throw new Error('the model was imported')
}

describe('tfjs models that nobody saved', () => {
  let folder: string
  const load = async (json: object): Promise<unknown> => {
    await writeFile(join(folder, 'model.json'), JSON.stringify(json))
    return importModelFile(join(folder, 'model.json'))
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tfjs-hostile-'))
    await writeFile(join(folder, 'w.bin'), WEIGHTS)
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('are read when they are whole', async () => {
    expect(await load(model())).to.have.property('name', 's')
  })

  it('are refused when a shard is a link, to a device or to a file, a folder, or lies behind a link', async () => {
    await symlink('/dev/zero', join(folder, 'zero.bin'))
    await symlink('w.bin', join(folder, 'link.bin'))
    await mkdir(join(folder, 'shards.bin'))
    await symlink('.', join(folder, 'here'))
    for (const path of ['zero.bin', 'link.bin', 'shards.bin', 'here/w.bin'])
      expect(await refusal(load(model({ paths: [path] }))), path).to.match(/weight shard .* a link/)
  })

  it('are refused when a shard has a NUL in its name, lies outside, or is larger than its weights', async () => {
    expect(await refusal(load(model({ paths: ['w.bin\0.txt'] })))).to.contain('NUL in its name')
    for (const path of ['../w.bin', '/etc/hostname', 'a/../../w.bin'])
      expect(await refusal(load(model({ paths: [path] }))), path).to.contain('lies outside')
    await writeFile(join(folder, 'large.bin'), new Uint8Array(4096))
    expect(await refusal(load(model({ paths: ['large.bin'] })))).to.contain('has 4096 bytes, its weights at most 32')
  })

  it('keep their plan when a layer has the name of what every object has', async () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const text = JSON.stringify(model({ name }))
      const graph = importTfjs(text, () => WEIGHTS)
      const { plan, program } = calibrate(graph, [[1, 0.5, -1]], { mode: 'committed' })
      const again = buildWithPlan(
        importTfjs(text, () => WEIGHTS),
        JSON.parse(JSON.stringify(plan)),
      )
      expect(again.program.layers, name).to.deep.equal(program.layers)
    }
  })

  it('are refused when models lie in models without end', () => {
    const open = '{"class_name":"Sequential","config":{"name":"s","layers":['
    const nested = `${open.repeat(2000)}${']}}'.repeat(2000)}`
    const text = JSON.stringify(model({ topology: 'HERE' })).replace('"HERE"', nested)
    expect(() => importTfjs(text, () => WEIGHTS)).to.throw(CompileError, /in more than 16 others/)
    const brackets = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
    expect(() => importTfjs(brackets, () => WEIGHTS)).to.throw(CompileError)
  })

  it('are refused when configuration and weights differ', () => {
    const message = /weights \[3,2\] do not multiply an input \[3\] to 5 units/
    expect(() => importTfjs(JSON.stringify(model({ units: 5 })), () => WEIGHTS)).to.throw(CompileError, message)
  })

  it('are refused when a weight could be one of two, or comes twice', () => {
    const twice = model()
    twice.weightsManifest[0]!.weights[1]!.name = 'd/kernel'
    expect(() => importTfjs(JSON.stringify(twice), () => WEIGHTS)).to.throw(
      CompileError,
      /two weights .*named d\/kernel/,
    )
    const scoped = model()
    scoped.weightsManifest[0]!.weights = [
      { name: 'a/d/kernel', shape: [3, 2], dtype: 'float32' },
      { name: 'b/d/kernel', shape: [2, 1], dtype: 'float32' },
    ]
    expect(() => importTfjs(JSON.stringify(scoped), () => WEIGHTS)).to.throw(
      CompileError,
      /may be a\/d\/kernel or b\/d\/kernel/,
    )
  })

  it('are refused when a layer is called for training', () => {
    const topology = {
      class_name: 'Functional',
      config: {
        name: 'f',
        layers: [
          {
            class_name: 'InputLayer',
            name: 'x',
            config: { name: 'x', batch_input_shape: [null, 3] },
            inbound_nodes: [],
          },
          {
            class_name: 'Dropout',
            name: 'drop',
            config: { name: 'drop', rate: 0.5 },
            inbound_nodes: [[['x', 0, 0, { training: true }]]],
          },
          { class_name: 'Dense', name: 'd', config: { name: 'd', units: 2 }, inbound_nodes: [[['drop', 0, 0, {}]]] },
        ],
        input_layers: [['x', 0, 0]],
        output_layers: [['d', 0, 0]],
      },
    }
    expect(() => importTfjs(JSON.stringify(model({ topology })), () => WEIGHTS)).to.throw(
      CompileError,
      /drop is called with training = true/,
    )
  })
})
