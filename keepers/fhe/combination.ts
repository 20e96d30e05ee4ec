// SPDX-License-Identifier: GPL-3.0-or-later
// m ≈ c0 + Σ h_j, its coefficients, and the weighted mean, if the sum can be one of updates that were proven short.
import { addNarrow, openAggregate } from './aggregation.ts'
import { checkActiveSet, checkFrame } from './decryption.ts'
import { type Engine, eachOf } from './engine.ts'
import { blaming, FheError } from './errors.ts'
import { ValueChecks } from './integrity.ts'
import { partOf, weightOf } from './packing.ts'
import { joinSlices } from './slices.ts'
import type { Combined, CombineRequest } from './types.ts'
import { insistInRange, peekSender, type RoundFrame, readShare } from './vector-messages.ts'
import { sumWords } from './wire-format.ts'

/**
 * Combines one share of every member of the active set and decodes. Throws a specific error for a share that is bound to something else,
 * malformed, repeated or missing. Throws 'integrity-failed' when the decryption cannot be a sum of updates that were proven short, or when
 * its mean is beyond the clip bound. It cannot name the sender of a garbage share: the round is abandoned (rule 1).
 */
export async function combine(engine: Engine, request: CombineRequest): Promise<Combined> {
  const { plan } = engine
  const { context, aggregate, totalWeight } = request
  if (!(totalWeight > 0 && Number.isFinite(totalWeight))) {
    throw new FheError('invalid-argument', `totalWeight is ${totalWeight}; the sum of the declared weights is needed`, {
      field: 'totalWeight',
    })
  }
  const { frame, sums } = openAggregate(aggregate)
  checkFrame(plan, frame, context)
  const activeSet = checkActiveSet(plan, context, request.activeSet)

  // m starts as c0.
  const message = sums.slice()
  if ('shareSums' in request) addShareSums(engine, frame, message, request.shareSums, activeSet.length)
  else await addShares(engine, { ...request, activeSet }, frame, message)

  return engine.exclusive(async (threads) => {
    const { shape } = frame
    const mean = new Float64Array(shape.length)
    const weights = new Float64Array(shape.ciphertexts)
    const checks = new ValueChecks(plan, shape, activeSet.length, aggregate.contributors.length)
    const terms = aggregate.contributors.length + activeSet.length
    await eachOf(shape.ciphertexts, threads.size, request, async (index) => {
      const decoded = await threads.decode(partOf(plan.set, message, 8 * sumWords(plan.wire), index), terms)
      checks.look(index, decoded)
      weights[index] = weightOf(plan, decoded.values)
      const from = index * plan.valuesPerCiphertext
      const count = Math.min(plan.valuesPerCiphertext, shape.length - from)
      mean.set(decoded.values.subarray(1, 1 + count), from)
    })
    // Every ciphertext carries the same weight, so their average is the better estimate.
    const total = weights.reduce((a, b) => a + b, 0) / weights.length
    const report = checks.conclude(totalWeight / plan.maxWeight, mean)
    return { mean, weight: total * plan.maxWeight, report }
  })
}

/** m ← m + Σ h_j, for one share of every member of the active set. */
async function addShares(
  engine: Engine,
  request: Extract<CombineRequest, { readonly shares: unknown }>,
  frame: RoundFrame,
  message: Uint8Array,
): Promise<void> {
  const { activeSet, aggregate } = request
  const missing = new Set(activeSet)
  for await (const bytes of request.shares) {
    request.signal?.throwIfAborted()
    const sender = peekSender(bytes, 'decryption share')
    if (!activeSet.includes(sender)) {
      throw new FheError('not-in-active-set', `a share says it is from member ${sender}, who is not in ${activeSet}`, {
        sender,
      })
    }
    const polynomials = blaming(sender, () => readShare(frame, sender, aggregate.contributors, activeSet, bytes))
    if (!missing.delete(sender)) {
      throw new FheError('duplicate-sender', `member ${sender} has two shares in this combination`, { sender })
    }
    blaming(sender, () => insistInRange(engine, frame, polynomials, `decryption share of member ${sender}`))
    await addNarrow(engine, frame, message, polynomials, request)
    request.release?.(bytes)
  }
  if (missing.size > 0) {
    throw new FheError('too-few-shares', `the shares of members ${[...missing]} are missing`, {
      missing: [...missing],
    })
  }
}

/** The same from the sums of slices. Throws 'malformed-message', and 'coefficient-out-of-range' for what cannot be a sum of so many shares. */
function addShareSums(
  engine: Engine,
  frame: RoundFrame,
  message: Uint8Array,
  sums: readonly Uint8Array[],
  shares: number,
): void {
  const { plan, shape } = frame
  const joined = joinSlices(plan, sums)
  const bytes = 8 * sumWords(plan.wire)
  for (let index = 0; index < shape.ciphertexts; index++) {
    const part = partOf(plan.set, joined, bytes, index)
    if (!engine.wire.sumsInRange(part, shares)) {
      throw new FheError(
        'coefficient-out-of-range',
        `sum of shares, ciphertext ${index} has a coefficient above any sum of ${shares}`,
      )
    }
    engine.wire.addSums(partOf(plan.set, message, bytes, index), part)
  }
}
