// SPDX-License-Identifier: GPL-3.0-or-later
import { z } from 'zod'
import { seatsOf, steady } from '../../chain/index.ts'
import { combine, FheError, type MessageSource, type SumOfUpdates, sliceCuts } from '../../fhe/index.ts'
import { checkMeanNorm, LearningError } from '../../learning/index.ts'
import { NetworkError } from '../../network/index.ts'
import { meanBound, VersionError } from '../../versions/index.ts'
import { cidOf } from '../actions.ts'
import type { AgentContext, Step } from '../context.ts'
import type { EpochFrame } from '../epoch.ts'
import { AgentError } from '../errors.ts'
import type { Fact, FactOf } from '../facts.ts'
import { frameHere, indicesOf } from '../frame.ts'
import { isGood } from '../holdout.ts'
import { dropBytes } from '../memory.ts'
import { messageFrom } from '../messages.ts'
import { noteOpenedSums, refuseLongMean } from '../privacy.ts'
import { judgeNotes } from '../slices/judge.ts'
import { sharesBySlices } from '../slices/shares.ts'
import { nextModel } from '../strategy.ts'
import type { ModelScore } from '../training/protocol.ts'
import { declaredIn } from './draft.ts'
import { FetchAhead } from './fetch-ahead.ts'
import { candidateRecord } from './intents.ts'
import { type RoundSum, sumOfRound } from './sum.ts'
import { areWitnessed } from './witness.ts'

const recordSchema = z.object({
  cid: z.string(),
  commitment: z.string(),
  /** Whether this keeper would vote for it. */
  good: z.boolean(),
  /** On this keeper's hold-out; absent in records of earlier releases. */
  accuracy: z.number().optional(),
  loss: z.number().optional(),
})

/** The model that results from a round, as this keeper computed it. */
export type Candidate = z.infer<typeof recordSchema>

/**
 * Combines the shares of a round, adds the mean update to the model, judges the result on this keeper's hold-out.
 * @returns null while shares are missing; the candidate (good or not) once they are in.
 */
export async function candidateOf(step: Step & { readonly seat: number }, round: number): Promise<Candidate | null> {
  const { context, snapshot } = step
  const name = candidateRecord(snapshot.epochInfo, round)
  const known = context.store.getRecord(name)
  if (known !== null) return recordSchema.parse(known)
  const draft = context.facts.last('MembersDrafted', { round })
  if (draft === null) return null
  const included = draft.args.included as bigint
  const drafted = seatsOf(draft.args.drafted as bigint)
  const attested = String(draft.args.aggregateHash)
  let sum = await sumOfRound(step, round, { only: included })
  // The members of a slice may have deceived this keeper alone.
  if (sum?.sliced && sum.hash !== attested) sum = await sumOfRound(step, round, { only: included, alone: true })
  if (sum?.hash !== attested) {
    context.log.warn({ event: 'sum differs', round, own: sum?.hash ?? null }, 'cannot reproduce the attested sum')
  }
  if (sum === null) return null
  const frame = await frameHere(step)
  const submitted = drafted.flatMap((seat) => {
    const fact = context.facts.last('ShareSubmitted', { round, seat })
    return fact === null ? [] : [{ seat, fact }]
  })
  if (submitted.length < drafted.length) return null
  if (sum.hash !== attested && !(await mayOpenAnother(step, round, sum, attested))) return null
  const shareMessages = async (): Promise<MessageSource[]> => {
    const about = {
      maxBytes: frame.plan.bytes.decryptionShare,
      round,
      others: frame.roster.map((member) => member.seat),
    }
    const wanted = submitted.map(({ seat, fact }) => ({ seat, cid: cidOf(fact) }))
    const cuts = context.config.network.slices ? sliceCuts(frame.plan, 'decryption share') : []
    using ahead = new FetchAhead(step, wanted, { kind: 'decryption share', cuts, ...about })
    const messages: MessageSource[] = []
    for (const { seat, cid } of wanted) {
      await ahead.here(seat)
      messages.push(await messageFrom(step, 'decryption share', seat, cid, about))
    }
    return messages
  }
  const { weight: declared, contributors, empty, alike } = declaredIn(context, round, included)
  if (declared === 0) throw new AgentError('BAD_BLOB', 'no member in the sum has samples, so the sum has no mean')
  noteOpenedSums(context)
  const started = steady(context.clock)
  const covered = context.coverage.of(round)
  const length = covered?.length ?? frame.plan.vectorLength
  const bound = meanBound(context.manifest.rounds, {
    // A member that declares fewer samples than the others also adds less noise. A bound that counted it in full would refuse honest means.
    contributors: alike,
    length,
    // The plan states the error of a mean over its least total weight; with less weight the error is larger.
    valueError: frame.plan.precision.meanError * Math.max(1, frame.plan.minTotalWeight / declared),
  })
  const decrypted = async (aggregate: SumOfUpdates, shareSums: readonly Uint8Array[] | null): Promise<Decrypted> => {
    const { mean: opened } = await combine(frame.engine, {
      context: { ...frame.context, round },
      aggregate,
      activeSet: indicesOf(frame.roster, drafted),
      ...(shareSums === null ? { shareMessages: await shareMessages() } : { shareSums }),
      totalWeight: declared,
      signal: step.signal,
    })
    // After the covered parameters comes padding: whatever a member put there has no effect.
    const mean = covered === null ? opened : opened.slice(0, length)
    if (mean !== opened) dropBytes(opened)
    return { mean, norm: refuseLongMean(() => checkMeanNorm(mean, bound)) }
  }
  const before = await context.model.state()
  // A strategy counts only members that train.
  const facts = { round, members: frame.roster.length - empty, contributors }
  const modelOf = async ({ mean, norm }: Decrypted) => {
    const next = await refuseStep(() => nextModel(context, before, mean, facts, covered))
    dropBytes(mean)
    return { norm, next, ...(await context.model.publish(next, round)) }
  }
  const shareSums = await sharesBySlices(step, frame, round, submitted)
  const of = { round, included, sum, decrypted, shareSums, submitted }
  const first = await leastTrusting(step, frame, of).catch((error: unknown) => {
    // When a sum other than the attested one does not open, this keeper has other updates than the rest.
    if (of.sum.hash === attested || !isLostRound(error)) throw error
    notOpened.set(context, `${of.sum.hash} ${attested}`)
    return null
  })
  if (first === null) return null
  let model = await modelOf(first)
  // All members of a slice together could tell each keeper a different sum within the bounds. Then no model would get a quorum.
  if (shareSums !== null && context.facts.all('ModelVoted', { round }).some(isAnother(model.commitment))) {
    context.log.warn({ event: 'models differ', round, own: model.commitment }, 'adds up the shares by itself')
    model = await modelOf(await leastTrusting(step, frame, { ...of, distrusts: true }))
  }
  const { norm, next, cid, commitment } = model
  const judges = context.trainer.shard.heldOut > 0
  const score = judges ? await context.trainer.evaluate(context.home.over(next.weights), step.signal) : null
  const good = isGood(context, score)
  const seen = score === null ? {} : { accuracy: score.accuracy, loss: score.loss }
  const candidate: Candidate = { cid, commitment, good, ...seen }
  context.store.putRecord(name, candidate)
  if (score !== null) context.metrics.setHoldOut(score)
  context.log.info(
    {
      event: 'candidate',
      round,
      cid,
      commitment,
      ...seen,
      ...(score === null ? {} : seenMore(score)),
      samples: declared,
      norm,
      contributors,
      ...(covered === null ? {} : { layers: covered.name }),
      ...(empty === 0 ? {} : { empty }),
      seconds: (steady(context.clock) - started) / 1000,
    },
    judges ? 'decrypted the mean and judged the model' : 'decrypted the mean',
  )
  return candidate
}

/** By keeper, the last sum for which opening it in place of the attested one has failed. */
const notOpened = new WeakMap<AgentContext, string>()

/**
 * Whether to open this keeper's own sum of the drafted updates although another one was attested. The members of a slice may have deceived the
 * quorum, and the shares do not depend on what was attested. But perhaps it is this keeper that was told of other updates, so the reveals must be
 * witnessed.
 */
async function mayOpenAnother(step: Step, round: number, sum: RoundSum, attested: string): Promise<boolean> {
  const { config, facts } = step.context
  if (!config.network.slices || sum.sliced || sum.contested.length > 0) return false
  if (notOpened.get(step.context) === `${sum.hash} ${attested}`) return false
  return areWitnessed(step, { name: 'UpdateRevealed', facts: facts.all('UpdateRevealed', { round }), of: { round } })
}

const isAnother =
  (commitment: string) =>
  ({ args }: FactOf<'ModelVoted'>): boolean =>
    args.modelCommitment !== commitment

type Decrypted = { readonly mean: Float64Array; readonly norm: number }

/**
 * Decrypts with the sums that others computed. If that fails, it adds up the shares itself, and if that fails too, the updates as well. All of
 * this may be repeated at will, because it uses only public bytes. @throws the error of the last attempt
 */
async function leastTrusting(
  step: Step & { readonly seat: number },
  frame: EpochFrame,
  of: {
    readonly round: number
    readonly included: bigint
    readonly sum: RoundSum
    readonly shareSums: readonly Uint8Array[] | null
    readonly submitted: readonly { readonly seat: number; readonly fact: Fact }[]
    /** Whether to ignore the others' sums of shares, and to find out who reported a false one. */
    readonly distrusts?: boolean
    readonly decrypted: (aggregate: SumOfUpdates, shareSums: readonly Uint8Array[] | null) => Promise<Decrypted>
  },
): Promise<Decrypted> {
  const { round, included, sum, shareSums, decrypted } = of
  if (shareSums !== null && of.distrusts !== true) {
    try {
      return await decrypted(sum.aggregate, shareSums)
    } catch (error) {
      if (!isLostRound(error)) throw error
    }
  }
  try {
    const found = await decrypted(sum.aggregate, null)
    const sources = of.submitted.map(({ seat, fact }) => ({ seat, cid: cidOf(fact) }))
    await judgeNotes(step, frame, { message: 'decryption share', round, sources, every: shareSums !== null })
    return found
  } catch (error) {
    if (!isLostRound(error) || !sum.sliced) throw error
    const own = await sumOfRound(step, round, { only: included, alone: true })
    if (own === null || own.hash === sum.hash) throw error
    // The shares do not depend on the attested sum: they open the true sum of the updates, whatever the members of a slice said.
    return decrypted(own.aggregate, null)
  }
}

/** The hold-out's other figures, for this keeper's log. */
function seenMore({ figures, testAccuracy, classes, confusion }: ModelScore) {
  return {
    figures,
    testAccuracy,
    ...(classes === undefined ? {} : { classes }),
    ...(confusion === undefined ? {} : { confusion }),
  }
}

/** When the strategy fails on a mean, it fails for every member, and the round is lost. @throws AgentError BAD_BLOB */
async function refuseStep<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (cause) {
    if (!(cause instanceof LearningError)) throw cause
    throw new AgentError('BAD_BLOB', cause.message, { cause })
  }
}

/** Whether an error means that the round has failed for this keeper, rather than that it should try again. */
export function isLostRound(error: unknown): error is Error {
  if (error instanceof FheError) return true
  if (error instanceof AgentError || error instanceof VersionError) return error.code === 'BAD_BLOB'
  return error instanceof NetworkError && ['TOO_LARGE', 'MALFORMED', 'BAD_CID'].includes(error.code)
}
