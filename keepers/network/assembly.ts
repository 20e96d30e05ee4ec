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

/** Bytes of a file's blocks that are not the file's: links, sizes. So many, and so many for each block that it may have. */
const SPARE_OVERHEAD = 1 << 16
const OVERHEAD_PER_BLOCK = 128

export const tooManyParts = (cid: CID): NetworkError =>
  new NetworkError('MALFORMED', `${cid}: in parts of less than ${BYTES_PER_BLOCK} bytes`)

/** Parts asked for at a time: a blob with cuts has many small ones. */
const AT_ONCE = 8
const NESTED_AT_ONCE = 2

/**
 * Puts a file together from its blocks, every size known before a block is asked for.
 * @param block Delivers one block, checked against its hash.
 * @throws NetworkError MALFORMED, TOO_LARGE, and whatever `block` throws.
 */
export async function assemble(
  cid: CID,
  block: (cid: CID) => Promise<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array> {
  const first = await block(cid)
  const root = readNode(cid, first, null, maxBytes)
  if (root.children.length === 0) return root.data
  const bytes = new Uint8Array(root.size)
  let left = blocksLimit(root.size)
  // Blocks may be mostly something else: then a small file would be megabytes.
  let overhead = SPARE_OVERHEAD + OVERHEAD_PER_BLOCK * left - (first.length - root.data.length)
  const nodeOf = async (child: { readonly cid: CID; readonly size: number }): Promise<FileNode> => {
    const found = await block(child.cid)
    const node = readNode(child.cid, found, child.size, maxBytes)
    overhead -= found.length - node.data.length
    if (overhead < 0) throw new NetworkError('MALFORMED', `${cid}: its blocks are much larger than the file`)
    return node
  }
  const place = async (node: FileNode, offset: number, depth: number): Promise<void> => {
    bytes.set(node.data, offset)
    const { children } = node
    if (children.length === 0) return
    if (depth === MAX_DEPTH) throw new NetworkError('MALFORMED', `${cid}: nested more than ${MAX_DEPTH} levels deep`)
    left -= children.length
    if (left < 0) throw tooManyParts(cid)
    let at = offset + node.data.length
    const parts = children.map((child) => {
      const start = at
      at += child.size
      return { child, start }
    })
    // Parts that have parts of their own hardly side by side: each fetches several.
    const atOnce = children.every((child) => child.cid.code === raw.code) ? AT_ONCE : depth === 0 ? NESTED_AT_ONCE : 1
    let failed = false
    const work = async (): Promise<void> => {
      for (let next = parts.shift(); next !== undefined && !failed; next = parts.shift()) {
        const { child, start } = next
        await place(await nodeOf(child), start, depth + 1)
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
  await place(root, 0, 0)
  return bytes
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
