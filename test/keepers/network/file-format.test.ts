// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { encode as encodePb, prepare } from '@ipld/dag-pb'
import { expect } from 'chai'
import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { create } from 'multiformats/hashes/digest'
import { sha256 } from 'multiformats/hashes/sha2'
import { assemble } from '../../../keepers/network/assembly.ts'
import { CHUNK_BYTES, encodeBlob, parseBlobCid, readNode } from '../../../keepers/network/file-format.ts'
import { NetworkError } from '../../../keepers/network/index.ts'

/** A field of a protobuf message that no reader knows. */
const unknownField = (length: number): Uint8Array =>
  new Uint8Array([0x7a, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14, ...new Uint8Array(length)])

describe('file format', () => {
  const leafOf = async (bytes: Uint8Array) => CID.createV1(raw.code, await sha256.digest(bytes))
  const rootOf = async (sizes: bigint[], leaf: CID, type: 'file' | 'directory' = 'file') => {
    const data = new UnixFS({ type, blockSizes: sizes }).marshal()
    const bytes = encodePb(prepare({ Data: data, Links: sizes.map((size) => ({ Tsize: Number(size), Hash: leaf })) }))
    return { cid: CID.createV1(0x70, await sha256.digest(bytes)), bytes }
  }

  it('refuses a block that announces one size for another, or is not part of a plain file', async () => {
    const leaf = await leafOf(new Uint8Array(3))
    const full = BigInt(CHUNK_BYTES)
    const cases = [
      await rootOf([full, 0n], leaf),
      await rootOf([full, 5n], leaf, 'directory'),
      await rootOf([1n << 40n], leaf),
    ]
    for (const { cid, bytes } of cases) {
      expect(() => readNode(cid, bytes, null, 1 << 30))
        .to.throw(NetworkError)
        .with.property('code', 'MALFORMED')
    }
    const fine = await rootOf([full, 5n], leaf)
    expect(readNode(fine.cid, fine.bytes, null, 1 << 30).size).to.equal(CHUNK_BYTES + 5)
    const refusals = [
      ['TOO_LARGE', () => readNode(fine.cid, fine.bytes, null, CHUNK_BYTES)],
      ['MALFORMED', () => readNode(fine.cid, fine.bytes, CHUNK_BYTES, 1 << 30)],
      ['MALFORMED', () => readNode(fine.cid, fine.bytes.subarray(0, 20), null, 1 << 30)],
    ] as const
    for (const [code, read] of refusals) expect(read).to.throw(NetworkError).with.property('code', code)
  })

  describe('files that others chunked', () => {
    /** A store of blocks, and a reader of files from it that counts what it fetches. */
    const store = () => {
      const blocks = new Map<string, Uint8Array>()
      const put = (cid: CID, bytes: Uint8Array): CID => {
        blocks.set(cid.toString(), bytes)
        return cid
      }
      let fetched = 0
      const read = (root: CID, maxBytes = 1 << 24) =>
        assemble(
          root,
          async (cid) => {
            fetched++
            return blocks.get(cid.toString())!
          },
          maxBytes,
        )
      return { put, read, fetched: () => fetched }
    }
    const rawLeaf = async (bytes: Uint8Array) => CID.createV1(0x55, await sha256.digest(bytes))
    const node = async (children: readonly { cid: CID; size: number }[], data?: Uint8Array, version: 0 | 1 = 1) => {
      const file = new UnixFS({
        type: 'file',
        blockSizes: children.map(({ size }) => BigInt(size)),
        ...(data === undefined ? {} : { data }),
      })
      const bytes = encodePb(
        prepare({
          Data: file.marshal(),
          Links: children.map(({ cid, size }) => ({ Name: '', Tsize: size, Hash: cid })),
        }),
      )
      const digest = await sha256.digest(bytes)
      return { cid: version === 0 ? CID.createV0(digest) : CID.createV1(0x70, digest), bytes }
    }

    for (const [what, version, chunk, width] of [
      ['256 KiB raw leaves, as Kubo has by default', 1, 1 << 18, 174],
      ['version 0, leaves within dag-pb', 0, 1 << 18, 174],
      ['nested three levels deep', 1, 1 << 14, 4],
    ] as const) {
      it(`are read: ${what}`, async () => {
        const wanted = randomBytes(700_001)
        const { put, read } = store()
        let level: { cid: CID; size: number }[] = []
        for (let at = 0; at < wanted.length; at += chunk) {
          const part = wanted.subarray(at, at + chunk)
          if (version === 1) level.push({ cid: put(await rawLeaf(part), part), size: part.length })
          else {
            const leaf = await node([], part, 0)
            level.push({ cid: put(leaf.cid, leaf.bytes), size: part.length })
          }
        }
        while (level.length > 1) {
          const above: typeof level = []
          for (let i = 0; i < level.length; i += width) {
            const group = level.slice(i, i + width)
            const parent = await node(group, undefined, version)
            above.push({ cid: put(parent.cid, parent.bytes), size: group.reduce((sum, { size }) => sum + size, 0) })
          }
          level = above
        }
        const root = level[0]!.cid
        expect(parseBlobCid(root.toString()).equals(root)).to.equal(true)
        expect(Buffer.compare(await read(root), wanted)).to.equal(0)
      })
    }

    it('are refused when nested without end, or in crumbs, before much is fetched', async () => {
      const { put, read, fetched } = store()
      const leaf = new Uint8Array([7])
      let top = { cid: put(await rawLeaf(leaf), leaf), size: 1 }
      for (let depth = 0; depth < 12; depth++) {
        const parent = await node([top])
        top = { cid: put(parent.cid, parent.bytes), size: 1 }
      }
      const crumbs = await node(Array.from({ length: 5_000 }, () => ({ cid: CID.createV1(0x55, leafDigest), size: 1 })))
      put(CID.createV1(0x55, leafDigest), leaf)
      for (const root of [top.cid, put(crumbs.cid, crumbs.bytes)]) {
        const before = fetched()
        const error = await read(root).catch((caught: unknown) => caught)
        expect(error).to.be.instanceOf(NetworkError).with.property('code', 'MALFORMED')
        expect(fetched() - before).to.be.below(100)
      }
    })

    let leafDigest: Awaited<ReturnType<typeof sha256.digest>>
    before(async () => {
      leafDigest = await sha256.digest(new Uint8Array([7]))
    })

    it('are refused when a part is not of the size that was announced for it', async () => {
      const { put, read } = store()
      const part = randomBytes(100)
      const leaf = { cid: put(await rawLeaf(part), part), size: 101 }
      const root = await node([leaf, leaf])
      const error = await read(put(root.cid, root.bytes)).catch((caught: unknown) => caught)
      expect(error).to.be.instanceOf(NetworkError).with.property('code', 'MALFORMED')
    })

    it('are refused when their blocks are mostly something else', async () => {
      const { put, read, fetched } = store()
      // Forty parts of a hundred bytes, each in a block of 16 KiB: 640 KiB for a file of 4,000 bytes.
      const leaves = await Promise.all(
        Array.from({ length: 40 }, async () => {
          const data = new UnixFS({ type: 'file', data: randomBytes(100) }).marshal()
          const bytes = encodePb(prepare({ Data: Buffer.concat([data, unknownField(1 << 14)]), Links: [] }))
          return { cid: put(CID.createV1(0x70, await sha256.digest(bytes)), bytes), size: 100 }
        }),
      )
      const root = await node(leaves)
      const error = await read(put(root.cid, root.bytes)).catch((caught: unknown) => caught)
      expect(error).to.be.instanceOf(NetworkError).with.property('code', 'MALFORMED')
      expect(String(error)).to.include('much larger than the file')
      expect(fetched()).to.be.below(16)
    })
  })

  it('reads a blob with cuts eight parts at a time, and asks for none after one has failed', async () => {
    const bytes = randomBytes(12_000)
    const cuts = Array.from({ length: 11 }, (_, i) => 1_000 * (i + 1) - i)
    const { root, blocks } = await encodeBlob(bytes, cuts)
    const byCid = new Map(blocks.map((block) => [block.cid.toString(), block.bytes]))
    const lengths = blocks.slice(0, -1).map((block) => block.bytes.length)
    expect(lengths).to.deep.equal([...cuts, bytes.length].map((cut, i) => cut - (cuts[i - 1] ?? 0)))
    let underway = 0
    let most = 0
    let asked = 0
    const read = (fails: (count: number) => boolean) =>
      assemble(
        root,
        async (cid) => {
          const count = asked++
          underway++
          most = Math.max(most, underway)
          await new Promise((done) => setTimeout(done, count % 3))
          underway--
          if (fails(count)) throw new Error('gone')
          return byCid.get(cid.toString())!
        },
        bytes.length,
      )
    expect(Buffer.compare(await read(() => false), bytes)).to.equal(0)
    expect(most).to.equal(8)
    asked = 0
    expect(await read((count) => count === 3).catch(String)).to.equal('Error: gone')
    await new Promise((done) => setTimeout(done, 20))
    expect(asked).to.be.below(12)
  })

  it('gives a blob with many cuts a level of nodes, so that what proves a part grows with the root of their number', async () => {
    for (const parts of [13, 18, 50]) {
      const bytes = randomBytes(100 * parts)
      const cuts = Array.from({ length: parts - 1 }, (_, i) => 100 * (i + 1))
      const { root, blocks } = await encodeBlob(bytes, cuts)
      const byCid = new Map(blocks.map((block) => [block.cid.toString(), block.bytes]))
      const top = readNode(root, byCid.get(root.toString())!, null, bytes.length)
      const widest = Math.ceil(Math.sqrt(parts))
      expect(top.children.length).to.be.at.most(widest)
      for (const { cid, size } of top.children) {
        const inner = readNode(cid, byCid.get(cid.toString())!, size, bytes.length)
        expect(inner.children.length).to.be.at.most(widest)
        for (const leaf of inner.children) expect([leaf.cid.code, leaf.size]).to.deep.equal([raw.code, 100])
      }
      const whole = await assemble(root, async (cid) => byCid.get(cid.toString())!, bytes.length)
      expect(Buffer.compare(whole, bytes)).to.equal(0)
    }
  })

  it('refuses CIDs of a part of a hash, or of none, which any block would fit', async () => {
    const whole = (await sha256.digest(new Uint8Array(3))).digest
    for (const length of [0, 1, 31]) {
      const short = CID.createV1(raw.code, create(sha256.code, whole.subarray(0, length)))
      expect(() => parseBlobCid(short.toString()), String(length))
        .to.throw(NetworkError)
        .with.property('code', 'BAD_CID')
      const { cid, bytes } = await rootOf([3n], short)
      expect(() => readNode(cid, bytes, null, 1 << 30), String(length))
        .to.throw(NetworkError)
        .with.property('code', 'MALFORMED')
    }
  })

  it('gives a small blob the CID of its SHA-256, as any IPFS node does', async () => {
    const { root } = await encodeBlob(new TextEncoder().encode('hello world'))
    expect(Buffer.from(root.multihash.digest).toString('hex')).to.equal(
      'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9',
    )
    expect(root.code).to.equal(0x55)
    expect(parseBlobCid(root.toString()).equals(root)).to.equal(true)
  })
})
