// SPDX-License-Identifier: GPL-3.0-or-later
// One virtual keeper's part of a round. Runs in a worker thread or in the calling one; the result does not depend on which.
import { slice, subset } from '../data/dataset.ts'
import { privatise, seededNormal } from '../privacy/mechanism.ts'
import { deriveSeed, SeededRandom } from '../random.ts'
import { normOf } from '../strategy/bound.ts'
import { clipToNorm } from '../strategy/mean.ts'
import { LocalTrainer } from '../train/trainer.ts'
import type { Dataset, ModelSpec, TrainingParameters } from '../types.ts'
import type { SimulationConfig } from './config.ts'

export type ClientTask = {
  readonly indices: Uint32Array
  readonly global: Float32Array
  readonly training: TrainingParameters
  readonly attack: NonNullable<SimulationConfig['poison']> | null
  /** Norm that an update may have, or null. */
  readonly bound: number | null
  readonly privacy: { clippingNorm: number; noiseMultiplier: number; contributors: number } | null
}

export type ClientOutcome = {
  readonly weights: Float32Array<ArrayBuffer>
  readonly samples: number
  /** Of the last local epoch. */
  readonly loss: number
  readonly accuracy: number
}

export type EvaluationTask = { readonly weights: Float32Array; readonly from: number; readonly to: number }
export type EvaluationOutcome = { readonly count: number; readonly lossSum: number; readonly correct: number }

/** Holds a trainer and the data of the federation, and plays any keeper. */
export class ClientPlayer {
  readonly #trainer: LocalTrainer
  readonly #train: Dataset
  readonly #test: Dataset

  static async create(spec: ModelSpec, data: { train: Dataset; test: Dataset }): Promise<ClientPlayer> {
    return new ClientPlayer(await LocalTrainer.create({ spec }), data)
  }

  private constructor(trainer: LocalTrainer, data: { train: Dataset; test: Dataset }) {
    this.#trainer = trainer
    this.#train = data.train
    this.#test = data.test
  }

  async play(task: ClientTask, signal?: AbortSignal): Promise<ClientOutcome> {
    const { global, training, attack, privacy, bound } = task
    let shard = subset(this.#train, task.indices)
    if (attack !== null && (attack.attack === 'label-flip' || attack.attack === 'scaling')) {
      shard = { ...shard, labels: shard.labels.map((label) => shard.classes - 1 - label) }
    }
    this.#trainer.loadData(shard)
    this.#trainer.setParameters(training)
    this.#trainer.setWeights(global)
    const { weights, history } = await this.#trainer.train(signal === undefined ? {} : { signal })
    const last = history.at(-1)!
    let sent = weights as Float32Array<ArrayBuffer>
    if (attack !== null) sent = poisoned(global, weights, attack, bound)
    else if (bound !== null) sent = clipped(global, weights, bound)
    // A bad member ignores the rules, noise included; one that flips labels goes by them.
    if (privacy !== null && (attack === null || attack.attack === 'label-flip')) {
      const random = new SeededRandom(deriveSeed(training.seed, 0xdb))
      sent = privatise(global, sent, privacy, seededNormal(random))
    }
    return { weights: sent, samples: task.indices.length, loss: last.loss, accuracy: last.accuracy }
  }

  async evaluate({ weights, from, to }: EvaluationTask): Promise<EvaluationOutcome> {
    this.#trainer.setWeights(weights)
    const part = slice(this.#test, from, to)
    const { loss, accuracy, count } = await this.#trainer.evaluate(part)
    // R² and shares of labels are no whole numbers of samples.
    return { count, lossSum: loss * count, correct: part.targets ? accuracy * count : Math.round(accuracy * count) }
  }

  teardown(): void {
    this.#trainer.teardown()
  }
}

/** `local`, with its change from `global` scaled down to `bound` if it is longer. */
function clipped(global: Float32Array, local: Float32Array, bound: number): Float32Array<ArrayBuffer> {
  const update = local.map((value, i) => value - global[i]!)
  clipToNorm(update, bound)
  return update.map((value, i) => global[i]! + value) as Float32Array<ArrayBuffer>
}

/** The update that a bad member sends after training to `local` on the data of its attack. */
function poisoned(
  global: Float32Array,
  local: Float32Array,
  { attack, strength, within }: NonNullable<SimulationConfig['poison']>,
  bound: number | null,
): Float32Array<ArrayBuffer> {
  let factor = 1
  if (attack === 'sign-flip') factor = -strength
  else if (attack === 'scaling') factor = strength
  else if (attack === 'norm-bust' && bound !== null) {
    const norm = normOf(local.map((value, i) => value - global[i]!))
    factor = norm === 0 ? 0 : (-strength * bound) / norm
  }
  const sent = local.map((value, i) => global[i]! + factor * (value - global[i]!)) as Float32Array<ArrayBuffer>
  return within && bound !== null ? clipped(global, sent, bound) : sent
}
