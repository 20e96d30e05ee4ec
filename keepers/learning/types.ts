// SPDX-License-Identifier: GPL-3.0-or-later
// The vocabulary of the learning room. Types only, so that every other file (and every caller) can share it for free.

/** Height, width and channels of one sample; a flat feature vector of length n is `[n]`. */
export type InputShape = readonly number[]

/** One trainable (or averaged) tensor of a model, in the order in which the flat vector holds it. */
export type ParameterSpec = {
  /** tfjs weight name, `<layer>/<kind>`. */
  readonly name: string
  readonly shape: readonly number[]
  /** First index in the flat vector. */
  readonly offset: number
  readonly length: number
}

/**
 * An architecture: everything about a model except its weights. Plain data, so that it can be hashed, sent to a worker
 * and compared. `topology` is a tfjs-layers model configuration (`modelTopology` of a model.json).
 */
export type ModelSpec = {
  readonly name: string
  readonly topology: ModelTopology
  readonly inputShape: InputShape
  /** Number of outputs: of classes that are told apart, of labels, or of amounts (one). */
  readonly classes: number
  /** The loss that training minimises; cross-entropy by default. Not part of the architecture's hash. */
  readonly loss?: Loss
  readonly parameters: readonly ParameterSpec[]
  /** Sum of the lengths of `parameters`: the length of the flat vector. */
  readonly parameterCount: number
}

export type ModelTopology = {
  readonly class_name: string
  readonly config: Readonly<Record<string, unknown>>
  readonly [extra: string]: unknown
}

/**
 * The loss that training minimises, as a mean over samples. Of classes: cross-entropy (nats), each sample's share multiplied by the weight
 * of its class. Of several labels: the mean of their cross-entropies. Of amounts: the square of the error, its size, or Huber's, which is
 * half the square up to `delta` and a straight line beyond (Huber 1964).
 */
export type Loss =
  | { readonly kind: 'cross-entropy'; readonly weights?: readonly number[] | undefined }
  | { readonly kind: 'binary-cross-entropy' }
  | { readonly kind: 'mse' }
  | { readonly kind: 'mae' }
  | { readonly kind: 'huber'; readonly delta: number }

/** An architecture together with its weights. */
export type Model = {
  readonly spec: ModelSpec
  /** Flat vector, `spec.parameterCount` long, in the order of `spec.parameters`. */
  readonly weights: Float32Array
}

/** Where samples came from; `procedural` data must be announced to whoever reads a figure. */
export type DatasetOrigin = 'mnist' | 'idx' | 'csv' | 'images' | 'tensor' | 'procedural' | 'memory'

/**
 * Labelled samples in memory. Pixels stay bytes; gathering a batch multiplies them by `scale`. This keeps MNIST at 47 MB instead of 188.
 */
export type Dataset = {
  readonly name: string
  readonly origin: DatasetOrigin
  readonly inputShape: InputShape
  readonly classes: number
  /** Number of samples. */
  readonly count: number
  /** `count × product(inputShape)` values, row-major. */
  readonly inputs: Uint8Array | Float32Array
  /** Factor that brings `inputs` to the model's range: 1/255 for bytes, 1 for floats. */
  readonly scale: number
  /** `count` labels in [0, classes); zeros where there are targets. */
  readonly labels: Uint16Array
  readonly classNames?: readonly string[]
  /** Of amounts and of several labels: `count × outputs` values, as the model puts them out. */
  readonly targets?: Float32Array
}

/** A training and a hold-out set of the same shape. */
export type DatasetPair = { readonly train: Dataset; readonly test: Dataset }

/** Where the arithmetic runs. `fused` is this project's own WASM training step, `tfjs-*` are the backends of tfjs. */
export type BackendName = 'fused' | 'tfjs-node' | 'tfjs-wasm' | 'tfjs-cpu'

export type OptimizerSettings =
  | {
      readonly kind: 'sgd'
      readonly learningRate: number
      readonly momentum?: number | undefined
      readonly nesterov?: boolean | undefined
    }
  | {
      readonly kind: 'adam'
      readonly learningRate: number
      readonly beta1?: number | undefined
      readonly beta2?: number | undefined
      readonly epsilon?: number | undefined
    }

/** Settings that a keeper may choose for its local training. */
export type TrainingParameters = {
  /** Passes over the shard, ≥ 1. */
  readonly epochs: number
  /** Samples per step, ≥ 1; the last batch of an epoch may be smaller. */
  readonly batchSize: number
  readonly optimizer: OptimizerSettings
  /** Order of the samples and dropout masks follow from it; 32-bit unsigned. */
  readonly seed: number
  /** Euclidean bound on each step's gradient; absent = none. */
  readonly clipGradientNorm?: number | undefined
  /** FedProx: adds μ·(w − w₀) to the gradient, w₀ = the weights at the start. Absent or 0 = none. */
  readonly proximalMu?: number | undefined
  /** L2 weight decay coefficient added to the gradient. */
  readonly weightDecay?: number | undefined
}

export type TrainingProgress = {
  readonly epoch: number
  readonly epochs: number
  readonly step: number
  readonly steps: number
  /** Mean loss over the current epoch so far. */
  readonly loss: number
  /** Share of correct answers over the current epoch so far, before each step's update; 0 of amounts. */
  readonly accuracy: number
}

export type EpochRecord = { readonly epoch: number; readonly loss: number; readonly accuracy: number }

export type TrainingResult = {
  readonly weights: Float32Array
  readonly history: readonly EpochRecord[]
  readonly samplesSeen: number
}

/** Everything needed to go on with an interrupted training to the very same bits. */
export type TrainingCheckpoint = {
  readonly specHash: string
  readonly parameters: TrainingParameters
  /** Threads that share each batch: another number would lead to other bits. */
  readonly workers: number
  /** Position: the next epoch and the next step in it. */
  readonly epoch: number
  readonly step: number
  /** Number of optimiser steps taken. */
  readonly updates: number
  readonly weights: Float32Array
  /** The weights at the start, for the FedProx term. */
  readonly anchor: Float32Array
  /** Optimiser moments, zero to two vectors. */
  readonly moments: readonly Float32Array[]
  readonly history: readonly EpochRecord[]
  /** Sums over the current epoch so far. */
  readonly lossSum: number
  readonly correct: number
  readonly seen: number
}

export type Evaluation = {
  readonly count: number
  readonly loss: number
  /** Share of right answers, 0 to 1; of several labels, the share of labels that are right. Of amounts R², which may be below 0. */
  readonly accuracy: number
  /** `confusion[truth * classes + answer]`; empty where there are targets. */
  readonly confusion: Uint32Array
  /** Of classes: the sum of the losses of each one's samples. */
  readonly classLoss?: Float64Array
  /** Of several labels, in the order of the outputs. */
  readonly labels?: readonly LabelCounts[]
  /** Of amounts: how far off, in the units of the targets. */
  readonly amounts?: AmountErrors
  /** Of two classes that both have samples: the area under the ROC curve, 0 to 1. */
  readonly auc?: number
}

/** Samples that have a label, samples that were answered to have it, and both. */
export type LabelCounts = { readonly samples: number; readonly answers: number; readonly right: number }

/** Mean size of the error, root of its mean square, and the share of the targets' variance that is explained (at most 1). */
export type AmountErrors = { readonly mae: number; readonly rmse: number; readonly r2: number }
