// SPDX-License-Identifier: GPL-3.0-or-later
// Judges candidates by this keeper's own hold-out, against the models that the members accepted.
import { z } from 'zod'
import { isAcceptable, isLossAcceptable, nextLossReference, nextReference } from '../learning/index.ts'
import { manifestDigest } from '../versions/index.ts'
import type { AgentContext } from './context.ts'
import type { ModelScore } from './training/protocol.ts'

/** Of an accuracy or, where the manifest has members judge by it, a loss. Earlier releases noted the last model's accuracy alone. */
const recordSchema = z
  .object({ accuracy: z.number(), reference: z.number().optional(), judgedBy: z.string().optional() })
  .nullable()

const RECORD = 'holdout'

type Judging = {
  readonly store: Pick<AgentContext['store'], 'getRecord' | 'putRecord'>
  readonly trainer: { readonly shard: { readonly samples: number; readonly heldOut: number } }
} & Pick<AgentContext, 'manifest' | 'log'>

/**
 * Whether this keeper votes for a candidate: unless it is clearly worse on its hold-out than accepted models were.
 * @param score Null without a hold-out: a keeper that cannot judge leaves the decision to others, and agrees once they have made it (a late ballot).
 */
export function isGood(context: Judging, score: ModelScore | null): boolean {
  const { manifest, log } = context
  if (score === null) {
    log.info({ event: 'no judgement' }, 'no samples to judge by: this keeper agrees once a quorum has')
    return false
  }
  const before = referenceOf(context)
  const { metric, tolerance } = manifest.vote
  const acceptable =
    metric === 'loss'
      ? isLossAcceptable(score.loss, before, tolerance)
      : isAcceptable(score.accuracy, before, tolerance)
  const good = Number.isFinite(score.loss) && acceptable
  if (!good) {
    log.warn(
      { event: 'model refused', [metric]: score[metric], before },
      'the model is worse than earlier ones: no vote',
    )
  }
  return good
}

/**
 * Notes how good an accepted model was, whether or not this keeper voted for it. A refused model does not count: one made to suit this
 * keeper's samples would have the keeper refuse everything that comes after it.
 */
export function noteAccepted(
  context: Judging,
  of: { readonly round: number; readonly accuracy: number; readonly loss: number },
): void {
  const before = referenceOf(context)
  const reference =
    context.manifest.vote.metric === 'loss' ? nextLossReference(of.loss, before) : nextReference(of.accuracy, before)
  context.store.putRecord(RECORD, { ...of, reference, judgedBy: judgedBy(context) })
}

/** The accuracy that candidates must reach; null before the first accepted model, and after the terms or the samples changed. */
function referenceOf(context: Judging): number | null {
  const record = recordSchema.parse(context.store.getRecord(RECORD))
  if (record === null || (record.judgedBy !== undefined && record.judgedBy !== judgedBy(context))) return null
  // Without one, the record is of a release that knew accuracies alone.
  return record.reference ?? record.accuracy
}

/** Names the terms and the hold-out: only accuracies by the same terms on the same hold-out can be compared. */
function judgedBy({ manifest, trainer }: Judging): string {
  return `${manifestDigest(manifest)}/${trainer.shard.samples}/${trainer.shard.heldOut}`
}
