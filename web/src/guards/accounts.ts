// SPDX-License-Identifier: GPL-3.0-or-later
// Guarded accounts as they stand: policy, limits, owners, and what waits.
import { clients } from '../../../keepers/chain/index.ts'
import type { Connection } from '../chain/connection.ts'
import { taleOf } from '../chain/tale.ts'
import { type GuardedAccount, tellGuard } from './events.ts'
import { readSafe, type SafeState } from './safe.ts'

export type Policy = {
  readonly modelId: bigint
  readonly approvedLabel: bigint
  readonly margins: boolean
  readonly minMargin: bigint
  /** Seconds. */
  readonly window: number
  readonly verdictSeconds: number
  readonly delay: number
}

export type AssetLimit = {
  readonly asset: string
  /** In the asset's least unit. */
  readonly limit: bigint
  /** What may leave now without a verdict. */
  readonly available: bigint
  /** A change that is not in force yet. */
  readonly pending: { readonly limit: bigint; readonly guarded: boolean; readonly effectiveAt: number } | null
}

export type AccountState = {
  readonly told: GuardedAccount
  /** Null for an account that never set one. */
  readonly policy: Policy | null
  readonly pendingPolicy: { readonly policy: Policy; readonly effectiveAt: number } | null
  readonly limits: readonly AssetLimit[]
  readonly safe: SafeState | null
  /** Whether there is code at its address: nothing enforces a guard on an account without. */
  readonly hasCode: boolean
}

export const guardOf = ({ site, provider }: Connection) =>
  clients.guard(site.deployment.contracts.SpendingGuard, provider)

/** What the guard's log says of every account. */
export const guardTale = taleOf('SpendingGuard', (logs) => tellGuard(logs))

/** @throws Error for an account that never used the guard */
export async function openAccount(connection: Connection, account: string): Promise<AccountState> {
  const { provider, site } = connection
  const guard = guardOf(connection)
  const told = (await guardTale(connection)).find((one) => one.account === account)
  if (told === undefined) throw new Error(`${account} never used the guard of this deployment`)
  const [{ inForce, pending, effectiveAt }, code, safe] = await Promise.all([
    guard.policyOf(account),
    provider.getCode(account),
    readSafe(provider, account, site.deployment.contracts.SpendingGuard),
  ])
  const policy = policyOf(inForce)
  const limits = await Promise.all(
    [...told.assets].map((asset) => limitOf(connection, account, asset, policy !== null)),
  )
  const coming = policyOf(pending)
  return {
    ...{ told, policy, safe, hasCode: code !== '0x' },
    limits: limits.filter((limit) => limit !== null),
    pendingPolicy: coming === null || effectiveAt === 0n ? null : { policy: coming, effectiveAt: Number(effectiveAt) },
  }
}

async function limitOf(
  connection: Connection,
  account: string,
  asset: string,
  configured: boolean,
): Promise<AssetLimit | null> {
  const guard = guardOf(connection)
  const { current, pending, effectiveAt, guarded, pendingGuarded } = await guard.limitOf(account, asset)
  if (!guarded && effectiveAt === 0n) return null
  const available = configured && guarded ? await guard.availableOf(account, asset) : 0n
  const coming =
    effectiveAt === 0n ? null : { limit: pending, guarded: pendingGuarded, effectiveAt: Number(effectiveAt) }
  return { asset, limit: current, available, pending: coming }
}

type PolicyWords = Awaited<ReturnType<ReturnType<typeof guardOf>['policyOf']>>['inForce']

function policyOf(words: PolicyWords): Policy | null {
  const { modelId, approvedLabel, margins, minMargin, window, verdictSeconds, delay } = words
  if (modelId === 0n) return null
  return {
    ...{ modelId, approvedLabel, margins, minMargin },
    ...{ window: Number(window), verdictSeconds: Number(verdictSeconds), delay: Number(delay) },
  }
}
