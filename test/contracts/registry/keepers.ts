// SPDX-License-Identifier: GPL-3.0-or-later
// A KeeperRegistry with one keeper, and accounts that play services: what its tests share.

import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types'
import { expect } from 'chai'
import { encodeBytes32String, id, MaxUint256, type Wallet } from 'ethers'
import { network } from 'hardhat'
import type { KeeperRegistry } from '../../../types/index.ts'
import { restored } from '../restored.ts'
import { COH } from '../rounds/units.ts'

const OPERATOR_CONSENT = [
  { name: 'owner', type: 'address' },
  { name: 'operator', type: 'address' },
  { name: 'nonce', type: 'uint256' },
]

export const DELAY = 1000n
export const JAIL = 500n
export const MIN = 10n * COH
export const STAKE = 100n * COH
export const MULTIADDR = '0x047f000001060fa1'
export const KEY = id('x25519')
export const REASON = encodeBytes32String('SILENT')
export const EVIDENCE = id('evidence')
export const STATUS = { unknown: 0n, active: 1n, suspended: 2n }
export const ENGAGED = 2n ** 64n - 1n
export const field = encodeBytes32String

const ENCRYPTION_KEY = [
  { name: 'owner', type: 'address' },
  { name: 'encryptionKey', type: 'bytes32' },
  { name: 'nonce', type: 'uint256' },
]

/** The operator's signature that it acts for the owner, over what the registry says is to be signed. */
export async function consentOf(
  registry: KeeperRegistry,
  owner: { readonly address: string },
  operator: HardhatEthersSigner | Wallet,
): Promise<string> {
  const message = {
    owner: owner.address,
    operator: operator.address,
    nonce: await registry.consentNonce(operator.address),
  }
  return await operator.signTypedData(await domainOf(registry), { OperatorConsent: OPERATOR_CONSENT }, message)
}

/** The operator's signature of a new encryption key, for others to send. */
export async function signedKey(
  registry: KeeperRegistry,
  owner: { readonly address: string },
  operator: HardhatEthersSigner | Wallet,
  encryptionKey: string,
): Promise<string> {
  const message = { owner: owner.address, encryptionKey, nonce: await registry.consentNonce(operator.address) }
  return await operator.signTypedData(await domainOf(registry), { EncryptionKey: ENCRYPTION_KEY }, message)
}

async function domainOf(registry: KeeperRegistry) {
  const { chainId } = await registry.runner!.provider!.getNetwork()
  return { name: 'Cohort KeeperRegistry', version: '1', chainId, verifyingContract: await registry.getAddress() }
}

/** A registry with one keeper that has STAKE, and accounts that play services. */
async function deployRegistry() {
  const { ethers, networkHelpers } = await network.create()
  const signers = await ethers.getSigners()
  const [admin, treasury, owner, operator, service, other, stranger, second] = signers as [
    HardhatEthersSigner,
    HardhatEthersSigner,
    HardhatEthersSigner,
    HardhatEthersSigner,
    HardhatEthersSigner,
    HardhatEthersSigner,
    HardhatEthersSigner,
    HardhatEthersSigner,
  ]
  const token = await ethers.deployContract('CohortToken', [admin, [admin, owner], [1000n * COH, 1000n * COH]])
  const settings = { minStake: MIN, unbondingDelay: DELAY, jailDelay: JAIL, treasury: treasury.address }
  const registry = await ethers.deployContract('KeeperRegistry', [token, admin, settings])
  await registry.grantRole(await registry.REGISTRAR_ROLE(), admin)
  for (const account of [service, other]) await registry.registerService(account)
  for (const payer of [admin, owner]) await token.connect(payer).approve(registry, MaxUint256)
  await registry.connect(owner).register(operator, KEY, MULTIADDR, STAKE, await consentOf(registry, owner, operator))
  for (const account of [service, other]) await registry.connect(owner).setOptIn(owner, account, true)
  const ownerRegistry = registry.connect(owner)
  const serviceRegistry = registry.connect(service)
  const pass = (seconds: bigint) => networkHelpers.time.increase(seconds)
  const now = async () => BigInt(await networkHelpers.time.latest())
  return {
    ethers,
    networkHelpers,
    admin,
    treasury,
    owner,
    operator,
    service,
    other,
    stranger,
    second,
    token,
    registry,
    settings,
    ownerRegistry,
    serviceRegistry,
    pass,
    now,
  }
}

export const createRegistry = restored(deployRegistry)

export type Setup = Awaited<ReturnType<typeof createRegistry>>

export async function keeper({ registry, owner }: Setup) {
  return await registry.keeperOf(owner)
}

/** The invariant that every test ends with: the books and the tokens agree. */
export async function expectBalanced(
  { registry, token, owner, service, other }: Setup,
  rewards: bigint[] = [],
): Promise<void> {
  const { stake, unbonding } = await registry.keeperOf(owner)
  let booked = stake + unbonding + (await registry.slashedBalance()) + (await registry.rewardsOf(owner))
  for (const account of [service, other]) {
    const [available, allocated] = await registry.poolOf(account)
    booked += available + allocated
  }
  for (const reward of rewards) booked += reward
  expect(await token.balanceOf(registry)).to.equal(booked)
}
