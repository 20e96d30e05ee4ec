// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { encode as encodePb, prepare } from '@ipld/dag-pb'
import { multiaddr } from '@multiformats/multiaddr'
import { FsBlockstore } from 'blockstore-fs'
import { expect } from 'chai'
import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { collectGarbage } from '../../../keepers/agent/memory.ts'
import { DataPlane, NetworkError } from '../../../keepers/network/index.ts'
import { startNode } from '../../../keepers/network/node.ts'

const PROTOCOL = '/cohort/parts/1'
type Mallory = Awaited<ReturnType<typeof startNode>>

/** A question as it goes over the wire. */
function lengthFirst(question: string): Uint8Array {
  const head = Buffer.alloc(2)
  head.writeUInt16LE(question.length)
  return Buffer.concat([head, Buffer.from(question)])
}

const used = (): number => {
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}

describe('parts of blobs from peers that deviate', () => {
  let folder: string
  let alice: DataPlane
  let bob: DataPlane
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

  it('B1: what cannot be fetched whole, for its many small parts, cannot be fetched in parts either', async () => {
    const bytes = randomBytes(20_000)
    const cid = await alice.publish(bytes, { cuts: Array.from({ length: 1_250 }, (_, at) => 16 * at) })
    const limits = { maxBytes: 20_000, timeout: 20_000 }
    const whole = await bob.fetch(cid, { ...limits, providers: alice.addresses }).catch((error) => error)
    expect(whole).to.be.instanceOf(NetworkError)
    const part = await bob.parts
      .fetch(cid, { from: 5_000, to: 10_000 }, { ...limits, provider: alice.addresses[0]! })
      .catch((error) => error)
    // It took more than twelve times its range.
    expect(part, `${part.bytes} bytes for 5,000`).to.be.instanceOf(NetworkError)
  })

  it('C7: are refused when what surrounds a part is larger than any list of links, before it is read', async () => {
    // A file of 2,000 bytes in a node with two links and 60 KiB of nothing.
    const parts = [randomBytes(1_000), randomBytes(1_000)]
    const links = await Promise.all(
      parts.map(async (bytes) => ({
        Name: '',
        Tsize: 1_000,
        Hash: CID.createV1(raw.code, await sha256.digest(bytes)),
      })),
    )
    const data = new UnixFS({ type: 'file', blockSizes: [1_000n, 1_000n] }).marshal()
    const nothing = new Uint8Array([0x7a, 0xe0, 0xd4, 3, ...new Uint8Array(60_000)])
    const root = encodePb(prepare({ Data: Buffer.concat([data, nothing]), Links: links }))
    const cid = CID.createV1(0x70, await sha256.digest(root))
    const liar = join(folder, 'liar')
    const blocks = new FsBlockstore(join(liar, 'blocks'))
    await blocks.open()
    await blocks.put(cid, root)
    for (const [at, link] of links.entries()) await blocks.put(link.Hash, parts[at]!)
    await blocks.close()
    const mallory = await DataPlane.start({ folder: liar, identitySeed: new Uint8Array(32).fill(7) })
    try {
      const options = { maxBytes: 2_000, timeout: 10_000, provider: mallory.addresses[0]! }
      const error = await bob.parts.fetch(cid.toString(), { from: 0, to: 500 }, options).catch((thrown) => thrown)
      expect(error).to.be.instanceOf(NetworkError).with.property('code', 'TOO_LARGE')
    } finally {
      await mallory.stop()
    }
  })

  it('C8: hold little memory for a peer that asks for much and reads nothing', async () => {
    const size = 24 << 20
    const cid = await alice.publish(randomBytes(size))
    const idle = await startNode({ folder: join(folder, 'idle'), identitySeed: new Uint8Array(32).fill(5) })
    try {
      const before = used()
      const question = lengthFirst(JSON.stringify({ part: cid, from: 0, to: size }))
      for (let i = 0; i < 40; i++) {
        const stream = await idle.libp2p.dialProtocol(multiaddr(alice.addresses[0]!), PROTOCOL)
        stream.pause()
        stream.send(question)
      }
      await sleep(600)
      // 40 blocks of a MiB would be here, and as much again in what they were sent to.
      expect(used() - before).to.be.below(24 << 20)
    } finally {
      await idle.stop()
    }
  })

  /** Writes so many MiB to a stream, as fast as they are taken, until nothing is taken any more. */
  async function flood(stream: Awaited<ReturnType<Mallory['libp2p']['dialProtocol']>>, mebibytes: number) {
    const chunk = new Uint8Array(1 << 20)
    for (let i = 0; i < mebibytes && stream.status === 'open'; i++) {
      stream.send(chunk)
      for (let wait = 0; stream.writeBufferLength > 2 << 20 && stream.status === 'open'; wait++) {
        if (wait === 50) return
        await sleep(10)
      }
    }
  }

  it('hold little memory for a peer that goes on sending after its question', async () => {
    const mallory = await startNode({ folder: join(folder, 'talker'), identitySeed: new Uint8Array(32).fill(6) })
    try {
      alice.parts.tell('short', Uint8Array.of(1))
      const before = used()
      const stream = await mallory.libp2p.dialProtocol(multiaddr(alice.addresses[0]!), PROTOCOL)
      stream.send(lengthFirst(JSON.stringify({ note: 'short' })))
      await flood(stream, 96)
      expect(used() - before).to.be.below(24 << 20)
    } finally {
      await mallory.stop()
    }
  })

  it('hold little memory for a peer that goes on sending after its answer', async () => {
    const mallory = await startNode({ folder: join(folder, 'answerer'), identitySeed: new Uint8Array(32).fill(8) })
    const flooded = Promise.withResolvers<void>()
    await mallory.libp2p.handle(PROTOCOL, async (stream) => {
      stream.send(Uint8Array.of(1, 0, 0, 0, 7))
      await flood(stream, 96)
      flooded.resolve()
    })
    try {
      const before = used()
      const provider = mallory.libp2p.getMultiaddrs()[0]!.toString()
      expect([...(await bob.parts.ask('any', { timeout: 5_000, provider }))!]).to.deep.equal([7])
      await flooded.promise
      expect(used() - before).to.be.below(24 << 20)
    } finally {
      await mallory.stop()
    }
  })

  it('answer members while strangers under many names ask for all that is kept in memory, and read nothing', async () => {
    // Of another making: blocks as large as may be.
    const block = randomBytes(2 << 20)
    const large = CID.createV1(raw.code, await sha256.digest(block))
    const place = join(folder, 'besieged')
    const blocks = new FsBlockstore(join(place, 'blocks'))
    await blocks.open()
    await blocks.put(large, block)
    await blocks.close()
    const seed = (byte: number) => new Uint8Array(32).fill(byte)
    const start = (_: unknown, at: number) =>
      startNode({ folder: join(folder, `stranger ${at}`), identitySeed: seed(50 + at), listen: [] })
    const strangers = await Promise.all(Array.from({ length: 17 }, start))
    const lastsFor = async (members?: (peer: string) => Promise<boolean>): Promise<boolean> => {
      const whose = members === undefined ? {} : { members }
      const carol = await DataPlane.start({ folder: place, identitySeed: seed(40), ...whose })
      const asked = strangers.flatMap((stranger) =>
        Array.from({ length: 2 }, async () => {
          const stream = await stranger.libp2p.dialProtocol(multiaddr(carol.addresses[0]!), PROTOCOL)
          stream.pause()
          stream.send(lengthFirst(JSON.stringify({ part: large.toString(), from: 0, to: block.length })))
        }),
      )
      try {
        const cid = await carol.publish(randomBytes(200))
        await Promise.all(asked)
        await sleep(500)
        const limits = { maxBytes: 200, timeout: 2_000, provider: carol.addresses[0]! }
        return await bob.parts.fetch(cid, { from: 100, to: 150 }, limits).then(
          () => false,
          () => true,
        )
      } finally {
        await carol.stop()
      }
    }
    try {
      expect(await lastsFor(async (peer) => peer === bob.peerId)).to.equal(false)
      expect(await lastsFor(), 'where nobody is a stranger').to.equal(true)
    } finally {
      await Promise.all(strangers.map((node) => node.stop()))
    }
  })

  it('are not shut out by a dozen sockets that say nothing', async () => {
    const carol = await DataPlane.start({ folder: join(folder, 'carol'), identitySeed: new Uint8Array(32).fill(3) })
    const port = Number(/\/tcp\/(\d+)/.exec(alice.addresses[0]!)![1])
    const sockets = await Promise.all(
      Array.from(
        { length: 12 },
        () =>
          new Promise<ReturnType<typeof connect>>((resolve) => {
            const socket = connect(port, '127.0.0.1', () => resolve(socket)).on('error', () => undefined)
          }),
      ),
    )
    try {
      alice.parts.tell('said', Uint8Array.of(1))
      const note = await carol.parts.ask('said', { timeout: 5_000, provider: alice.addresses[0]! })
      expect([...note!]).to.deep.equal([1])
    } finally {
      for (const socket of sockets) socket.destroy()
      await carol.stop()
    }
  })
})
