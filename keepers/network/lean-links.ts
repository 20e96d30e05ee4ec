// SPDX-License-Identifier: GPL-3.0-or-later
// A node of links as keepers send it to each other: of a link's 50 bytes in its block 33 or 34 say something. The reader makes the block of them, whose
// hash shows whether they were right.
//
// 0 · of each link: varint 2·size + (1 for a node, 0 for a leaf), for a node varint of what its blocks have beyond its size, digest 32
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { create } from 'multiformats/hashes/digest'
import { sha256 } from 'multiformats/hashes/sha2'
import { NetworkError } from './errors.ts'
import { DAG_PB, type Linked, linksOf, MAX_BLOB_BYTES, nodeBytes } from './file-format.ts'

/** No block of dag-pb begins with it: protobuf has no field 0. */
const LEAN = 0
const DIGEST_BYTES = 32

/** Short for a node as this data plane writes them; any other block as it is. */
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
  // Others may write nodes that say the same in other words: bytes of the file, names, another hash, another order.
  return Buffer.compare(fullLinks(lean), block) === 0 ? lean : block
}

/** The block that was made short; a block that was not, as it is. @throws NetworkError MALFORMED. */
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
