// SPDX-License-Identifier: GPL-3.0-or-later
// Simulates rounds on the sample before anybody joins, to see how large weights and updates become.
import {
  initialWeights,
  type LayerGroup,
  type ModelSpec,
  normOf,
  type SimulationSettings,
  simulate,
  weightedMean,
} from '../learning/index.ts'
import type { Sample } from './sample.ts'

export type TrialOptions = {
  readonly keepers: number
  readonly rounds: number
  /** Layer groups that rounds cover in turn. Norms are then those of a group's updates. */
  readonly layerGroups?: readonly LayerGroup[] | undefined
  /** Weights before the first round; by default they are random. */
  readonly start?: Float32Array
  readonly signal?: AbortSignal
  readonly onRound?: (round: number, accuracy: number) => void
}

export type Trial = {
  /** The weights before the first round, after some rounds, and after the last one. */
  readonly weights: readonly Float32Array[]
  /** Accuracy after the last round on the judging samples, 0 … 1. */
  readonly accuracy: number
  /** Largest Euclidean norm and largest entry of any member's update. */
  readonly largestNorm: number
  readonly largestEntry: number
}

/** Versions to keep, evenly spread over the rounds. */
const KEPT = 10

/** A little more training than by a keeper's defaults (keeper.yaml), so that bounds and room for weights are not too tight. */
const TRAINING: SimulationSettings['training'] = {
  epochs: 2,
  batchSize: 32,
  optimizer: { kind: 'adam', learningRate: 0.005 },
}

/** Rounds with virtual keepers that share the sample. @throws LearningError DIVERGED, EMPTY_SHARD */
export async function playTrial(spec: ModelSpec, sample: Sample, options: TrialOptions): Promise<Trial> {
  const { keepers, rounds, layerGroups, start, signal, onRound } = options
  const weights: Float32Array[] = []
  let largestNorm = 0
  let largestEntry = 0
  let accuracy = 0
  await simulate({
    spec,
    data: { train: sample.train, test: sample.test },
    settings: {
      ...{ keepers, rounds, training: TRAINING, seed: 1 },
      ...(layerGroups === undefined ? {} : { layerGroups: [...layerGroups] }),
    },
    workers: 0,
    ...(start === undefined ? {} : { start }),
    ...(signal === undefined ? {} : { signal }),
    combine: async (updates, { global }) => {
      for (const update of updates) {
        const change = update.weights.map((weight, i) => weight - global[i]!)
        largestNorm = Math.max(largestNorm, normOf(change))
        for (const entry of change) largestEntry = Math.max(largestEntry, Math.abs(entry))
      }
      return weightedMean(updates)
    },
    onRound: (record, state) => {
      if (record.round % Math.ceil(rounds / KEPT) === 0 || record.round === rounds) weights.push(state.weights.slice())
      accuracy = record.accuracy
      onRound?.(record.round, record.accuracy)
    },
  })
  return { weights: [start ?? initialWeights(spec, 1), ...weights], accuracy, largestNorm, largestEntry }
}
