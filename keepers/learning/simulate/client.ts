// SPDX-License-Identifier: GPL-3.0-or-later
// One virtual keeper's part of a round. Runs in a worker thread or in the calling one; the result does not depend on which.
import { subset } from '../data/dataset.ts'
import { privatise, seededNormal } from '../privacy/mechanism.ts'
import { deriveSeed, SeededRandom } from '../random.ts'
import { LocalTrainer } from '../train/trainer.ts'
import type { Dataset, ModelSpec, TrainingParameters } from '../types.ts'
import type { SimulationConfig } from './config.ts'

export type ClientTask = {
  readonly indices: Uint32Array
  readonly global: Float32Array
  readonly training: TrainingParameters
  readonly attack: NonNullable<SimulationConfig['poison']> | null
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
    const { global, training, attack, privacy } = task
    let shard = subset(this.#train, task.indices)
    if (attack !== null && attack.attack !== 'sign-flip') {
      shard = { ...shard, labels: shard.labels.map((label) => shard.classes - 1 - label) }
    }
    this.#trainer.loadData(shard)
    this.#trainer.setParameters(training)
    this.#trainer.setWeights(global)
    const { weights, history } = await this.#trainer.train(signal === undefined ? {} : { signal })
    const last = history.at(-1)!
    let sent = weights as Float32Array<ArrayBuffer>
    if (privacy !== null) {
      const random = new SeededRandom(deriveSeed(training.seed, 0xdb))
      sent = privatise(global, sent, privacy, seededNormal(random))
    }
    if (attack !== null && attack.attack !== 'label-flip') {
      // A bad member ignores the rules, clipping included.
      const factor = attack.attack === 'sign-flip' ? -attack.strength : attack.strength
      sent = weights.map((value, i) => global[i]! + factor * (value - global[i]!)) as Float32Array<ArrayBuffer>
    }
    return { weights: sent, samples: task.indices.length, loss: last.loss, accuracy: last.accuracy }
  }

  async evaluate({ weights, from, to }: EvaluationTask): Promise<EvaluationOutcome> {
    this.#trainer.setWeights(weights)
    const size = this.#test.inputs.length / this.#test.count
    const { loss, accuracy, count } = await this.#trainer.evaluate({
      ...this.#test,
      count: to - from,
      inputs: this.#test.inputs.subarray(from * size, to * size),
      labels: this.#test.labels.subarray(from, to),
    })
    return { count, lossSum: loss * count, correct: Math.round(accuracy * count) }
  }

  teardown(): void {
    this.#trainer.teardown()
  }
}
