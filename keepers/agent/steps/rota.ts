// SPDX-License-Identifier: GPL-3.0-or-later
// Members of a service that measures contributions sit out rounds in turn (contracts/market/SitOut.sol): they send an update of zeros, and do the
// rest of a member's work. The turns follow from what a keeper knows of the epoch anyway, so no endpoint can make it sit out more often.
import { rotaOf, seatsOf, sittersOf } from '../../chain/index.ts'
import type { AgentContext, Step } from '../context.ts'
import { parametersOf } from '../frame.ts'
import { keptIn } from './sitting-out.ts'

/** Who sits out when, of an epoch's members. */
type Turns = {
  /** Seats of the members, in the order of the epoch's list. */
  readonly seats: readonly number[]
  readonly updateQuorum: number
  /** Updates that end Training; 0 where all members are waited for. */
  readonly buffer: number
  /** Members that sit out at once, as the config wishes. */
  readonly perRound: number
  readonly crsSeed: string
}

/**
 * Whether this member is to sit out the round that trains. It does not if it was refused before, or if others took the room out of turn. Each
 * refusal would be a strike and one more missing update, so that a few members without samples could make every round fail.
 */
export async function sitsOut(step: Step & { readonly seat: number }): Promise<boolean> {
  const { context, snapshot, seat } = step
  const { rota } = context.config
  if (rota === undefined) return false
  const { members, quorum, crsSeed } = snapshot.epochInfo
  const { minKeepers, buffer } = await parametersOf(step)
  const updateQuorum = Math.max(quorum, minKeepers)
  const turns = { seats: seatsOf(members), updateQuorum, buffer, perRound: rota.perRound, crsSeed }
  const { round } = snapshot
  if (!sittingIn(turns, round).includes(seat)) return false
  const kept = await keptIn(step)
  const crowded = isCrowded(turns, round, emptyIn(context, snapshot.epochInfo.epoch, round - 1))
  if (kept === null && !crowded) return true
  const reason = crowded ? 'others take the room out of turn' : 'there was no room'
  context.log.warn({ event: 'takes part', round, ...kept, reason }, 'does not sit out, although it is its turn')
  return false
}

/** Seats whose turn it is to sit out a round. */
export function sittingIn({ seats, updateQuorum, perRound, crsSeed }: Omit<Turns, 'buffer'>, round: number): number[] {
  return sittersOf(rotaOf(seats.length, updateQuorum, perRound), crsSeed, round).map((place) => seats[place]!)
}

/**
 * Whether members without samples leave too little room for those whose turn it is, in this round or in the last one: the latter keep their
 * places until they bring an update.
 * @param empty seats that declared no samples in the round before
 */
export function isCrowded(turns: Turns, round: number, empty: readonly number[]): boolean {
  const { seats, updateQuorum, buffer } = turns
  const updates = buffer === 0 ? seats.length : Math.min(seats.length, buffer)
  const inTurn = new Set([...sittingIn(turns, round), ...sittingIn(turns, round - 1)])
  const outOfTurn = empty.filter((seat) => !inTurn.has(seat))
  return outOfTurn.length + inTurn.size > updates - updateQuorum
}

/** Seats that declared no samples in a round of the epoch. */
function emptyIn({ facts }: Pick<AgentContext, 'facts'>, epoch: number, round: number): number[] {
  const opened = facts.last('EpochOpened', { epoch })?.block ?? 0
  const reveals = facts.all('UpdateRevealed', { round }).filter(({ block }) => block >= opened)
  return reveals.filter(({ args }) => Number(args.samples) === 0).map(({ args }) => Number(args.seat))
}
