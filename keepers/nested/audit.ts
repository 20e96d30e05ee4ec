// SPDX-License-Identifier: GPL-3.0-or-later
// Recomputes a round whose members are services. Updates are encrypted, so nobody sees a single one. But what an honest representative
// submits follows from the chain: its service's newest version when training began, less the model, clipped. So everybody can compute the
// mean that the round should have had, and compare it with the model that it led to.
import { type JsonRpcApiProvider, ZeroAddress } from 'ethers'
import { type Clock, clients, type Endpoints, seatsOf } from '../chain/index.ts'
import { normOf, weightedMean } from '../learning/index.ts'
import type { DataPlane } from '../network/index.ts'
import {
  clip,
  entryBound,
  fetchStart,
  fetchVersion,
  firstWeights,
  manifestDigest,
  type PlannedModel,
  planFor,
  type ServiceManifest,
  specOf,
} from '../versions/index.ts'
import { NestedError } from './errors.ts'
import { partyOfLower, versionAtTime } from './lower-version.ts'

export type AuditSource = {
  readonly provider: JsonRpcApiProvider
  readonly endpoints: Pick<Endpoints, 'count' | 'everywhere'>
  readonly clock: Pick<Clock, 'now'>
  readonly plane: DataPlane
  readonly tree: string
  readonly upper: string
  /** The upper service's manifest; below, the model that it describes. */
  readonly manifest: ServiceManifest
  readonly model: PlannedModel
  readonly fromBlock: number
}

export type AuditedSeat = {
  readonly seat: number
  readonly keeper: string
  /** The service that the keeper represented; null for a keeper that represented none, whose update nobody can compute. */
  readonly lower: string | null
  readonly version: bigint | null
  /** The samples that it declared on the chain: its weight in the mean. */
  readonly samples: number
  /**
   * Whether the seat is for a service that the keeper represented neither when training began nor when it committed. An honest keeper then
   * contributes nothing, so one that declared samples did not do as stated.
   */
  readonly dismissed: boolean
  /**
   * Whether this seat alone can explain the difference: the update that it would have had to submit is within the bound that its proof of
   * shortness shows. Empty differences need no explanation.
   */
  readonly suspect: boolean
  /** An older version of the same service that explains the difference exactly; null for none that was tried. */
  readonly staleVersion: bigint | null
}

export type Audit = {
  readonly round: number
  /** `as stated`: the model is what the services' versions give. `differs`: at least one member submitted something else. */
  readonly verdict: 'as stated' | 'differs' | 'unknown'
  /**
   * Largest difference of a weight, and the largest that encryption and rounding explain. Null where a keeper contributed that represented
   * no service: nobody can compute its update.
   */
  readonly difference: number | null
  readonly tolerance: number
  readonly seats: readonly AuditedSeat[]
}

/** Position of Training in ILearningServiceTypes.State. */
const TRAINING = 5n
/** Older versions of a service that are tried as an explanation. */
const STALE = 4n
/** Half a unit in the last place of a Float32, for a value of one. */
const FLOAT32 = 2 ** -24
/** Roundings between the versions and the model: difference, scaling to the norm and sum, with a margin for each. */
const ROUNDINGS = 16
/** Multiples of the encryption's stated error, which is a bound that holds with some probability. */
const ERRORS = 4

/**
 * @throws NestedError no-round for a round that the service did not complete, not-comparable for terms that hide or change the mean;
 * VersionError, NetworkError for versions that nobody serves
 */
export async function auditRound(source: AuditSource, round: number, signal?: AbortSignal): Promise<Audit> {
  const { provider, upper, manifest, model, plane, fromBlock } = source
  const terms = manifest.rounds
  requirePlainMean(upper, manifest)
  const service = clients.service(upper, provider)
  const facts = await factsOf(source, round)
  // Zero means that no manifest is agreed on.
  if (BigInt(facts.manifest) !== 0n && facts.manifest !== manifestDigest(manifest)) {
    throw new NestedError(
      'not-comparable',
      `${upper} had the manifest ${facts.manifest} in round ${round}, not ${manifestDigest(manifest)}: give that one`,
    )
  }
  const weightsOf = async (of: string, version: bigint, commitment?: string): Promise<Float32Array> => {
    const named = commitment === undefined ? {} : { commitment }
    return (await fetchVersion({ provider, service: of, model, plane, fromBlock, ...named }, version, signal)).weights
  }
  const before =
    facts.version > 1n
      ? await weightsOf(upper, facts.version - 1n)
      : await firstWeights(manifest, await specOf(manifest), await startOfUpper(source))
  const after = await weightsOf(upper, facts.version)
  const update = (weights: Float32Array): Float32Array =>
    clip(weights, before, entryBound(terms), terms.clipNorm).update

  const members: (Omit<AuditedSeat, 'suspect' | 'staleVersion'> & { readonly update: Float32Array | null })[] = []
  for (const { seat, samples, committed: blockTag } of facts.reveals) {
    const { keeper } = await service.seatInfo(seat, { blockTag })
    const lower = await lowerOf(source, keeper, [blockTag, facts.beganAt])
    if (lower === null) {
      const dismissed = await sitsForAnother(source, keeper, blockTag)
      members.push({ seat, keeper, lower, version: null, samples, dismissed, update: null })
    } else {
      const { version, commitment } = await versionAtTime(source, lower, facts.began)
      members.push({
        seat,
        keeper,
        lower,
        version,
        samples,
        dismissed: false,
        update: update(await weightsOf(lower, version, commitment)),
      })
    }
  }
  const total = members.reduce((sum, { samples }) => sum + samples, 0)
  const plan = planFor({ ...facts.encryption, vectorLength: before.length, terms })
  const largest = after.reduce((most, value) => Math.max(most, Math.abs(value)), 1)
  const error = ERRORS * plan.precision.meanError * Math.max(1, plan.minTotalWeight / total)
  const tolerance = error + ROUNDINGS * FLOAT32 * largest
  const bare = members.map(({ update: _, ...member }) => ({ ...member, suspect: false, staleVersion: null }))
  if (members.some((member) => member.dismissed && member.samples > 0)) {
    const seats = bare.map((seat) => ({ ...seat, suspect: seat.dismissed && seat.samples > 0 }))
    return { round, verdict: 'differs', difference: null, tolerance, seats }
  }
  if (members.some((member) => member.update === null && member.samples > 0))
    return { round, verdict: 'unknown', difference: null, tolerance, seats: bare }

  const weighing = members.filter(({ samples }) => samples > 0)
  const expected = weightedMean(weighing.map(({ update: weights, samples: weight }) => ({ weights: weights!, weight })))
  const residual = Float64Array.from(after, (value, i) => value - before[i]! - expected[i]!)
  const difference = largestOf(residual)
  if (difference <= tolerance) return { round, verdict: 'as stated', difference, tolerance, seats: bare }

  const seats: AuditedSeat[] = []
  for (const [i, { update: honest, ...member }] of members.entries()) {
    if (member.samples === 0) {
      seats.push(bare[i]!)
      continue
    }
    // What this seat must have submitted if all others did as stated.
    const implied = Float64Array.from(residual, (value, k) => honest![k]! + (value * total) / member.samples)
    const slack = (tolerance * total * Math.sqrt(implied.length)) / member.samples
    const suspect = normOf(implied) <= terms.clipNorm + slack
    let staleVersion: bigint | null = null
    for (
      let version = member.version! - 1n;
      suspect && version >= 1n && version >= member.version! - STALE;
      version--
    ) {
      const older = update(await weightsOf(member.lower!, version))
      if (largestOf(implied.map((value, k) => value - older[k]!)) <= (tolerance * total) / member.samples) {
        staleVersion = version
        break
      }
    }
    seats.push({ ...bare[i]!, suspect, staleVersion })
  }
  return { round, verdict: 'differs', difference, tolerance, seats }
}

/** @throws NestedError not-comparable for a manifest by which the model's change is something other than the mean */
function requirePlainMean(upper: string, { rounds, strategy }: ServiceManifest): void {
  const { kind, ...more } = rounds.strategy ?? { kind: 'fedavg' }
  if (rounds.privacy === undefined && strategy === undefined && kind === 'fedavg' && Object.keys(more).length === 0)
    return
  const what = rounds.privacy === undefined ? `the strategy ${kind}` : 'noise'
  throw new NestedError('not-comparable', `${upper}: only a plain mean can be recomputed, and its manifest has ${what}`)
}

/** The service that the keeper represented at the first of these blocks where it represented one. */
async function lowerOf(
  { tree, upper, provider }: AuditSource,
  keeper: string,
  blocks: readonly number[],
): Promise<string | null> {
  for (const blockTag of blocks) {
    const lower = await clients.tree(tree, provider).representedBy(upper, keeper, { blockTag })
    if (lower !== ZeroAddress) return lower
  }
  return null
}

/** Whether the keeper took its seat for a service that was ever invited in the tree. */
async function sitsForAnother(source: AuditSource, keeper: string, blockTag: number): Promise<boolean> {
  const { tree, upper, provider } = source
  const party = await clients.service(upper, provider).partyOf(keeper, { blockTag })
  const contract = clients.tree(tree, provider)
  const count = Number(await contract.lowerCount(upper))
  for (let i = 0; i < count; i++) if (partyOfLower(await contract.lowerAt(upper, i)) === party) return true
  return false
}

/** The file of first weights, if the manifest names one. */
async function startOfUpper({ provider, upper, plane, manifest }: AuditSource): Promise<Uint8Array | null> {
  const { weights } = manifest.model
  return weights === undefined ? null : await fetchStart({ provider, service: upper, plane }, weights.cid)
}

const largestOf = (values: Float64Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)

/** What the chain says of a completed round. */
async function factsOf({ provider, upper, fromBlock }: AuditSource, round: number) {
  const service = clients.service(upper, provider)
  const [completed] = await service.queryFilter(service.filters.UpdateCompleted(round), fromBlock)
  if (completed === undefined) throw new NestedError('no-round', `${upper} has completed no round ${round}`)
  const transitions = await service.queryFilter(service.filters.Transitioned(undefined, TRAINING), fromBlock)
  const began = transitions.findLast(({ args }) => Number(args.round) === round)
  const [draft] = await service.queryFilter(service.filters.MembersDrafted(round), fromBlock)
  if (began === undefined || draft === undefined)
    throw new NestedError('no-round', `${upper}: round ${round} began before block ${fromBlock}`)
  const [parameters, { registered, decryptionThreshold }] = await Promise.all([
    service.parameters({ blockTag: draft.blockNumber }),
    service.epochInfo({ blockTag: draft.blockNumber }),
  ])
  const revealed = await service.queryFilter(service.filters.UpdateRevealed(round), fromBlock)
  const committed = await service.queryFilter(service.filters.UpdateCommitted(round), fromBlock)
  const blocks = new Map(committed.map(({ args, blockNumber }) => [Number(args.seat), blockNumber]))
  const included = new Set(seatsOf(draft.args.included))
  return {
    version: completed.args.versionId,
    beganAt: began.blockNumber,
    /** Unix seconds. */
    began: Number(began.args.deadline) - Number(parameters.trainingWindow),
    manifest: parameters.manifest,
    encryption: {
      members: Number(registered),
      threshold: Number(decryptionThreshold),
      decryptionsPerKey: Number(parameters.decryptionsPerEpoch),
    },
    reveals: revealed
      .map(({ args }) => ({ seat: Number(args.seat), samples: Number(args.samples) }))
      // What counts is who represented whom when the update was committed. A replacement later in the round changes nothing.
      .map((reveal) => ({ ...reveal, committed: blocks.get(reveal.seat) ?? draft.blockNumber }))
      .filter(({ seat }) => included.has(seat)),
  }
}
