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
  /** `count × outputs` finite values, for amounts or for several labels. */
  readonly targets?: Float32Array
}

/**
 * Checks and assembles a dataset. Throws BAD_DATA on counts that do not match, labels out of range, non-finite inputs.
 * Bytes are scaled by 1/255, floats taken as they are.
 */
export function createDataset(parts: DatasetParts): Dataset {
  const { name, origin, inputShape, classes, inputs, labels, classNames, targets } = parts
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
  const wrong = targets?.findIndex((value) => !Number.isFinite(value)) ?? -1
  if (wrong >= 0) {
    throw new LearningError('BAD_DATA', `${name}: target ${wrong} is ${targets![wrong]}, not a finite number`)
  }
  if (targets !== undefined && targets.length !== labels.length * outputsOf(targets.length, labels.length)) {
    throw new LearningError('BAD_DATA', `${name}: ${targets.length} targets for ${labels.length} samples`)
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
    ...(targets === undefined ? {} : { targets }),
  }
}

/** Targets per sample. */
function outputsOf(targets: number, count: number): number {
  return Math.floor(targets / Math.max(1, count))
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
  const chosen = { ...dataset, name, count: indices.length, inputs, labels }
  const { targets } = dataset
  if (targets === undefined) return chosen
  const outputs = outputsOf(targets.length, dataset.count)
  const picked = new Float32Array(indices.length * outputs)
  indices.forEach((from, i) => {
    picked.set(targets.subarray(from * outputs, (from + 1) * outputs), i * outputs)
  })
  return { ...chosen, targets: picked }
}

/** The first `count` samples, sharing memory. */
export function head(dataset: Dataset, count: number): Dataset {
  return slice(dataset, 0, Math.min(count, dataset.count))
}

/** Samples from … to − 1, sharing memory. */
export function slice(dataset: Dataset, from: number, to: number): Dataset {
  const size = sampleSize(dataset)
  const { targets } = dataset
  const outputs = outputsOf(targets?.length ?? 0, dataset.count)
  return {
    ...dataset,
    count: to - from,
    inputs: dataset.inputs.subarray(from * size, to * size),
    labels: dataset.labels.subarray(from, to),
    ...(targets === undefined ? {} : { targets: targets.subarray(from * outputs, to * outputs) }),
  }
}

/** Copies samples order[start … start+count) into a batch, scaled to the model's range; targets where there are any. */
export function gather(
  dataset: Dataset,
  order: Uint32Array | null,
  start: number,
  count: number,
  { inputs, labels, targets }: { inputs: Float32Array; labels: Int32Array; targets: Float32Array },
): void {
  const size = sampleSize(dataset)
  const { scale } = dataset
  const wanted = dataset.targets
  const outputs = outputsOf(wanted?.length ?? 0, dataset.count)
  for (let i = 0; i < count; i++) {
    const sample = order === null ? start + i : order[start + i]!
    const from = sample * size
    const to = i * size
    for (let j = 0; j < size; j++) inputs[to + j] = dataset.inputs[from + j]! * scale
    labels[i] = dataset.labels[sample]!
    if (wanted !== undefined) {
      targets.set(wanted.subarray(sample * outputs, (sample + 1) * outputs), i * outputs)
    }
  }
}

/** Samples per class. */
export function histogram(dataset: Dataset, indices?: Uint32Array): Uint32Array {
  const counts = new Uint32Array(dataset.classes)
  if (indices === undefined) for (const label of dataset.labels) counts[label]! += 1
  else for (const index of indices) counts[dataset.labels[index]!]! += 1
  return counts
}
