// SPDX-License-Identifier: GPL-3.0-or-later
// Members of a service that measures contributions sit out rounds in turn (contracts/market/SitOut.sol): an update of zeros, and all the rest of a
// member's work. It follows from what a keeper knows of the epoch anyway, so that no endpoint can tell it to sit out more often.
import { rotaOf, seatsOf, sittersOf } from '../../chain/index.ts'
import type { Step } from '../context.ts'
import { parametersOf } from '../frame.ts'

/** Whether this member is to sit out the round that trains. */
export async function sitsOut(step: Step & { readonly seat: number }): Promise<boolean> {
  const { context, snapshot, seat } = step
  const { rota } = context.config
  if (rota === undefined) return false
  const { members, quorum, crsSeed } = snapshot.epochInfo
  const seats = seatsOf(members)
  const updateQuorum = Math.max(quorum, (await parametersOf(step)).minKeepers)
  const places = sittersOf(rotaOf(seats.length, updateQuorum, rota.perRound), crsSeed, snapshot.round)
  return places.includes(seats.indexOf(seat))
}
