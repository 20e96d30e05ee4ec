// SPDX-License-Identifier: GPL-3.0-or-later
// Honest play: the steps of a keeper, one by one and phase by phase.

import { id } from 'ethers'
import { cid, createWorld, type Player, REWARD, STATES, type StateName, salt, type World } from './fixture.ts'

/** Players take seats, in order. */
export async function joinAll(world: World, players: readonly Player[] = world.players): Promise<void> {
  for (const player of players) {
    await world.service.connect(player.operator).join(player.owner)
    player.seat = Number(await world.service.seatOf(player.operator))
  }
}

export async function stateOf(world: World): Promise<StateName> {
  return STATES[Number(await world.service.state())]!
}

/** Lets the state's window run out, without recording it. */
export async function passDeadline(world: World): Promise<void> {
  const { end } = await world.service.clock()
  await world.networkHelpers.time.increaseTo(end)
}

export async function numbers(world: World): Promise<{ epoch: number; round: number }> {
  const clock = await world.service.clock()
  return { epoch: Number(clock.currentEpoch), round: Number(clock.currentRound) }
}

// -------------------------------------------------------------------------------------------------------- honest steps

export const keyCid = (epoch: number, seat: number): string => cid(`key ${epoch} ${seat}`)
export const keyHash = (epoch: number): string => id(`collective key ${epoch}`)
export const samplesOf = (seat: number): number => 100 * (seat + 1)
export const sumHash = (round: number): string => id(`sum ${round}`)
/** A field element, as the model registry demands. */
export const modelOf = (round: number): string => `0x00${id(`model ${round}`).slice(4)}`

export async function commitKey(world: World, player: Player): Promise<void> {
  const { epoch } = await numbers(world)
  const commitment = await world.service.keyCommitment(epoch, player.seat, keyCid(epoch, player.seat), salt('key'))
  const { crsSeed } = await world.service.epochInfo()
  await world.service.connect(player.operator).commitKey(epoch, crsSeed, commitment)
}

export async function revealKey(world: World, player: Player): Promise<void> {
  const { epoch } = await numbers(world)
  await world.service.connect(player.operator).revealKey(epoch, keyCid(epoch, player.seat), salt('key'))
}

export async function confirmKey(world: World, player: Player, hash?: string): Promise<void> {
  const { epoch } = await numbers(world)
  await world.service.connect(player.operator).confirmKey(epoch, hash ?? keyHash(epoch))
}

export async function commitUpdate(world: World, player: Player, { samples = samplesOf(player.seat) } = {}) {
  const { round } = await numbers(world)
  const { seat } = player
  const blob = cid(`update ${round} ${seat}`)
  const sealed = await world.service.updateCommitment(round, seat, blob, 1000, samples, salt('update'))
  return await world.service.connect(player.operator).commitUpdate(round, sealed)
}

export async function revealUpdate(world: World, player: Player, { samples = samplesOf(player.seat) } = {}) {
  const { round } = await numbers(world)
  const { seat } = player
  const blob = cid(`update ${round} ${seat}`)
  return await world.service.connect(player.operator).revealUpdate(round, blob, 1000, samples, salt('update'))
}

/** A member's statement about the sum: by default all revealed updates, and nobody to convict. */
export type Opening = { hash?: string; included?: bigint; convicted?: bigint }

async function openingOf(world: World, opening: Opening): Promise<[number, string, bigint, bigint]> {
  const { round } = await numbers(world)
  const { convicted = 0n } = opening
  const { revealed } = await world.service.roundInfo()
  return [round, opening.hash ?? sumHash(round), opening.included ?? revealed & ~convicted, convicted]
}

export async function sealOf(world: World, player: Player, opening: Opening = {}): Promise<string> {
  const [round, hash, included, convicted] = await openingOf(world, opening)
  return await world.service.attestationSeal(round, player.seat, hash, included, convicted)
}

export async function attest(world: World, player: Player, opening: Opening = {}) {
  const { round } = await numbers(world)
  return await world.service.connect(player.operator).attest(round, await sealOf(world, player, opening))
}

/** Opens the draft, as anyone may. */
export async function draft(world: World, opening: Opening = {}, by: Player | null = null) {
  const caller = by === null ? world.stranger : by.operator
  return await world.service.connect(caller).draft(...(await openingOf(world, opening)))
}

/** Lets the first half of Aggregate's window run out: members attest in that half. */
export async function passAttestations(world: World): Promise<void> {
  const { end } = await world.service.clock()
  await world.networkHelpers.time.increaseTo(Number(end) - Math.floor(world.parameters.aggregateWindow / 2))
}

export async function submitShare(world: World, player: Player) {
  const { round } = await numbers(world)
  return await world.service.connect(player.operator).submitShare(round, cid(`share ${round} ${player.seat}`), 500)
}

export async function vote(world: World, player: Player, options: { round?: number } = {}) {
  const round = options.round ?? (await numbers(world)).round
  return await world.service.connect(player.operator).vote(round, modelOf(round), cid(`model ${round}`))
}

// ------------------------------------------------------------------------------------------------------- whole phases

/** From Registration to the first Training, all players honest. */
export async function reachTraining(world: World, players: readonly Player[] = world.players): Promise<void> {
  await joinAll(world, players)
  if ((await stateOf(world)) === 'Registration') {
    await passDeadline(world)
    await world.service.poke()
  }
  await generateKey(world, players)
}

export async function generateKey(world: World, players: readonly Player[] = world.players): Promise<void> {
  for (const player of players) await commitKey(world, player)
  for (const player of players) await revealKey(world, player)
  for (const player of players) await confirmKey(world, player)
}

/** Those of the players that may update in this round. */
export async function notLeftOut(world: World, players: readonly Player[] = world.players): Promise<Player[]> {
  const { leftOut } = await world.service.roundInfo()
  return players.filter(({ seat }) => !((leftOut >> BigInt(seat)) & 1n))
}

/** All commit, but for those who are left out. */
export async function reachReveal(world: World, players: readonly Player[] = world.players): Promise<void> {
  for (const player of await notLeftOut(world, players)) await commitUpdate(world, player)
}

export async function reachAggregate(world: World, players: readonly Player[] = world.players): Promise<void> {
  await reachReveal(world, players)
  for (const player of await notLeftOut(world, players)) await revealUpdate(world, player)
}

/** All attest, and someone opens the draft; returns the players drafted. */
export async function reachDecrypt(world: World, players: readonly Player[] = world.players): Promise<Player[]> {
  await reachAggregate(world, players)
  for (const player of players) await attest(world, player)
  await draft(world)
  return await drafted(world)
}

export async function drafted(world: World): Promise<Player[]> {
  const set = (await world.service.roundInfo()).drafted
  return world.players.filter((player) => player.seat >= 0 && (set >> BigInt(player.seat)) & 1n)
}

export async function reachVote(world: World, players: readonly Player[] = world.players): Promise<void> {
  for (const player of await reachDecrypt(world, players)) await submitShare(world, player)
}

/** A whole round, late votes included. */
export async function completeRound(world: World, players: readonly Player[] = world.players): Promise<number> {
  const { round } = await numbers(world)
  await reachVote(world, players)
  for (const player of players) await vote(world, player, { round })
  return round
}

/** A service that trains in its first epoch. */
export async function training(options: Parameters<typeof createWorld>[0] = {}): Promise<World> {
  const world = await createWorld(options)
  await reachTraining(world)
  return world
}

/** The earnings of each seat in a final round when the members of these seats did all its steps and share evenly. */
export async function equalRewards(
  world: World,
  round: number,
  earning: readonly number[],
): Promise<(seat: number) => bigint> {
  const [draft] = await world.service.queryFilter(world.service.filters.MembersDrafted(round))
  const sharesOf = (seat: number): bigint => ((draft!.args.drafted >> BigInt(seat)) & 1n ? 3n : 2n)
  const perShare = REWARD / earning.reduce((sum, seat) => sum + sharesOf(seat), 0n)
  return (seat) => (earning.includes(seat) ? perShare * sharesOf(seat) : 0n)
}
