// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the learning room. (Signatures first; the implementations replace each `declare` in turn.)
import type {
  BackendName,
  Dataset,
  DatasetPair,
  Evaluation,
  Model,
  ModelSpec,
  TrainingCheckpoint,
  TrainingParameters,
  TrainingProgress,
  TrainingResult,
} from './types.ts'

export type * from './types.ts'

export type ModelName = 'article-cnn' | 'small-cnn' | 'mlp' | 'logistic'
export declare const MODEL_NAMES: readonly ModelName[]
/** The architecture of that name. `inputShape`/`classes` default to 28×28×1 and 10. */
export declare function modelSpec(
  name: ModelName,
  options?: { inputShape?: readonly number[]; classes?: number },
): ModelSpec
/** Parses a tfjs model.json object (Sequential or functional). Async: an architecture beyond our own layers needs tfjs. */
export declare function parseModelSpec(modelJson: unknown): Promise<ModelSpec>
/** SHA-256 (64 hex digits) over the canonical architecture and the order and shapes of its parameters. */
export declare function specHash(spec: ModelSpec): string
/** Seeded Glorot-uniform kernels, zero biases. Same seed, same bits, on every machine. */
export declare function initialWeights(spec: ModelSpec, seed: number): Float32Array
/** Flat vector → one array per parameter tensor, and back. Both check the lengths. */
export declare function unflatten(spec: ModelSpec, vector: Float32Array): Map<string, Float32Array>
export declare function flatten(spec: ModelSpec, tensors: ReadonlyMap<string, Float32Array>): Float32Array
/** model.json + weights.bin in tfjs LayersModel form, written beside and renamed into place. */
export declare function saveModel(model: Model, directory: string): Promise<void>
export declare function loadModel(directory: string): Promise<Model>

/** MNIST from `dir`, else ../shared/data/mnist, else the cache, else (unless offline) a download. Throws when nowhere. */
export declare function loadMnist(options?: {
  dir?: string
  offline?: boolean
  signal?: AbortSignal
}): Promise<DatasetPair>
/** The project's own seeded digits (28×28×1, 10 classes). */
export declare function proceduralDigits(options: { seed: number; train: number; test: number }): DatasetPair
/** `loadMnist`, and when it is nowhere to be had the procedural digits; `announcement` says which in a sentence. */
export declare function loadDigits(options?: {
  dir?: string
  offline?: boolean
  seed?: number
  signal?: AbortSignal
}): Promise<DatasetPair & { readonly announcement: string }>
export declare function subset(dataset: Dataset, indices: Uint32Array): Dataset

export type Partition = { readonly shards: readonly Uint32Array[]; readonly histograms: readonly Uint32Array[] }
export declare function partitionIid(dataset: Dataset, options: { parts: number; seed: number }): Partition
export declare function partitionDirichlet(
  dataset: Dataset,
  options: { parts: number; alpha: number; seed: number; minimum?: number },
): Partition
export declare function partitionShards(
  dataset: Dataset,
  options: { parts: number; shardsPerPart?: number; seed: number },
): Partition
export declare function partitionBySize(
  dataset: Dataset,
  options: { sizes: readonly number[]; seed: number },
): Partition

/** One keeper's local actions. Nothing here leaves the process. */
export declare class LocalTrainer {
  static create(options: {
    spec: ModelSpec
    backend?: BackendName | 'auto'
    onWarning?: (text: string) => void
  }): Promise<LocalTrainer>
  readonly spec: ModelSpec
  readonly backend: BackendName
  loadData(dataset: Dataset): void
  removeData(): void
  setParameters(parameters: TrainingParameters): void
  getWeights(): Float32Array
  setWeights(weights: Float32Array): void
  /** Trains from the current weights on the loaded data; after an abort, `checkpoint()` continues it. */
  train(options?: {
    signal?: AbortSignal
    onProgress?: (progress: TrainingProgress) => void
    resume?: TrainingCheckpoint
  }): Promise<TrainingResult>
  /** State of the interrupted (or running) training, or null. */
  checkpoint(): TrainingCheckpoint | null
  evaluate(dataset: Dataset, options?: { signal?: AbortSignal }): Promise<Evaluation>
  /** Probabilities, `count × classes`; `inputs` in the model's range. */
  predict(inputs: Float32Array): Promise<Float32Array>
  teardown(): void
}
export declare function encodeCheckpoint(checkpoint: TrainingCheckpoint): Uint8Array
export declare function decodeCheckpoint(bytes: Uint8Array): TrainingCheckpoint

/** A server step on the decrypted mean of the members' weights: FedAvg (adopt it), FedAdam, FedYogi. */
export type ServerSettings =
  | { readonly kind: 'fedavg'; readonly learningRate?: number; readonly momentum?: number }
  | {
      readonly kind: 'fedadam' | 'fedyogi'
      readonly learningRate: number
      readonly beta1?: number
      readonly beta2?: number
      readonly tau?: number
    }
/** Deterministic and serialisable, so that all keepers reach the same bits from the same decrypted mean. */
export type ServerState = { readonly round: number; readonly m: Float32Array; readonly v: Float32Array }
export declare function initialServerState(parameterCount: number): ServerState
export declare function serverStep(
  settings: ServerSettings,
  global: Float32Array,
  mean: Float32Array,
  state: ServerState,
): { weights: Float32Array; state: ServerState }
export declare function weightedMean(updates: readonly { weights: Float32Array; weight: number }[]): Float32Array
export declare function trimmedMean(vectors: readonly Float32Array[], trim: number): Float32Array
export declare function coordinateMedian(vectors: readonly Float32Array[]): Float32Array
/** Scales `update` (in place) to at most `bound` in Euclidean norm; returns the norm found. */
export declare function clipToNorm(update: Float32Array, bound: number): number
