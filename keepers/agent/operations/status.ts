// SPDX-License-Identifier: GPL-3.0-or-later
import { formatEther, type Provider } from 'ethers'
import {
  contractInterface,
  FailoverProvider,
  hasSeat,
  openService,
  type ServiceContracts,
  seatsOf,
} from '../../chain/index.ts'
import type { ClientPrivacySpent } from '../../learning/index.ts'
import { agreedDigests, manifestDigest } from '../../versions/index.ts'
import type { KeeperConfig } from '../config.ts'
import { CONVICTIONS, reasonText } from '../convictions.ts'
import { privacySpentBy } from '../privacy.ts'
import { type Snapshot, takeSnapshot } from '../snapshot.ts'
import { whyNotMember } from './not-member.ts'

/** Where a keeper stands, according to the chain, and to its process if that runs on this machine. Amounts are in whole tokens. */
export type KeeperStatus = {
  readonly operator: string
  readonly owner: string
  readonly state: string
  readonly epoch: number
  readonly round: number
  readonly windowEnds: string
  readonly seat: number | null
  readonly member: boolean
  /** The reason why it is not a member, and the remedy; null for a member. */
  readonly notMember: string | null
  /** SHA-256 of this keeper's manifest, 0x…, and of the service's; null when the chain has none. */
  readonly manifest: { readonly own: string; readonly service: string | null }
  readonly members: number
  /** The samples that it contributes, by its config: for training, for judging, or none. */
  readonly data: 'train' | 'judge' | 'none'
  /** Lost rounds that this keeper took part in since it was last cleared, 0 … 3. */
  readonly suspicion: number
  /** Whether it contributes nothing for now: convicted in this epoch, or among the most suspect. */
  readonly leftOut: boolean
  /** Convictions by the members of this service, oldest first. */
  readonly convictions: readonly Conviction[]
  readonly stake: string
  readonly bonded: string
  readonly unbonding: string
  readonly jailedUntil: string | null
  readonly earned: string
  readonly claimable: string
  readonly gasBalance: string
  /** Differential privacy that the service has spent, by the chain's record; null when the manifest asks for none. */
  readonly privacy: ClientPrivacySpent | null
  /** Answer of /healthz, or null when no process answers. */
  readonly process: Readonly<Record<string, unknown>> | null
}

/** A penalty that a quorum imposed on evidence. Whole tokens. */
export type Conviction = {
  readonly epoch: number
  readonly seat: number
  readonly keeper: string
  readonly reason: string
  readonly taken: string
}

export async function keeperStatus(config: KeeperConfig, operator: string): Promise<KeeperStatus> {
  const provider = new FailoverProvider({ urls: config.chain.rpc, chainId: BigInt(config.chain.id), patience: 10_000 })
  try {
    const contracts = await openService(config.service.address, provider)
    const { service, registry } = contracts
    const block = (await provider.getBlock('latest'))!
    const [{ snapshot, seat }, owner, gas] = await Promise.all([
      takeSnapshot(service, operator, block.number, block.timestamp),
      registry.ownerOfOperator(operator),
      provider.getBalance(operator),
    ])
    const keeper = await registry.keeperOf(owner).catch(() => null)
    const earned = seat === null ? 0n : await service.earned(seat)
    const suspicion = seat === null ? 0n : await service.suspicionOf(seat)
    const claimable = await registry.rewardsOf(owner).catch(() => 0n)
    const jailedUntil = Number(keeper?.jailedUntil ?? 0n)
    const members = seatsOfMembers(snapshot)
    const member = seat !== null && members.includes(seat)
    const { manifest } = config.service
    const agreed = await agreedDigests(service)
    return {
      operator,
      owner,
      state: snapshot.state,
      epoch: snapshot.epoch,
      round: snapshot.round,
      windowEnds: new Date(snapshot.end * 1000).toISOString(),
      seat,
      member,
      notMember: member
        ? null
        : (await whyNotMember(contracts, config, { operator, seat, state: snapshot.state })).text,
      manifest: { own: manifestDigest(manifest), service: agreed.current },
      members: members.length,
      data: config.data.source === 'none' ? 'none' : config.data.use,
      suspicion: Number(suspicion),
      leftOut: seat !== null && hasSeat(snapshot.leftOut, seat),
      convictions: await convictionsOf(config, provider),
      stake: formatEther(keeper?.stake ?? 0n),
      bonded: formatEther(keeper?.bonded ?? 0n),
      unbonding: formatEther(keeper?.unbonding ?? 0n),
      jailedUntil: jailedUntil === 0 ? null : new Date(jailedUntil * 1000).toISOString(),
      earned: formatEther(earned),
      claimable: formatEther(claimable),
      gasBalance: formatEther(gas),
      privacy: await spentOnChain(config, service),
      process: await askProcess(config),
    }
  } finally {
    provider.destroy()
  }
}

/** The seats of the epoch that runs. */
export function seatsOfMembers({ epochInfo }: Pick<Snapshot, 'epochInfo'>): number[] {
  return seatsOf(epochInfo.members)
}

/** Convictions by the service's own event log, from `chain.fromBlock` on. */
export async function convictionsOf(
  {
    service,
    chain,
  }: { readonly service: { readonly address: string }; readonly chain: { readonly fromBlock: number } },
  provider: Provider,
): Promise<Conviction[]> {
  const iface = contractInterface('ILearningService')
  const logs = await provider.getLogs({
    address: service.address,
    fromBlock: chain.fromBlock,
    toBlock: 'latest',
    topics: [iface.getEvent('Penalised')!.topicHash],
  })
  return logs.flatMap((log) => {
    const args = iface.parseLog({ topics: [...log.topics], data: log.data })!.args
    const reason = reasonText(args.reason)
    if (!CONVICTIONS.has(reason)) return []
    return [
      {
        epoch: Number(args.epoch),
        seat: Number(args.seat),
        keeper: String(args.keeper),
        reason,
        taken: formatEther(args.taken as bigint),
      },
    ]
  })
}

async function spentOnChain(
  config: KeeperConfig,
  service: ServiceContracts['service'],
): Promise<ClientPrivacySpent | null> {
  const { rounds } = config.service.manifest
  if (rounds.privacy === undefined) return null
  const { fromBlock } = config.chain
  const drafts = await service.queryFilter(service.filters.MembersDrafted(), fromBlock)
  const reveals = await service.queryFilter(service.filters.UpdateRevealed(), fromBlock)
  return privacySpentBy(
    rounds,
    drafts.map(({ args: { round, included } }) => ({ args: { round, included } })),
    reveals.map(({ args: { round, seat, samples } }) => ({ args: { round, seat, samples } })),
  )
}

/** The answer of this machine's /healthz; null if nothing answers. */
export async function askProcess(config: Pick<KeeperConfig, 'monitoring'>): Promise<Record<string, unknown> | null> {
  const { host, port } = config.monitoring
  if (port === 0) return null
  try {
    const response = await fetch(`http://${host}:${port}/healthz`, { signal: AbortSignal.timeout(1_000) })
    return (await response.json()) as Record<string, unknown>
  } catch {
    return null
  }
}
