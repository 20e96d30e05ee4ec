// SPDX-License-Identifier: GPL-3.0-or-later
// A short form of a node of links, in which keepers send it to each other: of the 50 bytes of a link in its block, only 33 or 34 carry information. The
// reader rebuilds the block, whose hash shows whether the short form was right.
//
// 0 · of each link: varint 2·size + (1 for a node, 0 for a leaf), for a node varint of what its blocks have beyond its size, digest 32
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { create } from 'multiformats/hashes/digest'
import { sha256 } from 'multiformats/hashes/sha2'
import { NetworkError } from './errors.ts'
import { DAG_PB, type Linked, linksOf, MAX_BLOB_BYTES, nodeBytes } from './file-format.ts'

/** The first byte of the short form. No block of dag-pb begins with it, because protobuf has no field 0. */
const LEAN = 0
const DIGEST_BYTES = 32

/** The short form of a node that this data plane wrote; any other block unchanged. */
export function leanLinks(block: Uint8Array): Uint8Array {
  const children = linksOf(block)
  const isOurs = children?.every(
    ({ cid, size, tree }) =>
      cid.version === 1 && cid.multihash.digest.length === DIGEST_BYTES && tree >= size && size <= MAX_BLOB_BYTES,
  )
  if (children === null || isOurs !== true) return block
  const bytes = [LEAN]
  for (const { cid, size, tree } of children) {
    const isNode = cid.code === DAG_PB
    writeVarint(bytes, 2 * size + Number(isNode))
    if (isNode) writeVarint(bytes, tree - size)
    bytes.push(...cid.multihash.digest)
  }
  const lean = Uint8Array.from(bytes)
  // Other software may encode a node differently: with content, names, another hash, another order.
  return Buffer.compare(fullLinks(lean), block) === 0 ? lean : block
}

/** Rebuilds a block from its short form; a block that has none is returned unchanged. @throws NetworkError MALFORMED. */
export function fullLinks(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== LEAN) return bytes
  const children: Linked[] = []
  const reader = new Varints(bytes, 1)
  while (reader.at < bytes.length) {
    const told = reader.next()
    const isNode = told % 2 === 1
    const size = (told - Number(isNode)) / 2
    const tree = size + (isNode ? reader.next() : 0)
    const digest = bytes.slice(reader.at, reader.at + DIGEST_BYTES)
    if (digest.length !== DIGEST_BYTES) throw new NetworkError('MALFORMED', 'a list of links that ends within a hash')
    reader.at += DIGEST_BYTES
    children.push({ cid: CID.createV1(isNode ? DAG_PB : raw.code, create(sha256.code, digest)), size, tree })
  }
  return nodeBytes(children)
}

function writeVarint(bytes: number[], value: number): void {
  let left = value
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push(128 + (left % 128))
  bytes.push(left)
}

class Varints {
  readonly #bytes: Uint8Array
  at: number

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  /** @throws NetworkError MALFORMED for one that does not end, or above twice the largest blob. */
  next(): number {
    let value = 0
    for (let scale = 1; scale <= 2 * MAX_BLOB_BYTES; scale *= 128) {
      const byte = this.#bytes[this.at++]
      if (byte === undefined) break
      value += scale * (byte % 128)
      if (byte < 128) return value
    }
    throw new NetworkError('MALFORMED', 'a list of links with a size beyond any file')
  }
}
