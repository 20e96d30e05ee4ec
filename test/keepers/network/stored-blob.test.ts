// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { CHUNK_BYTES, encodeBlob } from '../../../keepers/network/file-format.ts'
import { DataPlane, NetworkError } from '../../../keepers/network/index.ts'

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
    const blocks = join(folder, name, 'blocks')
    for (const entry of await readdir(blocks, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const file = join(entry.parentPath, entry.name)
      const found = await readFile(file)
      if (Buffer.compare(found, block) !== 0) continue
      found[0]! ^= 1
      await writeFile(file, found)
      return
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
})
