// SPDX-License-Identifier: GPL-3.0-or-later
// Rounds that a keeper leaves to others, because of their layers (training.layerGroups) or in turn (rota): whether it may, given what it was refused
// before.
import type { KeeperStore } from '../../store/index.ts'
import type { Covered } from '../../versions/index.ts'
import type { Step } from '../context.ts'

const REFUSED = 'no room in epoch'

type Records = Pick<KeeperStore, 'getRecord' | 'putRecord'>

/** The service had no room for this keeper as a member without samples. */
export function noteNoRoom(store: Records, epoch: number): void {
  store.putRecord(REFUSED, epoch)
}

/** Whether it had none for this keeper once in the epoch. */
export function wasRefused(store: Pick<KeeperStore, 'getRecord'>, epoch: number): boolean {
  return store.getRecord(REFUSED) === epoch
}

/**
 * Whether a keeper that would leave a round to others takes part in it all the same. Members that declare no samples in every round can take all
 * the room there is. Each refusal is then a strike, and where the updates of the rest are too few, a lost round. So a keeper takes part for the rest
 * of an epoch in which it was refused, and in any case while it has a strike: its choice of layers never costs it the seat, and liars can make it
 * cost the service one round an epoch.
 * @param strikes against its seat, by the chain
 * @param refused the last epoch in which there was no room, or null
 */
export function mustTakePart({
  strikes,
  refused,
  epoch,
}: {
  readonly strikes: number
  readonly refused: number | null
  readonly epoch: number
}): boolean {
  return strikes > 0 || refused === epoch
}

/** Whether this keeper leaves the round to others. @param covered by the round; null for the whole model, which nobody leaves out */
export async function leavesOut(step: Step & { readonly seat: number }, covered: Covered | null): Promise<boolean> {
  const { config, log } = step.context
  if (covered === null || config.training.layerGroups?.includes(covered.name) !== false) return false
  const kept = await keptIn(step)
  if (kept === null) return true
  log.warn(
    { event: 'takes part', round: step.snapshot.round, layers: covered.name, ...kept },
    'trains layers that training.layerGroups leaves to others: there was no room to leave them out',
  )
  return false
}

/** The strikes against a keeper that has to take part ({@link mustTakePart}); null for one that may leave the round to others. */
export async function keptIn({
  context,
  snapshot,
  seat,
}: Step & { readonly seat: number }): Promise<{ readonly strikes: number } | null> {
  const found = await context.contracts.service.seatInfo(seat)
  const refused = context.store.getRecord(REFUSED)
  const strikes = Number(found.strikes)
  const of = { strikes, refused: typeof refused === 'number' ? refused : null, epoch: snapshot.epoch }
  return mustTakePart(of) ? { strikes } : null
}
