// SPDX-License-Identifier: GPL-3.0-or-later
// Where a keeper's update comes from when not from its own samples alone.
import { LearningError } from '../../learning/index.ts'
import { NestedError } from '../../nested/index.ts'
import type { PlannedModel } from '../../versions/index.ts'
import type { AgentContext, UpdateSource } from '../context.ts'
import type { TrainOutcome } from '../training/protocol.ts'
import { labelSource } from './pseudo-labels.ts'
import { serviceSource } from './service.ts'

/** The source that `training.source` names; undefined for the keeper's own samples. */
export function updateSource(
  { training, chain }: Pick<AgentContext['config'], 'training' | 'chain'>,
  model: PlannedModel,
): UpdateSource | undefined {
  const { service, labels } = training
  const source =
    service !== undefined
      ? serviceSource(service, model)
      : labels !== undefined
        ? labelSource({ ...labels, chainFromBlock: chain.fromBlock }, model)
        : undefined
  return source === undefined ? undefined : (step, own) => explained(source(step, own))
}

/** What is missing, as the cause of a lost round. */
async function explained(outcome: Promise<TrainOutcome>): Promise<TrainOutcome> {
  try {
    return await outcome
  } catch (cause) {
    // An endpoint that is away may be back within the window: then the behaviour is called again.
    if (!(cause instanceof NestedError) || cause.code === 'unheard') throw cause
    throw new LearningError('TRAINER_FAILED', `training.source: ${cause.message}`, { cause })
  }
}
