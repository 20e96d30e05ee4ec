// SPDX-License-Identifier: GPL-3.0-or-later
// What this keeper's own hold-out says of candidates, remembered from round to round.
import { z } from 'zod'
import { isAcceptable, nextReference } from '../learning/index.ts'
import type { AgentContext } from './context.ts'
import type { ModelScore } from './training/protocol.ts'

/** Keepers of earlier releases noted the last model's accuracy alone. */
const recordSchema = z.object({ accuracy: z.number(), reference: z.number().optional() }).nullable()

type Judging = { readonly store: Pick<AgentContext['store'], 'getRecord'> } & Pick<AgentContext, 'manifest' | 'log'>

export type Verdict = {
  /** Whether this keeper votes for the candidate: unless it is clearly worse on its hold-out than earlier models were. */
  readonly good: boolean
  /** What later candidates have to come up to, once this one is noted. */
  readonly reference: number
}

export function judge({ store, manifest, log }: Judging, score: ModelScore): Verdict {
  const record = recordSchema.parse(store.getRecord('holdout'))
  const before = record === null ? null : (record.reference ?? record.accuracy)
  const good = Number.isFinite(score.loss) && isAcceptable(score.accuracy, before, manifest.vote.tolerance)
  if (!good) {
    log.warn(
      { event: 'model refused', accuracy: score.accuracy, before },
      'the model is worse than earlier ones: no vote',
    )
  }
  return { good, reference: nextReference(score.accuracy, before) }
}

/** Notes a candidate that was found good. */
export function noteGood(
  store: Pick<AgentContext['store'], 'putRecord'>,
  of: { readonly round: number; readonly accuracy: number; readonly reference: number },
): void {
  store.putRecord('holdout', of)
}
