// SPDX-License-Identifier: GPL-3.0-or-later
import { z } from 'zod'
import { seatsOf, steady } from '../../chain/index.ts'
import { combine, FheError } from '../../fhe/index.ts'
import { checkMeanNorm, LearningError } from '../../learning/index.ts'
import { NetworkError } from '../../network/index.ts'
import { meanBound, VersionError } from '../../versions/index.ts'
import { cidOf, fetchFrom } from '../actions.ts'
import type { Step } from '../context.ts'
import { AgentError } from '../errors.ts'
import { frameHere, indicesOf } from '../frame.ts'
import { isGood } from '../holdout.ts'
import { dropBytes } from '../memory.ts'
import { noteOpenedSums, refuseLongMean } from '../privacy.ts'
import { sharesBySlices } from '../slices/shares.ts'
import { nextModel } from '../strategy.ts'
import type { ModelScore } from '../training/protocol.ts'
import { declaredIn } from './draft.ts'
import { candidateRecord } from './intents.ts'
import { sumOfRound } from './sum.ts'

const recordSchema = z.object({
  cid: z.string(),
  commitment: z.string(),
  /** Whether this keeper would vote for it. */
  good: z.boolean(),
  /** On this keeper's hold-out; not there in records of earlier releases. */
  accuracy: z.number().optional(),
  loss: z.number().optional(),
})

/** The model that a round came to, as this keeper worked it out. */
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
  const sum = await sumOfRound(step, round, { only: included })
  if (sum === null || sum.hash !== String(draft.args.aggregateHash)) {
    context.log.warn({ event: 'sum differs', round, own: sum?.hash ?? null }, 'cannot reproduce the attested sum')
    return null
  }
  const frame = await frameHere(step)
  const submitted = drafted.flatMap((seat) => {
    const fact = context.facts.last('ShareSubmitted', { round, seat })
    return fact === null ? [] : [{ seat, fact }]
  })
  if (submitted.length < drafted.length) return null
  /** One share after the other, for the same reason as updates. */
  async function* shares(): AsyncGenerator<Uint8Array> {
    for (const { seat, fact } of submitted) {
      yield await fetchFrom(step, 'decryption share', seat, cidOf(fact), {
        maxBytes: frame.plan.bytes.decryptionShare,
        round,
        others: frame.roster.map((member) => member.seat),
      })
    }
  }
  const { weight: declared, contributors, empty, alike } = declaredIn(context, round, included)
  if (declared === 0) throw new AgentError('BAD_BLOB', 'no member in the sum has samples, so the sum has no mean')
  noteOpenedSums(context)
  const started = steady(context.clock)
  const request = {
    context: { ...frame.context, round },
    aggregate: sum.aggregate,
    activeSet: indicesOf(frame.roster, drafted),
    release: dropBytes,
    totalWeight: declared,
    signal: step.signal,
  }
  const together = await sharesBySlices(step, frame, round, submitted)
  const bySlices =
    together.sums === null ? null : await unlessFalse(combine(frame.engine, { ...request, shareSums: together.sums }))
  const combined = bySlices ?? (await combine(frame.engine, { ...request, shares: shares() }))
  if (bySlices === null) await together.judge()
  const bound = meanBound(context.manifest.rounds, {
    // Who declares less than the others also adds less noise: a bound that counted it as one of them would refuse theirs.
    contributors: alike,
    length: combined.mean.length,
    // The plan states the error of a mean over its least total weight; with less weight the error is larger.
    valueError: frame.plan.precision.meanError * Math.max(1, frame.plan.minTotalWeight / declared),
  })
  const before = await context.model.state()
  const norm = refuseLongMean(() => checkMeanNorm(combined.mean, bound))
  // A strategy hears of members that train.
  const facts = { round, members: frame.roster.length - empty, contributors }
  const next = await refuseStep(() => nextModel(context, before, combined.mean, facts))
  const judges = context.trainer.shard.heldOut > 0
  const score = judges ? await context.trainer.evaluate(context.home.over(next.weights), step.signal) : null
  const good = isGood(context, score)
  const { cid, commitment } = await context.model.publish(next, round)
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
      ...(empty === 0 ? {} : { empty }),
      seconds: (steady(context.clock) - started) / 1000,
    },
    judges ? 'decrypted the mean and judged the model' : 'decrypted the mean',
  )
  return candidate
}

/** What comes of sums that others made; null if it cannot be what it should be: then this keeper looks for itself. */
async function unlessFalse<T>(combined: Promise<T>): Promise<T | null> {
  try {
    return await combined
  } catch (error) {
    if (error instanceof FheError) return null
    throw error
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

/** A strategy that gives no model for a mean gives none to any member: the round is lost. @throws AgentError BAD_BLOB */
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
