// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper that learns from an ensemble: it trains on inputs that the ensemble has labelled, with proofs, on the chain.
import { LearningError } from '../../learning/index.ts'
import { LabelReader, type PaidLabel } from '../../nested/index.ts'
import { type PlannedModel, provableModel } from '../../versions/index.ts'
import type { UpdateSource } from '../context.ts'
import type { TrainingConfig } from '../data-config.ts'
import { providerOf } from './provider.ts'

type LabelPlace = NonNullable<TrainingConfig['labels']> & { readonly chainFromBlock: number }

export function labelSource(place: LabelPlace, model: PlannedModel): UpdateSource {
  let reader: LabelReader | null = null
  return async (step, own) => {
    const { context, signal, snapshot } = step
    const { endpoints, clock, contracts, log } = context
    const { spec } = model
    reader ??= new LabelReader({
      ...{ provider: providerOf(contracts), endpoints, clock },
      ...{ contract: place.address, book: place.book, fromBlock: place.fromBlock || place.chainFromBlock },
      // Zero weights will do: how inputs are rounded does not depend on the weights.
      ...{ program: provableModel(model, new Float32Array(spec.parameterCount)).program, classes: spec.classes },
    })
    const labels = await reader.read(signal)
    log.info(
      { event: 'labels read', round: snapshot.round, book: place.book, labels: labels.length },
      'labels of the ensemble',
    )
    if (labels.length === 0 && context.trainer.shard.samples === 0) {
      throw new LearningError(
        'TRAINER_FAILED',
        `training.labels: book ${place.book} has no label yet: ask for some (cohort nested label)`,
      )
    }
    return await own(together(labels, sizeOf(spec.inputShape)))
  }
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

function together(labels: readonly PaidLabel[], size: number) {
  const inputs = new Float32Array(labels.length * size)
  for (const [i, { input }] of labels.entries()) inputs.set(input, i * size)
  return { inputs, labels: Uint16Array.from(labels, ({ label }) => label) }
}
