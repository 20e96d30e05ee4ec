// SPDX-License-Identifier: GPL-3.0-or-later
// Whether weights outgrow a plan: rounds that its calibration has not seen, by keepers that train as the demo's do.
import { type SimulationSettings, simulate } from '../../../keepers/learning/index.ts'
import type { Sample } from '../../../keepers/services/index.ts'
import { openManifest, provableModel, type ServiceManifest } from '../../../keepers/versions/index.ts'

/** Calibration plays with 1. */
const SEED = 2
const KEEPERS = 4
/** A keeper's own unless told. */
const BATCH = 32

export type GrowthOptions = {
  readonly sample: Sample
  readonly rounds: number
  readonly training: { readonly epochs: number; readonly learningRate: number }
  /** Weights before the first round, where they are not drawn. */
  readonly start?: Float32Array
}

/** Largest share of weights, 0 … 1, that the plan clips in any version; all versions are looked at. */
export async function largestClippedShare(manifest: ServiceManifest, options: GrowthOptions): Promise<number> {
  const { sample, rounds, training, start } = options
  const model = await openManifest(manifest)
  const settings: SimulationSettings = {
    ...{ keepers: KEEPERS, rounds, seed: SEED, bound: { norm: manifest.rounds.clipNorm } },
    training: {
      epochs: training.epochs,
      batchSize: BATCH,
      optimizer: { kind: 'adam', learningRate: training.learningRate },
    },
    // As the demo deals: rows in turn, pictures skewed.
    ...(sample.input.kind === 'picture' ? { partition: { kind: 'dirichlet', alpha: 0.5 } } : {}),
  }
  let most = 0
  await simulate({
    spec: model.spec,
    data: { train: sample.train, test: sample.test },
    settings,
    workers: 0,
    ...(start === undefined ? {} : { start }),
    onRound: (_, { weights }) => {
      most = Math.max(most, provableModel(model, weights).clipped)
    },
  })
  return most / model.spec.parameterCount
}
