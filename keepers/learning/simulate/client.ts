// SPDX-License-Identifier: GPL-3.0-or-later
// One virtual keeper's part of a round. Runs in a worker thread or in the calling one; the result does not depend on which.
import { slice, subset } from '../data/dataset.ts'
import type { TrainerCommand } from '../external/command.ts'
import { valuesIn, withValues } from '../model/layer-groups.ts'
import { privatise, seededNormal } from '../privacy/mechanism.ts'
import { deriveSeed, SeededRandom } from '../random.ts'
import { normOf } from '../strategy/bound.ts'
import { type Control, controlled } from '../strategy/control.ts'
import { takeHome } from '../strategy/home.ts'
import { clipToNorm } from '../strategy/mean.ts'
import { LocalTrainer } from '../train/trainer.ts'
import type { Dataset, LabelCounts, ModelSpec, ParameterSpec, TrainingParameters } from '../types.ts'
import type { SimulationConfig } from './config.ts'
import { openProgram, type Program } from './program.ts'

export type ClientTask = {
  /** From 0. */
  readonly round: number
  readonly indices: Uint32Array
  /** What it starts from: the global weights, with layers of its own if it has any. */
  readonly global: Float32Array
  readonly training: TrainingParameters
  readonly attack: NonNullable<SimulationConfig['poison']> | null
  /** Norm that an update may have, or null. */
  readonly bound: number | null
  /** What the strategy remembers, for a program. */
  readonly state: readonly Float32Array[]
  /** Whether the loss before training is asked for. */
  readonly judge: boolean
  /** What a strategy with control variates has it train with; a program keeps its own. */
  readonly control: Control | null
  /** Layers that are not sent: what is sent of them is what came. */
  readonly home: readonly ParameterSpec[]
  readonly privacy: { clippingNorm: number; noiseMultiplier: number; contributors: number } | null
  /** Parameters that the round covers; null for all. */
  readonly only: readonly ParameterSpec[] | null
}

export type ClientOutcome = {
  readonly weights: Float32Array<ArrayBuffer>
  readonly samples: number
  /** Of the last local epoch; NaN from a program that states none. */
  readonly loss: number
  /** Of what it started from, on its samples; only when asked for. */
  readonly lossBefore?: number
  /** Its own layers after training, if there are any. */
  readonly own?: Float32Array
}

/** What a player holds besides an architecture. */
export type ClientData = {
  readonly train: Dataset
  readonly test: Dataset
  /** A program that trains instead of the own trainer, if any. */
  readonly trainer?: TrainerCommand | undefined
}

/** On a part of the test set, or on samples to train on. */
export type EvaluationTask = { readonly weights: Float32Array } & (
  | { readonly from: number; readonly to: number }
  | { readonly indices: Uint32Array }
)
/** Sums over the samples, so that those of parts add up. */
export type EvaluationOutcome = {
  readonly count: number
  readonly lossSum: number
  /** Samples, or what shares of labels make of them; of amounts 0. */
  readonly correct: number
  readonly confusion: Uint32Array
  readonly classLoss: Float64Array
  /** Of several labels; else empty. */
  readonly labels: readonly LabelCounts[]
  /** Of amounts: the sum of squared errors, and R² of this part alone. */
  readonly squares: number
  readonly r2: number | null
}

/** Holds a trainer and the data of the federation, and plays any keeper. */
export class ClientPlayer {
  readonly #trainer: LocalTrainer
  readonly #data: ClientData
  readonly #program: Program | null

  /** @throws LearningError NO_TRAINER */
  static async create(spec: ModelSpec, data: ClientData): Promise<ClientPlayer> {
    return new ClientPlayer(await LocalTrainer.create({ spec }), data)
  }

  private constructor(trainer: LocalTrainer, data: ClientData) {
    this.#trainer = trainer
    this.#data = data
    try {
      this.#program = data.trainer === undefined ? null : openProgram(trainer.spec, data.trainer)
    } catch (error) {
      trainer.teardown()
      throw error
    }
  }

  async play(task: ClientTask, signal?: AbortSignal): Promise<ClientOutcome> {
    const { attack } = task
    const global = task.global as Float32Array<ArrayBuffer>
    let shard = subset(this.#data.train, task.indices)
    if (attack !== null && (attack.attack === 'label-flip' || attack.attack === 'scaling')) {
      shard = { ...shard, labels: shard.labels.map((label) => shard.classes - 1 - label) }
    }
    const before = task.judge && shard.count > 0 ? { lossBefore: await this.#lossOn(shard, global) } : {}
    const { weights, samples, loss } = await this.#fit(task, shard, signal)
    const own = task.home.length === 0 ? {} : { own: takeHome(weights, task.home, global) }
    // Whatever a member does, the rest of its update has no place in its message.
    const { only } = task
    const of = (vector: Float32Array<ArrayBuffer>) => (only === null ? vector : valuesIn(vector, only))
    const sent = sentOf(task, of(global), of(weights))
    return { weights: only === null ? sent : withValues(global, only, sent), samples, loss, ...before, ...own }
  }

  async #lossOn(shard: Dataset, weights: Float32Array): Promise<number> {
    this.#trainer.setWeights(weights)
    return (await this.#trainer.evaluate(shard)).loss
  }

  async #fit(task: ClientTask, shard: Dataset, signal: AbortSignal | undefined) {
    const { global, training, round, bound, privacy } = task
    if (shard.count === 0) return { weights: global.slice(), samples: 0, loss: Number.NaN }
    if (this.#program !== null) {
      const clip = bound === null ? null : { norm: bound, entry: null }
      const only = task.only === null ? {} : { only: task.only }
      const agreed = { clip, privacy, epoch: null, manifest: null, state: task.state, ...only }
      return await this.#program.trainer.train(global, shard, { round: round + 1, training, ...agreed }, signal)
    }
    const { control } = task
    const held = control === null ? { training } : controlled(training, shard.count, control)
    this.#trainer.loadData(shard)
    this.#trainer.setParameters(held.training)
    this.#trainer.setWeights(global)
    const correction = 'correction' in held ? { correction: held.correction } : {}
    const { weights, history } = await this.#trainer.train({
      ...correction,
      ...(task.only === null ? {} : { only: task.only }),
      ...(signal === undefined ? {} : { signal }),
    })
    return { weights: weights as Float32Array<ArrayBuffer>, samples: shard.count, loss: history.at(-1)!.loss }
  }

  async evaluate(task: EvaluationTask): Promise<EvaluationOutcome> {
    const { train, test } = this.#data
    this.#trainer.setWeights(task.weights)
    const part = 'indices' in task ? subset(train, task.indices) : slice(test, task.from, task.to)
    const { loss, accuracy, confusion, count, classLoss, labels, amounts } = await this.#trainer.evaluate(part)
    // Shares of labels are not whole numbers of samples.
    const correct = labels === undefined ? Math.round(accuracy * count) : accuracy * count
    return {
      ...{ count, lossSum: loss * count, confusion },
      correct: amounts === undefined ? correct : 0,
      classLoss: classLoss ?? new Float64Array(0),
      labels: labels ?? [],
      squares: amounts === undefined ? 0 : amounts.rmse ** 2 * part.targets!.length,
      r2: amounts?.r2 ?? null,
    }
  }

  teardown(): void {
    this.#trainer.teardown()
    this.#program?.close()
  }
}

/** The weights that a member sends after training from `global` to `local`. */
function sentOf(
  { training, attack, privacy, bound }: ClientTask,
  global: Float32Array,
  local: Float32Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> {
  let sent = local
  if (attack !== null) sent = poisoned(global, local, attack, bound)
  else if (bound !== null) sent = clipped(global, local, bound)
  // A bad member ignores the rules, noise included; one that flips labels goes by them.
  if (privacy !== null && (attack === null || attack.attack === 'label-flip')) {
    const random = new SeededRandom(deriveSeed(training.seed, 0xdb))
    sent = privatise(global, sent, privacy, seededNormal(random))
  }
  return sent
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
