// SPDX-License-Identifier: GPL-3.0-or-later
import { formatEther, type JsonRpcSigner, type Signer, Wallet } from 'ethers'
import {
  clients,
  encodeAddress,
  FailoverProvider,
  openService,
  type ServiceContracts,
  withGasMargin,
} from '../../chain/index.ts'
import { KeeperStore } from '../../store/index.ts'
import { agreedDigests, requireAgreed } from '../../versions/index.ts'
import type { KeeperConfig } from '../config.ts'
import { heldEncryptionKeys } from '../encryption-keys.ts'
import { AgentError } from '../errors.ts'
import { RENEW } from '../frame.ts'
import { openOperator } from '../operator.ts'
import { peerIdOf } from '../peer-id.ts'
import { PEER_IDENTITY } from '../steps/secrets.ts'
import { delistKeeper, enlistKeeper } from './candidate.ts'
import { signConsent } from './consent.ts'
import { settle } from './settle.ts'

/** The session of an owner's command; the caller closes it. */
export type OwnerSession = {
  readonly config: KeeperConfig
  readonly provider: FailoverProvider
  readonly contracts: ServiceContracts
  readonly owner: OwnerSigner
  close(): void
}

/** An account that sends transactions through a provider. */
export type OwnerSigner = Signer & { readonly address: string }

/** An owner's private key, its index among a development node's unlocked accounts, or the means to open it. */
export type OwnerAccount =
  | { readonly key: string }
  | { readonly account: number }
  | { readonly open: (provider: FailoverProvider) => Promise<{ readonly signer: OwnerSigner; close(): void }> }

/**
 * Connects the owner to the service of a config.
 * @throws ChainError for a wrong chain or contract, AgentError NO_ACCOUNT for an account that the node does not hold.
 */
export async function openOwnerSession(config: KeeperConfig, who: OwnerAccount): Promise<OwnerSession> {
  const provider = new FailoverProvider({
    urls: config.chain.rpc,
    chainId: BigInt(config.chain.id),
    patience: 15_000,
  })
  try {
    const contracts = await openService(config.service.address, provider)
    const { signer: owner, close } = await openOwner(provider, who)
    return {
      ...{ config, provider, contracts, owner },
      close: () => {
        close()
        provider.destroy()
      },
    }
  } catch (error) {
    provider.destroy()
    throw error
  }
}

async function openOwner(
  provider: FailoverProvider,
  who: OwnerAccount,
): Promise<{ readonly signer: OwnerSigner; close(): void }> {
  if ('open' in who) return await who.open(provider)
  const signer =
    'key' in who ? withGasMargin(new Wallet(who.key, provider)) : await unlockedAccount(provider, who.account)
  return { signer, close: () => undefined }
}

async function unlockedAccount(provider: FailoverProvider, index: number): Promise<JsonRpcSigner> {
  const accounts = await provider.listAccounts()
  const found = accounts[index]
  if (found !== undefined) return found
  throw new AgentError('NO_ACCOUNT', `--account ${index}: the node holds ${accounts.length} accounts unlocked`)
}

/** Gas; more than opening an epoch costs. */
const OPENING_GAS = 600_000n

export type RegisterOptions = {
  readonly session: OwnerSession
  readonly folder: string
  readonly passphrase: string
  readonly operator: string
  /** Wei of the stake token. */
  readonly stake: bigint
  /** Wei sent to the operator for gas. */
  readonly fund: bigint
  readonly onProgress?: (text: string) => void
}

/**
 * Registers the keeper of a data folder, stakes, funds its operator and takes a seat. Where members are drawn, it becomes a candidate instead,
 * and its seat is null. Repeatable: done steps are skipped.
 */
export async function registerKeeperOnChain(options: RegisterOptions): Promise<{ readonly seat: number | null }> {
  const { session, folder, passphrase, operator, stake, fund } = options
  const { config, contracts, owner, provider } = session
  const say = options.onProgress ?? (() => undefined)
  const registry = clients.registry(await contracts.registry.getAddress(), owner)
  const service = clients.service(config.service.address, owner)

  requireAgreed(await agreedDigests(contracts.service), config.service.manifest, RENEW)
  if (!(await registry.isRegistered(owner.address))) {
    const keys = readPublicKeys(config, folder, passphrase, operator)
    const listen = config.network.announce[0] ?? config.network.listen[0]!
    const address = encodeAddress(`${listen}/p2p/${await peerIdOf(keys.identitySeed)}`)
    if (stake > 0n) {
      const token = clients.token(await registry.stakeToken(), owner)
      const balance = await token.balanceOf(owner.address)
      if (balance < stake) {
        throw new AgentError(
          'CONFIG',
          `${owner.address} holds ${formatEther(balance)} tokens, but the stake is ${formatEther(stake)}: get more or lower --stake`,
        )
      }
      say('approving the stake')
      const spender = await registry.getAddress()
      await settle('approve', token.approve(spender, stake))
    }
    say('registering the keeper')
    const key = await openOperator(config.keys, passphrase)
    const consent = await signConsent(key, owner.address, registry)
    await settle('register', registry.register(operator, keys.encryptionKey, address, stake, consent))
  }
  if (fund > 0n && (await provider.getBalance(operator)) < fund) {
    say('funding the operator')
    await (await owner.sendTransaction({ to: operator, value: fund })).wait()
  }
  try {
    return { seat: Number(await service.seatOf(operator)) }
  } catch {
    if (!(await registry.isOptedIn(service, owner.address))) {
      say('letting the service bond the stake')
      await settle('setOptIn', registry.setOptIn(owner.address, service, true))
    }
    if ((await enlistKeeper(session, say)) !== null) return { seat: null }
    say('taking a seat')
    // Whoever takes the last seat also opens the epoch. Others may join between the estimate and the block.
    const gasLimit = (await service.join.estimateGas(owner.address)) + OPENING_GAS
    await settle('join', service.join(owner.address, { gasLimit }))
    return { seat: Number(await service.seatOf(operator)) }
  }
}

function readPublicKeys(
  config: KeeperConfig,
  folder: string,
  passphrase: string,
  operator: string,
): { encryptionKey: string; identitySeed: Uint8Array } {
  const binding = { chainId: BigInt(config.chain.id), service: config.service.address, operator }
  const store = KeeperStore.open({ folder, passphrase, binding })
  try {
    const identitySeed = store.getSecret(PEER_IDENTITY)
    const encryptionKey = heldEncryptionKeys(store).at(-1)
    if (identitySeed === null || encryptionKey === undefined) {
      throw new AgentError('NO_KEYS', `${folder} has no keeper keys: run \`cohort keeper init\` for it`)
    }
    return { encryptionKey: `0x${Buffer.from(encryptionKey).toString('hex')}`, identitySeed }
  } finally {
    store.close()
  }
}

/** Ends the owner's jail once its delay is over. */
export async function unjailKeeper(session: OwnerSession): Promise<void> {
  const registry = clients.registry(await session.contracts.registry.getAddress(), session.owner)
  await settle('unjail', registry.unjail())
}

/**
 * Leaves the service, as a member and as a candidate for its seats, then moves free stake into unbonding, or pays out stake that has finished unbonding.
 * @param amount Wei to unbond; null for all free stake.
 */
export async function unbondKeeper(
  session: OwnerSession,
  amount: bigint | null,
): Promise<{
  readonly left: boolean
  readonly unbonding: bigint
  readonly withdrawn: bigint
  readonly unlocksAt: number
}> {
  const { contracts, owner, config } = session
  const registry = clients.registry(await contracts.registry.getAddress(), owner)
  const service = clients.service(config.service.address, owner)
  const before = await registry.keeperOf(owner.address)
  let left = await delistKeeper(session)
  const seat = await service.seatOf(before.operator).catch(() => null)
  if (seat !== null) {
    const { leaving } = await service.seats()
    if (((leaving >> seat) & 1n) === 0n) {
      await settle('leave', service.leave(seat))
      left = true
    }
  }
  const now = BigInt((await session.provider.getBlock('latest'))?.timestamp ?? 0)
  const requests = await registry.unbondingOf(owner.address)
  const unlocked = requests.filter(({ unlocksAt }) => unlocksAt <= now)
  const withdrawn = unlocked.reduce((sum, { amount }) => sum + amount, 0n)
  if (withdrawn > 0n) {
    await settle('withdraw', registry.withdraw(owner.address))
  }
  const keeper = await registry.keeperOf(owner.address)
  const free = keeper.stake - keeper.bonded
  const wanted = amount ?? free
  if (wanted > 0n) await settle('requestUnbonding', registry.requestUnbonding(wanted))
  const after = await registry.keeperOf(owner.address)
  return { left, unbonding: after.unbonding, withdrawn, unlocksAt: Number(after.unlocksAt) }
}

/** Collects earned rewards from the service and pays them out. Returns the wei paid. */
export async function claimRewards(session: OwnerSession, to: string): Promise<bigint> {
  const { contracts, owner, config } = session
  const registry = clients.registry(await contracts.registry.getAddress(), owner)
  const service = clients.service(config.service.address, owner)
  const { operator } = await registry.keeperOf(owner.address)
  const seat = await service.seatOf(operator).catch(() => null)
  if (seat !== null && (await service.earned(seat)) > 0n) await settle('collect', service.collect(seat))
  const amount = await registry.rewardsOf(owner.address)
  if (amount > 0n) await settle('claimRewards', registry.claimRewards(to))
  return amount
}
