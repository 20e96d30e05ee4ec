// SPDX-License-Identifier: GPL-3.0-or-later
// Adds up a round's updates. They are integers in their transmitted form, so every keeper gets the same bytes.
import { hash } from './encoding.ts'
import { readCheckedUpdate } from './encryption.ts'
import { type Engine, eachOf } from './engine.ts'
import { blaming, FheError } from './errors.ts'
import { checkIndex } from './members.ts'
import { type Coefficients, coefficientsIn } from './message-source.ts'
import { partOf, shapeOf } from './packing.ts'
import { roundPolynomial, roundSeed } from './round-polynomial.ts'
import { encodeCiphertext } from './seal-format.ts'
import type { Aggregate, AggregateRequest, Progress, RoundContext, SumOfUpdates } from './types.ts'
import { aggregatePrefix, type RoundFrame, readAggregate, sumBytes } from './vector-messages.ts'
import { sumWords } from './wire-format.ts'

/** The checked properties of an aggregate. Only registered objects are decrypted, because their hashes are known to be right. */
type Checked = { readonly frame: RoundFrame; readonly sums: Coefficients }
const checkedAggregates = new WeakMap<SumOfUpdates, Checked>()

/**
 * Adds up updates, one at a time, in any order. An update that is malformed or bound to something else stops the call with its named error and
 * `detail.sender` (call `checkUpdate` before to find the updates to leave out). Throws 'duplicate-sender', 'no-updates'.
 */
export async function aggregate(engine: Engine, request: AggregateRequest): Promise<Aggregate> {
  const { plan } = engine
  const { context, keyHash } = request
  const frame = { plan, context, keyHash, shape: shapeOf(plan, context.round) }
  // The prefix has a fixed length, but its contents are known only at the end.
  const prefixLength = aggregatePrefix(frame, []).length
  const bytes = new Uint8Array(prefixLength + sumBytes(frame))
  const sums = bytes.subarray(prefixLength)
  const contributors = new Set<number>()
  for await (const { sender, bytes: update } of request.updates) {
    request.signal?.throwIfAborted()
    checkIndex(sender, plan.members, 'sender')
    if (contributors.has(sender)) {
      throw new FheError('duplicate-sender', `member ${sender} has two updates in this sum`, { sender })
    }
    const { ciphertexts } = blaming(sender, () => readCheckedUpdate(engine, frame, sender, update))
    await addNarrow(engine, frame, sums, ciphertexts, request)
    contributors.add(sender)
    request.release?.(update)
  }
  if (contributors.size === 0) throw new FheError('no-updates', 'there is nothing to add up')
  const senders = [...contributors].sort((a, b) => a - b)
  bytes.set(aggregatePrefix(frame, senders))
  return checkedAggregate(engine, frame, bytes, prefixLength, senders)
}

/** An aggregate from its bytes, checked as strictly as an update. Its hash is computed, not believed. */
export function decodeAggregate(
  engine: Engine,
  bytes: Uint8Array,
  expected: { readonly context: RoundContext; readonly keyHash: Uint8Array },
): Aggregate {
  const { plan } = engine
  const { context, keyHash } = expected
  const frame = { plan, context, keyHash, shape: shapeOf(plan, context.round) }
  const { contributors, sums } = readAggregate(frame, bytes)
  return checkedAggregate(engine, frame, bytes, bytes.length - sums.length, contributors)
}

/**
 * The sum as SEAL Ciphertexts (uncompressed bytes), with the round's polynomials as their second halves. Any SEAL decrypts them
 * with the sum of the contributors' secrets, to a plaintext whose coefficients are the values, and not its slots.
 */
export function aggregateAsSeal(engine: Engine, value: Aggregate): Uint8Array[] {
  const { kernel, wire } = engine
  const { frame } = openAggregate(value)
  const sums = value.bytes.subarray(value.bytes.length - sumBytes(frame))
  const { set, scaleBits, hash: planHash } = frame.plan
  const seed = roundSeed(planHash, frame.keyHash, frame.context)
  return Array.from({ length: frame.shape.ciphertexts }, (_, index) =>
    kernel.borrow([kernel.polynomialBytes], (c0) => {
      wire.widenSum(partOf(set, sums, 8 * sumWords(frame.plan.wire), index), value.contributors.length, c0!)
      for (let l = 0; l < kernel.dataPrimeCount; l++) {
        kernel.calls.forward(kernel.records[l]!, kernel.residues(c0!, l), kernel.logDegree)
      }
      return encodeCiphertext(set, scaleBits, kernel.read(c0!), roundPolynomial(kernel, seed, index))
    }),
  )
}

/** The frame and sums behind an aggregate. Throws 'invalid-argument' for an object made elsewhere. */
export function openAggregate(value: SumOfUpdates): Checked {
  const checked = checkedAggregates.get(value)
  if (checked === undefined) {
    throw new FheError(
      'invalid-argument',
      'this aggregate was not made by aggregate(), decodeAggregate() or openAggregateMessage()',
      { field: 'aggregate' },
    )
  }
  return checked
}

/** Registers a sum as checked, and freezes it. */
export function noteAggregate<T extends SumOfUpdates>(value: T, checked: Checked): T {
  checkedAggregates.set(Object.freeze(value), checked)
  return value
}

/** Throws 'coefficient-out-of-range' for a sum that cannot be one of so many contributors. */
export function checkSums(
  engine: Engine,
  sums: Uint8Array,
  { first, count }: { readonly first: number; readonly count: number },
  contributors: number,
): void {
  const { set, wire } = engine.plan
  for (let i = 0; i < count; i++) {
    if (engine.wire.sumsInRange(partOf(set, sums, 8 * sumWords(wire), i), contributors)) continue
    throw new FheError(
      'coefficient-out-of-range',
      `aggregate, ciphertext ${first + i} has a coefficient above any sum of ${contributors}`,
    )
  }
}

/** An aggregate from its parts, if every sum can be one of so many contributors. */
export function checkedAggregate(
  engine: Engine,
  frame: RoundFrame,
  bytes: Uint8Array,
  prefixLength: number,
  contributors: readonly number[],
): Aggregate {
  const sums = bytes.subarray(prefixLength)
  checkSums(engine, sums, { first: 0, count: frame.shape.ciphertexts }, contributors.length)
  const value = { bytes, hash: hash('aggregate', bytes), contributors }
  return noteAggregate(value, { frame, sums: coefficientsIn(sums, 8 * sumWords(frame.plan.wire)) })
}

/** sums ← sums + narrow coefficients. */
export async function addNarrow(
  engine: Engine,
  frame: RoundFrame,
  sums: Uint8Array,
  coefficients: Uint8Array,
  request: Progress,
): Promise<void> {
  const { set, wire } = frame.plan
  const progress = request.signal === undefined ? {} : { signal: request.signal }
  await eachOf(frame.shape.ciphertexts, 1, progress, (index) => {
    const part = partOf(set, coefficients, wire.width, index)
    engine.wire.add(partOf(set, sums, 8 * sumWords(wire), index), part)
  })
}
