// SPDX-License-Identifier: GPL-3.0-or-later
// The network that judges spends, its training, and the threshold above which it reports theft.

import type { Model, ModelSpec, TrainingProgress } from '../../learning/index.ts'
import { initialWeights, LocalTrainer, sequentialSpec, trainInStages } from '../../learning/index.ts'
import { FEATURE_BITS, SPEND_FEATURES } from './features.ts'
import { type LabelledSpend, SPEND_VERDICTS, type SpendSplit, spendDataset, spendHistories } from './histories.ts'
import { judgedBy, leadFor, type SpendFigures, spendFigures } from './judgement.ts'
import { type TheftPattern, UNSEEN_PATTERN } from './thieves.ts'

const HIDDEN = 16

/** Forty bits of eight features, sixteen ReLUs, two scores: 690 parameters. */
export function spendSpec(): ModelSpec {
  const inputs = SPEND_FEATURES * FEATURE_BITS.length
  const common = { trainable: true, use_bias: true }
  const layers = [
    {
      class_name: 'Dense',
      config: { ...common, name: 'habits', units: HIDDEN, activation: 'relu', batch_input_shape: [null, inputs] },
    },
    {
      class_name: 'Dense',
      config: { ...common, name: 'verdict', units: SPEND_VERDICTS.length, activation: 'softmax' },
    },
  ]
  const topology = {
    class_name: 'Sequential',
    config: { name: 'spend-fraud', layers },
    keras_version: 'tfjs-layers 4.22.0',
    backend: 'tensor_flow.js',
  }
  return sequentialSpec(topology, [inputs])
}

const STAGES = { learningRates: [0.01, 0.003, 0.001], epochsAStage: 4 }
/** Accounts of each split. */
export const SPEND_ACCOUNTS = { train: 4_000, validation: 2_000, test: 3_000 } as const
/** Fraction of owners' transactions above the limits that may be taken for theft, by which the threshold is chosen on the validation split. */
export const FALSE_ALARMS = 0.05

export type TrainedSpendModel = {
  readonly model: Model
  /** Figures on accounts that neither training nor the choice of the threshold used, without thefts of the unseen pattern. */
  readonly test: SpendFigures
  /** Fraction of thefts of the unseen pattern that it finds. */
  readonly unseenRecall: number
}

/** Trains the model from nothing; some seconds. The same bits from the same seed. */
export async function trainSpendModel(
  options: {
    readonly seed?: number
    /** Kept out of training and validation. */
    readonly unseen?: TheftPattern
    readonly signal?: AbortSignal
    onProgress?(progress: TrainingProgress): void
  } = {},
): Promise<TrainedSpendModel> {
  const { seed = 1, unseen = UNSEEN_PATTERN, signal, onProgress } = options
  const spec = spendSpec()
  const spendsOf = (split: SpendSplit) => spendHistories({ split, accounts: SPEND_ACCOUNTS[split], seed, unseen })
  const trainer = await LocalTrainer.create({ spec, backend: 'fused' })
  try {
    trainer.loadData(spendDataset('spends of training', spendsOf('train')))
    trainer.setWeights(initialWeights(spec, seed))
    await trainInStages(trainer, STAGES, { seed, signal, onProgress })
    const model = withFalseAlarms({ spec, weights: trainer.getWeights() }, spendsOf('validation'), FALSE_ALARMS)
    const judged = judgedBy(model, spendsOf('test'))
    const without = (left: (pattern: TheftPattern) => boolean) =>
      spendFigures(judged.filter(({ spend: { pattern } }) => pattern === null || !left(pattern)))
    return {
      model,
      test: without((pattern) => pattern === unseen),
      unseenRecall: without((pattern) => pattern !== unseen).recall,
    }
  } finally {
    trainer.teardown()
  }
}

/**
 * The model with the bias of its last score shifted, so that it takes the fraction `rate` of the owners' `spends` for thefts. Then the label alone is
 * the verdict, and a required margin above zero asks for more certainty.
 */
export function withFalseAlarms(model: Model, spends: readonly LabelledSpend[], rate: number): Model {
  const weights = Float32Array.from(model.weights)
  weights[weights.length - 1]! -= leadFor(judgedBy(model, spends), rate)
  return { spec: model.spec, weights }
}
