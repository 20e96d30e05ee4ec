// SPDX-License-Identifier: GPL-3.0-or-later
// Adds up a round's updates a few ciphertexts at a time, always those of all updates before the next ones. Bytes and hash are the same as with
// `aggregate`, but the memory depends neither on the number of updates nor on their length.
import { checkSums, noteAggregate } from './aggregation.ts'
import { Hasher } from './encoding.ts'
import { type Engine, eachOf } from './engine.ts'
import { blaming, blamingAsync, FheError } from './errors.ts'
import { checkIndex } from './members.ts'
import { type Coefficients, chunksOf, readChunk, readRange } from './message-source.ts'
import { partOf, shapeOf } from './packing.ts'
import type { ChunkedAggregateRequest, MessageSource, Progress, RoundContext, SumOfUpdates } from './types.ts'
import { readEnds } from './update-message.ts'
import { aggregatePrefix, insistChunkInRange, readAggregateHead, readHead, sumBytes } from './vector-messages.ts'
import { sumWords } from './wire-format.ts'

/**
 * Adds up updates that are read in pieces, and passes the bytes of the sum to `write`. Throws like `aggregate`, with `detail.sender` when an update is
 * to blame, and whatever a source or `write` throws. What was written before an error is useless.
 */
export async function aggregateInChunks(engine: Engine, request: ChunkedAggregateRequest): Promise<SumOfUpdates> {
  const { plan, wire } = engine
  const { set } = plan
  const { context, keyHash, signal } = request
  const progress = signal === undefined ? {} : { signal }
  const frame = { plan, context, keyHash, shape: shapeOf(plan, context.round) }
  const updates = new Map<number, Coefficients>()
  for (const { sender, message } of request.updates) {
    signal?.throwIfAborted()
    checkIndex(sender, plan.members, 'sender')
    if (updates.has(sender)) {
      throw new FheError('duplicate-sender', `member ${sender} has two updates in this sum`, { sender })
    }
    const { ciphertexts } = await blamingAsync(sender, () => readEnds(frame, sender, message))
    updates.set(sender, ciphertexts)
  }
  if (updates.size === 0) throw new FheError('no-updates', 'there is nothing to add up')
  const contributors = [...updates.keys()].sort((a, b) => a - b)
  const hash = new Hasher('aggregate')
  const write = async (piece: Uint8Array): Promise<void> => {
    hash.update(piece)
    await request.write(piece)
  }
  await write(aggregatePrefix(frame, contributors))
  const sumWidth = 8 * sumWords(plan.wire)
  for (const chunk of chunksOf(set, frame.shape)) {
    const sums = new Uint8Array(sumWidth * (chunk.to - chunk.from))
    for (const [sender, ciphertexts] of updates) {
      const what = `update of member ${sender}`
      const bytes = await blamingAsync(sender, () => readChunk(ciphertexts, chunk, what))
      await eachOf(chunk.count, 1, progress, (i) => {
        const part = partOf(set, bytes, plan.wire.width, i)
        blaming(sender, () => insistChunkInRange(engine, part, { first: chunk.first + i, count: 1 }, what))
        wire.add(partOf(set, sums, sumWidth, i), part)
      })
    }
    await write(sums)
    request.onProgress?.(chunk.first + chunk.count, frame.shape.ciphertexts)
  }
  return Object.freeze({ hash: hash.digest(), contributors })
}

/**
 * `decodeAggregate` for a sum that is read in pieces, such as one that `aggregateInChunks` wrote. Reads it once, and computes its hash.
 * Throws what `decodeAggregate` throws, and what the source throws.
 */
export async function openAggregateMessage(
  engine: Engine,
  message: MessageSource,
  expected: Pick<Progress, 'signal'> & { readonly context: RoundContext; readonly keyHash: Uint8Array },
): Promise<SumOfUpdates> {
  const { plan } = engine
  const { context, keyHash, signal } = expected
  const frame = { plan, context, keyHash, shape: shapeOf(plan, context.round) }
  const headBytes = aggregatePrefix(frame, []).length
  const size = headBytes + sumBytes(frame)
  const what = 'aggregate'
  const contributors = await readHead(message, { what, headBytes, size }, (reader) => readAggregateHead(frame, reader))
  const hash = new Hasher('aggregate')
  hash.update(await readRange(message, 0, headBytes, what))
  const sums = { source: message, start: headBytes, width: 8 * sumWords(plan.wire) }
  for (const chunk of chunksOf(plan.set, frame.shape)) {
    signal?.throwIfAborted()
    const bytes = await readChunk(sums, chunk, what)
    checkSums(engine, bytes, chunk, contributors.length)
    hash.update(bytes)
  }
  return noteAggregate({ hash: hash.digest(), contributors }, { frame, sums })
}
