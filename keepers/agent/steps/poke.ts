// SPDX-License-Identifier: GPL-3.0-or-later

import { seatsOf } from '../../chain/index.ts'
import type { Step } from '../context.ts'

/** Seconds of chain time that each keeper in the order leaves to those before it. */
const TURN_SECONDS = 3

/**
 * Records due transitions on the chain, when it is this keeper's turn. One keeper pays for the transaction, and the next one if the first is gone.
 * The order rotates with epoch and round.
 */
export async function pokeInTurn(step: Step, poke: () => Promise<boolean>): Promise<void> {
  const { snapshot, seat } = step
  const seats = seatsOf(snapshot.seated)
  const place = seat === null ? seats.length : seats.indexOf(seat)
  const rank = seats.length === 0 ? 0 : (place + snapshot.epoch + snapshot.round) % (seats.length + 1)
  const since = dueSince(step)
  if (snapshot.time - since >= rank * TURN_SECONDS) await poke()
}

/** Chain time when this keeper first saw something due after the last recorded transition. */
function dueSince({ context, snapshot }: Step): number {
  const { facts, remembered } = context
  const mark = `${facts.last('Transitioned')?.block}/${facts.last('RegistrationReopened')?.block}`
  if (remembered.due?.mark !== mark) remembered.due = { mark, time: snapshot.time }
  return remembered.due.time
}
