// SPDX-License-Identifier: GPL-3.0-or-later
// The memory that a training and one of its gradient workers share, and the words by which they take turns.
import type { BatchBuffers } from '../engine/engine.ts'
import type { ThreadError } from '../thread-error.ts'
import type { BackendName, ModelSpec } from '../types.ts'

/** Sizes of a model, in values: weights, one sample, and its outputs. */
export type Sizes = { readonly parameters: number; readonly input: number; readonly outputs: number }

/** One memory for each worker; the weights are in one that all workers share. */
export type SharedSlice = {
  readonly control: Int32Array<SharedArrayBuffer>
  /** Share of the whole batch, then the worker's answer: sum of the losses, number of right answers. */
  readonly figures: Float64Array<SharedArrayBuffer>
  readonly weights: Float32Array<SharedArrayBuffer>
  readonly gradient: Float32Array<SharedArrayBuffer>
  readonly inputs: Float32Array<SharedArrayBuffer>
  readonly labels: Int32Array<SharedArrayBuffer>
  readonly targets: Float32Array<SharedArrayBuffer>
}

/** Places in `control`. A command is answered when `DONE` holds its number. */
export const COMMAND = 0
export const DONE = 1
/** Samples in the slice; 0 sends the worker back to its event loop. */
export const COUNT = 2
export const SEED = 3
/** 1 when the answer is an error, which comes as a message. */
export const FAILED = 4

/** Places in `figures`. */
export const SHARE = 0
export const LOSS_SUM = 1
export const CORRECT = 2

export type GradientWorkerData = { readonly spec: ModelSpec; readonly backend: BackendName }
/** Start of a training: the worker serves this memory until it is sent back. `from` is the last command before it. */
export type GradientRequest = { readonly slice: SharedSlice; readonly from: number }
export type GradientReply = { readonly kind: 'ready' } | { readonly kind: 'failed'; readonly error: ThreadError }

export function sizesOf(spec: ModelSpec): Sizes {
  return { parameters: spec.parameterCount, input: spec.inputShape.reduce((a, b) => a * b, 1), outputs: spec.classes }
}

/** @param capacity Samples that one slice holds at most. */
export function shareSlice(
  { parameters, input, outputs }: Sizes,
  capacity: number,
  weights: Float32Array<SharedArrayBuffer>,
): SharedSlice {
  return {
    control: new Int32Array(new SharedArrayBuffer(5 * 4)),
    figures: new Float64Array(new SharedArrayBuffer(3 * 8)),
    weights,
    gradient: sharedFloats(parameters),
    inputs: sharedFloats(capacity * input),
    labels: new Int32Array(new SharedArrayBuffer(4 * capacity)),
    targets: sharedFloats(capacity * outputs),
  }
}

export function sharedFloats(length: number): Float32Array<SharedArrayBuffer> {
  return new Float32Array(new SharedArrayBuffer(4 * length))
}

/** The buffers for the first `count` samples. */
export function staged({ inputs, labels, targets }: SharedSlice, count: number, sizes: Sizes): BatchBuffers {
  return {
    inputs: inputs.subarray(0, count * sizes.input),
    labels: labels.subarray(0, count),
    targets: targets.subarray(0, count * sizes.outputs),
  }
}

/**
 * First samples of the slices of a batch, and its end: `workers` + 1 numbers. Slices differ by one sample at most; in a batch of fewer
 * samples than workers, the last ones are empty.
 */
export function boundsOf(count: number, workers: number): readonly number[] {
  return Array.from({ length: workers + 1 }, (_, k) => Math.ceil((k * count) / workers))
}
