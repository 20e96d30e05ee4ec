// SPDX-License-Identifier: GPL-3.0-or-later
// tfjs models for tests: their artifacts, seeded weights, their own predictions, and the comparison with the import.
import * as tf from '@tensorflow/tfjs'
import { expect } from 'chai'
import { evaluate, type Graph, importTfjsArtifacts } from '../../../../keepers/zkml/index.ts'
import type { Random } from '../random.ts'

export type Artifacts = { modelTopology: any; weightSpecs: any[]; weightData: Uint8Array }

export async function artifactsOf(model: tf.LayersModel): Promise<Artifacts> {
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
export function randomise(model: tf.LayersModel, random: Random): void {
  for (const weight of model.weights) {
    const positive = weight.name.includes('variance') || weight.name.includes('gamma')
    const size = weight.shape.reduce<number>((a, b) => a * (b ?? 1), 1)
    const data = positive ? random.list(size, 0.5, 1.5) : random.list(size, -0.5, 0.5)
    weight.write(tf.tensor(data, weight.shape as number[]))
  }
}

export function predict(model: tf.LayersModel, input: readonly number[]): number[] {
  const shape = model.inputs[0]!.shape.slice(1) as number[]
  return tf.tidy(() => Array.from((model.predict(tf.tensor(input as number[], [1, ...shape])) as tf.Tensor).dataSync()))
}

export async function requireEqual(
  model: tf.LayersModel,
  random: Random,
  what: string,
  input?: number[],
): Promise<Graph> {
  randomise(model, random)
  const graph = importTfjsArtifacts(await artifactsOf(model))
  const size = graph.input.shape.reduce((a, b) => a * b, 1)
  const sample = input ?? random.list(size, -1, 1)
  const expected = predict(model, sample)
  const found = evaluate(graph, sample).data
  expect(found.length, what).to.equal(expected.length)
  const scores = graph.dropped === 'softmax' ? softmax(found) : Array.from(found)
  const scale = Math.max(1, ...expected.map(Math.abs))
  for (const [i, score] of scores.entries()) expect(score, what).to.be.closeTo(expected[i]!, 1e-4 * scale)
  return graph
}

function softmax(scores: Float64Array): number[] {
  const powers = Array.from(scores, (score) => Math.exp(score - Math.max(...scores)))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}
