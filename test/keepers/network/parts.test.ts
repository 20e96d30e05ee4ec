// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { CHUNK_BYTES, encodeBlob } from '../../../keepers/network/file-format.ts'
import { DataPlane, NetworkError, type NetworkErrorCode } from '../../../keepers/network/index.ts'
import { leanLinks } from '../../../keepers/network/lean-links.ts'
import { startNode } from '../../../keepers/network/node.ts'

async function refusal(code: NetworkErrorCode, body: Promise<unknown>): Promise<void> {
  const error = await body.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  expect(error).to.be.instanceOf(NetworkError)
  expect((error as NetworkError).code, String(error)).to.equal(code)
}

describe('parts of blobs, and notes', () => {
  let folder: string
  let alice: DataPlane
  let bob: DataPlane
  const limits = { maxBytes: 8 << 20, timeout: 10_000 }
  const fromAlice = () => ({ ...limits, provider: alice.addresses[0]! })

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-parts-'))
    const start = (name: string) =>
      DataPlane.start({ folder: join(folder, name), identitySeed: new Uint8Array(32).fill(name.charCodeAt(0)) })
    ;[alice, bob] = (await Promise.all(['alice', 'bob'].map(start))) as [DataPlane, DataPlane]
  })
  after(async () => {
    await Promise.all([alice, bob].map((plane) => plane?.stop()))
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  })

  it('delivers a range between two cuts, with no more bytes than the range, the root and lengths', async () => {
    const bytes = randomBytes(20_000)
    const cuts = [148, 5_000, 10_000, 15_000]
    const cid = await alice.publish(bytes, { round: 1, cuts })
    for (const range of [
      { from: 5_000, to: 10_000 },
      { from: 0, to: 148 },
      { from: 15_000, to: 20_000 },
    ]) {
      const found = await bob.parts.fetch(cid, range, fromAlice())
      expect(Buffer.compare(found.range, bytes.subarray(range.from, range.to))).to.equal(0)
      expect(found.bytes).to.be.lessThan(range.to - range.from + 50 * (cuts.length + 3))
    }
    expect(await bob.has(cid)).to.equal(false)
  })

  it('proves a part of a blob in fifty with two short lists of links', async () => {
    const bytes = randomBytes(50 * 400)
    const cuts = Array.from({ length: 49 }, (_, i) => 400 * (i + 1))
    const cid = await alice.publish(bytes, { round: 1, cuts })
    for (const from of [0, 400 * 7, 400 * 49]) {
      const found = await bob.parts.fetch(cid, { from, to: from + 400 }, fromAlice())
      expect(Buffer.compare(found.range, bytes.subarray(from, from + 400))).to.equal(0)
      expect(found.bytes).to.be.below(400 + 1_000)
    }
    const across = await bob.parts.fetch(cid, { from: 2_500, to: 9_900 }, fromAlice())
    expect(Buffer.compare(across.range, bytes.subarray(2_500, 9_900))).to.equal(0)
  })

  it('delivers ranges of any blob: across cuts, of long parts, of one block, and none', async () => {
    const bytes = randomBytes(3 * CHUNK_BYTES + 17)
    const cid = await alice.publish(bytes, { cuts: [100, 2 * CHUNK_BYTES] })
    const small = await alice.publish(bytes.subarray(0, 1_000))
    for (const [of, from, to] of [
      [cid, 50, 2 * CHUNK_BYTES + 5],
      [cid, 0, bytes.length],
      [small, 10, 20],
      [small, 10, 10],
    ] as const) {
      const { range } = await bob.parts.fetch(of, { from, to }, fromAlice())
      expect(Buffer.compare(range, bytes.subarray(from, to))).to.equal(0)
    }
  })

  it('lets a blob with cuts be fetched whole, as any other', async () => {
    const bytes = randomBytes(10_000)
    const cid = await alice.publish(bytes, { round: 1, cuts: [148, 4_000, 8_000] })
    const whole = await bob.fetch(cid, { ...limits, providers: alice.addresses })
    expect(Buffer.compare(whole, bytes)).to.equal(0)
    expect((await encodeBlob(bytes)).root.toString()).not.to.equal(cid)
  })

  it('refuses a range beyond the blob, a blob above the limit, and one that nobody has', async () => {
    const cid = await alice.publish(randomBytes(2_000), { cuts: [1_000] })
    await refusal('MALFORMED', bob.parts.fetch(cid, { from: 0, to: 2_001 }, fromAlice()))
    await refusal('TOO_LARGE', bob.parts.fetch(cid, { from: 0, to: 10 }, { ...fromAlice(), maxBytes: 1_999 }))
    const { root } = await encodeBlob(randomBytes(64))
    await refusal('UNAVAILABLE', bob.parts.fetch(root.toString(), { from: 0, to: 10 }, fromAlice()))
    await refusal('BAD_CID', bob.parts.fetch('bafy', { from: 0, to: 10 }, fromAlice()))
    await refusal('BAD_ADDRESS', bob.parts.fetch(cid, { from: 0, to: 10 }, { ...limits, provider: '/ip4/1.2.3.4' }))
  })

  it('refuses bytes that the CID does not name', async () => {
    const { root, blocks } = await encodeBlob(randomBytes(2_000), [1_000])
    const liar = await startNode({ folder: join(folder, 'liar'), identitySeed: new Uint8Array(32).fill(9) })
    await liar.libp2p.handle('/cohort/parts/1', async (stream) => {
      for (const bytes of [leanLinks(blocks.at(-1)!.bytes), randomBytes(1_000)]) {
        const length = Buffer.alloc(4)
        length.writeUInt32LE(bytes.length)
        stream.send(Buffer.concat([length, bytes]))
      }
      await stream.close()
    })
    try {
      const options = { ...limits, provider: liar.libp2p.getMultiaddrs()[0]!.toString() }
      await refusal('MALFORMED', bob.parts.fetch(root.toString(), { from: 0, to: 500 }, options))
    } finally {
      await liar.stop()
    }
  })

  it('serves nothing in place of a block that is gone from its disk, or was changed there', async () => {
    const { root, blocks } = await encodeBlob(randomBytes(2_000), [1_000])
    const place = { folder: join(folder, 'broken'), identitySeed: new Uint8Array(32).fill(9) }
    let broken = await DataPlane.start(place)
    try {
      await broken.publish(Buffer.concat(blocks.slice(0, 2).map(({ bytes }) => bytes)), { cuts: [1_000] })
      await broken.stop()
      const files = await readdir(join(folder, 'broken', 'blocks'), { recursive: true, withFileTypes: true })
      for (const file of files.filter((entry) => entry.isFile())) {
        const path = join(file.parentPath, file.name)
        const bytes = await readFile(path)
        if (bytes.equals(blocks[0]!.bytes)) await writeFile(path, randomBytes(1_000))
        if (bytes.equals(blocks[1]!.bytes)) await rm(path)
      }
      broken = await DataPlane.start(place)
      const options = { ...limits, provider: broken.addresses[0]! }
      // An honest keeper would look like a liar.
      await refusal('UNAVAILABLE', bob.parts.fetch(root.toString(), { from: 0, to: 500 }, options))
      await refusal('UNAVAILABLE', bob.parts.fetch(root.toString(), { from: 1_500, to: 1_600 }, options))
    } finally {
      await broken.stop()
    }
  })

  it('gives a note to whoever asks, and waits a little for one that is to be written', async () => {
    const options = { timeout: 10_000, provider: alice.addresses[0]! }
    alice.parts.tell('round 1', Buffer.from('one'))
    expect(Buffer.from((await bob.parts.ask('round 1', options))!).toString()).to.equal('one')
    const later = bob.parts.ask('round 2', options)
    alice.parts.tell('round 2', Buffer.from('two'))
    expect(Buffer.from((await later)!).toString()).to.equal('two')
    await refusal('TIMEOUT', bob.parts.ask('round 3', { ...options, timeout: 200 }))
  })

  it('keeps the newest 32 notes, and none above 64 KiB', async () => {
    for (let i = 0; i < 40; i++) alice.parts.tell(`many ${i}`, Uint8Array.of(i))
    const options = { timeout: 10_000, provider: alice.addresses[0]! }
    expect(await bob.parts.ask('many 39', options)).to.deep.equal(Uint8Array.of(39))
    expect(await bob.parts.ask('many 8', options)).to.deep.equal(Uint8Array.of(8))
    await refusal('TIMEOUT', bob.parts.ask('many 7', { ...options, timeout: 200 }))
    expect(() => alice.parts.tell('long', new Uint8Array(65_537))).to.throw('65537 bytes')
    expect(() => alice.parts.tell('none', new Uint8Array())).to.throw('0 bytes')
  })

  it('says that a peer is unavailable when it is not there', async () => {
    const gone = await DataPlane.start({ folder: join(folder, 'gone'), identitySeed: new Uint8Array(32).fill(8) })
    const [provider] = gone.addresses
    await gone.stop()
    await refusal('UNAVAILABLE', bob.parts.ask('round 1', { timeout: 10_000, provider: provider! }))
  })
})
