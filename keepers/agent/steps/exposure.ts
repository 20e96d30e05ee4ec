// SPDX-License-Identifier: GPL-3.0-or-later
// In a service that has services as members, everybody knows the representatives' updates, because versions are public. By subtracting them from
// the mean, anybody gets the mean of the other contributors. So there must be enough of those.
import { ZeroAddress } from 'ethers'
import { z } from 'zod'
import { callsAtOneBlock, contractInterface, hasWitnesses, settled } from '../../chain/index.ts'
import type { Reader } from '../../nested/index.ts'
import type { Step } from '../context.ts'
import { parametersOf, rosterHere } from '../frame.ts'
import { epochName } from '../members.ts'
import { providerOf } from '../sources/provider.ts'

/** What decides whether an update is hidden among others. */
export type Company = {
  /** Number of members of the epoch, by the roster that the keeper pinned. */
  readonly members: number
  readonly minKeepers: number
  /** Members that sit for services, and contribute updates which everybody can compute. */
  readonly representatives: number
}

const quorumOf = (members: number): number => Math.floor((2 * members) / 3) + 1

/**
 * The fewest contributors that represent no service and hide each other's updates: as many as a sum of the service needs anyway (`minKeepers`),
 * and one honest member beside this one, even if all liars that the round machine tolerates (n − quorum) contribute.
 */
export function leastHidden({ members, minKeepers }: Omit<Company, 'representatives'>): number {
  return Math.max(minKeepers, members - quorumOf(members) + 2)
}

/**
 * Whether every sum that honest members decrypt hides this keeper's update. They decrypt only sums of an update quorum of contributors
 * with samples (`contributorsFloor`), and at most `representatives` of those are public, so the rest is the least company that the
 * keeper can end up in. All of it is known before anybody commits: what others do later in the round changes nothing.
 */
export function isHidden(company: Company): boolean {
  const { members, minKeepers, representatives } = company
  return Math.max(minKeepers, quorumOf(members)) - representatives >= leastHidden(company)
}

/**
 * Why this keeper's own samples must stay out of the round; null where they may go in.
 * @throws NestedError unheard while no two endpoints confirm who represents services
 */
export async function exposure(
  step: Step & { readonly seat: number },
): Promise<(Company & { readonly needed: number }) | null> {
  // With differential privacy, the noise bounds what a mean reveals, whatever else is known.
  if (step.context.manifest.rounds.privacy !== undefined) return null
  const representatives = await representativesHere(step)
  if (representatives === 0 || !bringsSamples(step)) return null
  const [roster, { minKeepers }] = await Promise.all([rosterHere(step), parametersOf(step)])
  const company = { members: roster.length, minKeepers, representatives }
  return isHidden(company) ? null : { ...company, needed: leastHidden(company) }
}

/** Whether the keeper's update depends on samples that only it has. A version, and labels that a contract holds, are public. */
function bringsSamples({ context: { config, trainer } }: Step): boolean {
  const { source, command } = config.training
  return source !== 'service' && (command !== undefined || trainer.shard.samples > 0)
}

const RECORD = 'representatives'
const recordSchema = z.object({ epoch: z.string(), count: z.int().min(0) }).nullable()

/** The members that sit for services. Seats and parameters change only between epochs, so they are counted once in each. */
async function representativesHere(step: Step): Promise<number> {
  const { store, serviceAddress: upper } = step.context
  const epoch = epochName(step.snapshot.epochInfo)
  const known = recordSchema.parse(store.getRecord(RECORD))
  if (known?.epoch === epoch) return known.count
  const admission = await admissionOf(step)
  let count = 0
  // Most services have no admission contract. Their keepers do not load the nested room.
  if (admission !== ZeroAddress) {
    const { countRepresentatives } = await import('../../nested/index.ts')
    const members = (await rosterHere(step)).map(({ address }) => address)
    count = (await countRepresentatives(readerOf(step), { upper, admission }, members)) ?? 0
  }
  store.putRecord(RECORD, { epoch, count })
  return count
}

/** The service's admission contract, as two endpoints report it, or the only one that is configured. */
async function admissionOf(step: Step): Promise<string> {
  const { endpoints, clock, serviceAddress } = step.context
  if (!hasWitnesses(endpoints)) return (await parametersOf(step)).admission
  const data = contractInterface('ILearningService').encodeFunctionData('parameters')
  const [answers] = await callsAtOneBlock(endpoints, clock, [{ to: serviceAddress, data }])
  const heard = answers!.filter(({ result }) => admissionIn(result) !== null)
  const [first] = settled(heard, ({ result }) => String(admissionIn(result))) ?? []
  if (first !== undefined) return admissionIn(first.result)!
  const { NestedError } = await import('../../nested/index.ts')
  throw new NestedError(
    'unheard',
    `no two endpoints of chain.rpc name the same admission contract of ${serviceAddress}`,
  )
}

/** In an endpoint's answer; null for an invalid one. */
function admissionIn(result: unknown): string | null {
  try {
    return contractInterface('ILearningService').decodeFunctionResult('parameters', String(result))[0].admission
  } catch {
    return null
  }
}

function readerOf({ context: { contracts, endpoints, clock } }: Step): Reader {
  return { provider: providerOf(contracts), endpoints, clock }
}
