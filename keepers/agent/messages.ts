// SPDX-License-Identifier: GPL-3.0-or-later
// Messages of a round in this keeper's block store. Long messages are never in memory as a whole: with a large model and many members, a
// keeper could not hold one message of each member.
import { steady } from '../chain/index.ts'
import type { MessageSource } from '../fhe/index.ts'
import { type FetchOptions, NetworkError } from '../network/index.ts'
import { publish } from './actions.ts'
import type { Step } from './context.ts'

/** Bytes up to which a message is held in memory: 32 MiB when each of 256 members sends one. */
const SHORT_BYTES = 1 << 17

/** A blob that is here or is fetched, to be read in pieces. @throws NetworkError as `DataPlane.fetch` */
export async function openMessage(
  { context: { plane } }: Pick<Step, 'context'>,
  cid: string,
  options: FetchOptions,
): Promise<MessageSource> {
  if (options.maxBytes > SHORT_BYTES) return plane.hold(cid, options)
  const bytes = await plane.fetch(cid, options)
  return { size: bytes.length, read: async (from, to) => bytes.subarray(from, to) }
}

/**
 * The message that the keeper at `seat` announced, to be read in pieces. Asks the other members too when that keeper does not deliver.
 * Counts the bytes of a message that was not in the store yet. @throws NetworkError as `DataPlane.fetch`.
 */
export async function messageFrom(
  step: Step,
  kind: string,
  seat: number,
  cid: string,
  options: { maxBytes: number; round: number; others?: readonly number[]; timeout?: number },
): Promise<MessageSource> {
  const { context, signal } = step
  const { maxBytes, round, others = [], timeout = context.config.network.fetchSeconds * 1000 } = options
  const isHere = await context.plane.has(cid)
  const providers = await context.peers.providers(seat, others, step.seat)
  const message = await openMessage(step, cid, { maxBytes, timeout, providers, signal, round })
  if (!isHere) context.metrics.bytesFetched.inc({ kind }, message.size)
  return message
}

/**
 * Fetches a whole message with one request to its sender, if the message has the usual cuts. Otherwise it does nothing and leaves the message
 * to bitswap. Bitswap asks for the root first, and then for each part by itself, with two streams each: that takes many times as long where
 * peers are slow to answer, and it is what makes peers slow where many ask each other.
 * @param of.until The time (`steady`) by which the message must be here. @param of.cuts Where such messages are cut. Without cuts, or for a
 *   message that is too long for memory, the function does nothing.
 */
export async function bringWhole(
  { context, signal, seat: self }: Pick<Step, 'context' | 'signal' | 'seat'>,
  of: {
    readonly kind: string
    readonly seat: number
    readonly cid: string
    readonly round: number
    readonly maxBytes: number
    readonly cuts: readonly number[]
    readonly until: number
  },
): Promise<void> {
  const { plane, peers, clock, metrics } = context
  const { kind, cid, round, maxBytes, cuts } = of
  if (cuts.length === 0 || maxBytes > SHORT_BYTES || of.seat === self || (await plane.has(cid))) return
  const [provider] = await peers.providers(of.seat, [], self)
  if (provider === undefined) return
  const timeout = Math.max(1, (of.until - steady(clock)) / 2)
  try {
    const found = await plane.parts.fetch(cid, { from: 0, to: maxBytes }, { maxBytes, timeout, provider, signal })
    metrics.bytesFetched.inc({ kind }, found.bytes)
    await plane.publish(found.range, { round, signal, cuts })
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof NetworkError)) throw error
  }
}

/**
 * Publishes a message for the round that `make` writes piece by piece, and counts its bytes.
 * @param size Bytes of the whole message.
 */
export async function publishPieces<T>(
  step: Step,
  of: { readonly kind: string; readonly size: number; readonly round: number },
  make: (write: (piece: Uint8Array) => Promise<void>) => Promise<T>,
): Promise<{ readonly cid: string; readonly made: T }> {
  const { kind, size, round } = of
  if (size <= SHORT_BYTES) {
    const pieces: Uint8Array[] = []
    const made = await make(async (piece) => void pieces.push(piece))
    return { cid: await publish(step, kind, Buffer.concat(pieces), round), made }
  }
  const writer = step.context.plane.writer({ round, signal: step.signal })
  const made = await make(writer.write)
  const cid = await writer.finish()
  step.context.metrics.bytesPublished.inc({ kind }, size)
  return { cid, made }
}
