// SPDX-License-Identifier: GPL-3.0-or-later
// The encoding of questions and answers of `parts.ts`.
import type { CID } from 'multiformats/cid'
import { z } from 'zod'
import { type FileNode, MAX_BLOB_BYTES } from './file-format.ts'
import type { QuestionStream } from './question-streams.ts'

export type Stream = QuestionStream['stream']

/** Most bytes that are handed to a stream at once. */
const WRITTEN = 1 << 16

export const questionSchema = z.union([
  z.strictObject({ note: z.string().min(1).max(128) }),
  z.strictObject({
    part: z.string().max(128),
    from: z.int().min(0).max(MAX_BLOB_BYTES),
    to: z.int().min(0).max(MAX_BLOB_BYTES),
  }),
])
export type Question = z.infer<typeof questionSchema>

/** A range of bytes, `to` excluded. */
export type Range = { readonly from: number; readonly to: number }

export const NOTHING = new Uint8Array()

/** A question with its length before it. */
export function framed(question: Question): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(question))
  const bytes = new Uint8Array(2 + text.length)
  new DataView(bytes.buffer).setUint16(0, text.length, true)
  bytes.set(text, 2)
  return bytes
}

/** The parts of a node that a range touches, in order. The node's bytes begin at `start` of the file. */
export function partsIn(
  node: FileNode,
  start: number,
  { from, to }: Range,
): { cid: CID; start: number; size: number }[] {
  let at = start + node.data.length
  const found: { cid: CID; start: number; size: number }[] = []
  for (const { cid, size } of node.children) {
    if (at < to && at + size > from) found.push({ cid, start: at, size })
    at += size
  }
  return found
}

/** Copies into `range`, which begins at `from` of a file, the part of `bytes` that lies in it. `bytes` begin at `start` of the file. */
export function place(range: Uint8Array, from: number, bytes: Uint8Array, start: number): void {
  const first = Math.max(from, start)
  const last = Math.min(from + range.length, start + bytes.length)
  if (first < last) range.set(bytes.subarray(first - start, last - start), first - from)
}

/** Sends an item with its length before it. */
export async function send(stream: Stream, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const first = bytes.subarray(0, WRITTEN)
  // The length goes in one piece with the first bytes, because each piece is encrypted, framed and written separately.
  const head = new Uint8Array(4 + first.length)
  new DataView(head.buffer).setUint32(0, bytes.length, true)
  head.set(first, 4)
  if (!stream.send(head)) await stream.onDrain({ signal })
  for (let at = first.length; at < bytes.length; at += WRITTEN) {
    if (!stream.send(bytes.subarray(at, at + WRITTEN))) await stream.onDrain({ signal })
  }
}
