// SPDX-License-Identifier: GPL-3.0-or-later
import { decode as decodePb, encode as encodePb, type PBLink, prepare } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { NetworkError } from './errors.ts'

/**
 * A blob is a UnixFS file of one fixed shape: up to `CHUNK_BYTES` it is one raw block; above that, a dag-pb root whose
 * links are raw leaves, all of `CHUNK_BYTES` but the last. Any IPFS node reads it as a file, and a reader knows every
 * block's size before it asks for the first, so a peer cannot make it take more than was announced.
 * One shape also makes the CID a function of the bytes, which the commit–reveal of a round relies on.
 * Source: https://specs.ipfs.tech/unixfs/ (file, blocksizes).
 */
export const CHUNK_BYTES = 1 << 20

/** dag-pb's multicodec. */
const DAG_PB = 0x70
/** 1,024 leaves of 1 MiB; their links take ~50 KiB, far below the 2 MiB that bitswap peers accept for one block. */
const MAX_LEAVES = 1024
/** The largest blob the format holds, in bytes. */
export const MAX_BLOB_BYTES = MAX_LEAVES * CHUNK_BYTES

export type Block = { readonly cid: CID; readonly bytes: Uint8Array }

/** What a root block announces. */
export type BlobPlan = {
  /** Size of the file in bytes. */
  readonly size: number
  /** The leaves in order with their exact sizes; empty when the root is itself the only leaf. */
  readonly leaves: readonly { readonly cid: CID; readonly size: number }[]
}

/** Splits a blob into its blocks, the root last. @throws NetworkError TOO_LARGE above {@link MAX_BLOB_BYTES}. */
export async function encodeBlob(bytes: Uint8Array): Promise<{ root: CID; blocks: Block[] }> {
  if (bytes.length > MAX_BLOB_BYTES) {
    throw new NetworkError('TOO_LARGE', `blob of ${bytes.length} bytes: at most ${MAX_BLOB_BYTES} fit one file`)
  }
  const blocks: Block[] = []
  for (let start = 0; start === 0 || start < bytes.length; start += CHUNK_BYTES) {
    const chunk = bytes.subarray(start, Math.min(start + CHUNK_BYTES, bytes.length))
    blocks.push({ cid: CID.createV1(raw.code, await sha256.digest(chunk)), bytes: chunk })
  }
  const only = blocks[0]!
  if (blocks.length === 1) return { root: only.cid, blocks }

  const file = new UnixFS({ type: 'file', blockSizes: blocks.map((block) => BigInt(block.bytes.length)) })
  const links = blocks.map((block) => ({ Name: '', Tsize: block.bytes.length, Hash: block.cid }))
  const rootBytes = encodePb(prepare({ Data: file.marshal(), Links: links }))
  const root = CID.createV1(DAG_PB, await sha256.digest(rootBytes))
  blocks.push({ cid: root, bytes: rootBytes })
  return { root, blocks }
}

/** Parses a CID of the shape {@link encodeBlob} makes (v1, sha2-256, raw or dag-pb). @throws NetworkError BAD_CID. */
export function parseBlobCid(text: string): CID {
  let cid: CID
  try {
    cid = CID.parse(text)
  } catch (cause) {
    throw new NetworkError('BAD_CID', `"${text.slice(0, 80)}" is not a CID`, { cause })
  }
  if (cid.version !== 1 || cid.multihash.code !== sha256.code || (cid.code !== raw.code && cid.code !== DAG_PB)) {
    throw new NetworkError('BAD_CID', `${cid}: expected CID version 1 over sha2-256 with codec raw or dag-pb`)
  }
  if (cid.toString() !== text) throw new NetworkError('BAD_CID', `${text.slice(0, 80)}: write it as ${cid}`)
  return cid
}

/**
 * Reads what the root announces, before any leaf is fetched.
 * @throws NetworkError MALFORMED when it is not a file of the one shape, TOO_LARGE when it announces over `maxBytes`.
 */
export function planBlob(cid: CID, root: Uint8Array, maxBytes: number): BlobPlan {
  if (cid.code === raw.code) {
    if (root.length > maxBytes) {
      throw new NetworkError('TOO_LARGE', `${cid}: ${root.length} bytes, limit ${maxBytes}`)
    }
    if (root.length > CHUNK_BYTES) malformed(cid, `a raw block of ${root.length} bytes, at most ${CHUNK_BYTES}`)
    return { size: root.length, leaves: [] }
  }
  let links: PBLink[]
  let file: UnixFS
  try {
    const node = decodePb(root)
    links = node.Links
    file = UnixFS.unmarshal(node.Data ?? new Uint8Array())
  } catch (cause) {
    throw new NetworkError('MALFORMED', `${cid}: not a UnixFS node`, { cause })
  }
  if (file.type !== 'file' || (file.data !== undefined && file.data.length > 0)) malformed(cid, 'not a plain file')
  const sizes = file.blockSizes
  if (links.length < 2 || links.length > MAX_LEAVES || links.length !== sizes.length) {
    malformed(cid, `${links.length} links with ${sizes.length} sizes, expected 2 to ${MAX_LEAVES} of each`)
  }
  const leaves = links.map((link, index) => {
    const size = sizes[index]!
    const last = index === links.length - 1
    const fits = last ? size > 0n && size <= BigInt(CHUNK_BYTES) : size === BigInt(CHUNK_BYTES)
    if (!fits) malformed(cid, `leaf ${index} announces ${size} bytes`)
    if (link.Hash.version !== 1 || link.Hash.code !== raw.code || link.Hash.multihash.code !== sha256.code) {
      malformed(cid, `leaf ${index} is not a raw sha2-256 block`)
    }
    return { cid: CID.createV1(raw.code, link.Hash.multihash) as CID, size: Number(size) }
  })
  const size = leaves.reduce((sum, leaf) => sum + leaf.size, 0)
  if (size > maxBytes) throw new NetworkError('TOO_LARGE', `${cid}: announces ${size} bytes, limit ${maxBytes}`)
  return { size, leaves }
}

function malformed(cid: CID, found: string): never {
  throw new NetworkError('MALFORMED', `${cid}: ${found}; the sender must publish with the blob format of this version`)
}
