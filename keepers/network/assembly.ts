// SPDX-License-Identifier: GPL-3.0-or-later
import { concatBytes } from '@noble/hashes/utils.js'
import type { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { NetworkError } from './errors.ts'
import { type FileNode, MAX_BLOCK_BYTES, readNode } from './file-format.ts'

/** How deep a file may be nested. With 174 links per node, as in Kubo, five levels hold 24 TiB. */
const MAX_DEPTH = 6
/** A file may have this many blocks, and one more for each 4 KiB. Otherwise a file of tiny parts would take a round trip for each. */
const SPARE_BLOCKS = 64
const BYTES_PER_BLOCK = 4096

/** Most blocks below the root of a file of this size. */
export const blocksLimit = (size: number): number => SPARE_BLOCKS + Math.ceil(size / BYTES_PER_BLOCK)

/** Most bytes in a file's blocks that are not content but links and sizes: this many, and below, for each block that it may have. */
const SPARE_OVERHEAD = 1 << 16
const OVERHEAD_PER_BLOCK = 128

export const tooManyParts = (cid: CID): NetworkError =>
  new NetworkError('MALFORMED', `${cid}: in parts of less than ${BYTES_PER_BLOCK} bytes`)

/** Parts that are requested at a time. A blob with cuts has many small ones. */
const AT_ONCE = 8
const NESTED_AT_ONCE = 2

/** Where a block's own bytes lie in its file. */
export type FilePart = { readonly cid: CID; readonly start: number; readonly size: number }

/** Delivers one block, checked against its hash. */
export type BlockSource = (cid: CID) => Promise<Uint8Array>

/**
 * Puts a file together from its blocks. Every size is known before the block is requested.
 * @throws NetworkError MALFORMED, TOO_LARGE, and whatever `block` throws.
 */
export async function assemble(cid: CID, block: BlockSource, maxBytes: number): Promise<Uint8Array> {
  const first = await block(cid)
  const root = readNode(cid, first, null, maxBytes)
  if (root.children.length === 0) return root.data
  const bytes = new Uint8Array(root.size)
  const file = { cid, root, rootBytes: first.length, block, maxBytes, leaves: true }
  await eachPart(file, ({ start }, data) => bytes.set(data!, start))
  return bytes
}

/**
 * The parts of a file, in order.
 * @param leaves Whether to request leaf blocks as well. Their sizes are known without them.
 * @throws as `assemble`
 */
export async function partsOf(
  cid: CID,
  of: { readonly block: BlockSource; readonly maxBytes: number; readonly leaves: boolean },
): Promise<{ readonly size: number; readonly parts: readonly FilePart[] }> {
  const first = await of.block(cid)
  const root = readNode(cid, first, null, of.maxBytes)
  const parts: FilePart[] = []
  await eachPart({ cid, root, rootBytes: first.length, ...of }, (part) => {
    if (part.size > 0) parts.push(part)
  })
  return { size: root.size, parts: parts.sort((a, b) => a.start - b.start) }
}

/** Visits every block of a file, in any order; `data` is null for a leaf that was not asked for. */
async function eachPart(
  file: {
    readonly cid: CID
    readonly root: FileNode
    /** Bytes of the root's block. */
    readonly rootBytes: number
    readonly block: BlockSource
    readonly maxBytes: number
    readonly leaves: boolean
  },
  visit: (part: FilePart, data: Uint8Array | null) => void,
): Promise<void> {
  const { cid, root, block, maxBytes, leaves } = file
  let left = blocksLimit(root.size)
  // Bounded, because blocks may be mostly overhead, so that a small file would take megabytes.
  let overhead = SPARE_OVERHEAD + OVERHEAD_PER_BLOCK * left - (file.rootBytes - root.data.length)
  const nodeOf = async (child: { readonly cid: CID; readonly size: number }): Promise<FileNode> => {
    const found = await block(child.cid)
    const node = readNode(child.cid, found, child.size, maxBytes)
    overhead -= found.length - node.data.length
    if (overhead < 0) throw new NetworkError('MALFORMED', `${cid}: its blocks are much larger than the file`)
    return node
  }
  const isLeaf = (child: CID): boolean => child.code === raw.code
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
    // Few parts that have parts of their own at a time, because each of them fetches several.
    const atOnce = children.every((child) => isLeaf(child.cid)) ? AT_ONCE : depth === 0 ? NESTED_AT_ONCE : 1
    let failed = false
    const work = async (): Promise<void> => {
      for (let part = parts.shift(); part !== undefined && !failed; part = parts.shift()) {
        const { child, start } = part
        if (!leaves && isLeaf(child.cid)) visit({ cid: child.cid, start, size: child.size }, null)
        else await place(child.cid, await nodeOf(child), start, depth + 1)
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
