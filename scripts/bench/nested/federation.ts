// SPDX-License-Identifier: GPL-3.0-or-later
// Flat, hierarchical and distilled learning on the same shards, without encryption: the arithmetic that keepers do in the clear.
import {
  agree,
  type Dataset,
  initialWeights,
  LocalTrainer,
  type ModelSpec,
  partitionDirichlet,
  subset,
  weightedMean,
  withLabelled,
} from '../../../keepers/learning/index.ts'
import { clip } from '../../../keepers/versions/index.ts'

export type Terms = {
  readonly regions: number
  /** Members of each region. */
  readonly members: number
  readonly rounds: number
  readonly samples: number
  readonly labels: number
  readonly clipNorm: number
}

/** Accuracies on the test samples, 0 … 1. */
export type Outcome = {
  /** All members in one service. */
  readonly flat: number
  /** A service for each region, and one whose members they are. */
  readonly nested: number
  /** The same where each region starts every round from the upper service's model. */
  readonly handedBack: number
  /** The mean of the regions' own services. */
  readonly region: number
  /** A vote of the regions' services. */
  readonly vote: number
  /** A student that has only the labels that the regions' services agreed on. */
  readonly student: number
  /** The same on true labels of as many inputs. */
  readonly taught: number
  /** Inputs that the services agreed on, of `labels`. */
  readonly labelled: number
}

const BOUND = 1

/** One run. The same seed gives the same shards, weights and batches to every method. */
export async function compare(
  spec: ModelSpec,
  train: Dataset,
  test: Dataset,
  terms: Terms,
  seed: number,
): Promise<Outcome> {
  const { regions, members, rounds, samples, labels, clipNorm } = terms
  const all = regions * members
  const picked = subset(
    train,
    Uint32Array.from({ length: all * samples + labels }, (_, i) => (i * 7 + seed * 9_973) % train.count),
  )
  const shards = partitionDirichlet(subset(picked, range(0, all * samples)), {
    parts: all,
    alpha: 0.5,
    seed,
    minimum: 20,
  }).shards.map((indices) => subset(picked, indices))
  const unlabelled = subset(picked, range(all * samples, all * samples + labels))
  const trainer = await LocalTrainer.create({ spec })
  try {
    const start = initialWeights(spec, seed)
    const updateOf = async (data: Dataset, from: Float32Array, round: number): Promise<Float32Array> => {
      trainer.loadData(data)
      trainer.setWeights(from)
      trainer.setParameters({
        epochs: 1,
        batchSize: 32,
        optimizer: { kind: 'adam', learningRate: 0.002 },
        seed: seed * 1_000 + round,
      })
      return clip((await trainer.train()).weights, from, BOUND, clipNorm).update
    }
    const round = async (group: readonly Dataset[], from: Float32Array, at: number): Promise<Float32Array> => {
      const updates = []
      for (const data of group) updates.push({ weights: await updateOf(data, from, at), weight: data.count })
      return added(from, weightedMean(updates))
    }
    const accuracy = async (weights: Float32Array): Promise<number> => {
      trainer.setWeights(weights)
      return (await trainer.evaluate(test)).accuracy
    }
    let flat: Float32Array = start
    let nested: Float32Array = start
    let handed: Float32Array = start
    let lowers: Float32Array[] = Array.from({ length: regions }, () => start)
    const groups = lowers.map((_, region) => shards.slice(region * members, (region + 1) * members))
    const federate = (from: Float32Array, versions: readonly Float32Array[]): Float32Array =>
      added(
        from,
        weightedMean(versions.map((version) => ({ weights: clip(version, from, BOUND, clipNorm).update, weight: 1 }))),
      )
    for (let at = 1; at <= rounds; at++) {
      flat = await round(shards, flat, at)
      const next: Float32Array[] = []
      for (const [region, group] of groups.entries()) next.push(await round(group, lowers[region]!, at))
      lowers = next
      nested = federate(nested, lowers)
      const again: Float32Array[] = []
      for (const group of groups) again.push(await round(group, handed, at))
      handed = federate(handed, again)
    }
    const opinions: { probabilities: Float32Array; weight: number }[] = []
    const votes: Float32Array[] = []
    const values = valuesOf(unlabelled)
    const testValues = valuesOf(test)
    for (const weights of lowers) {
      trainer.setWeights(weights)
      opinions.push({ probabilities: hard(await trainer.predict(values), spec.classes), weight: 1 })
      votes.push(hard(await trainer.predict(testValues), spec.classes))
    }
    // Labels on which more than half of the services agree, as a book with that lead records them.
    const given = agree(opinions, spec.classes, 0.5 + 1e-6)
    const size = values.length / unlabelled.count
    const pick = (indices: Uint32Array): Float32Array => {
      const found = new Float32Array(indices.length * size)
      for (const [i, sample] of indices.entries())
        found.set(values.subarray(sample * size, (sample + 1) * size), i * size)
      return found
    }
    const learn = async (data: Dataset): Promise<number> => {
      trainer.loadData(data)
      trainer.setWeights(start)
      trainer.setParameters({ epochs: rounds, batchSize: 32, optimizer: { kind: 'adam', learningRate: 0.002 }, seed })
      return accuracy((await trainer.train()).weights)
    }
    const mean = agree(
      votes.map((probabilities) => ({ probabilities, weight: 1 })),
      spec.classes,
      1 / spec.classes + 1e-6,
    )
    const hits = [...mean.indices].filter((index, i) => test.labels[index] === mean.labels[i]).length
    const alone = []
    for (const weights of lowers) alone.push(await accuracy(weights))
    return {
      flat: await accuracy(flat),
      nested: await accuracy(nested),
      handedBack: await accuracy(handed),
      region: alone.reduce((a, b) => a + b, 0) / alone.length,
      vote: hits / test.count,
      student: await learn(withLabelled(null, { inputs: pick(given.indices), labels: given.labels }, spec)),
      taught: await learn(unlabelled),
      labelled: given.labels.length,
    }
  } finally {
    trainer.teardown()
  }
}

const range = (from: number, to: number): Uint32Array => Uint32Array.from({ length: to - from }, (_, i) => from + i)

function added(weights: Float32Array, update: Float32Array): Float32Array {
  return weights.map((weight, i) => weight + update[i]!)
}

function valuesOf({ inputs, scale }: Dataset): Float32Array {
  return Float32Array.from(inputs, (value) => value * scale)
}

/** Each row's favourite gets everything, as a service that proves a label gives it. */
function hard(probabilities: Float32Array, classes: number): Float32Array {
  const result = new Float32Array(probabilities.length)
  for (let row = 0; row < probabilities.length; row += classes) {
    let best = 0
    for (let c = 1; c < classes; c++) if (probabilities[row + c]! > probabilities[row + best]!) best = c
    result[row + best] = 1
  }
  return result
}
