// SPDX-License-Identifier: GPL-3.0-or-later
// Proving jobs as they stand, and what the visitor's account has at the market.
import { clients } from '../../../keepers/chain/index.ts'
import { type JobView, readJob, type SlotView } from '../../../keepers/serving/index.ts'
import type { Connection } from '../chain/connection.ts'
import { type PageOf, type PageTerms, readPage } from '../chain/count.ts'
import { taleOf } from '../chain/tale.ts'
import { type MarketTale, type ToldJob, tellMarket } from './events.ts'

/** Provers whose bonds are read. */
const MOST_PROVERS = 25

export const marketOf = ({ site, provider }: Connection) =>
  clients.proverMarket(site.deployment.contracts.ProverMarket, provider)

/** Wei of a bond. */
export type Bond = {
  readonly free: bigint
  readonly reserved: bigint
  readonly unbonding: bigint
  /** Unix seconds from which the unbonding part can be withdrawn. */
  readonly unbondsAt: number
}

export type Account = Bond & {
  /** Wei to withdraw: earnings, refunds, and bond that was taken out. */
  readonly owed: bigint
}

/** The market's log as a story. */
export const marketTale = taleOf('ProverMarket', (logs) => tellMarket(logs))

/** Jobs, the newest first. */
export async function listJobs(connection: Connection, page: PageTerms): Promise<PageOf<JobView>> {
  const market = marketOf(connection)
  return await readPage(await market.jobCount(), 'proving jobs', page, (id) => readJob(market, connection.provider, id))
}

export type JobDetails = {
  readonly job: JobView
  readonly told: ToldJob | null
  /** Seconds after the deadline in which answers can still be settled. */
  readonly settleSeconds: number
  /** A circuit of the job was revoked. */
  readonly revoked: boolean
}

/** One job with its story. @throws Error for one that does not exist */
export async function openJob(connection: Connection, id: bigint): Promise<JobDetails> {
  const market = marketOf(connection)
  const count = await market.jobCount()
  if (id < 1n || id > count) throw new Error(`there is no job ${id}: there are ${count}`)
  const verifiers = clients.verifiers(connection.site.deployment.contracts.VerifierRegistry, connection.provider)
  const [job, settleSeconds, { jobs }] = await Promise.all([
    readJob(market, connection.provider, id),
    market.SETTLE_SECONDS(),
    marketTale(connection),
  ])
  const revoked = await Promise.all(job.segments.map(({ circuitId }) => verifiers.isRevoked(circuitId)))
  return { job, told: jobs.get(id) ?? null, settleSeconds: Number(settleSeconds), revoked: revoked.includes(true) }
}

/** Everybody who put up bond or claimed, the last to come first. */
export async function listProvers(
  connection: Connection,
): Promise<readonly (MarketTale['provers'][number] & { readonly bond: Bond })[]> {
  const market = marketOf(connection)
  const { provers } = await marketTale(connection)
  return await Promise.all(
    provers
      .toReversed()
      .slice(0, MOST_PROVERS)
      .map(async (one) => ({ ...one, bond: await bondOf(market, one.prover) })),
  )
}

export async function readAccount(connection: Connection, address: string): Promise<Account> {
  const market = marketOf(connection)
  const [bond, owed] = await Promise.all([bondOf(market, address), market.balanceOf(address)])
  return { ...bond, owed }
}

async function bondOf(market: ReturnType<typeof marketOf>, address: string): Promise<Bond> {
  const { free, reserved, unbonding, unbondsAt } = await market.bondOf(address)
  return { free, reserved, unbonding, unbondsAt: Number(unbondsAt) }
}

/** What may be done with a job now, by the market's rules; the market itself has the last word. */
export type Possible = {
  /** By its poster. */
  readonly cancel: boolean
  /** Slots whose provers let their time pass. */
  readonly expire: readonly SlotView[]
  /** Answers wait for somebody to have them verified. */
  readonly settle: boolean
  readonly close: boolean
}

/** @param revoked whether a circuit of the job was revoked @param now Unix seconds of the newest block */
export function possibleFor(
  { status, slots }: Pick<JobView, 'status' | 'slots'>,
  revoked: boolean,
  now: number,
): Possible {
  const running = status === 'open' || status === 'settling' || status === 'expired'
  return {
    cancel: status === 'open' && slots.every(({ state }) => state === 'open'),
    expire: running ? slots.filter(({ state, due }) => state === 'claimed' && Number(due) < now) : [],
    settle: running && slots.some(({ state }) => state === 'submitted'),
    close: status === 'expired' || (running && revoked),
  }
}
