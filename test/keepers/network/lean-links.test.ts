// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { encode as encodePb, prepare } from '@ipld/dag-pb'
import { expect } from 'chai'
import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { CHUNK_BYTES, DAG_PB, encodeBlob } from '../../../keepers/network/file-format.ts'
import { NetworkError } from '../../../keepers/network/index.ts'
import { fullLinks, leanLinks } from '../../../keepers/network/lean-links.ts'

const nodesOf = async (bytes: Uint8Array, cuts: number[]) =>
  (await encodeBlob(bytes, cuts)).blocks.filter(({ cid }) => cid.code === DAG_PB).map((block) => block.bytes)

describe('lists of links between keepers', () => {
  it('become the blocks again that they were made of, one level and two, and have a hash and a size of each link', async () => {
    const flat = await nodesOf(randomBytes(20_000), [148, 5_000, 10_000, 15_000])
    const deep = await nodesOf(
      randomBytes(20_000),
      Array.from({ length: 49 }, (_, i) => 400 * (i + 1)),
    )
    const large = await nodesOf(randomBytes(2 * CHUNK_BYTES + 5), [])
    expect([flat.length, deep.length, large.length]).to.deep.equal([1, 8, 1])
    for (const block of [...flat, ...deep, ...large]) {
      const lean = leanLinks(block)
      expect(Buffer.compare(fullLinks(lean), block)).to.equal(0)
      expect(lean.length).to.be.below(0.78 * block.length)
    }
    expect(leanLinks(flat[0]!).length).to.be.at.most(1 + 5 * 35)
  })

  it('leave blocks as they are that say more: bytes of the file, names, another hash, or that are no nodes', async () => {
    const hash = await sha256.digest(randomBytes(9))
    const link = { Name: '', Tsize: 9, Hash: CID.createV1(raw.code, hash) }
    const file = (of: object) => new UnixFS({ type: 'file', ...of }).marshal()
    const node = (links: object[], data: Uint8Array) => encodePb(prepare({ Data: data, Links: links }))
    for (const block of [
      node([link], file({ blockSizes: [9n], data: randomBytes(3) })),
      node([{ ...link, Name: 'a' }], file({ blockSizes: [9n] })),
      node([{ ...link, Hash: CID.createV0(hash) }], file({ blockSizes: [9n] })),
      node([{ ...link, Tsize: 8 }], file({ blockSizes: [9n] })),
      node([link], file({ blockSizes: [] })),
      new Uint8Array(randomBytes(50)).fill(0x12, 0, 1),
    ]) {
      expect(Buffer.compare(leanLinks(block), block)).to.equal(0)
      expect(Buffer.compare(fullLinks(block), block)).to.equal(0)
    }
  })

  it('are refused when they end within a hash or a size, or name a size beyond any file', async () => {
    const [block] = await nodesOf(randomBytes(2_000), [1_000])
    const lean = leanLinks(block!)
    const refused = (bytes: Uint8Array) =>
      expect(() => fullLinks(bytes))
        .to.throw(NetworkError)
        .with.property('code', 'MALFORMED')
    for (const length of [2, 3, 20, lean.length - 1]) refused(lean.subarray(0, length))
    refused(Uint8Array.from([0, ...Array.from({ length: 9 }, () => 0xff), 1, ...randomBytes(32)]))
    // Any other list is another block, which the hash of the one that was asked for refuses.
    expect(Buffer.compare(fullLinks(lean.map((byte, i) => (i === 9 ? byte ^ 1 : byte))), block!)).not.to.equal(0)
  })
})
