// SPDX-License-Identifier: GPL-3.0-or-later
// m ≈ c0 + Σ h_j, its slots, and the weighted mean, if the sum can be one of updates that were proven short.
import { openAggregate } from './aggregation.ts'
import { checkActiveSet, checkFrame } from './decryption.ts'
import { type Engine, eachOf } from './engine.ts'
import { blaming, FheError } from './errors.ts'
import { SlotChecks } from './integrity.ts'
import { shapeOf, weightOf } from './packing.ts'
import type { Combined, CombineRequest } from './types.ts'
import { peekSender, type RoundFrame, readShare } from './vector-messages.ts'

/** Shares added in one pass over the sum: more use more memory, fewer copy the sum more often. */
const SHARES_PER_PASS = 2

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
  const { frame, ciphertexts } = openAggregate(aggregate)
  checkFrame(plan, frame, context)
  const activeSet = checkActiveSet(plan, context, request.activeSet)
  const { polynomial } = plan.bytes

  // m starts as c0.
  const sum = ciphertexts.slice()
  const missing = new Set(activeSet)
  let batch: SenderShare[] = []
  const take = (shares: readonly SenderShare[]): void => {
    addShares(engine, frame, sum, shares)
    for (const { bytes } of shares) request.release?.(bytes)
  }
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
    batch.push({ sender, bytes, polynomials })
    if (batch.length < SHARES_PER_PASS) continue
    take(batch)
    batch = []
  }
  take(batch)
  if (missing.size > 0) {
    throw new FheError('too-few-shares', `the shares of members ${[...missing]} are missing`, {
      missing: [...missing],
    })
  }

  return engine.exclusive(async (threads) => {
    const shape = shapeOf(plan, context.round)
    const mean = new Float64Array(shape.length)
    const weights = new Float64Array(shape.ciphertexts)
    const checks = new SlotChecks(plan, shape, activeSet.length, aggregate.contributors.length)
    await eachOf(shape.ciphertexts, threads.size, request, async (index) => {
      const slots = await threads.decode(sum.subarray(polynomial * index, polynomial * (index + 1)))
      checks.look(index, slots)
      weights[index] = weightOf(plan, slots.real)
      const from = index * plan.valuesPerCiphertext
      const count = Math.min(plan.valuesPerCiphertext, shape.length - from)
      mean.set(slots.real.subarray(1, 1 + count), from)
    })
    // Every ciphertext carries the same weight, so their average is the better estimate.
    const total = weights.reduce((a, b) => a + b, 0) / weights.length
    const report = checks.conclude(totalWeight / plan.maxWeight, mean)
    return { mean, weight: total * plan.maxWeight, report }
  })
}

type SenderShare = { readonly sender: number; readonly bytes: Uint8Array; readonly polynomials: Uint8Array }

/** sum ← sum + Σ shares, coefficients checked. */
function addShares(engine: Engine, frame: RoundFrame, sum: Uint8Array, shares: readonly SenderShare[]): void {
  if (shares.length === 0) return
  const { kernel } = engine
  const { polynomial } = frame.plan.bytes
  kernel.borrow([polynomial, polynomial], (total, input) => {
    for (let index = 0; index < frame.ciphertexts; index++) {
      const [from, to] = [polynomial * index, polynomial * (index + 1)]
      kernel.write(total!, sum.subarray(from, to))
      for (const { sender, polynomials } of shares) {
        kernel.write(input!, polynomials.subarray(from, to))
        for (let l = 0; l < kernel.dataPrimeCount; l++) {
          const at = kernel.residues(input!, l)
          if (kernel.calls.addChecked(kernel.records[l]!, kernel.residues(total!, l), at, kernel.degree)) continue
          throw new FheError(
            'coefficient-out-of-range',
            `decryption share of member ${sender}, ciphertext ${index} has a coefficient not below prime ${l}`,
            { sender, index },
          )
        }
      }
      sum.set(kernel.view(total!), from)
    }
  })
}
