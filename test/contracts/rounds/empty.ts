// SPDX-License-Identifier: GPL-3.0-or-later
// Rounds with members without samples: what the tests of them play.
import { expect } from 'chai'
import { type Player, seats, type World } from './fixture.ts'
import {
  attest,
  commitUpdate,
  draft,
  drafted,
  numbers,
  passAttestations,
  passDeadline,
  revealUpdate,
  stateOf,
  submitShare,
  vote,
} from './play.ts'

export const NONE = { samples: 0 }

/** Commits and reveals of these players; those in `empty` declare no samples. Of others nothing comes. */
export async function contribute(
  world: World,
  players: readonly Player[],
  empty: readonly Player[] = [],
): Promise<void> {
  const declared = (player: Player) => (empty.includes(player) ? NONE : {})
  for (const player of players) await commitUpdate(world, player, declared(player))
  if ((await stateOf(world)) === 'Training') await passDeadline(world)
  for (const player of players) await revealUpdate(world, player, declared(player))
}

/** The rest of a round, after its reveals. */
export async function finish(world: World): Promise<void> {
  const { round } = await numbers(world)
  for (const player of world.players) await attest(world, player)
  await draft(world)
  for (const player of await drafted(world)) await submitShare(world, player)
  for (const player of world.players) await vote(world, player, { round })
}

/** A round in which the last of the players declares no samples, and the first would do so, too. Nobody attests a sum of the other two. */
export async function stopRound(world: World, after = 'Training'): Promise<void> {
  const { players, service } = world
  const [liar, empty] = [players[0]!, players[3]!]
  for (const player of players) await commitUpdate(world, player, player === liar || player === empty ? NONE : {})
  await revealUpdate(world, empty, NONE)
  await expect(revealUpdate(world, liar, NONE))
    .to.be.revertedWithCustomError(service, 'NoRoomWithoutSamples')
    .withArgs(seats(liar.seat, empty.seat), 1)
  for (const player of players.slice(1, 3)) await revealUpdate(world, player)
  await passDeadline(world)
  expect(await stateOf(world)).to.equal('Aggregate')
  await passDeadline(world)
  expect(await stateOf(world)).to.equal(after)
}

/** Strikes against a player's seat. */
export const strikesOf = async ({ service }: World, { seat }: Player) => Number((await service.seatInfo(seat)).strikes)

/** All reveal, the last one without samples. The first one's update cannot be added up: the others attest a sum without it. */
export async function spoil(world: World): Promise<Awaited<ReturnType<typeof draft>>> {
  const { players } = world
  await contribute(world, players, [players[3]!])
  const included = seats(1, 2, 3)
  for (const player of players.slice(1)) await attest(world, player, { included })
  await passAttestations(world)
  return await draft(world, { included })
}
