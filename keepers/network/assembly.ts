// SPDX-License-Identifier: GPL-3.0-or-later
import { concatBytes } from '@noble/hashes/utils.js'
import type { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { NetworkError } from './errors.ts'
import { type FileNode, MAX_BLOCK_BYTES, readNode } from './file-format.ts'

/** How deep a file may be nested; 174 links a node, as Kubo has, hold 24 TiB in five levels. */
const MAX_DEPTH = 6
/** Blocks of a file: these, and one for each 4 KiB of it. A file of ever smaller parts would take as many round trips. */
const SPARE_BLOCKS = 64
const BYTES_PER_BLOCK = 4096

/** Blocks below its root that a file of so many bytes may have. */
export const blocksLimit = (size: number): number => SPARE_BLOCKS + Math.ceil(size / BYTES_PER_BLOCK)

export const tooManyParts = (cid: CID): NetworkError =>
  new NetworkError('MALFORMED', `${cid}: in parts of less than ${BYTES_PER_BLOCK} bytes`)

/** Parts asked for at a time: a blob with cuts has many small ones. */
const AT_ONCE = 8

/** Where a block's own bytes lie in its file. */
export type FilePart = { readonly cid: CID; readonly start: number; readonly size: number }

/** Delivers one block, checked against its hash. */
export type BlockSource = (cid: CID) => Promise<Uint8Array>

/**
 * Puts a file together from its blocks, every size known before a block is asked for.
 * @throws NetworkError MALFORMED, TOO_LARGE, and whatever `block` throws.
 */
export async function assemble(cid: CID, block: BlockSource, maxBytes: number): Promise<Uint8Array> {
  const root = readNode(cid, await block(cid), null, maxBytes)
  if (root.children.length === 0) return root.data
  const bytes = new Uint8Array(root.size)
  await eachPart({ cid, root, block, maxBytes, leaves: true }, ({ start }, data) => bytes.set(data!, start))
  return bytes
}

/**
 * The parts of a file, in order.
 * @param leaves Whether to ask for blocks that are nothing but bytes, too: their sizes are known without them.
 * @throws as `assemble`
 */
export async function partsOf(
  cid: CID,
  of: { readonly block: BlockSource; readonly maxBytes: number; readonly leaves: boolean },
): Promise<{ readonly size: number; readonly parts: readonly FilePart[] }> {
  const root = readNode(cid, await of.block(cid), null, of.maxBytes)
  const parts: FilePart[] = []
  await eachPart({ cid, root, ...of }, (part) => {
    if (part.size > 0) parts.push(part)
  })
  return { size: root.size, parts: parts.sort((a, b) => a.start - b.start) }
}

/** Visits every block of a file, in any order; `data` is null for a leaf that was not asked for. */
async function eachPart(
  file: {
    readonly cid: CID
    readonly root: FileNode
    readonly block: BlockSource
    readonly maxBytes: number
    readonly leaves: boolean
  },
  visit: (part: FilePart, data: Uint8Array | null) => void,
): Promise<void> {
  const { cid, root, block, maxBytes, leaves } = file
  let left = blocksLimit(root.size)
  const place = async (at: CID, node: FileNode, offset: number, depth: number): Promise<void> => {
    visit({ cid: at, start: offset, size: node.data.length }, node.data)
    const { children } = node
    if (children.length === 0) return
    if (depth === MAX_DEPTH) throw new NetworkError('MALFORMED', `${cid}: nested more than ${MAX_DEPTH} levels deep`)
    left -= children.length
    if (left < 0) throw tooManyParts(cid)
    let next = offset + node.data.length
    const parts = children.map((child) => {
      const start = next
      next += child.size
      return { child, start }
    })
    const isLeaf = (child: CID): boolean => child.code === raw.code
    // Side by side only where a part has no parts of its own.
    const atOnce = children.every((child) => isLeaf(child.cid)) ? AT_ONCE : 1
    let failed = false
    const work = async (): Promise<void> => {
      for (let part = parts.shift(); part !== undefined && !failed; part = parts.shift()) {
        const { child, start } = part
        if (!leaves && isLeaf(child.cid)) visit({ cid: child.cid, start, size: child.size }, null)
        else await place(child.cid, readNode(child.cid, await block(child.cid), child.size, maxBytes), start, depth + 1)
      }
    }
    const workers = Array.from({ length: Math.min(atOnce, children.length) }, () =>
      work().catch((error) => {
        failed = true
        throw error
      }),
    )
    await Promise.all(workers)
  }
  await place(cid, root, 0, 0)
}

/** The bytes of one block. @throws NetworkError TOO_LARGE above `maxBytes`, or 64 KiB when that is more, and above 2 MiB. */
export async function collectBytes(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of source) {
    length += part.length
    // A dag-pb root of a small limit may itself exceed it; 64 KiB covers the root of the largest file.
    const limit = Math.min(MAX_BLOCK_BYTES, Math.max(maxBytes, 1 << 16))
    if (length > limit) throw new NetworkError('TOO_LARGE', `block over ${limit} bytes`)
    parts.push(part)
  }
  if (parts.length === 1) return parts[0]!
  return concatBytes(...parts)
}
