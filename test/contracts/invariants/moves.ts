// SPDX-License-Identifier: GPL-3.0-or-later
// What anybody may try at random: calls that make no sense, moves of seats and stake, and what the DAO decides.

import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types'
import { BOND, COH, cid, type Player, type World } from '../rounds/fixture.ts'
import type { Contract } from './sender.ts'

/** A turncoat does every step as the honest do, up to a vote for something else. */
export type Role = 'honest' | 'silent' | 'liar' | 'turncoat'
export type Actor = Player & { readonly role: Role }

export type Call = [from: HardhatEthersSigner, to: Contract, name: string, args: readonly unknown[]]

/** Where a move is made, and what chooses it. */
export type Chance = {
  readonly world: World
  readonly random: () => number
  pick<T>(list: readonly T[]): T
}

/** Calls that make no sense, or none now: they must be refused or harmless. */
export function nonsense({ world, random, pick }: Chance, actor: Actor, tick: number): Call {
  const { service, ethers, stranger } = world
  const number = Math.floor(random() * 6)
  const noise = random() < 0.3 ? ethers.ZeroHash : ethers.id(`noise ${tick}`)
  const blob = random() < 0.3 ? '0x' : cid('noise')
  const [name, args] = pick<[string, readonly unknown[]]>([
    ['commitKey', [number, noise, noise]],
    ['revealKey', [number, blob, noise]],
    ['confirmKey', [number, noise]],
    ['complain', [number, number, blob]],
    ['judge', [number, number, number + 1]],
    ['commitUpdate', [number, noise]],
    ['commitStaleUpdate', [number, number, noise]],
    ['revealUpdate', [number, blob, number, number, noise]],
    ['attest', [number, noise.slice(0, 54)]],
    ['draft', [number, noise, number, number]],
    ['dispute', [number, number]],
    ['submitCheck', [number, blob]],
    ['submitShare', [number, blob, number]],
    ['vote', [number, random() < 0.5 ? noise : inField(noise), blob]],
    ['expel', [number]],
    ['syncOperator', [number]],
    ['topUp', [number]],
    ['leave', [number]],
    ['setParameters', [world.parameters]],
  ])
  // An honest operator would not send these.
  const caller = actor.role === 'honest' ? stranger : actor.operator
  return [caller, service, name, args]
}

/** Of one that has a seat. */
export async function membershipMove({ world, random }: Chance, actor: Actor): Promise<Call | null> {
  const { service, registry, stranger } = world
  const choice = random()
  if (choice < 0.4) return [stranger, service, 'collect', [actor.seat]]
  if (choice < 0.6) return [stranger, service, 'expel', [actor.seat]]
  if (choice < 0.7) return [actor.operator, service, 'topUp', [actor.seat]]
  if (choice < 0.8) return [actor.owner, registry, 'disengageSuspended', [await service.getAddress()]]
  return choice < (actor.role === 'honest' ? 0.85 : 1) ? [actor.operator, service, 'leave', [actor.seat]] : null
}

export async function stakeMove(
  { world, random, pick }: Chance,
  actor: Actor,
  actors: readonly Actor[],
): Promise<Call> {
  const { registry, service, admin, stranger } = world
  const amount = BigInt(Math.floor(random() * 60)) * COH
  const [caller, name, args] = pick<[HardhatEthersSigner, string, readonly unknown[]]>([
    [actor.owner, 'stake', [actor.owner.address, amount]],
    [actor.owner, 'requestUnbonding', [amount]],
    [actor.owner, 'withdraw', [actor.owner.address]],
    [actor.owner, 'claimRewards', [actor.owner.address]],
    [actor.owner, 'restakeRewards', []],
    [actor.owner, 'delegate', [pick(actors).owner.address]],
    [stranger, 'setOptIn', [actor.owner.address, await service.getAddress(), false]],
    [stranger, 'engage', [actor.owner.address, amount]],
    [admin, 'fund', [await service.getAddress(), amount]],
    [stranger, 'sweepSlashed', []],
    [stranger, 'slash', [actor.owner.address, amount, `0x${'00'.repeat(32)}`, `0x${'00'.repeat(32)}`]],
    [stranger, 'credit', [actor.owner.address, amount]],
  ])
  return [caller, registry, name, args]
}

export async function daoMove(chance: Chance, actors: readonly Actor[]): Promise<Call> {
  const { world, random } = chance
  const { registry, service, admin, parameters, equal, bySamples } = world
  const address = await service.getAddress()
  const choice = random()
  if (choice < 0.5) {
    const strategy = await (random() < 0.5 ? equal : bySamples).getAddress()
    const decryptionBps = 5000 + Math.floor(random() * 1667)
    const next = {
      ...parameters,
      strategy,
      decryptionBps,
      minKeepers: 2 + Math.floor(random() * 3),
      maxStrikes: 2 + Math.floor(random() * 2),
      oneEpochSeats: random() < 0.3,
      ...(random() < 0.3 ? { buffer: 4, maxStaleness: 1 + Math.floor(random() * 7) } : { buffer: 0, maxStaleness: 0 }),
      decryptionsPerEpoch: 1 + Math.floor(random() * 5),
      decryptPenalty: BigInt(Math.floor(random() * 30)) * COH,
      fraudPenalty: BigInt(Math.floor(random() * 30)) * COH,
      bond: BOND,
    }
    return [admin, service, 'setParameters', [next]]
  }
  if (choice < 0.6) return [admin, registry, 'withdrawPool', [address, COH]]
  if (choice < 0.7) return [admin, registry, 'suspendService', [address]]
  if (choice < 0.8) return await banMove(chance, actors)
  return [admin, registry, 'resumeService', [address]]
}

/** Bans one that is not honest, or lets one back. */
async function banMove({ world, pick }: Chance, actors: readonly Actor[]): Promise<Call> {
  const { service, admin } = world
  const others = actors.filter(({ role }) => role !== 'honest')
  const { owner } = pick(others)
  const name = (await service.isBanned(owner)) ? 'unban' : 'ban'
  return [admin, service, name, [owner.address]]
}

/** The same hash, made small enough for a commitment to weights. */
export function inField(hash: string): string {
  return `0x00${hash.slice(4)}`
}

/** Two repeats of a check of each revealed update. */
export function scalarsOf(revealed: bigint): string {
  return `0x${'5a'.repeat(32 * revealed.toString(2).replaceAll('0', '').length)}`
}
