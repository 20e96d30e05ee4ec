// SPDX-License-Identifier: GPL-3.0-or-later
// A service on a simulated chain, with keepers to fill it, for all round tests.

import type { HardhatEthers, HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types'
import type { NetworkHelpers, SnapshotRestorer } from '@nomicfoundation/hardhat-network-helpers/types'
import { id, keccak256, Wallet, ZeroAddress, ZeroHash } from 'ethers'
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
import { consentOf } from '../registry/keepers.ts'
import { COH } from './units.ts'

export { COH }

export const STATES = [
  'Registration',
  'KeyCommit',
  'KeyReveal',
  'KeyConfirm',
  'KeyJudge',
  'Training',
  'Reveal',
  'Aggregate',
  'Check',
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

export const WINDOW = {
  registration: 10_000,
  key: 1000,
  training: 5000,
  reveal: 1100,
  aggregate: 1200,
  decrypt: 1300,
  vote: 1400,
}
export const STAKE = 100n * COH
export const BOND = 50n * COH
export const KEY_PENALTY = 5n * COH
export const DECRYPT_PENALTY = 10n * COH
export const FRAUD_PENALTY = 15n * COH
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
  oneEpochSeats: boolean
  buffer: number
  maxStaleness: number
  bond: bigint
  rewardPerRound: bigint
  keyPenalty: bigint
  decryptPenalty: bigint
  fraudPenalty: bigint
  strategy: string
  admission: string
  partySeats: number
  manifest: string
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
  const clock = await ethers.deployContract('ServiceClock', [registry, models])
  const registration = await ethers.deployContract('ServiceRegistration', [registry, models, clock])
  const implementation = await ethers.deployContract('LearningService', [registry, models, registration])
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
    oneEpochSeats: false,
    buffer: 0,
    maxStaleness: 0,
    bond: BOND,
    rewardPerRound: REWARD,
    keyPenalty: KEY_PENALTY,
    decryptPenalty: DECRYPT_PENALTY,
    fraudPenalty: FRAUD_PENALTY,
    strategy: await equal.getAddress(),
    admission: ZeroAddress,
    partySeats: 0,
    manifest: ZeroHash,
    ...options.parameters,
  }
  await factory.createService('digits', admin, parameters)
  const service = await ethers.getContractAt('ILearningService', await factory.serviceAt(0))
  await token.approve(registry, 2n ** 256n - 1n)
  await registry.fund(service, POOL)

  const players: Player[] = []
  for (let i = 0; i < (options.players ?? 5); i++) {
    players.push(await createPlayer({ ethers, networkHelpers, token, registry, service }, i))
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

const wallets = new Map<string, Wallet>()

/** A key made up from a label, once: to derive its address takes longer than most transactions. */
function walletOf(label: string): Wallet {
  const known = wallets.get(label) ?? new Wallet(id(label))
  wallets.set(label, known)
  return known
}

/** The key of the operator of player `index`, which signs what an impersonated account cannot. */
export const operatorWallet = (index: number): Wallet => walletOf(`operator ${index}`)

/** A registered keeper with STAKE at stake that lets the service bond it; its keys are made up from `index`. */
export async function createPlayer(
  world: Pick<World, 'ethers' | 'networkHelpers' | 'token' | 'registry' | 'service'>,
  index: number,
): Promise<Player> {
  const { ethers, networkHelpers, token, registry, service } = world
  const key = async (label: string): Promise<HardhatEthersSigner> => {
    const { address } = walletOf(`${label} ${index}`)
    await networkHelpers.impersonateAccount(address)
    await networkHelpers.setBalance(address, 10n ** 21n)
    return ethers.getSigner(address)
  }
  const owner = await key('owner')
  const operator = await key('operator')
  await token.transfer(owner, 10n * STAKE)
  await token.connect(owner).approve(registry, 2n ** 256n - 1n)
  const consent = await consentOf(registry, owner, operatorWallet(index))
  await registry.connect(owner).register(operator, id(`x25519 ${index}`), '0x047f000001060fa1', STAKE, consent)
  await registry.connect(owner).setOptIn(owner, service, true)
  return { owner, operator, seat: -1 }
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
