// SPDX-License-Identifier: GPL-3.0-or-later

import type { ServiceArguments } from '../../chain/index.ts'
import { cidHex } from '../../network/index.ts'
import { callKey } from '../actions.ts'
import type { Step } from '../context.ts'
import { parseUpdateIntent, type UpdateIntent, updateIntentName } from './intents.ts'

/** What a reveal of the update says to the chain. */
export function revealArguments(
  round: number,
  { cid, size, samples, salt }: UpdateIntent,
): ServiceArguments<'revealUpdate'> {
  return [round, cidHex(cid), size, samples, salt]
}

/**
 * Whether this keeper's update must be in a sum of the round that it helps to open: when it has sent the reveal, by its own
 * records. An endpoint that hides the reveal could otherwise have it open a sum of the others alone.
 */
export function ownUpdate({ context, snapshot }: Step): 'included' | 'abstained' {
  const { store } = context
  const known = store.journal.find(updateIntentName(snapshot.epochInfo, snapshot.round))
  if (known === null) return 'abstained'
  const args = revealArguments(snapshot.round, parseUpdateIntent(known.payload))
  const { key } = callKey(snapshot, 'revealUpdate', args)
  return store.transactions.find(key) === null ? 'abstained' : 'included'
}
