// SPDX-License-Identifier: GPL-3.0-or-later
// Chooses where a keeper's update comes from, when it does not come from the keeper's own samples alone.
import { LearningError } from '../../learning/index.ts'
import type { PlannedModel } from '../../versions/index.ts'
import type { AgentContext, UpdateSource } from '../context.ts'

/**
 * The source that `training.source` names; undefined for the keeper's own samples. Loads the modules of a source only here, because they
 * include the rooms that prove.
 */
export async function updateSource(
  { training, chain }: Pick<AgentContext['config'], 'training' | 'chain'>,
  model: PlannedModel,
): Promise<UpdateSource | undefined> {
  const { service, labels } = training
  if (service === undefined && labels === undefined) return undefined
  const { NestedError } = await import('../../nested/index.ts')
  const source =
    service !== undefined
      ? (await import('./service.ts')).serviceSource(service, model)
      : (await import('./pseudo-labels.ts')).labelSource({ ...labels!, chainFromBlock: chain.fromBlock }, model)
  return async (step, own) => {
    try {
      return await source(step, own)
    } catch (cause) {
      // An endpoint that is away may be back within the window: then the behaviour is called again.
      if (!(cause instanceof NestedError) || cause.code === 'unheard') throw cause
      throw new LearningError('TRAINER_FAILED', `training.source: ${cause.message}`, { cause })
    }
  }
}
