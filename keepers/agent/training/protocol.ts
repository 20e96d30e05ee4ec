// SPDX-License-Identifier: GPL-3.0-or-later
import type { JobEvent, QueueAccess, Traffic } from '../../jobs/index.ts'
import type {
  BackendName,
  ClassFigures,
  Control,
  LabelledInputs,
  ThreadError,
  TrainerCommand,
  TrainingProgress,
} from '../../learning/index.ts'
import type { ServiceManifest } from '../../versions/index.ts'
import type { DataConfig, TrainingConfig } from '../data-config.ts'

/** A request from the daemon to its training thread. */
export type ThreadRequest = { readonly id: number } & (
  | {
      readonly kind: 'open'
      readonly manifest: ServiceManifest
      /** The file of first weights that the manifest names, or null. */
      readonly start: Uint8Array | null
      readonly data: DataConfig
      /** A program in place of the own trainer. */
      readonly command: TrainerCommand | null
      /** The queue of workers that compute slices of batches; null where threads do. */
      readonly farm: QueueAccess | null
    }
  | {
      readonly kind: 'train'
      readonly weights: Float32Array
      readonly at: RoundAt
      readonly training: TrainingConfig
      /** The strategy's state. */
      readonly state: readonly Float32Array[]
      /** Whether the loss before training is asked for. */
      readonly judge: boolean
      /** Vectors that a strategy with control variates gives the built-in trainer. */
      readonly control: Control | null
      /** Inputs with labels of an ensemble, beside the shard. */
      readonly labelled: LabelledInputs | null
    }
  | { readonly kind: 'evaluate'; readonly weights: Float32Array }
  | { readonly kind: 'cancel'; readonly target: number }
)

/** Round and epoch; round numbers continue across epochs. */
export type RoundAt = { readonly round: number; readonly epoch: number }

/** A shard as the main thread sees it: counts, never samples. */
export type ShardSummary = {
  readonly announcement: string
  /** Samples to train on, 0 for a keeper without; below, those to judge candidates by. */
  readonly samples: number
  readonly heldOut: number
  readonly testSamples: number
  readonly parameterCount: number
  readonly specHash: string
  /** The backend that does the arithmetic; below, a warning about it, or null. */
  readonly backend: BackendName
  readonly warnings: readonly string[]
  readonly initialWeights: Float32Array
}

export type TrainOutcome = {
  readonly weights: Float32Array
  readonly samples: number
  readonly loss: number
  /** Loss of the weights that it started from, on the same samples; only when asked for. */
  readonly lossBefore?: number
  /** Figures that a trainer of the operator's own states, by name. */
  readonly metrics?: Readonly<Record<string, number>>
}

/** Accuracies 0 … 1 (of amounts R²), losses as the task's; `test*` is null unless data.reportTest. */
export type ModelScore = {
  readonly accuracy: number
  readonly loss: number
  readonly testAccuracy: number | null
  readonly testLoss: number | null
  /** More of the hold-out, by name: f1 and auc, or r2, mae and rmse in the amount's unit. */
  readonly figures: Readonly<Record<string, number>>
  /** Of each class, or of each of several labels, by its name. */
  readonly classes?: readonly ClassFigures[]
  /** How often samples of one class were taken for another, by their names; only of classes. */
  readonly confusion?: Readonly<Record<string, Readonly<Record<string, number>>>>
}

export type ThreadReply =
  /** A message that answers no request. */
  | { readonly id: 0; readonly kind: 'job'; readonly event: JobEvent; readonly traffic: Traffic }
  | { readonly id: number; readonly kind: 'progress'; readonly progress: TrainingProgress }
  | { readonly id: number; readonly kind: 'done'; readonly result: ShardSummary | TrainOutcome | ModelScore | null }
  | { readonly id: number; readonly kind: 'failed'; readonly error: ThreadError }
