// SPDX-License-Identifier: GPL-3.0-or-later
import { decode as decodePb, encode as encodePb, type PBLink, prepare } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { NetworkError } from './errors.ts'

/**
 * A blob is written as a UnixFS file of one fixed shape: up to `CHUNK_BYTES` it is one raw block; above that, a dag-pb root with links to raw
 * leaves, all of `CHUNK_BYTES` except the last. The fixed shape makes the CID a function of the bytes, so that all members vote for the same CID.
 * For reading, any UnixFS file will do, however it was chunked and nested (`readNode`), because a model may come from any IPFS node. In both cases a
 * reader knows every block's size before requesting it, so a peer cannot make it take more than was announced. Source:
 * https://specs.ipfs.tech/unixfs/ (file, blocksizes).
 */
export const CHUNK_BYTES = 1 << 20

/** The largest block that bitswap peers send. */
export const MAX_BLOCK_BYTES = 2 << 20
/** dag-pb's multicodec. */
export const DAG_PB = 0x70
/** 1,024 leaves of 1 MiB; their links take ~50 KiB, far below the 2 MiB that bitswap peers accept for one block. */
const MAX_LEAVES = 1024
/** With more leaves, a file with cuts gets nodes between root and leaves, so that a leaf's proof has only 2·√leaves links. */
const MAX_FLAT_LEAVES = 12
/** The largest blob the format holds, in bytes. */
export const MAX_BLOB_BYTES = MAX_LEAVES * CHUNK_BYTES

export type Block = { readonly cid: CID; readonly bytes: Uint8Array }

/** A block of a file: its own bytes first, then the files below it, in order. */
export type FileNode = {
  /** Bytes of the file at and below this block. */
  readonly size: number
  readonly data: Uint8Array
  readonly children: readonly { readonly cid: CID; readonly size: number }[]
}

/**
 * Splits a blob into its blocks, the root last.
 * @param cuts Ascending offsets at which a block must end; without them the CID is a function of the bytes alone.
 * @throws NetworkError TOO_LARGE above {@link MAX_BLOB_BYTES}.
 */
export async function encodeBlob(
  bytes: Uint8Array,
  cuts: readonly number[] = [],
): Promise<{ root: CID; blocks: Block[] }> {
  if (bytes.length > MAX_BLOB_BYTES) {
    throw new NetworkError('TOO_LARGE', `blob of ${bytes.length} bytes: at most ${MAX_BLOB_BYTES} fit one file`)
  }
  const blocks: Block[] = []
  let start = 0
  for (const end of [...cuts.filter((cut) => cut > 0 && cut < bytes.length), bytes.length]) {
    while (start < end || blocks.length === 0) {
      const chunk = bytes.subarray(start, Math.min(start + CHUNK_BYTES, end))
      blocks.push({ cid: CID.createV1(raw.code, await sha256.digest(chunk)), bytes: chunk })
      start += chunk.length
    }
  }
  const only = blocks[0]!
  if (blocks.length === 1) return { root: only.cid, blocks }
  const leaves = blocks.map(({ cid, bytes: { length } }) => ({ cid, size: length, tree: length }))
  const each = cuts.length > 0 && leaves.length > MAX_FLAT_LEAVES ? Math.ceil(Math.sqrt(leaves.length)) : leaves.length
  const link = async (children: readonly Linked[]): Promise<Linked> => {
    const { block, linked } = await nodeTo(children)
    blocks.push(block)
    return linked
  }
  const inner: Linked[] = []
  for (let from = 0; each < leaves.length && from < leaves.length; from += each) {
    inner.push(await link(leaves.slice(from, from + each)))
  }
  const { cid } = await link(inner.length > 0 ? inner : leaves)
  return { root: cid, blocks }
}

/** A block to be linked to, with the bytes of the file (`size`) and of all blocks (`tree`) at and below it. */
export type Linked = { readonly cid: CID; readonly size: number; readonly tree: number }

/** The bytes of a node that links to these blocks and has no content of its own. */
export function nodeBytes(children: readonly Linked[]): Uint8Array {
  const file = new UnixFS({ type: 'file', blockSizes: children.map(({ size }) => BigInt(size)) })
  const links = children.map(({ cid, tree }) => ({ Name: '', Tsize: tree, Hash: cid }))
  return encodePb(prepare({ Data: file.marshal(), Links: links }))
}

/** The links of a node; null for a block that is no node of a file. */
export function linksOf(block: Uint8Array): Linked[] | null {
  try {
    const { Links, Data } = decodePb(block)
    const sizes = UnixFS.unmarshal(Data ?? new Uint8Array()).blockSizes
    if (sizes.length !== Links.length) return null
    return Links.map(({ Hash, Tsize }, i) => ({ cid: Hash, size: Number(sizes[i]), tree: Tsize ?? 0 }))
  } catch {
    return null
  }
}

/** Makes a node with links to these blocks, and the link to that node. */
async function nodeTo(children: readonly Linked[]): Promise<{ readonly block: Block; readonly linked: Linked }> {
  const bytes = nodeBytes(children)
  const cid = CID.createV1(DAG_PB, await sha256.digest(bytes))
  const sum = (of: (child: Linked) => number): number => children.reduce((total, child) => total + of(child), 0)
  const linked = { cid, size: sum(({ size }) => size), tree: bytes.length + sum(({ tree }) => tree) }
  return { block: { cid, bytes }, linked }
}

/** Splits a blob that is made piece by piece into the same blocks as `encodeBlob`, and never holds more than one leaf. */
export class BlobEncoder {
  readonly #put: (block: Block) => Promise<void>
  readonly #leaves: { readonly cid: CID; readonly size: number }[] = []
  #leaf = new Uint8Array(CHUNK_BYTES)
  #filled = 0

  /** @param put Receives each block once it is complete, the root last. */
  constructor(put: (block: Block) => Promise<void>) {
    this.#put = put
  }

  /** Bytes so far. */
  get size(): number {
    return this.#leaves.length * CHUNK_BYTES + this.#filled
  }

  /** @throws NetworkError TOO_LARGE above {@link MAX_BLOB_BYTES}, and what `put` throws. */
  async write(piece: Uint8Array): Promise<void> {
    if (this.size + piece.length > MAX_BLOB_BYTES) {
      throw new NetworkError('TOO_LARGE', `blob of more than ${MAX_BLOB_BYTES} bytes: at most so many fit one file`)
    }
    for (let at = 0; at < piece.length; ) {
      // A full leaf is ended only by the next byte. Otherwise, when the last leaf is full, an empty one would follow it.
      if (this.#filled === CHUNK_BYTES) await this.#endLeaf()
      const part = piece.subarray(at, at + CHUNK_BYTES - this.#filled)
      this.#leaf.set(part, this.#filled)
      this.#filled += part.length
      at += part.length
    }
  }

  /** The CID, once all blocks were taken. */
  async finish(): Promise<CID> {
    await this.#endLeaf()
    if (this.#leaves.length === 1) return this.#leaves[0]!.cid
    const leaves = this.#leaves.map(({ cid, size }) => ({ cid, size, tree: size }))
    const { block } = await nodeTo(leaves)
    await this.#put(block)
    return block.cid
  }

  async #endLeaf(): Promise<void> {
    const bytes = this.#leaf.subarray(0, this.#filled)
    const cid = CID.createV1(raw.code, await sha256.digest(bytes))
    await this.#put({ cid, bytes })
    this.#leaves.push({ cid, size: bytes.length })
    this.#leaf = new Uint8Array(CHUNK_BYTES)
    this.#filled = 0
  }
}

/** The CID under which a blob is published, whatever its size. @throws NetworkError TOO_LARGE. */
export async function blobCid(bytes: Uint8Array): Promise<string> {
  return (await encodeBlob(bytes)).root.toString()
}

/** Parses a CID of a file: version 0, or version 1 over all of sha2-256 with codec raw or dag-pb. @throws NetworkError BAD_CID. */
export function parseBlobCid(text: string): CID {
  let cid: CID
  try {
    cid = CID.parse(text)
  } catch (cause) {
    throw new NetworkError('BAD_CID', `"${text.slice(0, 80)}" is not a CID`, { cause })
  }
  if (!isFileCid(cid))
    throw new NetworkError('BAD_CID', `${cid}: expected a CID over all of sha2-256 with codec raw or dag-pb`)
  if (cid.toString() !== text) throw new NetworkError('BAD_CID', `${text.slice(0, 80)}: write it as ${cid}`)
  return cid
}

/** Bytes of a whole SHA-256. A CID with fewer of them could be the CID of almost any block. */
const DIGEST_BYTES = 32

const isFileCid = (cid: CID): boolean =>
  cid.multihash.code === sha256.code &&
  cid.multihash.digest.length === DIGEST_BYTES &&
  (cid.code === raw.code || cid.code === DAG_PB)

/**
 * Reads one block of a file. Only the root has been fetched so far.
 * @param expected The size that the block above announced for it; null at the root.
 * @throws NetworkError MALFORMED unless it is part of a plain file and has that size, TOO_LARGE above `maxBytes`.
 */
export function readNode(cid: CID, block: Uint8Array, expected: number | null, maxBytes: number): FileNode {
  const node = cid.code === raw.code ? { size: block.length, data: block, children: [] } : readFileNode(cid, block)
  if (node.size > maxBytes)
    throw new NetworkError('TOO_LARGE', `${cid}: announces ${node.size} bytes, limit ${maxBytes}`)
  if (expected !== null && node.size !== expected) malformed(cid, `has ${node.size} bytes, announced were ${expected}`)
  return node
}

function readFileNode(cid: CID, block: Uint8Array): FileNode {
  let links: PBLink[]
  let file: UnixFS
  try {
    const node = decodePb(block)
    links = node.Links
    file = UnixFS.unmarshal(node.Data ?? new Uint8Array())
  } catch (cause) {
    throw new NetworkError('MALFORMED', `${cid}: not a UnixFS node`, { cause })
  }
  if (file.type !== 'file' && file.type !== 'raw') malformed(cid, `a ${file.type}, not a file`)
  const sizes = file.blockSizes
  if (links.length !== sizes.length) malformed(cid, `${links.length} links with ${sizes.length} sizes`)
  const children = links.map((link, index) => {
    const size = sizes[index]!
    if (size <= 0n || size > BigInt(MAX_BLOB_BYTES)) malformed(cid, `part ${index} announces ${size} bytes`)
    const child = CID.asCID(link.Hash)
    if (child === null || !isFileCid(child)) malformed(cid, `part ${index} is not a sha2-256 block of a file`)
    return { cid: child, size: Number(size) }
  })
  const data = file.data ?? new Uint8Array()
  return { size: children.reduce((sum, child) => sum + child.size, data.length), data, children }
}

function malformed(cid: CID, found: string): never {
  throw new NetworkError('MALFORMED', `${cid}: ${found}; publish it as one file, as \`ipfs add\` does`)
}
