// SPDX-License-Identifier: GPL-3.0-or-later
import { z } from 'zod'
import { type Aggregate, aggregate, checkUpdate, decodeAggregate, FheError, type UpdateBlob } from '../../fhe/index.ts'
import { NetworkError } from '../../network/index.ts'
import { cidOf, fetchFrom, publish } from '../actions.ts'
import type { Step } from '../context.ts'
import { type EpochFrame, loadKeyHash } from '../epoch.ts'
import { AgentError } from '../errors.ts'
import { frameHere } from '../frame.ts'
import { bitmapOf, seatsOf } from '../members.ts'
import { aggregateRecord } from './intents.ts'

const recordSchema = z.object({ cid: z.string(), hash: z.string(), included: z.string(), missing: z.array(z.number()) })

/** A sum of updates as this keeper worked it out. */
export type RoundSum = {
  readonly aggregate: Aggregate
  /** 0x… of the sum's hash. */
  readonly hash: string
  /** Bitmap of the seats whose updates are in it. */
  readonly included: bigint
  /** Seats whose blobs could not be had: a later try may get them. */
  readonly missing: readonly number[]
}

/**
 * Fetches the revealed updates of a round, checks each, and adds them up. What is missing, malformed, of another size or
 * bound to something else is left out and named in the log.
 * @param only The seats that must be in the sum, when the members have decided that already; else all revealed.
 * @returns null when nothing valid was found, or when one of `only` cannot be had.
 */
export async function sumOfRound(
  step: Step & { readonly seat: number },
  round: number,
  options: { only?: bigint; timeout?: number } = {},
): Promise<RoundSum | null> {
  const { context, snapshot } = step
  const frame = await frameHere(step)
  const keyHash = loadKeyHash(context.store, frame)
  if (keyHash === null) return null
  const where = { ...frame.context, round }
  const name = aggregateRecord(snapshot.epochInfo, round)
  const known = recordSchema.nullable().parse(context.store.getRecord(name))
  if (known !== null && (options.only === undefined || BigInt(known.included) === options.only)) {
    if (options.only !== undefined || known.missing.length === 0) {
      const bytes = await context.plane
        .fetch(known.cid, { maxBytes: frame.plan.bytes.aggregate, timeout: 10_000, providers: [] })
        .catch(() => null)
      if (bytes !== null) {
        const sum = decodeAggregate(frame.engine, bytes, { context: where, keyHash })
        return { aggregate: sum, hash: known.hash, included: BigInt(known.included), missing: known.missing }
      }
    }
  }
  const wanted = options.only === undefined ? null : seatsOf(options.only)
  const included: number[] = []
  const missing: number[] = []
  /** One update after the other: those of a big service do not fit into memory together. */
  async function* updates(): AsyncGenerator<UpdateBlob> {
    for (const fact of context.facts.all('UpdateRevealed', { round })) {
      const seat = Number(fact.args.seat)
      if (wanted !== null && !wanted.includes(seat)) continue
      const sender = frame.roster.findIndex((member) => member.seat === seat)
      if (sender < 0 || included.includes(seat)) continue
      let bytes: Uint8Array
      try {
        bytes = await fetchUpdate(step, frame, fact, seat, options.timeout)
        checkUpdate(frame.engine, bytes, { context: where, sender, keyHash: keyHash! })
      } catch (error) {
        step.signal.throwIfAborted()
        const unreachable = error instanceof NetworkError && ['UNAVAILABLE', 'TIMEOUT'].includes(error.code)
        const refused = error instanceof NetworkError || error instanceof FheError || error instanceof AgentError
        if (!refused) throw error
        if (unreachable) missing.push(seat)
        context.metrics.errors.inc({ code: unreachable ? 'UPDATE_MISSING' : 'UPDATE_REFUSED' })
        context.log.warn({ event: 'update left out', round, from: seat, reason: error.message }, 'left an update out')
        // Nothing comes of a sum without one that must be in it.
        if (wanted !== null) return
        continue
      }
      included.push(seat)
      yield { sender, bytes }
    }
  }
  const sum = await addUp(frame, where, keyHash, updates(), step.signal)
  if (sum === null || (wanted !== null && included.length < wanted.length)) return null
  const hash = `0x${Buffer.from(sum.hash).toString('hex')}`
  const cid = await publish(step, 'aggregate', sum.bytes, round)
  context.store.putRecord(name, { cid, hash, included: bitmapOf(included).toString(), missing })
  return { aggregate: sum, hash, included: bitmapOf(included), missing }
}

async function fetchUpdate(
  step: Step & { readonly seat: number },
  frame: EpochFrame,
  fact: Parameters<typeof cidOf>[0],
  seat: number,
  timeout: number | undefined,
): Promise<Uint8Array> {
  const expected = frame.plan.bytes.update
  const declared = Number(fact.args.size)
  if (declared !== expected) {
    throw new AgentError('BAD_BLOB', `declared ${declared} bytes, an update has ${expected}`)
  }
  const bytes = await fetchFrom(step, 'update', seat, cidOf(fact), {
    maxBytes: expected,
    round: Number(fact.args.round),
    others: frame.roster.map((member) => member.seat),
    ...(timeout === undefined ? {} : { timeout }),
  })
  return bytes
}

async function addUp(
  frame: EpochFrame,
  context: EpochFrame['context'] & { readonly round: number },
  keyHash: Uint8Array,
  updates: AsyncIterable<UpdateBlob>,
  signal: AbortSignal,
): Promise<Aggregate | null> {
  try {
    return await aggregate(frame.engine, { context, keyHash, updates, signal })
  } catch (error) {
    if (error instanceof FheError && error.code === 'no-updates') return null
    throw error
  }
}
