// SPDX-License-Identifier: GPL-3.0-or-later
// A service of five seats whose members are drawn among twelve candidates, for the tests of the draw.

import { keccak256, solidityPacked } from 'ethers'
import type { SortitionAdmission } from '../../../types/index.ts'
import { COH, createWorld, type Player, type ServiceParameters, type World } from './fixture.ts'
import { generateKey, passDeadline, stateOf } from './play.ts'

export const CANDIDATES = 12
export const SIZE = 5
export const TERMS = { bond: 20n * COH, absencePenalty: 3n * COH, minCandidates: 6, patience: 1000, delay: 2 }

export type Drawing = World & { readonly sortition: SortitionAdmission }

/** @param enlist Candidates at the start, by index. */
export async function drawing({
  terms = {},
  parameters = {},
  enlist = CANDIDATES,
}: {
  terms?: Partial<typeof TERMS>
  parameters?: Partial<ServiceParameters>
  enlist?: number
} = {}): Promise<Drawing> {
  const world = await createWorld({ players: CANDIDATES, parameters: { maxKeepers: SIZE, oneEpochSeats: true } })
  const { ethers, factory, registry, service, admin, players } = world
  const sortition = await ethers.deployContract('SortitionAdmission', [factory, 0, registry, { ...TERMS, ...terms }])
  await registry.grantRole(await registry.REGISTRAR_ROLE(), admin)
  await registry.registerService(sortition)
  const admission = await sortition.getAddress()
  await service.setParameters({ ...world.parameters, ...parameters, admission, partySeats: 1 })
  for (const { owner } of players) await registry.connect(owner).setOptIn(owner, sortition, true)
  for (const player of players.slice(0, enlist)) await sortition.connect(player.operator).enlist(player.owner)
  return { ...world, sortition }
}

/** Opens a draw and settles it with this randomness. */
export async function settle({ sortition, networkHelpers, stranger }: Drawing, randomness: bigint): Promise<void> {
  await sortition.connect(stranger).openDraw()
  await networkHelpers.mine(2)
  await networkHelpers.setPrevRandao(randomness)
  await sortition.connect(stranger).settleDraw()
}

/** Large enough not to be taken for the constant of a chain without randomness. */
export const random = (label: number): bigint => BigInt(keccak256(solidityPacked(['uint256'], [label])))

/** The whole order of a draw: positions by rank. The plainest Fisher–Yates. */
export function shuffled(seed: string, size: number): number[] {
  const order = Array.from({ length: size }, (_, i) => i)
  for (let j = 0; j < size; j++) {
    const choice = j + Number(BigInt(keccak256(solidityPacked(['bytes32', 'uint256'], [seed, j]))) % BigInt(size - j))
    ;[order[j], order[choice]] = [order[choice]!, order[j]!]
  }
  return order
}

/** Candidates in the order of the last draw, as long as all hold the places in which they came. */
export async function orderOf({ sortition, players }: Drawing): Promise<Player[]> {
  const { seed, candidates } = await sortition.lastDraw()
  return shuffled(seed, Number(candidates)).map((position) => players[position]!)
}

export const takeSeat = ({ service }: World, player: Player) => service.connect(player.operator).join(player.owner)

/** Seats these, and lets registration close. */
export async function seat(world: Drawing, members: readonly Player[]): Promise<void> {
  for (const player of members) {
    await takeSeat(world, player)
    player.seat = Number(await world.service.seatOf(player.operator))
  }
  if ((await stateOf(world)) === 'Registration') {
    await passDeadline(world)
    await world.service.poke()
  }
}

/** An epoch of these members whose first round nobody trains for. */
export async function wholeEpoch(world: Drawing, members: readonly Player[]): Promise<void> {
  await seat(world, members)
  await generateKey(world, members)
  await passDeadline(world)
  await world.service.poke()
}
