// SPDX-License-Identifier: GPL-3.0-or-later
// Datasets in memory: building, checking, slicing, gathering batches.
import { LearningError } from '../errors.ts'
import type { Dataset, DatasetOrigin } from '../types.ts'

export type DatasetParts = {
  readonly name: string
  readonly origin: DatasetOrigin
  readonly inputShape: readonly number[]
  readonly classes: number
  readonly inputs: Uint8Array | Float32Array
  readonly labels: ArrayLike<number>
  readonly classNames?: readonly string[]
}

/**
 * Checks and assembles a dataset. Throws BAD_DATA on counts that do not match, labels out of range, non-finite inputs.
 * Bytes are scaled by 1/255, floats taken as they are.
 */
export function createDataset(parts: DatasetParts): Dataset {
  const { name, origin, inputShape, classes, inputs, labels, classNames } = parts
  const size = inputShape.reduce((a, b) => a * b, 1)
  if (inputShape.length === 0 || !Number.isInteger(size) || size < 1) {
    throw new LearningError('BAD_DATA', `${name}: input shape [${inputShape}] must be positive integers`)
  }
  if (!Number.isInteger(classes) || classes < 1 || classes > 65536) {
    throw new LearningError('BAD_DATA', `${name}: ${classes} classes; expected 1 to 65536`)
  }
  if (inputs.length !== labels.length * size) {
    throw new LearningError(
      'BAD_DATA',
      `${name}: ${labels.length} labels but ${inputs.length / size} samples of ${size} values`,
    )
  }
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new LearningError('BAD_DATA', `${name}: label ${label} of sample ${i} is not in 0..${classes - 1}`)
    }
  }
  if (inputs instanceof Float32Array) {
    const bad = inputs.findIndex((value) => !Number.isFinite(value))
    if (bad >= 0) {
      throw new LearningError(
        'BAD_DATA',
        `${name}: value ${bad % size} of sample ${Math.floor(bad / size)} is ${inputs[bad]}, not a finite number`,
      )
    }
  }
  return {
    name,
    origin,
    inputShape: [...inputShape],
    classes,
    count: labels.length,
    inputs,
    scale: inputs instanceof Uint8Array ? 1 / 255 : 1,
    labels: Uint16Array.from(labels),
    ...(classNames === undefined ? {} : { classNames }),
  }
}

/** Values per sample. */
export function sampleSize(dataset: Dataset): number {
  return dataset.inputs.length / Math.max(1, dataset.count)
}

/** A new dataset with the samples at `indices`, in that order. Throws BAD_DATA on an index out of range. */
export function subset(dataset: Dataset, indices: Uint32Array, name = dataset.name): Dataset {
  const size = sampleSize(dataset)
  const inputs =
    dataset.inputs instanceof Uint8Array
      ? new Uint8Array(indices.length * size)
      : new Float32Array(indices.length * size)
  const labels = new Uint16Array(indices.length)
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i]!
    if (from >= dataset.count) {
      throw new LearningError('BAD_DATA', `${dataset.name}: sample ${from} of ${dataset.count} does not exist`)
    }
    inputs.set(dataset.inputs.subarray(from * size, (from + 1) * size), i * size)
    labels[i] = dataset.labels[from]!
  }
  return { ...dataset, name, count: indices.length, inputs, labels }
}

/** The first `count` samples, sharing memory. */
export function head(dataset: Dataset, count: number): Dataset {
  const kept = Math.min(count, dataset.count)
  return {
    ...dataset,
    count: kept,
    inputs: dataset.inputs.subarray(0, kept * sampleSize(dataset)),
    labels: dataset.labels.subarray(0, kept),
  }
}

/** Copies samples order[start … start+count) into a batch, scaled to the model's range. */
export function gather(
  dataset: Dataset,
  order: Uint32Array | null,
  start: number,
  count: number,
  inputs: Float32Array,
  labels: Int32Array,
): void {
  const size = sampleSize(dataset)
  const { scale } = dataset
  for (let i = 0; i < count; i++) {
    const sample = order === null ? start + i : order[start + i]!
    const from = sample * size
    const to = i * size
    for (let j = 0; j < size; j++) inputs[to + j] = dataset.inputs[from + j]! * scale
    labels[i] = dataset.labels[sample]!
  }
}

/** Samples per class. */
export function histogram(dataset: Dataset, indices?: Uint32Array): Uint32Array {
  const counts = new Uint32Array(dataset.classes)
  if (indices === undefined) for (const label of dataset.labels) counts[label]! += 1
  else for (const index of indices) counts[dataset.labels[index]!]! += 1
  return counts
}
