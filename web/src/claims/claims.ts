// SPDX-License-Identifier: GPL-3.0-or-later
// Claims of a registry as they stand, and those of them that a regulator asks for.
import { toBeHex, zeroPadValue } from 'ethers'
import { clients, contractInterface, countOf } from '../../../keepers/chain/index.ts'
import type { Connection } from '../chain/connection.ts'
import { idsToRead } from '../chain/count.ts'
import { type ToldClaim, tellClaims } from './events.ts'

/** IClaimRegistryTypes, in its order. */
export const KINDS = ['none', 'accuracy', 'fairness', 'odds', 'calibration'] as const
export const SOURCES = ['none', 'claimant', 'auditor', 'draw'] as const
const STATUSES = ['none', 'standing', 'fallen', 'released'] as const

/** Claims that are read of a registry: more would keep endpoint and visitor waiting. */
const MOST_CLAIMS = 100
/** Seconds before its end from which a claim is expiring. */
const SOON = 30 * 86_400

export type ClaimRow = {
  readonly claimId: number
  readonly service: string
  readonly version: number
  readonly kind: (typeof KINDS)[number]
  readonly statementId: string
  /** Samples of a batch. */
  readonly count: number
  /** Right answers, or permille. */
  readonly figure: number
  readonly guarantee: number
  readonly source: (typeof SOURCES)[number]
  readonly claimant: string
  /** Null for none. */
  readonly auditor: string | null
  readonly poolId: number | null
  /** Wei. */
  readonly bond: bigint
  /** Unix seconds. */
  readonly expiresAt: number
  readonly endedAt: number | null
  readonly status: (typeof STATUSES)[number]
  readonly circuitId: string
  readonly batch: bigint
  /** Whether a consumer with these terms would take it now: `meets`. */
  readonly counts: boolean
  /** Whether it is the one that `hasBadge` looks at. */
  readonly badge: boolean
  readonly told: ToldClaim | null
}

export type State = 'all' | 'counts' | 'expiring' | 'expired' | 'refuted' | 'challenged'

export type Filter = {
  readonly kind: (typeof KINDS)[number] | 'all'
  readonly state: State
  /** Address of an auditor, or a part of it; empty for any. */
  readonly auditor: string
}

export type ClaimList = {
  /** Of the registry; more than `rows` where not all are read. */
  readonly count: number
  /** The newest first. */
  readonly rows: readonly ClaimRow[]
}

export const registryOf = ({ provider }: Connection, address: string) => clients.claims(address, provider)

/** @throws Error for an address without a claim registry, or one that judges by other registries than this deployment's */
export async function requireRegistry(connection: Connection, address: string): Promise<void> {
  const registry = registryOf(connection, address)
  const { ModelRegistry, VerifierRegistry } = connection.site.deployment.contracts
  const found = await Promise.all([registry.MODELS(), registry.VERIFIERS()]).catch((cause) => {
    throw new Error(`there is no claim registry at ${address}, or the endpoint does not answer`, { cause })
  })
  for (const [i, expected] of [ModelRegistry, VerifierRegistry].entries())
    if (found[i] !== expected)
      throw new Error(`${address} judges claims by the registry at ${found[i]}, this deployment's is ${expected}`)
}

/** What circuits say, by registry and circuit: it is said once. */
const described = new Map<string, Promise<{ readonly statementId: string; readonly count: number }>>()

function meaningOf(connection: Connection, address: string, circuitId: string) {
  const key = `${address}/${circuitId}`
  const known = described.get(key)
  if (known !== undefined) return known
  const registry = registryOf(connection, address)
  const made = Promise.all([registry.circuitOf(circuitId), registry.statementOf(circuitId)]).then(
    ([{ statementId }, { count }]) => ({ statementId, count: Number(count) }),
  )
  described.set(key, made)
  made.catch(() => described.delete(key))
  return made
}

const tales = new WeakMap<object, ReadonlyMap<bigint, ToldClaim>>()

async function taleOf(connection: Connection, address: string): Promise<ReadonlyMap<bigint, ToldClaim>> {
  const history = connection.history(address)
  const changed = await history.step()
  const known = tales.get(history)
  if (!changed && known !== undefined) return known
  const tale = tellClaims(history.logs, contractInterface('ClaimRegistry'))
  tales.set(history, tale)
  return tale
}

/** All claims of a registry, or of many the first and the newest. */
export async function listClaims(connection: Connection, address: string): Promise<ClaimList> {
  await requireRegistry(connection, address)
  const count = countOf(await registryOf(connection, address).claimCount(), 'claims')
  const tale = await taleOf(connection, address)
  const rows = await Promise.all(
    idsToRead(count, MOST_CLAIMS).map((id) => readClaim(connection, address, id, tale.get(id) ?? null)),
  )
  return { count, rows: rows.toReversed() }
}

/** One claim. @throws Error for one that does not exist */
export async function openClaim(connection: Connection, address: string, id: bigint): Promise<ClaimRow> {
  await requireRegistry(connection, address)
  const count = await registryOf(connection, address).claimCount()
  if (id < 1n || id > count) throw new Error(`there is no claim ${id}: the registry has ${count}`)
  return await readClaim(connection, address, id, (await taleOf(connection, address)).get(id) ?? null)
}

async function readClaim(
  connection: Connection,
  address: string,
  id: bigint,
  told: ToldClaim | null,
): Promise<ClaimRow> {
  const registry = registryOf(connection, address)
  const claim = await registry.claimOf(id)
  const { statementId, count } = await meaningOf(connection, address, claim.circuitId)
  const source = SOURCES[Number(claim.source)] ?? 'none'
  const by =
    source === 'draw' ? word(toBeHex(claim.poolId)) : word(source === 'auditor' ? claim.auditor : claim.claimant)
  const { service, version, guarantee } = claim
  const [counts, badge] = await Promise.all([
    registry.meets(id, {
      ...{ service, version, statementId, source: claim.source, by },
      ...{ bound: guarantee, minBond: 0n, ceremony: false },
    }),
    registry.badgeOf(service, version, statementId, claim.source, by),
  ])
  return {
    ...{ claimId: Number(id), service, version: Number(version), statementId, count, source, told },
    kind: KINDS[Number(claim.kind)] ?? 'none',
    status: STATUSES[Number(claim.status)] ?? 'none',
    ...{ figure: Number(claim.figure), guarantee: Number(guarantee), claimant: claim.claimant },
    auditor: BigInt(claim.auditor) === 0n ? null : claim.auditor,
    poolId: claim.poolId === 0n ? null : Number(claim.poolId),
    ...{ bond: claim.bond, expiresAt: Number(claim.expiresAt), circuitId: claim.circuitId, batch: claim.batch },
    endedAt: claim.endedAt === 0n ? null : Number(claim.endedAt),
    ...{ counts, badge: counts && badge === id },
  }
}

function word(hex: string): string {
  return zeroPadValue(hex, 32)
}

/** Whether a claim is among those asked for. @param now Unix seconds of the newest block */
export function matches(row: ClaimRow, { kind, state, auditor }: Filter, now: number): boolean {
  if (kind !== 'all' && row.kind !== kind) return false
  const wanted = auditor.trim().toLowerCase()
  if (wanted !== '' && row.auditor?.toLowerCase().includes(wanted) !== true) return false
  switch (state) {
    case 'all':
      return true
    case 'counts':
      return row.counts
    case 'expiring':
      return row.status === 'standing' && row.expiresAt > now && row.expiresAt <= now + SOON
    case 'expired':
      return row.status !== 'fallen' && row.expiresAt <= now
    case 'refuted':
      return row.status === 'fallen'
    case 'challenged':
      return (row.told?.challenges.length ?? 0) > 0
  }
}

/** A figure with its unit. */
export function figureText({ kind, count }: Pick<ClaimRow, 'kind' | 'count'>, value: number): string {
  return kind === 'accuracy' ? `${value} of ${count} right` : `at most ${value} ‰`
}

/** Whether it counts now, and if not, why. @param now Unix seconds of the newest block */
export function stateText(row: ClaimRow, now: number): string {
  if (row.status === 'fallen') return 'refuted'
  if (row.badge) return 'is the badge'
  if (row.counts) return 'counts, but another claim is the badge'
  if (row.expiresAt <= now) return row.status === 'released' ? 'expired, bond given back' : 'expired'
  return 'no longer counts: its guarantee, circuit or version was withdrawn'
}

/** Who chose the batch on which it was proven. */
export function chosenBy({ source, auditor, poolId }: ClaimRow): string {
  if (source === 'draw') return `drawn from pool ${poolId}`
  return source === 'auditor' ? `signed by the auditor ${auditor}` : 'picked by the claimant'
}

/** By what it can be refuted. */
export function refutableBy({ auditor, poolId }: ClaimRow): string {
  const signed = auditor === null ? [] : [`batches that ${auditor} signs`]
  const drawn = poolId === null ? [] : [`draws from pool ${poolId}`]
  return [...signed, ...drawn].join(', ') || 'nothing: nobody can challenge it'
}
