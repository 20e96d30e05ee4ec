// SPDX-License-Identifier: GPL-3.0-or-later
// Combines decryption shares: m ≈ c0 + Σ h_j, its coefficients, and the weighted mean, if the sum can be one of updates that were proven short.
import { addNarrow, openAggregate } from './aggregation.ts'
import { checkActiveSet, checkFrame } from './decryption.ts'
import { type Engine, eachOf } from './engine.ts'
import { blaming, blamingAsync, FheError } from './errors.ts'
import { ValueChecks } from './integrity.ts'
import { type Chunk, type Coefficients, chunksOf, coefficientsIn, readChunk, readRange } from './message-source.ts'
import { partOf, weightOf } from './packing.ts'
import { joinSlices } from './slices.ts'
import type { Combined, CombineRequest } from './types.ts'
import {
  insistChunkInRange,
  insistInRange,
  narrowBytes,
  peekSender,
  type RoundFrame,
  readHead,
  readShare,
  readShareHead,
  sharePrefix,
  sumBytes,
} from './vector-messages.ts'
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
  const { addTo, message } = await opened(engine, { ...request, activeSet }, frame, sums)

  return engine.exclusive(async (threads) => {
    const { shape } = frame
    const mean = new Float64Array(shape.length)
    const weights = new Float64Array(shape.ciphertexts)
    const checks = new ValueChecks(plan, shape, activeSet.length, aggregate.contributors.length)
    const terms = aggregate.contributors.length + activeSet.length
    const { signal } = request
    for (const chunk of chunksOf(plan.set, shape)) {
      // m starts as c0.
      const sum = (await readChunk(message, chunk, 'aggregate')).slice()
      await addTo(sum, chunk)
      await eachOf(chunk.count, threads.size, signal === undefined ? {} : { signal }, async (i) => {
        const index = chunk.first + i
        const decoded = await threads.decode(partOf(plan.set, sum, message.width, i), terms)
        checks.look(index, decoded)
        weights[index] = weightOf(plan, decoded.values)
        const from = index * plan.valuesPerCiphertext
        const count = Math.min(plan.valuesPerCiphertext, shape.length - from)
        mean.set(decoded.values.subarray(1, 1 + count), from)
      })
      request.onProgress?.(chunk.first + chunk.count, shape.ciphertexts)
    }
    // Every ciphertext carries the same weight, so their average is the better estimate.
    const total = weights.reduce((a, b) => a + b, 0) / weights.length
    const report = checks.conclude(totalWeight / plan.maxWeight, mean)
    return { mean, weight: total * plan.maxWeight, report }
  })
}

/** A message before its shares, and the function that adds those to the sums of a chunk of it. */
type Opened = {
  readonly message: Coefficients
  readonly addTo: (sums: Uint8Array, chunk: Chunk) => Promise<void>
}

/** Adds shares that come whole, each once it has arrived. Shares that are read in pieces are added later, chunk by chunk. */
async function opened(engine: Engine, request: CombineRequest, frame: RoundFrame, sums: Coefficients): Promise<Opened> {
  if ('shareMessages' in request) {
    const shares = await openShares(request, frame)
    return { message: sums, addTo: (sum, chunk) => addChunks(engine, shares, sum, chunk, request) }
  }
  const message = (await readRange(sums.source, sums.start, sums.start + sumBytes(frame), 'aggregate')).slice()
  if ('shareSums' in request) addShareSums(engine, frame, message, request.shareSums, request.activeSet.length)
  else await addShares(engine, request, frame, message)
  return { message: coefficientsIn(message, sums.width), addTo: async () => undefined }
}

/** The shares of the active set, by sender. Their heads are checked here, but not their coefficients. */
async function openShares(
  request: Extract<CombineRequest, { readonly shareMessages: unknown }>,
  frame: RoundFrame,
): Promise<ReadonlyMap<number, Coefficients>> {
  const { activeSet, aggregate } = request
  const shares = new Map<number, Coefficients>()
  const headBytes = sharePrefix(frame, 0, [], []).length
  const size = headBytes + narrowBytes(frame)
  for (const source of request.shareMessages) {
    request.signal?.throwIfAborted()
    const start = await readRange(source, 0, Math.min(headBytes, source.size), 'decryption share')
    const sender = activeSender(start, activeSet)
    const of = { sender, contributors: aggregate.contributors, activeSet }
    const what = `decryption share of member ${sender}`
    await blamingAsync(sender, () =>
      readHead(source, { what, headBytes, size }, (reader) => readShareHead(frame, of, reader)),
    )
    if (shares.has(sender)) throw duplicateShare(sender)
    shares.set(sender, { source, start: headBytes, width: frame.plan.wire.width })
  }
  insistOnAll(new Set(activeSet.filter((member) => !shares.has(member))))
  return shares
}

/** sums ← sums + the same chunk of all shares. */
async function addChunks(
  engine: Engine,
  shares: ReadonlyMap<number, Coefficients>,
  sums: Uint8Array,
  chunk: Chunk,
  { signal }: Pick<CombineRequest, 'signal'>,
): Promise<void> {
  const { plan, wire } = engine
  for (const [sender, share] of shares) {
    const what = `decryption share of member ${sender}`
    const bytes = await blamingAsync(sender, () => readChunk(share, chunk, what))
    await eachOf(chunk.count, 1, signal === undefined ? {} : { signal }, (i) => {
      const part = partOf(plan.set, bytes, share.width, i)
      blaming(sender, () => insistChunkInRange(engine, part, { first: chunk.first + i, count: 1 }, what))
      wire.add(partOf(plan.set, sums, 8 * sumWords(plan.wire), i), part)
    })
  }
}

/** The sender that a share claims. Throws 'not-in-active-set'. */
function activeSender(bytes: Uint8Array, activeSet: readonly number[]): number {
  const sender = peekSender(bytes, 'decryption share')
  if (activeSet.includes(sender)) return sender
  throw new FheError('not-in-active-set', `a share says it is from member ${sender}, who is not in ${activeSet}`, {
    sender,
  })
}

function duplicateShare(sender: number): FheError {
  return new FheError('duplicate-sender', `member ${sender} has two shares in this combination`, { sender })
}

function insistOnAll(missing: ReadonlySet<number>): void {
  if (missing.size === 0) return
  throw new FheError('too-few-shares', `the shares of members ${[...missing]} are missing`, { missing: [...missing] })
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
    const sender = activeSender(bytes, activeSet)
    const polynomials = blaming(sender, () => readShare(frame, sender, aggregate.contributors, activeSet, bytes))
    if (!missing.delete(sender)) throw duplicateShare(sender)
    blaming(sender, () => insistInRange(engine, frame, polynomials, `decryption share of member ${sender}`))
    await addNarrow(engine, frame, message, polynomials, request)
    request.release?.(bytes)
  }
  insistOnAll(missing)
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
