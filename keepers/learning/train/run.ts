// SPDX-License-Identifier: GPL-3.0-or-later
import { momentCount } from '../engine/update-rule.ts'
import { LearningError } from '../errors.ts'
import { specHash } from '../model/spec.ts'
import { checkVector } from '../model/vector.ts'
import type { Dataset, EpochRecord, ModelSpec, TrainingCheckpoint, TrainingParameters } from '../types.ts'
import { MOST_WORKERS, parseTrainingParameters } from './parameters.ts'

/** Mutable position of a training in progress. */
export type Run = {
  readonly parameters: TrainingParameters
  readonly workers: number
  readonly history: EpochRecord[]
  epoch: number
  step: number
  lossSum: number
  correct: number
  seen: number
}

/** @throws LearningError BAD_PARAMETERS for a number of workers that nobody can mean */
export function firstRun(parameters: TrainingParameters, workers = 1): Run {
  if (!Number.isInteger(workers) || workers < 1 || workers > MOST_WORKERS) {
    throw new LearningError('BAD_PARAMETERS', `workers is ${workers}: give a whole number from 1 to ${MOST_WORKERS}`)
  }
  return { parameters, workers, history: [], epoch: 0, step: 0, lossSum: 0, correct: 0, seen: 0 }
}

/** The run that a checkpoint was taken of. @throws LearningError BAD_CHECKPOINT, BAD_PARAMETERS, BAD_VECTOR */
export function resumedRun(spec: ModelSpec, data: Dataset, resume: TrainingCheckpoint): Run {
  const parameters = parseTrainingParameters(resume.parameters)
  const steps = Math.ceil(data.count / parameters.batchSize)
  const refuse = (message: string) => new LearningError('BAD_CHECKPOINT', `cannot resume: ${message}`)
  if (resume.specHash !== specHash(spec)) throw refuse(`the checkpoint is not of ${spec.name}`)
  if (resume.epoch > parameters.epochs || resume.step > steps) {
    throw refuse(`epoch ${resume.epoch}, step ${resume.step} lie beyond ${parameters.epochs} epochs of ${steps} steps`)
  }
  if (resume.moments.length !== momentCount(parameters.optimizer)) {
    throw refuse(`${resume.moments.length} moment vectors do not fit ${parameters.optimizer.kind}`)
  }
  for (const vector of [resume.weights, resume.anchor, ...resume.moments]) checkVector(spec, vector, 'checkpoint')
  const { workers, epoch, step, lossSum, correct, seen } = resume
  return { parameters, workers, history: [...resume.history], epoch, step, lossSum, correct, seen }
}
