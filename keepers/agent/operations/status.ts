// SPDX-License-Identifier: GPL-3.0-or-later
import { formatEther } from 'ethers'
import { FailoverProvider, openService, type ServiceContracts } from '../../chain/index.ts'
import type { ClientPrivacySpent } from '../../learning/index.ts'
import type { KeeperConfig } from '../config.ts'
import { seatsOf } from '../members.ts'
import { privacySpentBy } from '../privacy.ts'
import { takeSnapshot } from '../snapshot.ts'

/** Where a keeper stands, from the chain, and from its process when that runs here. Amounts in whole tokens. */
export type KeeperStatus = {
  readonly operator: string
  readonly owner: string
  readonly state: string
  readonly epoch: number
  readonly round: number
  readonly windowEnds: string
  readonly seat: number | null
  readonly member: boolean
  readonly members: number
  readonly stake: string
  readonly bonded: string
  readonly unbonding: string
  readonly jailedUntil: string | null
  readonly earned: string
  readonly claimable: string
  readonly gasBalance: string
  /** Differential privacy that the service has spent, by the chain's record; null when the profile asks for none. */
  readonly privacy: ClientPrivacySpent | null
  /** Answer of /healthz, or null when no process answers. */
  readonly process: Readonly<Record<string, unknown>> | null
}

export async function keeperStatus(config: KeeperConfig, operator: string): Promise<KeeperStatus> {
  const provider = new FailoverProvider({ urls: config.chain.rpc, chainId: BigInt(config.chain.id), patience: 10_000 })
  try {
    const { service, registry } = await openService(config.service.address, provider)
    const block = (await provider.getBlock('latest'))!
    const [snapshot, owner, gas] = await Promise.all([
      takeSnapshot(service, block.number, block.timestamp),
      registry.ownerOfOperator(operator),
      provider.getBalance(operator),
    ])
    const keeper = await registry.keeperOf(owner).catch(() => null)
    const seat = await service.seatOf(operator).then(Number, () => null)
    const earned = seat === null ? 0n : await service.earned(seat)
    const claimable = await registry.rewardsOf(owner).catch(() => 0n)
    const jailedUntil = Number(keeper?.jailedUntil ?? 0n)
    const members = seatsOf(snapshot.epochInfo.members)
    return {
      operator,
      owner,
      state: snapshot.state,
      epoch: snapshot.epoch,
      round: snapshot.round,
      windowEnds: new Date(snapshot.end * 1000).toISOString(),
      seat,
      member: seat !== null && members.includes(seat),
      members: members.length,
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

async function spentOnChain(
  config: KeeperConfig,
  service: ServiceContracts['service'],
): Promise<ClientPrivacySpent | null> {
  const { profile } = config.service
  if (profile.privacy === undefined) return null
  const drafts = await service.queryFilter(service.filters.MembersDrafted(), config.chain.fromBlock)
  return privacySpentBy(
    profile,
    drafts.map(({ args: { round, included } }) => ({ args: { round, included } })),
  )
}

async function askProcess(config: KeeperConfig): Promise<Record<string, unknown> | null> {
  const { host, port } = config.monitoring
  if (port === 0) return null
  try {
    const response = await fetch(`http://${host}:${port}/healthz`, { signal: AbortSignal.timeout(1_000) })
    return (await response.json()) as Record<string, unknown>
  } catch {
    return null
  }
}
