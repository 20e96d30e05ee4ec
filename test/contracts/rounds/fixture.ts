// SPDX-License-Identifier: GPL-3.0-or-later
// A service on a simulated chain, with keepers to fill it: what the round tests share.

import type { HardhatEthers, HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types'
import type { NetworkHelpers, SnapshotRestorer } from '@nomicfoundation/hardhat-network-helpers/types'
import { id, keccak256, Wallet } from 'ethers'
import { network } from 'hardhat'
import type {
  CohortToken,
  EqualRewards,
  ILearningService,
  KeeperRegistry,
  ModelRegistry,
  SampleRewards,
  ServiceFactory,
} from '../../../types/index.ts'

export const STATES = [
  'Registration',
  'KeyCommit',
  'KeyReveal',
  'KeyConfirm',
  'Training',
  'Reveal',
  'Aggregate',
  'Decrypt',
  'Vote',
] as const
export type StateName = (typeof STATES)[number]
export const TRIGGERS = [
  'None',
  'START_TRAINING',
  'DONE_TRAINING',
  'DONE_UPDATE',
  'NO_MAJORITY',
  'UPDATE_TIMEOUT',
  'TRAINING_TIMEOUT',
] as const

/** Bitmap of expected states, as UnexpectedState carries it. */
export function expected(...names: StateName[]): bigint {
  return names.reduce((bits, name) => bits | (1n << BigInt(STATES.indexOf(name))), 0n)
}

/** Bitmap of seats. */
export function seats(...list: number[]): bigint {
  return list.reduce((bits, seat) => bits | (1n << BigInt(seat)), 0n)
}

export const COH = 10n ** 18n
export const WINDOW = {
  registration: 1000,
  key: 100,
  training: 500,
  reveal: 110,
  aggregate: 120,
  decrypt: 130,
  vote: 140,
}
export const STAKE = 100n * COH
export const BOND = 50n * COH
export const KEY_PENALTY = 5n * COH
export const DECRYPT_PENALTY = 10n * COH
export const REWARD = 12n * COH
export const POOL = 1000n * COH
export const UNBONDING = 7 * 24 * 3600
export const JAIL = 24 * 3600

export type ServiceParameters = {
  registrationWindow: number
  keyWindow: number
  trainingWindow: number
  revealWindow: number
  aggregateWindow: number
  decryptWindow: number
  voteWindow: number
  minKeepers: number
  maxKeepers: number
  decryptionBps: number
  decryptionsPerEpoch: number
  maxStrikes: number
  bond: bigint
  rewardPerRound: bigint
  keyPenalty: bigint
  decryptPenalty: bigint
  strategy: string
}

/** One keeper of a test: owner and operator keys, and the seat once it has joined. */
export type Player = {
  readonly owner: HardhatEthersSigner
  readonly operator: HardhatEthersSigner
  seat: number
}

export type World = {
  readonly ethers: HardhatEthers
  readonly networkHelpers: NetworkHelpers
  readonly admin: HardhatEthersSigner
  readonly treasury: HardhatEthersSigner
  readonly stranger: HardhatEthersSigner
  readonly token: CohortToken
  readonly registry: KeeperRegistry
  readonly models: ModelRegistry
  readonly factory: ServiceFactory
  readonly equal: EqualRewards
  readonly bySamples: SampleRewards
  readonly service: ILearningService
  readonly parameters: ServiceParameters
  readonly players: Player[]
}

/** A CID of the usual 36 bytes, made up from a label. */
export function cid(label: string): string {
  return `0x01551220${keccak256(id(label)).slice(2)}`
}

export const salt = (label: string): string => id(`salt ${label}`)

type WorldOptions = { players?: number; parameters?: Partial<ServiceParameters> }

const prepared = new Map<string, { world: World; players: readonly Player[]; snapshot: SnapshotRestorer }>()

/**
 * Contracts deployed and wired as a deployment would, one service, `players` registered keepers that have not joined.
 * Each set of options has a chain of its own, which is put back to this point whenever it is asked for again.
 */
export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const key = JSON.stringify(options, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))
  const found = prepared.get(key)
  if (found) {
    await found.snapshot.restore()
    for (const player of found.players) player.seat = -1
    found.world.players.splice(0, Infinity, ...found.players)
    return found.world
  }
  const world = await deployWorld(options)
  const snapshot = await world.networkHelpers.takeSnapshot()
  prepared.set(key, { world, players: [...world.players], snapshot })
  return world
}

async function deployWorld(options: WorldOptions): Promise<World> {
  const { ethers, networkHelpers } = await network.create()
  const signers = await ethers.getSigners()
  const [admin, treasury, stranger] = signers as [HardhatEthersSigner, HardhatEthersSigner, HardhatEthersSigner]
  const token = await ethers.deployContract('CohortToken', [admin, [admin], [10n ** 12n * COH]])
  const registry = await ethers.deployContract('KeeperRegistry', [
    token,
    admin,
    { minStake: 10n * COH, unbondingDelay: UNBONDING, jailDelay: JAIL, treasury },
  ])
  const models = await ethers.deployContract('ModelRegistry', [admin])
  const equal = await ethers.deployContract('EqualRewards')
  const bySamples = await ethers.deployContract('SampleRewards', [10_000])
  const implementation = await ethers.deployContract('LearningService', [registry, models])
  const factory = await ethers.deployContract('ServiceFactory', [implementation, admin])
  await registry.grantRole(await registry.REGISTRAR_ROLE(), factory)
  await models.grantRole(await models.REGISTRAR_ROLE(), factory)
  await factory.grantRole(await factory.CREATOR_ROLE(), admin)
  const parameters: ServiceParameters = {
    registrationWindow: WINDOW.registration,
    keyWindow: WINDOW.key,
    trainingWindow: WINDOW.training,
    revealWindow: WINDOW.reveal,
    aggregateWindow: WINDOW.aggregate,
    decryptWindow: WINDOW.decrypt,
    voteWindow: WINDOW.vote,
    minKeepers: 3,
    maxKeepers: options.players ?? 5,
    decryptionBps: 5000,
    decryptionsPerEpoch: 100,
    maxStrikes: 2,
    bond: BOND,
    rewardPerRound: REWARD,
    keyPenalty: KEY_PENALTY,
    decryptPenalty: DECRYPT_PENALTY,
    strategy: await equal.getAddress(),
    ...options.parameters,
  }
  await factory.createService('digits', admin, parameters)
  const service = await ethers.getContractAt('ILearningService', await factory.serviceAt(0))
  await token.approve(registry, 2n ** 256n - 1n)
  await registry.fund(service, POOL)

  const players: Player[] = []
  for (let i = 0; i < (options.players ?? 5); i++) {
    players.push(await createPlayer({ ethers, networkHelpers, token, registry }, i))
  }
  return {
    ethers,
    networkHelpers,
    admin,
    treasury,
    stranger,
    token,
    registry,
    models,
    factory,
    equal,
    bySamples,
    service,
    parameters,
    players,
  }
}

/** A registered keeper with STAKE at stake; its keys are made up from `index`. */
export async function createPlayer(
  world: Pick<World, 'ethers' | 'networkHelpers' | 'token' | 'registry'>,
  index: number,
): Promise<Player> {
  const { ethers, networkHelpers, token, registry } = world
  const key = async (label: string): Promise<HardhatEthersSigner> => {
    const { address } = new Wallet(id(`${label} ${index}`))
    await networkHelpers.impersonateAccount(address)
    await networkHelpers.setBalance(address, 10n ** 21n)
    return ethers.getSigner(address)
  }
  const owner = await key('owner')
  const operator = await key('operator')
  await token.transfer(owner, 10n * STAKE)
  await token.connect(owner).approve(registry, 2n ** 256n - 1n)
  await registry.connect(owner).register(operator, id(`x25519 ${index}`), '0x047f000001060fa1', STAKE)
  return { owner, operator, seat: -1 }
}

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
  await world.service.connect(player.operator).commitKey(epoch, commitment)
}

export async function revealKey(world: World, player: Player): Promise<void> {
  const { epoch } = await numbers(world)
  await world.service.connect(player.operator).revealKey(epoch, keyCid(epoch, player.seat), salt('key'))
}

export async function confirmKey(world: World, player: Player, hash?: string): Promise<void> {
  const { epoch } = await numbers(world)
  await world.service.connect(player.operator).confirmKey(epoch, hash ?? keyHash(epoch))
}

export async function commitUpdate(world: World, player: Player) {
  const { round } = await numbers(world)
  const { seat } = player
  const blob = cid(`update ${round} ${seat}`)
  const sealed = await world.service.updateCommitment(round, seat, blob, 1000, samplesOf(seat), salt('update'))
  return await world.service.connect(player.operator).commitUpdate(round, sealed)
}

export async function revealUpdate(world: World, player: Player) {
  const { round } = await numbers(world)
  const { seat } = player
  const blob = cid(`update ${round} ${seat}`)
  return await world.service.connect(player.operator).revealUpdate(round, blob, 1000, samplesOf(seat), salt('update'))
}

export async function attest(world: World, player: Player, options: { round?: number; included?: bigint } = {}) {
  const round = options.round ?? (await numbers(world)).round
  const included = options.included ?? (await world.service.roundInfo()).revealed
  return await world.service.connect(player.operator).attest(round, sumHash(round), included)
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

export async function reachReveal(world: World, players: readonly Player[] = world.players): Promise<void> {
  for (const player of players) await commitUpdate(world, player)
}

export async function reachAggregate(world: World, players: readonly Player[] = world.players): Promise<void> {
  await reachReveal(world, players)
  for (const player of players) await revealUpdate(world, player)
}

/** Attests until a pair has won; returns the players drafted. */
export async function reachDecrypt(world: World, players: readonly Player[] = world.players): Promise<Player[]> {
  await reachAggregate(world, players)
  for (const player of players) {
    await attest(world, player)
    if ((await stateOf(world)) === 'Decrypt') break
  }
  return await drafted(world)
}

export async function drafted(world: World): Promise<Player[]> {
  const set = (await world.service.roundInfo()).drafted
  return world.players.filter((player) => player.seat >= 0 && (set >> BigInt(player.seat)) & 1n)
}

export async function reachVote(world: World, players: readonly Player[] = world.players): Promise<void> {
  for (const player of await reachDecrypt(world, players)) await submitShare(world, player)
}

/** A whole round, late ballots included. */
export async function completeRound(world: World, players: readonly Player[] = world.players): Promise<number> {
  const { round } = await numbers(world)
  await reachVote(world, players)
  const { attesters } = await world.service.roundInfo()
  for (const player of players) {
    if (!((attesters >> BigInt(player.seat)) & 1n)) {
      await attest(world, player, { round, included: (await world.service.roundInfo()).included })
    }
  }
  for (const player of players) await vote(world, player, { round })
  return round
}

/** All tokens that the registry must hold, by its own books. */
export async function booked(world: World): Promise<bigint> {
  const { registry, service } = world
  let total = await registry.slashedBalance()
  const [available, allocated] = await registry.poolOf(service)
  total += available + allocated
  for (const { owner } of world.players) {
    const keeper = await registry.keeperOf(owner)
    total += keeper.stake + keeper.unbonding + (await registry.rewardsOf(owner))
  }
  return total
}
