// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode as encodePb, prepare } from '@ipld/dag-pb'
import { expect } from 'chai'
import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import { blobCid, CHUNK_BYTES, encodeBlob } from '../../../keepers/network/file-format.ts'
import { DataPlane, NetworkError } from '../../../keepers/network/index.ts'
import { StoredBlob } from '../../../keepers/network/stored-blob.ts'

async function refusal(body: Promise<unknown>): Promise<NetworkError> {
  try {
    await body
  } catch (error) {
    if (error instanceof NetworkError) return error
    throw error
  }
  throw new Error('expected a NetworkError')
}

describe('blobs that are read from the store in pieces', () => {
  let folder: string
  let alice: DataPlane
  let bob: DataPlane
  const limits = { maxBytes: 8 << 20, timeout: 10_000 }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-held-'))
    const start = (name: string) =>
      DataPlane.start({ folder: join(folder, name), identitySeed: new Uint8Array(32).fill(name.charCodeAt(0)) })
    alice = await start('alice')
    bob = await start('bob')
  })

  after(async () => {
    await Promise.all([alice, bob].map((plane) => plane?.stop()))
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  })

  /**
   * Flips a bit of a block in a node's store, and writes the block back where it lay, once its sender would send it again: bitswap does not within
   * 200 ms (`resendAfter`).
   */
  async function damage(name: string, block: Uint8Array): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 300))
    const file = await fileOf(name, block)
    const found = await readFile(file)
    found[0]! ^= 1
    await writeFile(file, found)
  }

  /** The file of a block in a node's store. */
  async function fileOf(name: string, block: Uint8Array): Promise<string> {
    const blocks = join(folder, name, 'blocks')
    for (const entry of await readdir(blocks, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const file = join(entry.parentPath, entry.name)
      if (Buffer.compare(await readFile(file), block) === 0) return file
    }
    throw new Error('the store has no such block')
  }

  for (const size of [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES]) {
    it(`${size} bytes that are written piece by piece have the CID of the whole`, async () => {
      const bytes = randomBytes(size)
      const writer = alice.writer({ round: 1 })
      for (let at = 0; at < size; at += 300_000) await writer.write(bytes.subarray(at, at + 300_000))
      const cid = await writer.finish()
      expect(cid).to.equal((await encodeBlob(bytes)).root.toString())
      const got = await bob.fetch(cid, { ...limits, providers: alice.addresses })
      expect(Buffer.compare(got, bytes)).to.equal(0)
    })
  }

  it('any range of a blob is that of its bytes, wherever it was cut', async () => {
    const bytes = randomBytes(3 * CHUNK_BYTES + 77)
    const cuts = [10, 20, CHUNK_BYTES + 5]
    const cid = await alice.publish(bytes, { round: 1, cuts })
    const held = await bob.hold(cid, { ...limits, providers: alice.addresses })
    expect(held.size).to.equal(bytes.length)
    expect(await bob.has(cid)).to.equal(true)
    const ends = [0, 9, 10, 21, CHUNK_BYTES, CHUNK_BYTES + 6, 2 * CHUNK_BYTES + 5, bytes.length]
    for (const from of ends) {
      for (const to of ends.filter((end) => end >= from)) {
        const range = await held.read(from, to)
        expect(Buffer.compare(range, bytes.subarray(from, to)), `${from} to ${to}`).to.equal(0)
      }
    }
    const beyond = await held.read(0, bytes.length + 1).catch((error: Error) => error)
    expect(beyond).to.be.instanceOf(RangeError)
  })

  it('a block that was changed on the disk after it was read is refused, and fetched again', async () => {
    const bytes = randomBytes(2 * CHUNK_BYTES + 5)
    const cid = await alice.publish(bytes, { round: 1 })
    const options = { ...limits, providers: alice.addresses }
    const held = await bob.hold(cid, options)
    expect(Buffer.compare(await held.read(0, 100), bytes.subarray(0, 100))).to.equal(0)
    await damage('bob', bytes.subarray(0, CHUNK_BYTES))
    const { code, message } = await refusal(held.read(0, 100))
    expect(code).to.equal('UNAVAILABLE')
    expect(message).to.contain('changed on the disk')
    // Nor is a blob with such a block given out whole.
    expect((await refusal(bob.fetch(cid, { ...limits, providers: [] }))).code).to.equal('UNAVAILABLE')
    const again = await bob.hold(cid, options)
    expect(Buffer.compare(await again.read(0, bytes.length), bytes)).to.equal(0)
  })

  it('a whole blob with a block that was changed on the disk comes from a peer', async () => {
    const bytes = randomBytes(CHUNK_BYTES + 5)
    const cid = await alice.publish(bytes, { round: 1 })
    const options = { ...limits, providers: alice.addresses }
    await bob.fetch(cid, options)
    await damage('bob', bytes.subarray(0, CHUNK_BYTES))
    expect(Buffer.compare(await bob.fetch(cid, options), bytes)).to.equal(0)
  })

  it('a block that is missing on the disk, as after a crash, keeps nobody waiting: neither who reads the blob nor who forgets it', async () => {
    const alone = await DataPlane.start({ folder: join(folder, 'alone'), identitySeed: new Uint8Array(32).fill(9) })
    try {
      const bytes = randomBytes(2 * CHUNK_BYTES + 5)
      const cids = [
        await alone.publish(bytes, { round: 1 }),
        await alone.publish(randomBytes(CHUNK_BYTES + 5), { round: 1 }),
      ]
      const held = await alone.hold(cids[0]!, { ...limits, providers: [] })
      await rm(await fileOf('alone', bytes.subarray(0, CHUNK_BYTES)))
      expect((await refusal(held.read(0, 100))).code).to.equal('UNAVAILABLE')
      expect(await alone.has(cids[0]!)).to.equal(false)
      const left = await alone.publish(bytes, { round: 1 })
      await rm(await fileOf('alone', bytes.subarray(CHUNK_BYTES, 2 * CHUNK_BYTES)))
      expect(await alone.collect(2)).to.equal(2)
      for (const cid of [left, cids[1]!]) expect(await alone.has(cid)).to.equal(false)
      const files = (await readdir(join(folder, 'alone', 'blocks'), { recursive: true })).filter((name) =>
        name.endsWith('.data'),
      )
      expect(files).to.deep.equal([])
    } finally {
      await alone.stop()
    }
  })

  describe('a block of links that was published as plain bytes', () => {
    /** Links to these blocks, with the sizes that the liar announces for them. */
    const linksTo = async (blocks: readonly Uint8Array[], sizes: readonly number[]): Promise<Uint8Array> => {
      const data = new UnixFS({ type: 'file', blockSizes: sizes.map(BigInt) }).marshal()
      const links = await Promise.all(
        blocks.map(async (block) => ({ Name: '', Tsize: block.length, Hash: CID.parse(await blobCid(block)) })),
      )
      return encodePb(prepare({ Data: data, Links: links }))
    }
    const asLinks = async (block: Uint8Array): Promise<string> =>
      CID.createV1(0x70, CID.parse(await blobCid(block)).multihash).toString()

    it('is not the blob that it describes: that was never fetched', async () => {
      const parts = [randomBytes(200_000), randomBytes(50)]
      const block = await linksTo(parts, [200_000, 50])
      const plain = await alice.publish(block, { round: 1 })
      await bob.hold(plain, { ...limits, providers: alice.addresses, round: 1 })
      const blob = await asLinks(block)
      expect(await bob.has(blob)).to.equal(false)
      expect((await refusal(bob.pin(blob))).code).to.equal('UNAVAILABLE')
      expect((await refusal(bob.hold(blob, { ...limits, providers: [] }))).code).to.equal('UNAVAILABLE')
      // Nor does the plain blob stand in the way of the other one.
      for (const part of parts) await alice.publish(part, { round: 1 })
      const held = await bob.hold(blob, { ...limits, providers: alice.addresses, round: 2 })
      expect(Buffer.compare(await held.read(0, held.size), Buffer.concat(parts))).to.equal(0)
      await bob.collect(2)
      expect(await bob.has(plain)).to.equal(false)
      expect(Buffer.compare(await held.read(0, held.size), Buffer.concat(parts))).to.equal(0)
    })

    it('announces false sizes to nobody: members who hold the plain bytes refuse what the others refuse', async () => {
      const parts = [randomBytes(200_000), randomBytes(50)]
      const block = await linksTo(parts, [150_000, 50])
      for (const bytes of [block, ...parts]) {
        await bob.hold(await alice.publish(bytes, { round: 1 }), { ...limits, providers: alice.addresses })
      }
      const blob = await asLinks(block)
      expect((await refusal(bob.hold(blob, { ...limits, providers: alice.addresses }))).code).to.equal('MALFORMED')
    })

    it('does not take a block of the model with it that it names twice', async () => {
      const model = randomBytes(CHUNK_BYTES + 5_000)
      const cid = await alice.publish(model)
      await bob.fetch(cid, { ...limits, providers: alice.addresses })
      await bob.pin(cid)
      const last = model.subarray(CHUNK_BYTES)
      const links = await linksTo([last, last], [5_000, 5_000])
      for (const block of [links, last]) await alice.publish(block, { round: 1 })
      await bob.hold(await asLinks(links), { ...limits, providers: alice.addresses, round: 1 })
      expect(await bob.collect(2)).to.be.greaterThan(0)
      expect(Buffer.compare(await bob.fetch(cid, { ...limits, providers: [] }), model)).to.equal(0)
    })

    it('has no range of a part that is not as long as was announced', async () => {
      const part = randomBytes(100)
      const cid = CID.parse(await blobCid(part))
      const held = new StoredBlob(cid, { size: 60, parts: [{ cid, start: 0, size: 60 }] }, async () => part)
      expect((await refusal(held.read(0, 60))).code).to.equal('MALFORMED')
    })
  })
})
