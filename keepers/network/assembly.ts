// SPDX-License-Identifier: GPL-3.0-or-later
import type { CID } from 'multiformats/cid'
import { NetworkError } from './errors.ts'
import { planBlob } from './file-format.ts'

/**
 * Puts a blob together from its blocks, every size known before it is asked for.
 * @param block Delivers one block, checked against its hash.
 * @throws NetworkError MALFORMED, TOO_LARGE, and whatever `block` throws.
 */
export async function assemble(
  cid: CID,
  block: (cid: CID) => Promise<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array> {
  const root = await block(cid)
  const plan = planBlob(cid, root, maxBytes)
  if (plan.leaves.length === 0) return root
  const bytes = new Uint8Array(plan.size)
  let offset = 0
  for (const leaf of plan.leaves) {
    const part = await block(leaf.cid)
    if (part.length !== leaf.size) {
      throw new NetworkError('MALFORMED', `${cid}: leaf ${leaf.cid} has ${part.length} bytes, announced ${leaf.size}`)
    }
    bytes.set(part, offset)
    offset += part.length
  }
  return bytes
}

/** The bytes of one block. @throws NetworkError TOO_LARGE above `maxBytes`, or 64 KiB when that is more. */
export async function collectBytes(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of source) {
    length += part.length
    // A dag-pb root of a small limit may itself exceed it; 64 KiB covers the root of the largest file.
    if (length > Math.max(maxBytes, 1 << 16)) throw new NetworkError('TOO_LARGE', `block over ${maxBytes} bytes`)
    parts.push(part)
  }
  if (parts.length === 1) return parts[0]!
  return Buffer.concat(parts)
}
