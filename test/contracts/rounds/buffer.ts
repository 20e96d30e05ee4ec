// SPDX-License-Identifier: GPL-3.0-or-later
// Eight members of a service whose Training ends with six updates.

import { cid, type Player, type ServiceParameters, salt, type World } from './fixture.ts'
import {
  attest,
  completeRound,
  draft,
  drafted,
  numbers,
  revealUpdate,
  samplesOf,
  submitShare,
  training,
  vote,
} from './play.ts'

export const SIZE = 8
/** The update quorum of eight. */
export const QUORUM = 6
export const SLOW = SIZE - 1
export const MODE = { buffer: QUORUM, maxStaleness: 2, maxStrikes: 3 } as const

export const begin = (parameters: Partial<ServiceParameters> = {}) =>
  training({ players: SIZE, parameters: { ...MODE, ...parameters } })
export const first = (world: World, count: number): Player[] => world.players.slice(0, count)
export const slow = ({ players }: World): Player => players[SLOW]!
export const strikesOf = async ({ service }: World, seat = SLOW) => Number((await service.seatInfo(seat)).strikes)

export async function stale(
  world: World,
  player: Player,
  base: number | bigint,
): Promise<[number, number | bigint, string]> {
  const { round } = await numbers(world)
  const blob = cid(`update ${round} ${player.seat}`)
  const { service } = world
  const commitment = await service.updateCommitment(
    round,
    player.seat,
    blob,
    1000,
    samplesOf(player.seat),
    salt('update'),
  )
  return [round, base, commitment]
}

export async function commitStale(world: World, player: Player, base: number | bigint) {
  return await world.service.connect(player.operator).commitStaleUpdate(...(await stale(world, player, base)))
}

/** A round of the first six, which is over when they have done their parts. */
export const roundOfSix = (world: World) => completeRound(world, first(world, QUORUM))

/** The rest of a round whose Training is over, by all that committed. */
export async function finish(world: World): Promise<void> {
  const { round } = await numbers(world)
  const { committed } = await world.service.roundInfo()
  const those = world.players.filter(({ seat }) => (committed >> BigInt(seat)) & 1n)
  for (const player of those) await revealUpdate(world, player)
  for (const player of those) await attest(world, player)
  await draft(world)
  for (const player of await drafted(world)) await submitShare(world, player)
  for (const player of those) await vote(world, player, { round })
}
