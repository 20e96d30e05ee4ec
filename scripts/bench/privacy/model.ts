// SPDX-License-Identifier: GPL-3.0-or-later
// One network for all three ways: 30 measurements of a cell, dense layers, squares between them; trained on the breast-cancer example.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { denseLayer, type SquareNetwork } from '../../../keepers/fhe/index.ts'
import { type Graph, importTfjsArtifacts } from '../../../keepers/zkml/index.ts'
import { ROOT } from '../../bootstrap/paths.mjs'

/** Inputs are standardised, and cut off here. */
export const INPUT_BOUND = 4
const CELLS = join(ROOT, 'examples', 'breast-cancer', 'cells.csv')
/** Every fifth row is for the test. */
const HOLD_OUT = 5
const SEED = 1
const WEIGHT_BITS = 10

export type Cells = { readonly inputs: Float64Array[]; readonly labels: number[] }
export type Widths = readonly [inputs: number, hidden: number, outputs: number]

/** The example's rows: standardised by the training rows' mean and deviation, a part for training and a part for the test. */
export async function readCells(): Promise<{ readonly train: Cells; readonly test: Cells }> {
  const rows = (await readFile(CELLS, 'utf8')).trim().split('\n').slice(1)
  const cells = rows.map((row) => row.split(','))
  const held = (_: unknown, at: number) => at % HOLD_OUT === 0
  const kept = (_: unknown, at: number) => at % HOLD_OUT !== 0
  const numbers = cells.map((row) => row.slice(0, -1).map(Number))
  const labels = cells.map((row) => (row.at(-1) === 'malignant' ? 1 : 0))
  const known = numbers.filter(kept)
  const means = known[0]!.map((_, i) => known.reduce((sum, row) => sum + row[i]!, 0) / known.length)
  const deviations = means.map((mean, i) =>
    Math.sqrt(known.reduce((sum, row) => sum + (row[i]! - mean) ** 2, 0) / known.length),
  )
  const standard = numbers.map((row) =>
    Float64Array.from(row, (value, i) => {
      const z = (value - means[i]!) / deviations[i]!
      return Math.max(-INPUT_BOUND, Math.min(INPUT_BOUND, z))
    }),
  )
  return {
    train: { inputs: standard.filter(kept), labels: labels.filter(kept) },
    test: { inputs: standard.filter(held), labels: labels.filter(held) },
  }
}

export type TrainedModel = {
  /** For the circuit. */
  readonly graph: Graph
  /** For the keepers, weights rounded to 2^-10. */
  readonly network: SquareNetwork
  /** Scores by tfjs, in the clear. */
  scores(input: ArrayLike<number>): number[]
}

/** Trains dense, square, dense by tfjs; seeded. */
export async function trainModel({ inputs, labels }: Cells, hidden: number): Promise<TrainedModel> {
  await tf.setBackend('cpu')
  const x = tf.input({ shape: [inputs[0]!.length] })
  const init = (seed: number) => tf.initializers.glorotUniform({ seed })
  const h = tf.layers
    .dense({ units: hidden, kernelInitializer: init(SEED), name: 'hidden' })
    .apply(x) as tf.SymbolicTensor
  const squares = tf.layers.multiply({ name: 'square' }).apply([h, h]) as tf.SymbolicTensor
  const out = tf.layers.dense({ units: 2, kernelInitializer: init(SEED + 1), name: 'out' }).apply(squares)
  const model = tf.model({ inputs: x, outputs: out as tf.SymbolicTensor })
  model.compile({
    optimizer: tf.train.adam(0.01),
    loss: (truth, scores) => tf.losses.softmaxCrossEntropy(truth, scores),
  })
  const [xs, ys] = [tf.tensor2d(inputs.map((row) => Array.from(row))), tf.oneHot(tf.tensor1d(labels, 'int32'), 2)]
  await model.fit(xs, ys, { epochs: 60, batchSize: 64, shuffle: false, verbose: 0 })
  const layer = (name: string) => {
    const [kernel, bias] = model.getLayer(name).getWeights()
    const columns = kernel!.transpose().arraySync() as number[][]
    return denseLayer(columns, bias!.dataSync(), WEIGHT_BITS)
  }
  return {
    graph: importTfjsArtifacts(await artifactsOf(model)),
    network: { layers: [layer('hidden'), layer('out')] },
    scores: (input) =>
      tf.tidy(() => Array.from((model.predict(tf.tensor2d([Array.from(input)])) as tf.Tensor).dataSync())),
  }
}

async function artifactsOf(model: tf.LayersModel) {
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

/** A network of these widths whose weights mean nothing, for its cost alone. */
export function madeUpNetwork([inputs, hidden, outputs]: Widths): SquareNetwork {
  const rows = (count: number, width: number) =>
    Array.from({ length: count }, (_, o) => Array.from({ length: width }, (_, i) => Math.sin(1 + o * width + i) / 4))
  const layer = (count: number, width: number) => denseLayer(rows(count, width), new Float64Array(count), WEIGHT_BITS)
  return { layers: [layer(hidden, inputs), layer(outputs, hidden)] }
}
