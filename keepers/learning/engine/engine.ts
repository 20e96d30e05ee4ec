// SPDX-License-Identifier: GPL-3.0-or-later
// The interface between a trainer and the engine that does its arithmetic.
import type { BackendName, ModelSpec, OptimizerSettings, ParameterSpec } from '../types.ts'

/** Staging buffers for one batch; valid until the next call of the engine. Fill the first `count` samples. */
export type BatchBuffers = {
  /** `count × product(inputShape)` values in the model's range, channels last. */
  readonly inputs: Float32Array
  /** `count` labels in [0, classes). */
  readonly labels: Int32Array
  /** `count × outputs` values where the loss is about targets. */
  readonly targets: Float32Array
}

/** The sum of the losses of a batch, and the number of correct answers (0 of amounts), both before any update. */
export type BatchOutcome = { readonly lossSum: number; readonly correct: number }

export type UpdateSettings = {
  readonly optimizer: OptimizerSettings
  readonly clipGradientNorm?: number | undefined
  readonly proximalMu?: number | undefined
  readonly weightDecay?: number | undefined
  /** Added to the gradient of every step, after clipping: one value for each weight. */
  readonly correction?: Float32Array | undefined
  /** Parameters that updates change; all others, statistics included, keep their bits. Absent = all change. */
  readonly only?: readonly ParameterSpec[] | undefined
}

export type UpdateState = {
  /** Steps taken. */
  readonly updates: number
  /** FedProx anchor. */
  readonly anchor: Float32Array
  readonly moments: readonly Float32Array[]
}

/**
 * One model's arithmetic. Synchronous: a step of these networks is shorter than a turn of the event loop; whoever drives it
 * yields now and then.
 */
export type Engine = {
  readonly spec: ModelSpec
  readonly backend: BackendName
  getWeights(): Float32Array<ArrayBuffer>
  /** The same into memory that is there already. */
  readWeights(to: Float32Array): void
  /** The vector must have passed `checkVector`. */
  setWeights(weights: Float32Array): void
  /** Buffers for a batch of `count`. */
  stage(count: number): BatchBuffers
  /** Prepares the optimiser: from the present weights, or from a state exported earlier. */
  beginUpdates(settings: UpdateSettings, state?: UpdateState): void
  /** Gradient and update on the staged batch. `seed` decides the dropout masks of this step. */
  trainStep(count: number, seed: number): BatchOutcome
  /**
   * The first half of a training step: the gradient of the mean loss on the staged batch, times `share`, the part that these samples are of
   * the whole batch. It stays in the engine. Statistics that the model keeps, such as those of batch normalisation, take the place of their
   * gradient, times `share` as well.
   */
  differentiate(count: number, seed: number, share: number): BatchOutcome
  /** Copies out what `differentiate` left, `parameterCount` values. */
  readGradient(to: Float32Array): void
  /** Adds the gradient of other samples of the batch. The order of the calls decides the bits. */
  addGradient(part: Float32Array): void
  /** The second half: one update by the whole batch's gradient. */
  applyGradient(): void
  /** Gradient of the mean loss on the staged batch, as a flat vector, without dropout or an update. */
  gradient(count: number): BatchOutcome & { readonly gradient: Float32Array }
  updateState(): UpdateState
  /** Probabilities of the staged batch, `count × classes`; of amounts, the outputs themselves. */
  predict(count: number): Float32Array<ArrayBuffer>
  dispose(): void
}
