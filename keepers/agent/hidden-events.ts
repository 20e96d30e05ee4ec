// SPDX-License-Identifier: GPL-3.0-or-later
// A busy endpoint, or one behind a balancer with different nodes, may answer a query for logs with none. The service's own state reveals
// this, because it counts the same acts as the events.
import { bitmapOf, seatsOf } from '../chain/index.ts'
import type { Facts } from './facts.ts'
import type { Snapshot } from './snapshot.ts'

/** Events of which the service's state has a bitmap of seats, with the name of that bitmap. */
const OF_ROUND = {
  UpdateCommitted: 'committed',
  UpdateRevealed: 'revealed',
  ShareSubmitted: 'shared',
} as const

/** An event that the state knows of and the log lacks, with the seats that caused it. */
export type HiddenEvents = { readonly name: string; readonly seats: readonly number[] }

/** The events that the logs up to the snapshot's block lack; null if they are complete. */
export function hiddenEvents(snapshot: Snapshot, facts: Pick<Facts, 'all'>): HiddenEvents | null {
  const { epoch, epochInfo, round, roundInfo, keyInfo, state } = snapshot
  if (state === 'Registration' || epochInfo.epoch !== epoch) return null
  const missing = (name: keyof typeof OF_ROUND | 'KeyRevealed', bitmap: bigint, of: object): HiddenEvents | null => {
    const hidden = bitmap & ~bitmapOf(facts.all(name, of).map(({ args }) => Number(args.seat)))
    return hidden === 0n ? null : { name, seats: seatsOf(hidden) }
  }
  if (state.startsWith('Key')) return missing('KeyRevealed', keyInfo.revealed, { epoch })
  for (const [name, field] of Object.entries(OF_ROUND)) {
    const found = missing(name as keyof typeof OF_ROUND, roundInfo[field], { round })
    if (found !== null) return found
  }
  return roundInfo.drafted !== 0n && facts.all('MembersDrafted', { round }).length === 0
    ? { name: 'MembersDrafted', seats: seatsOf(roundInfo.drafted) }
    : null
}
