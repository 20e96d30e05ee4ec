// SPDX-License-Identifier: GPL-3.0-or-later
// Sums by slices: a slice is a range of coefficients, and sums of coefficients need no other coefficients. So a few members
// can add up one slice of all updates, or of all shares, and the sums of all slices are the whole sum, byte for byte.
// Decision 0010 says why nothing of the security argument depends on who added up what.
import { checkedAggregate, openAggregate } from './aggregation.ts'
import type { Engine } from './engine.ts'
import { FheError } from './errors.ts'
import { KEY_TEST_ROUND } from './header.ts'
import { sortedSet } from './members.ts'
import { readRange } from './message-source.ts'
import { packedBytes, packSums, unpackSums } from './packed-sums.ts'
import { shapeOf } from './packing.ts'
import type { Plan } from './plan.ts'
import type { Aggregate, Progress, RoundContext, SumOfUpdates } from './types.ts'
import { aggregatePrefix, sumBytes } from './vector-messages.ts'
import { sumWords } from './wire-format.ts'

/** Members that add up the same slice. */
export const SLICE_MEMBERS = 3
/** More slices would save little, and make lists of their hashes longer than a slice. */
const MAX_SLICES = 48
/** Messages that travel in slices. */
export type SlicedMessage = 'update' | 'decryption share'

/** How many slices a vector has: 1 below six members, where slices save nothing. */
export function sliceCount({ members }: Pick<Plan, 'members'>): number {
  return Math.min(MAX_SLICES, Math.max(1, Math.floor(members / SLICE_MEMBERS)))
}

/** The coefficients from, to of a slice, of all that travel: lengths differ by one at most. */
function coefficientsOf(plan: Plan, slice: number): { readonly from: number; readonly to: number } {
  const count = sliceCount(plan)
  if (!Number.isInteger(slice) || slice < 0 || slice >= count) {
    throw new FheError('invalid-argument', `slice ${slice}: this plan has slices 0 to ${count - 1}`, { field: 'slice' })
  }
  const at = (index: number): number => Math.floor((plan.carried * index) / count)
  return { from: at(slice), to: at(slice + 1) }
}

/** The bytes from, to of a slice in a message of a training round. Throws 'invalid-argument'. */
export function sliceBytes(
  plan: Plan,
  message: SlicedMessage,
  slice: number,
): { readonly from: number; readonly to: number } {
  const { width } = plan.wire
  const { from, to } = coefficientsOf(plan, slice)
  const { update, shortnessProof, decryptionShare } = plan.bytes
  const start = (message === 'update' ? update - shortnessProof : decryptionShare) - width * plan.carried
  return { from: start + width * from, to: start + width * to }
}

/** Where a message is cut, so that each slice can be fetched by itself: offsets of bytes, ascending. Empty with one slice. */
export function sliceCuts(plan: Plan, message: SlicedMessage): number[] {
  const count = sliceCount(plan)
  if (count === 1) return []
  const cuts = Array.from({ length: count }, (_, slice) => sliceBytes(plan, message, slice).from)
  const { to } = sliceBytes(plan, message, count - 1)
  return to < plan.bytes[message === 'update' ? 'update' : 'decryptionShare'] ? [...cuts, to] : cuts
}

/** Bytes of the sum of a slice, as it travels. */
export function sliceSumBytes(plan: Plan, slice: number): number {
  const { from, to } = coefficientsOf(plan, slice)
  return packedBytes(plan, to - from)
}

/**
 * Adds up one slice of several messages, no more than the plan has members. Throws 'malformed-message' for a part of another length and 'coefficient-out-of-range', with the
 * part's place in `detail.part`, and 'no-updates' without any.
 */
export async function sumSlice(
  engine: Engine,
  request: Pick<Progress, 'signal'> & {
    readonly slice: number
    readonly parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  },
): Promise<Uint8Array> {
  const { plan } = engine
  const { slice, signal } = request
  const { from, to } = coefficientsOf(plan, slice)
  const sums = new Uint8Array(8 * sumWords(plan.wire) * (to - from))
  const expected = plan.wire.width * (to - from)
  let part = 0
  for await (const bytes of request.parts) {
    signal?.throwIfAborted()
    const what = `part ${part} of slice ${slice}`
    if (bytes.length !== expected) {
      throw new FheError('malformed-message', `${what} has ${bytes.length} bytes, not ${expected}`, { part })
    }
    if (!engine.wire.inRange(bytes)) {
      throw new FheError('coefficient-out-of-range', `${what} has a coefficient that is not below Q`, { part })
    }
    engine.wire.add(sums, bytes)
    part++
  }
  if (part === 0) throw new FheError('no-updates', `nothing of slice ${slice} was given`)
  if (part > plan.members) {
    throw new FheError('invalid-argument', `${part} parts of slice ${slice}: the plan has ${plan.members} members`, {
      field: 'parts',
    })
  }
  return packSums(plan, sums)
}

/**
 * The aggregate of the contributors from the sums of all slices, in order: equal to what `aggregate` gives for their updates, if these
 * sums are right. Throws 'malformed-message' for a wrong length, and 'coefficient-out-of-range' for what cannot be a sum.
 */
export function aggregateOfSlices(
  engine: Engine,
  of: {
    readonly context: RoundContext
    readonly keyHash: Uint8Array
    readonly contributors: readonly number[]
    readonly sums: readonly Uint8Array[]
  },
): Aggregate {
  const { plan } = engine
  const { context, keyHash } = of
  const contributors = sortedSet(of.contributors, plan.members, 'wrong-contributors', 'contributors')
  if (contributors.length === 0) throw new FheError('no-updates', 'there is nothing to add up')
  if (context.round === KEY_TEST_ROUND) {
    throw new FheError('invalid-argument', 'the trial decryption has vectors of another length, and no slices', {
      field: 'context',
    })
  }
  const frame = { plan, context, keyHash, shape: shapeOf(plan, context.round) }
  const prefix = aggregatePrefix(frame, contributors)
  const bytes = new Uint8Array(prefix.length + sumBytes(frame))
  bytes.set(prefix)
  bytes.set(joinSlices(plan, of.sums), prefix.length)
  return checkedAggregate(engine, frame, bytes, prefix.length, contributors)
}

/** The sum of a slice as an aggregate has it: what its members add up if they are honest. Throws what the aggregate's source throws. */
export async function sliceSumOf(
  { plan }: Pick<Engine, 'plan'>,
  aggregate: SumOfUpdates,
  slice: number,
): Promise<Uint8Array> {
  const { source, start, width } = openAggregate(aggregate).sums
  const { from, to } = coefficientsOf(plan, slice)
  return packSums(plan, await readRange(source, start + width * from, start + width * to, 'aggregate'))
}

/** Sums of all slices, one after the other, in whole words. Throws 'malformed-message'. */
export function joinSlices(plan: Plan, sums: readonly Uint8Array[]): Uint8Array {
  const count = sliceCount(plan)
  if (sums.length !== count) {
    throw new FheError('malformed-message', `${sums.length} slices, the vector has ${count}`)
  }
  const width = 8 * sumWords(plan.wire)
  const joined = new Uint8Array(width * plan.carried)
  for (const [slice, sum] of sums.entries()) {
    const expected = sliceSumBytes(plan, slice)
    if (sum.length !== expected) {
      throw new FheError('malformed-message', `the sum of slice ${slice} has ${sum.length} bytes, not ${expected}`)
    }
    const { from, to } = coefficientsOf(plan, slice)
    unpackSums(plan, sum, joined.subarray(width * from, width * to))
  }
  return joined
}
