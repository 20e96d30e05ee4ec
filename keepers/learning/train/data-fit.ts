// SPDX-License-Identifier: GPL-3.0-or-later
import { hasTargets, lossOf } from '../engine/loss.ts'
import { LearningError } from '../errors.ts'
import type { Dataset, ModelSpec } from '../types.ts'

/** Requires samples of the model's shape, with the labels or targets that it is trained for. @throws LearningError MODEL_DATA_MISMATCH */
export function requireFit(spec: ModelSpec, dataset: Dataset): void {
  const { inputShape, classes, name } = spec
  const loss = lossOf(spec)
  const { targets, count } = dataset
  if (hasTargets(loss) && targets?.length !== count * classes) {
    throw new LearningError(
      'MODEL_DATA_MISMATCH',
      `${dataset.name} has ${targets === undefined ? 'labels' : `${targets.length / count} targets a sample`}, ` +
        `but ${name} is trained for ${classes} target${classes === 1 ? '' : 's'} a sample (${loss.kind})`,
    )
  }
  if (!hasTargets(loss) && targets !== undefined) {
    throw new LearningError('MODEL_DATA_MISMATCH', `${dataset.name} has targets, but ${name} tells classes apart`)
  }
  if (!hasTargets(loss) && classes < 2) {
    throw new LearningError('MODEL_DATA_MISMATCH', `${name} has ${classes} output; a classifier needs at least 2`)
  }
  if (`${dataset.inputShape}` !== `${inputShape}`) {
    throw new LearningError(
      'MODEL_DATA_MISMATCH',
      `${dataset.name} has samples of ${dataset.inputShape.join('×')}, but ${name} takes ${inputShape.join('×')}`,
    )
  }
  if (!hasTargets(loss) && dataset.classes > classes) {
    throw new LearningError(
      'MODEL_DATA_MISMATCH',
      `${dataset.name} has ${dataset.classes} classes, but ${name} distinguishes only ${classes}`,
    )
  }
}
