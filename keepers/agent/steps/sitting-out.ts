// SPDX-License-Identifier: GPL-3.0-or-later
// Rounds of layers that a keeper leaves to others (training.layerGroups): whether it may, given what it was refused before.
import type { KeeperStore } from '../../store/index.ts'
import type { Covered } from '../../versions/index.ts'
import type { Step } from '../context.ts'

const REFUSED = 'no room in round'

type Records = Pick<KeeperStore, 'getRecord' | 'putRecord'>

/** The service had no room for this keeper as a member without samples. Until the chain has recorded the strike, only the keeper knows. */
export function noteNoRoom(store: Records, round: number): void {
  store.putRecord(REFUSED, round)
}

/**
 * Whether a keeper that leaves a round's layers to others trains them all the same. Members that declare no samples in every round can take all
 * the room there is, and each refusal is a strike: of rounds of others in a row, two or three would cost the seat. So a keeper with a strike takes part
 * until a sum with its update has cleared it, and is never struck out for its choice of layers.
 * @param strikes against its seat, by the chain
 * @param refused the last round in which there was no room, or null
 */
export function mustTakePart({
  strikes,
  refused,
  round,
}: {
  readonly strikes: number
  readonly refused: number | null
  readonly round: number
}): boolean {
  return strikes > 0 || refused === round - 1
}

/** Whether this keeper leaves the round to others. @param covered by the round; null for the whole model, which nobody leaves out */
export async function leavesOut(step: Step & { readonly seat: number }, covered: Covered | null): Promise<boolean> {
  const { context, snapshot } = step
  const { config, contracts, store, log } = context
  if (covered === null || config.training.layerGroups?.includes(covered.name) !== false) return false
  const { strikes } = await contracts.service.seatInfo(step.seat)
  const refused = store.getRecord(REFUSED)
  const of = { strikes: Number(strikes), refused: typeof refused === 'number' ? refused : null, round: snapshot.round }
  if (!mustTakePart(of)) return true
  log.warn(
    { event: 'takes part', round: snapshot.round, layers: covered.name, strikes: of.strikes },
    'trains layers that training.layerGroups leaves to others: another round without an update could cost the seat',
  )
  return false
}
