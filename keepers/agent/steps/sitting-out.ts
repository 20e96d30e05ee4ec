// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a keeper may leave a round to others, because of the layers that the round covers (training.layerGroups) or because it is its turn (rota).
// It depends on whether the keeper was refused before.
import type { KeeperStore } from '../../store/index.ts'
import type { Covered } from '../../versions/index.ts'
import type { Step } from '../context.ts'

const REFUSED = 'no room in epoch'

type Records = Pick<KeeperStore, 'getRecord' | 'putRecord'>

/** Notes that the service had no room for this keeper as a member without samples. */
export function noteNoRoom(store: Records, epoch: number): void {
  store.putRecord(REFUSED, epoch)
}

/** Whether the service has refused this keeper for lack of room in this epoch. */
export function wasRefused(store: Pick<KeeperStore, 'getRecord'>, epoch: number): boolean {
  return store.getRecord(REFUSED) === epoch
}

/**
 * Whether a keeper that would leave a round to others must take part all the same. Members that declare no samples in any round can take up all
 * the room. Then each refusal is a strike, and a lost round if too few updates with samples remain. So a keeper takes part for the rest of an epoch
 * in which it was refused, and always while it has a strike. Its choice of layers then never costs it the seat, and liars can use that choice to
 * cost the service at most one round per epoch.
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

/** Whether this keeper leaves the round to others. @param covered layers of the round; null for the whole model, in which everybody takes part */
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
