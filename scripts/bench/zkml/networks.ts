// SPDX-License-Identifier: GPL-3.0-or-later
// The networks that the zkml bench measures, as tfjs models on disk: two CNNs trained here (and kept in the cache), and perceptrons
// with random weights, because only their size matters.
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import {
  initialWeights,
  LocalTrainer,
  loadMnist,
  type ModelName,
  modelSpec,
  parseModelSpec,
  proceduralDigits,
  saveModel,
} from '../../../keepers/learning/index.ts'
import type { DatasetPair, ModelSpec } from '../../../keepers/learning/types.ts'
import { ROOT } from '../../bootstrap/paths.mjs'

export const CACHE = join(ROOT, '.cache', 'bench', 'zkml')

/** Pictures as the networks see them: bytes / 255. */
export type Pictures = { readonly inputs: readonly Float64Array[]; readonly labels: readonly number[] }

export async function loadDigitPair(dataDir: string | null): Promise<DatasetPair> {
  return dataDir === null ? proceduralDigits({ seed: 1, train: 6000, test: 2000 }) : loadMnist({ dir: dataDir })
}

export function pictures(set: DatasetPair['test'], from: number, count: number): Pictures {
  const size = set.inputs.length / set.count
  const end = Math.min(set.count, from + count)
  const inputs: Float64Array[] = []
  for (let i = from; i < end; i++) {
    inputs.push(Float64Array.from(set.inputs.subarray(i * size, (i + 1) * size), (byte) => byte / 255))
  }
  return { inputs, labels: Array.from(set.labels.subarray(from, end)) }
}

/** Trains a named model, or takes the one trained before. Returns its folder. */
export async function trainedModel(
  name: ModelName,
  data: DatasetPair,
  options: { readonly epochs: number; readonly progress: (message: string) => void },
): Promise<string> {
  const folder = join(CACHE, 'models', `${name}-${data.train.origin}-${data.train.count}-${options.epochs}`)
  if (await exists(join(folder, 'model.json'))) return folder
  const spec = modelSpec(name)
  const trainer = await LocalTrainer.create({ spec })
  trainer.loadData(data.train)
  // Two rates: the second refines the result of the first.
  for (const [learningRate, epochs] of [
    [0.002, Math.ceil(options.epochs / 2)],
    [0.0005, Math.floor(options.epochs / 2)],
  ] as const) {
    if (epochs === 0) continue
    trainer.setParameters({ epochs, batchSize: 64, optimizer: { kind: 'adam', learningRate }, seed: 1 })
    options.progress(`training ${name}: ${epochs} epochs at ${learningRate}`)
    await trainer.train()
  }
  await saveModel({ spec, weights: trainer.getWeights() }, folder)
  trainer.teardown()
  return folder
}

/** A perceptron with ReLUs between its layers and seeded random weights. */
export async function perceptron(name: string, widths: readonly number[]): Promise<string> {
  const folder = join(CACHE, 'models', name)
  if (await exists(join(folder, 'model.json'))) return folder
  const spec = await perceptronSpec(name, widths)
  await saveModel({ spec, weights: initialWeights(spec, 1) }, folder)
  return folder
}

function perceptronSpec(name: string, [inputs, ...units]: readonly number[]): Promise<ModelSpec> {
  const layers = units.map((width, i) => ({
    class_name: 'Dense',
    config: {
      name: `dense${i + 1}`,
      units: width,
      activation: i === units.length - 1 ? 'softmax' : 'relu',
      use_bias: true,
      trainable: true,
      ...(i === 0 ? { batch_input_shape: [null, inputs] } : {}),
    },
  }))
  const config = { name: name.replaceAll('-', '_'), layers }
  return parseModelSpec({ modelTopology: { class_name: 'Sequential', config } })
}

/** The same network with every average pooling after the activation that follows it. */
export async function poolingAfterActivation(folder: string): Promise<string> {
  const { readFile, cp, writeFile, mkdir } = await import('node:fs/promises')
  const target = `${folder}-pool-last`
  await mkdir(target, { recursive: true })
  const model = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8'))
  const layers: { class_name: string }[] = model.modelTopology.config.layers
  for (let i = 0; i + 1 < layers.length; i++) {
    if (layers[i]!.class_name === 'AveragePooling2D' && layers[i + 1]!.class_name === 'ReLU') {
      ;[layers[i], layers[i + 1]] = [layers[i + 1]!, layers[i]!]
      i++
    }
  }
  await writeFile(join(target, 'model.json'), JSON.stringify(model))
  await cp(join(folder, 'weights.bin'), join(target, 'weights.bin'))
  return target
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
