// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { CID } from 'multiformats/cid'
import { sha256, sha512 } from 'multiformats/hashes/sha2'
import { CHUNK_BYTES, encodeBlob } from '../../../keepers/network/file-format.ts'
import { HeldBlocks } from '../../../keepers/network/held-stores.ts'
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

async function filesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).length
}

describe('data plane', () => {
  let folder: string
  let alice: DataPlane
  let bob: DataPlane
  let carol: DataPlane
  const limits = { maxBytes: 8 << 20, timeout: 10_000 }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-net-'))
    const start = (name: string) =>
      DataPlane.start({ folder: join(folder, name), identitySeed: new Uint8Array(32).fill(name.charCodeAt(0)) })
    ;[alice, bob, carol] = (await Promise.all(['alice', 'bob', 'carol'].map(start))) as [
      DataPlane,
      DataPlane,
      DataPlane,
    ]
  })

  after(async () => {
    await Promise.all([alice, bob, carol].map((plane) => plane?.stop()))
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  })

  for (const size of [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 4 << 20]) {
    it(`moves ${size} bytes between two nodes`, async () => {
      const bytes = randomBytes(size)
      const cid = await alice.publish(bytes, { round: 1 })
      const got = await bob.fetch(cid, { ...limits, providers: alice.addresses })
      expect(Buffer.compare(got, bytes)).to.equal(0)
      expect(await bob.has(cid)).to.equal(true)
    })
  }

  it('has all blocks of a blob that is to be safe on the disk when it names it', async () => {
    const { keepSafe } = HeldBlocks.prototype
    const kept: string[] = []
    HeldBlocks.prototype.keepSafe = async function (cids) {
      kept.push(...cids.map(String))
      await keepSafe.call(this, cids)
    }
    try {
      const bytes = randomBytes(CHUNK_BYTES + 1)
      await alice.publish(randomBytes(10), { round: 1 })
      expect(kept).to.deep.equal([])
      const cid = await alice.publish(bytes, { round: 1, safe: true })
      const { blocks } = await encodeBlob(bytes)
      expect(kept).to.deep.equal(blocks.map((block) => String(block.cid)))
      expect(kept.at(-1)).to.equal(cid)
    } finally {
      HeldBlocks.prototype.keepSafe = keepSafe
    }
  })

  it('gives equal bytes the equal CID everywhere', async () => {
    const bytes = randomBytes(CHUNK_BYTES * 2 + 17)
    expect(await alice.publish(bytes)).to.equal(await bob.publish(Uint8Array.from(bytes)))
  })

  it('goes on to the next provider when the first does not have the blob or is gone', async () => {
    const cid = await carol.publish(randomBytes(100_000))
    const gone = '/ip4/127.0.0.1/tcp/9/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'
    const got = await bob.fetch(cid, { ...limits, providers: [gone, alice.addresses[0]!, carol.addresses[0]!] })
    expect(got.length).to.equal(100_000)
  })

  it('says UNAVAILABLE when no provider has the blob', async () => {
    const { root } = await encodeBlob(randomBytes(50))
    const error = await refusal(bob.fetch(root.toString(), { ...limits, providers: alice.addresses }))
    expect(error.code).to.equal('UNAVAILABLE')
  })

  it('refuses a blob over the limit before fetching its leaves', async () => {
    const cid = await alice.publish(randomBytes(3 << 20))
    const error = await refusal(carol.fetch(cid, { ...limits, maxBytes: 1 << 20, providers: alice.addresses }))
    expect(error.code).to.equal('TOO_LARGE')
    expect(await carol.has(cid)).to.equal(false)
    const small = await alice.publish(randomBytes(5000))
    expect(
      (await refusal(carol.fetch(small, { ...limits, maxBytes: 4999, providers: alice.addresses }))).code,
    ).to.equal('TOO_LARGE')
  })

  it('times out on a peer that answers nothing', async () => {
    const { createServer } = await import('node:net')
    const mute = createServer(() => undefined)
    await new Promise<void>((done) => mute.listen(0, '127.0.0.1', done))
    const port = (mute.address() as { port: number }).port
    const { root } = await encodeBlob(randomBytes(60))
    const started = performance.now()
    const provider = `/ip4/127.0.0.1/tcp/${port}/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp`
    const error = await refusal(bob.fetch(root.toString(), { ...limits, timeout: 700, providers: [provider] }))
    mute.close()
    expect(error.code).to.equal('TIMEOUT')
    expect(performance.now() - started).to.be.lessThan(5_000)
  })

  it('is sent a block again when it asks again soon, as after a crash', async () => {
    const cid = await alice.publish(randomBytes(300))
    const options = { folder: join(folder, 'forgetful'), identitySeed: new Uint8Array(32).fill(3) }
    for (let life = 0; life < 2; life++) {
      const plane = await DataPlane.start(options)
      const started = performance.now()
      await plane.fetch(cid, { ...limits, providers: alice.addresses })
      expect(performance.now() - started).to.be.lessThan(3_000)
      await plane.stop()
      await rm(options.folder, { recursive: true })
      await new Promise((done) => setTimeout(done, 250))
    }
  })

  it('does not wait out a mute peer when another can deliver', async () => {
    const { createServer } = await import('node:net')
    const mute = createServer(() => undefined)
    await new Promise<void>((done) => mute.listen(0, '127.0.0.1', done))
    const port = (mute.address() as { port: number }).port
    const silent = `/ip4/127.0.0.1/tcp/${port}/p2p/12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X`
    const cid = await alice.publish(randomBytes(200))
    const got = await carol.fetch(cid, { ...limits, timeout: 9_000, providers: [silent, alice.addresses[0]!] })
    mute.close()
    expect(got.length).to.equal(200)
  })

  it('stops when its caller aborts', async () => {
    const controller = new AbortController()
    const { root } = await encodeBlob(randomBytes(61))
    const fetching = bob.fetch(root.toString(), { ...limits, providers: [], signal: controller.signal })
    controller.abort(new Error('no longer wanted'))
    try {
      await fetching
      throw new Error('should have failed')
    } catch (error) {
      expect((error as Error).message).to.match(/no longer wanted|none of 0 providers/)
    }
  })

  it('refuses CIDs and addresses that are not of the agreed form', async () => {
    // SHA-512, and a codec that no file has.
    const others = [
      CID.createV1(0x55, await sha512.digest(new Uint8Array())),
      CID.createV1(0x71, await sha256.digest(new Uint8Array())),
    ]
    for (const text of ['', 'nonsense', ...others.map(String), (await alice.publish(randomBytes(8))).toUpperCase()]) {
      expect((await refusal(bob.fetch(text, { ...limits, providers: [] }))).code).to.equal('BAD_CID')
    }
    const cid = await alice.publish(randomBytes(9))
    for (const provider of ['127.0.0.1:4001', '/ip4/127.0.0.1/tcp/1']) {
      const error = await refusal(bob.fetch(cid, { ...limits, providers: [provider] }))
      expect(error.code).to.equal('BAD_ADDRESS')
    }
  })

  it('forgets old rounds, keeps recent ones and pinned models', async () => {
    const plane = await DataPlane.start({ folder: join(folder, 'gc'), identitySeed: new Uint8Array(32).fill(9) })
    try {
      const old = await plane.publish(randomBytes(2 << 20), { round: 1 })
      const model = await plane.publish(randomBytes(10_000), { round: 1 })
      const recent = await plane.publish(randomBytes(10_000), { round: 5 })
      await plane.pin(model)
      const before = await filesIn(join(folder, 'gc', 'blocks'))
      expect(await plane.collect(5)).to.equal(1)
      expect(await filesIn(join(folder, 'gc', 'blocks'))).to.equal(before - 3)
      expect(await plane.has(old)).to.equal(false)
      for (const cid of [model, recent]) {
        expect((await plane.fetch(cid, { ...limits, providers: [] })).length).to.equal(10_000)
      }
      await plane.release(model)
      await plane.collect(0)
      expect((await refusal(plane.fetch(model, { ...limits, providers: [] }))).code).to.equal('UNAVAILABLE')
    } finally {
      await plane.stop()
    }
  })

  it('keeps its identity and its blobs over a restart', async () => {
    const options = { folder: join(folder, 'again'), identitySeed: new Uint8Array(32).fill(7) }
    const first = await DataPlane.start(options)
    const { peerId } = first
    const cid = await first.publish(randomBytes(2_000_000), { round: 3 })
    await first.stop()
    expect((await refusal(first.publish(new Uint8Array(1)))).code).to.equal('NOT_RUNNING')
    const second = await DataPlane.start(options)
    expect(second.peerId).to.equal(peerId)
    expect((await alice.fetch(cid, { ...limits, providers: second.addresses })).length).to.equal(2_000_000)
    await second.stop()
  })
})
