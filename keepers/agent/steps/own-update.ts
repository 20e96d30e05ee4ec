// SPDX-License-Identifier: GPL-3.0-or-later

import { z } from 'zod'
import type { ServiceArguments } from '../../chain/index.ts'
import { cidHex } from '../../network/index.ts'
import { callKey } from '../actions.ts'
import type { Step } from '../context.ts'
import { epochName } from '../members.ts'
import type { Snapshot } from '../snapshot.ts'
import { parseUpdateIntent, type UpdateIntent, updateIntentName } from './intents.ts'

/** The arguments of the transaction that reveals the update. */
export function revealArguments(
  round: number,
  { cid, size, samples, salt }: UpdateIntent,
): ServiceArguments<'revealUpdate'> {
  return [round, cidHex(cid), size, samples, salt]
}

/** Names the record by epoch and round, as the epoch's key and the share are named. */
const keysName = ({ epochInfo, round }: Snapshot): string => `reveals/${epochName(epochInfo)}/${round}`

/** The keys under which the queue knows this round's reveal: more than one if endpoints reported the service's clock differently in between. */
const keysOf = ({ context, snapshot }: Step): string[] =>
  z.array(z.string()).parse(context.store.getRecord(keysName(snapshot)) ?? [])

/** Records the key under which the reveal, about to be sent, can be found again. */
export function noteReveal(step: Step, args: ServiceArguments<'revealUpdate'>): void {
  const { key } = callKey(step.snapshot, 'revealUpdate', args)
  step.context.store.putRecord(keysName(step.snapshot), [...new Set([...keysOf(step), key])])
}

/**
 * Whether a sum that this keeper helps to open must contain its own update: it must if the keeper's own records say that it sent the
 * reveal. An endpoint that hides the reveal, or reports another epoch since, could otherwise make it open a sum of the others alone.
 */
export function ownUpdate(step: Step): 'included' | 'abstained' {
  const { context, snapshot } = step
  const { store } = context
  const known = store.journal.find(updateIntentName(snapshot.epochInfo, snapshot.round))
  if (known === null) return 'abstained'
  const args = revealArguments(snapshot.round, parseUpdateIntent(known.payload))
  const keys = [...keysOf(step), callKey(snapshot, 'revealUpdate', args).key]
  return keys.every((key) => store.transactions.find(key) === null) ? 'abstained' : 'included'
}
