// SPDX-License-Identifier: GPL-3.0-or-later
// Co-training: members exchange pseudo-labels on shared unlabelled samples; neither data nor weights change hands.
import { createDataset } from '../data/dataset.ts'
import { LearningError } from '../errors.ts'
import type { LocalTrainer } from '../train/trainer.ts'
import type { Dataset, ModelSpec } from '../types.ts'
import { combine, favourite, type Predictor } from './ensemble.ts'

/** One member's opinion on the shared samples, as it would send it to the others. */
export type Opinion = {
  /** count × classes probabilities. */
  readonly probabilities: Float32Array
  /** How much the others should trust it, ≥ 0. */
  readonly weight: number
}

export type PseudoLabels = { readonly indices: Uint32Array; readonly labels: Uint16Array }

/**
 * The samples on which the weighted mean opinion is at least `confidence` sure, with its answer. `confidence` in (1/classes, 1].
 */
export function agree(opinions: readonly Opinion[], classes: number, confidence: number): PseudoLabels {
  if (!(confidence > 1 / classes && confidence <= 1)) {
    throw new LearningError(
      'BAD_PARAMETERS',
      `confidence is ${confidence}; expected more than ${1 / classes}, at most 1`,
    )
  }
  const mean = combine(
    opinions.map(({ probabilities }) => probabilities),
    opinions.map(({ weight }) => weight),
    classes,
    'mean',
  )
  const indices: number[] = []
  const labels: number[] = []
  for (let row = 0; row < mean.length; row += classes) {
    const answer = favourite(mean, row, classes)
    if (mean[row + answer]! >= confidence) {
      indices.push(row / classes)
      labels.push(answer)
    }
  }
  return { indices: Uint32Array.from(indices), labels: Uint16Array.from(labels) }
}

export type CoTrainingMember = {
  readonly trainer: LocalTrainer
  /** Its own labelled shard. */
  readonly data: Dataset
  readonly weight?: number
}

export type CoTrainingRound = { readonly round: number; readonly pseudoLabels: readonly number[] }

/**
 * In each round every member states its opinion on `unlabelled` (samples × size values in the model's range), then trains on its own shard plus
 * the samples that the OTHERS are sure of. Members train one after another, with their own parameters. Afterwards each trainer is trained and
 * has its own shard loaded.
 */
export async function coTrain(
  members: readonly CoTrainingMember[],
  unlabelled: Float32Array,
  options: {
    readonly rounds: number
    readonly confidence: number
    readonly signal?: AbortSignal
    readonly onRound?: (round: CoTrainingRound) => void
  },
): Promise<CoTrainingRound[]> {
  if (members.length < 2) throw new LearningError('BAD_PARAMETERS', 'co-training needs at least two members')
  const reports: CoTrainingRound[] = []
  for (let round = 0; round < options.rounds; round++) {
    options.signal?.throwIfAborted()
    const opinions: Opinion[] = []
    for (const { trainer, weight = 1 } of members) {
      opinions.push({ probabilities: await (trainer as Predictor).predict(unlabelled), weight })
    }
    const counts: number[] = []
    for (const [index, { trainer, data }] of members.entries()) {
      const others = opinions.filter((_, other) => other !== index)
      const labels = agree(others, trainer.spec.classes, options.confidence)
      counts.push(labels.indices.length)
      trainer.loadData(withPseudoLabels(data, unlabelled, labels))
      try {
        await trainer.train(options.signal === undefined ? {} : { signal: options.signal })
      } finally {
        trainer.loadData(data)
      }
    }
    const report = { round, pseudoLabels: counts }
    reports.push(report)
    options.onRound?.(report)
  }
  return reports
}

/** Samples that have no label of their own, in the model's range, each with the label that others gave it. */
export type LabelledInputs = { readonly inputs: Float32Array; readonly labels: Uint16Array }

/**
 * A shard with pseudo-labelled samples appended, as floats; those alone for a member without a shard.
 * @throws LearningError BAD_DATA for labels beyond the model's classes, or inputs of another size
 */
export function withLabelled(
  own: Dataset | null,
  { inputs: added, labels }: LabelledInputs,
  { inputShape, classes }: Pick<ModelSpec, 'inputShape' | 'classes'>,
): Dataset {
  const size = inputShape.reduce((a, b) => a * b, 1)
  const count = own?.count ?? 0
  const inputs = new Float32Array(count * size + added.length)
  for (let i = 0; i < count * size; i++) inputs[i] = own!.inputs[i]! * own!.scale
  inputs.set(added, count * size)
  return createDataset({
    name: own === null ? 'pseudo-labels' : `${own.name} + pseudo-labels`,
    origin: own?.origin ?? 'memory',
    ...{ inputShape, classes, inputs },
    labels: [...(own?.labels ?? []), ...labels],
  })
}

/** The shard with the chosen unlabelled samples appended. */
function withPseudoLabels(data: Dataset, unlabelled: Float32Array, { indices, labels }: PseudoLabels): Dataset {
  const size = data.inputShape.reduce((a, b) => a * b, 1)
  const inputs = new Float32Array(indices.length * size)
  for (const [i, sample] of indices.entries()) {
    inputs.set(unlabelled.subarray(sample * size, (sample + 1) * size), i * size)
  }
  return withLabelled(data, { inputs, labels }, data)
}
