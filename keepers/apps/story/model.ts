// SPDX-License-Identifier: GPL-3.0-or-later
// The network that reads launch news, and its training. The same seed gives the same bits, so nobody has to ship weights.

import type { Evaluation, Model, ModelSpec, TrainingProgress } from '../../learning/index.ts'
import { initialWeights, LocalTrainer, sequentialSpec, trainInStages } from '../../learning/index.ts'
import { LAUNCH_OUTCOMES } from './headline-frames.ts'
import { CHARACTER_BITS, HEADLINE_LENGTH, launchNews } from './headlines.ts'

/** Characters that a detector sees at once; below, the number of detectors. */
const WINDOW = 10
const DETECTORS = 32

/**
 * Detectors of character sequences, the best match of each anywhere in the headline, then scores: 2,051 parameters. The maximum comes before the
 * ReLU, so that a circuit needs only one ReLU per detector.
 */
export function headlineSpec(detectors = DETECTORS): ModelSpec {
  const inputShape = [1, HEADLINE_LENGTH, CHARACTER_BITS.length]
  const positions = HEADLINE_LENGTH - WINDOW + 1
  const common = { trainable: true }
  const layers = [
    {
      class_name: 'Conv2D',
      config: {
        ...common,
        name: 'detectors',
        filters: detectors,
        kernel_size: [1, WINDOW],
        strides: [1, 1],
        padding: 'valid',
        data_format: 'channels_last',
        dilation_rate: [1, 1],
        activation: 'linear',
        use_bias: true,
        batch_input_shape: [null, ...inputShape],
      },
    },
    {
      class_name: 'MaxPooling2D',
      config: {
        ...common,
        name: 'best',
        pool_size: [1, positions],
        strides: [1, positions],
        padding: 'valid',
        data_format: 'channels_last',
      },
    },
    { class_name: 'ReLU', config: { ...common, name: 'found', max_value: null } },
    { class_name: 'Flatten', config: { ...common, name: 'flat' } },
    {
      class_name: 'Dense',
      config: { ...common, name: 'scores', units: LAUNCH_OUTCOMES.length, activation: 'softmax', use_bias: true },
    },
  ]
  const topology = {
    class_name: 'Sequential',
    config: { name: 'launch-news', layers },
    keras_version: 'tfjs-layers 4.22.0',
    backend: 'tensor_flow.js',
  }
  return sequentialSpec(topology, inputShape)
}

const STAGES = { learningRates: [0.01, 0.005, 0.002], epochsAStage: 2 }
const TRAINING_HEADLINES = 24_000
const TEST_HEADLINES = 1_500

export type TrainedReader = {
  readonly model: Model
  /** On headlines from frames that training never saw. */
  readonly evaluation: Evaluation
}

/** Trains the reader from nothing; some ten seconds. */
export async function trainHeadlineReader(
  options: {
    readonly seed?: number
    readonly signal?: AbortSignal
    onProgress?(progress: TrainingProgress): void
  } = {},
): Promise<TrainedReader> {
  const { seed = 1, signal, onProgress } = options
  const spec = headlineSpec()
  const { train, test } = launchNews({ seed, train: TRAINING_HEADLINES, test: TEST_HEADLINES })
  const trainer = await LocalTrainer.create({ spec, backend: 'fused' })
  try {
    trainer.loadData(train)
    trainer.setWeights(initialWeights(spec, seed))
    await trainInStages(trainer, STAGES, { seed, signal, onProgress })
    return { model: { spec, weights: trainer.getWeights() }, evaluation: await trainer.evaluate(test) }
  } finally {
    trainer.teardown()
  }
}
