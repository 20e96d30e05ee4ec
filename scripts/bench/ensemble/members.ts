// SPDX-License-Identifier: GPL-3.0-or-later
// Three small CNNs of different shape, each trained on its own third of the data, and quantised to integers that a circuit
// computes with public weights.
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { LocalTrainer, parseModelSpec, partitionBySize, saveModel, subset } from '../../../keepers/learning/index.ts'
import type { Dataset, ModelSpec } from '../../../keepers/learning/types.ts'
import {
  calibrate,
  encodeInput,
  type IntegerProgram,
  importModelFile,
  interpret,
  type Plan,
} from '../../../keepers/zkml/index.ts'
import { ROOT } from '../../bootstrap/paths.mjs'
import { type Pictures, pictures } from '../zkml/networks.ts'
import type { Ballot } from './decide.ts'

const CACHE = join(ROOT, '.cache', 'bench', 'ensemble')
const CALIBRATION = 100
/** Two rates: the second refines the result of the first. */
const RATES = [0.002, 0.0005] as const

/** Blocks of (filters, kernel), each followed by 2×2 average pooling and a ReLU; one dense layer ends the network. */
type Architecture = { readonly name: string; readonly blocks: readonly (readonly [filters: number, size: number])[] }

/** The best of ten on the held-out pictures, of shapes that differ; members of one strength gain most from each other. */
const ARCHITECTURES: readonly Architecture[] = [
  {
    name: 'two-5x5',
    blocks: [
      [6, 5],
      [16, 5],
    ],
  },
  {
    name: '7x7-then-4x4',
    blocks: [
      [6, 7],
      [12, 4],
    ],
  },
  { name: 'one-11x11', blocks: [[10, 11]] },
]

export type EnsembleMember = {
  readonly name: string
  readonly program: IntegerProgram
  readonly plan: Plan
  /** Where its circuit and keys go. */
  readonly folder: string
}

export type Votes = readonly Pick<Ballot, 'value' | 'margin'>[]

/** The training pictures, divided among the members, and the pictures for every choice. */
export function divide(train: Dataset, heldOut: number): { shares: Dataset[]; validation: Pictures } {
  const count = ARCHITECTURES.length
  const share = Math.floor((train.count - heldOut) / count)
  const { shards } = partitionBySize(train, { sizes: [...Array<number>(count).fill(share), heldOut], seed: 5 })
  const sets = shards.map((indices) => subset(train, indices))
  return { shares: sets.slice(0, count), validation: pictures(sets[count]!, 0, heldOut) }
}

/** Trains and quantises the members; reuses an earlier run's training on the same data. */
export async function createMembers(
  shares: readonly Dataset[],
  options: { readonly epochs: number; readonly progress: (message: string) => void },
): Promise<EnsembleMember[]> {
  const members: EnsembleMember[] = []
  for (const [i, architecture] of ARCHITECTURES.entries()) {
    const data = shares[i]!
    const key = `${architecture.name}-${data.origin}-${data.count}-${options.epochs}`
    const model = join(CACHE, 'models', key)
    if (!(await exists(join(model, 'model.json')))) await train(architecture, i + 1, data, model, options)
    const { program, plan } = calibrate(
      await importModelFile(join(model, 'model.json')),
      pictures(data, 0, CALIBRATION).inputs,
      // One range for all: members share a commitment only if they read the picture as the same integers.
      { mode: 'released', output: { kind: 'margin' }, inputRange: { min: 0, max: 1 } },
    )
    members.push({ name: architecture.name, program, plan, folder: join(CACHE, 'folders', key) })
  }
  return members
}

/** The answer of a member's circuit to every picture: its label, and the label's lead. */
export function votesOf(member: EnsembleMember, inputs: Pictures['inputs']): Votes {
  return inputs.map((input) => {
    const scores = Array.from(interpret(member.program, encodeInput(member.program, input)).scores)
    const best = Math.max(...scores)
    const value = scores.indexOf(best)
    const second = Math.max(...scores.filter((_, label) => label !== value))
    return { value: BigInt(value), margin: BigInt(best - second) }
  })
}

async function train(
  architecture: Architecture,
  seed: number,
  data: Dataset,
  folder: string,
  { epochs, progress }: { readonly epochs: number; readonly progress: (message: string) => void },
): Promise<void> {
  const spec = await specOf(architecture)
  const trainer = await LocalTrainer.create({ spec })
  trainer.loadData(data)
  for (const learningRate of RATES) {
    progress(`${architecture.name}: ${epochs / RATES.length} epochs of ${data.count} pictures at ${learningRate}`)
    trainer.setParameters({
      epochs: epochs / RATES.length,
      batchSize: 32,
      optimizer: { kind: 'adam', learningRate },
      seed,
    })
    await trainer.train()
  }
  await saveModel({ spec, weights: trainer.getWeights() }, folder)
  trainer.teardown()
}

function specOf({ name, blocks }: Architecture): Promise<ModelSpec> {
  const layers: { class_name: string; config: Record<string, unknown> }[] = []
  for (const [i, [filters, size]] of blocks.entries()) {
    const first = i === 0 ? { batch_input_shape: [null, 28, 28, 1] } : {}
    const plane = { padding: 'valid', data_format: 'channels_last', trainable: true, ...first }
    const kernel = { kernel_size: [size, size], strides: [1, 1], dilation_rate: [1, 1] }
    layers.push(
      { class_name: 'Conv2D', config: { name: `conv${i}`, filters, ...kernel, ...plane, use_bias: true } },
      {
        class_name: 'AveragePooling2D',
        config: {
          ...{ name: `pool${i}`, pool_size: [2, 2], strides: [2, 2], padding: 'valid' },
          ...{ data_format: 'channels_last', trainable: true },
        },
      },
      { class_name: 'ReLU', config: { name: `relu${i}`, trainable: true, max_value: null } },
    )
  }
  layers.push(
    { class_name: 'Flatten', config: { name: 'flatten', trainable: true } },
    {
      class_name: 'Dense',
      config: { name: 'dense', units: 10, activation: 'softmax', use_bias: true, trainable: true },
    },
  )
  const config = { name: name.replaceAll('-', '_'), layers }
  return parseModelSpec({ modelTopology: { class_name: 'Sequential', config } })
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
