// SPDX-License-Identifier: GPL-3.0-or-later
import type { TrainingProgress } from '../types.ts'
import type { LocalTrainer } from './trainer.ts'

/** Training with Adam at one learning rate after the other. */
export type TrainingStages = {
  readonly learningRates: readonly number[]
  readonly epochsAStage: number
}

/**
 * Trains on the trainer's loaded data in batches of 32, with a separate seed for each stage. Progress counts the epochs of all
 * stages. Rejects with the signal's reason when it is aborted.
 */
export async function trainInStages(
  trainer: LocalTrainer,
  { learningRates, epochsAStage }: TrainingStages,
  options: {
    readonly seed: number
    readonly signal?: AbortSignal | undefined
    readonly onProgress?: ((progress: TrainingProgress) => void) | undefined
  },
): Promise<void> {
  const { seed, signal, onProgress } = options
  for (const [stage, learningRate] of learningRates.entries()) {
    trainer.setParameters({
      epochs: epochsAStage,
      batchSize: 32,
      optimizer: { kind: 'adam', learningRate },
      seed: seed + stage,
    })
    await trainer.train({
      ...(signal === undefined ? {} : { signal }),
      onProgress: (progress) =>
        onProgress?.({
          ...progress,
          epoch: stage * epochsAStage + progress.epoch,
          epochs: learningRates.length * epochsAStage,
        }),
    })
  }
}
