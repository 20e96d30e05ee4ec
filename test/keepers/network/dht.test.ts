// SPDX-License-Identifier: GPL-3.0-or-later
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { globSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { base32 } from 'multiformats/bases/base32'
import { base36 } from 'multiformats/bases/base36'
import { CID } from 'multiformats/cid'
import { BoundedDatastore } from '../../../keepers/network/bounded-datastore.ts'
import type { DhtEvent, DhtOptions } from '../../../keepers/network/index.ts'
import { DataPlane, NetworkError } from '../../../keepers/network/index.ts'

const prefix = '/cohort-test'
// Bounds on times lie below what waiting for a silent peer takes (8 s to join), and far above what a busy machine needs.
const limits = { maxBytes: 8 << 20, timeout: 15_000, providers: [] }
/** A peer id that nobody here has. */
const NOBODY = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'
const DEAD = `/ip4/127.0.0.1/tcp/9/p2p/${NOBODY}`
/** A member that is gone, which has another peer id than the bootstrap node: libp2p dials a peer once at a time. */
const GONE = '/ip4/127.0.0.1/tcp/9/p2p/12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X'

async function refusal(body: Promise<unknown>): Promise<NetworkError> {
  try {
    await body
  } catch (error) {
    if (error instanceof NetworkError) return error
    throw error
  }
  throw new Error('expected a NetworkError')
}

async function until(what: string, test: () => boolean, milliseconds = 20_000): Promise<void> {
  const end = performance.now() + milliseconds
  while (!test()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${milliseconds} ms`)
    await wait(50)
  }
}

async function timed<T>(body: Promise<T>): Promise<{ value: T; milliseconds: number }> {
  const started = performance.now()
  const value = await body
  return { value, milliseconds: performance.now() - started }
}

/** The form in which the DHT files a CID: its multihash in base32, without multibase prefix. */
const filed = (cid: string): string => base32.baseEncode(CID.parse(cid).multihash.bytes)

/** A node with what it told about announcements. */
type Node = { readonly plane: DataPlane; readonly events: DhtEvent[] }

describe('DHT', function () {
  this.timeout(90_000)
  let folder: string
  let mute: Server
  let silent: string
  const planes: DataPlane[] = []
  /** CIDs, as filed, of which any node here stored a record, and of which any was asked for providers. */
  const recorded = new Set<string>()
  const asked = new Set<string>()
  const { put, _all } = BoundedDatastore.prototype

  async function start(name: string, dht?: DhtOptions, seed = randomBytes(32)): Promise<Node> {
    const events: DhtEvent[] = []
    const withEvents = dht && { dht: { ...dht, onEvent: (event: DhtEvent) => events.push(event) } }
    const options = { folder: join(folder, name), identitySeed: new Uint8Array(seed), ...withEvents }
    const plane = await DataPlane.start(options)
    planes.push(plane)
    return { plane, events }
  }

  const told = async ({ events }: Node): Promise<void> => {
    await until('announced', () => events.some(({ announced }) => announced > 0))
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-dht-'))
    mute = createServer(() => undefined)
    await new Promise<void>((done) => mute.listen(0, '127.0.0.1', done))
    silent = `/ip4/127.0.0.1/tcp/${(mute.address() as { port: number }).port}/p2p/${NOBODY}`
    const cidIn = (text: string): string | undefined => /\/dht\/provider\/([a-z2-7]+)/.exec(text)?.[1]
    BoundedDatastore.prototype.put = function (this: BoundedDatastore, ...args) {
      const cid = cidIn(args[0].toString())
      if (cid !== undefined) recorded.add(cid)
      return put.apply(this, args)
    }
    BoundedDatastore.prototype._all = function (this: BoundedDatastore, ...args) {
      const cid = cidIn(args[0].prefix ?? '')
      if (cid !== undefined) asked.add(cid)
      return _all.apply(this, args)
    }
  })

  after(async () => {
    Object.assign(BoundedDatastore.prototype, { put, _all })
    await Promise.all(planes.map((plane) => plane.stop()))
    mute.close()
    await rm(folder, { recursive: true, force: true })
  })

  describe('of three nodes', () => {
    const model = randomBytes(3_000_000)
    const seed = randomBytes(32)
    let bootstrap: string[]
    let server: DhtOptions
    let holder: Node
    let cid: string
    let update: string
    let unpinned: string
    /** Keys of records as what they are of; those of nothing known as they are. */
    const named = (keys: Iterable<string>): string[] => {
      const files = globSync('holder/**/*.data', { cwd: folder }).map((file) => basename(file, '.data').toLowerCase())
      // Blocks are filed by their multihash in base 36.
      const blocks = new Set(
        files.filter((name) => name.startsWith('k')).map((name) => base32.baseEncode(base36.decode(name))),
      )
      expect(blocks.size, 'blocks of the holder').to.be.above(3)
      expect(blocks.has(filed(update)), 'the update among them').to.equal(true)
      const names = new Map([
        [filed(cid), 'the model'],
        [filed(update), 'an update'],
        [filed(unpinned), 'a blob that is not pinned'],
      ])
      return [...keys].map((key) => names.get(key) ?? (blocks.has(key) ? 'a part of a blob' : key))
    }

    before(async () => {
      // Tests before this one announce blobs of their own, to nodes in this process, too.
      recorded.clear()
      asked.clear()
      const { plane } = await start('bootstrap', { mode: 'server', bootstrap: [], prefix })
      bootstrap = plane.addresses
      server = { mode: 'server', bootstrap, prefix }
      holder = await start('holder', server, seed)
      update = await holder.plane.publish(randomBytes(50_000), { round: 1 })
      unpinned = await holder.plane.publish(randomBytes(70_000))
      cid = await holder.plane.publish(model, { round: 1 })
      await holder.plane.pin(cid)
      await told(holder)
    })

    it('leads one who knows only the bootstrap node to a model that another pinned', async () => {
      const { plane } = await start('seeker', { mode: 'client', bootstrap, prefix })
      const got = await plane.fetch(cid, { ...limits, discover: true })
      expect(Buffer.compare(got, model)).to.equal(0)
    })

    it('leads to the model: without it, or without asking it, the same fetch times out', async () => {
      const { plane: alone } = await start('alone')
      const without = await timed(refusal(alone.fetch(cid, { ...limits, timeout: 4_000, discover: true })))
      expect(without.value.code).to.equal('UNAVAILABLE')
      expect(without.milliseconds).to.be.lessThan(7_000)
      // The bootstrap node is a bitswap peer of this one, and all that it knows.
      const { plane: quiet } = await start('quiet', { mode: 'client', bootstrap, prefix })
      await until('joined', () => quiet.dhtPeers > 0)
      const unasked = await timed(refusal(quiet.fetch(cid, { ...limits, timeout: 4_000, providers: bootstrap })))
      expect(unasked.value.code).to.match(/UNAVAILABLE|TIMEOUT/)
      expect(unasked.milliseconds).to.be.lessThan(7_000)
    })

    it('learns only of the pinned model, and is never asked for a blob of a round', async () => {
      const { plane } = await start('asker', { mode: 'client', bootstrap, prefix })
      await until('joined', () => plane.dhtPeers > 0)
      const before = asked.size
      await refusal(plane.fetch(update, { ...limits, timeout: 4_000, providers: [GONE, ...bootstrap], round: 1 }))
      expect(asked.size).to.equal(before)
      await plane.fetch(update, { ...limits, providers: holder.plane.addresses, round: 1 })
      // Long enough for a record of what was just fetched, if one were made.
      await wait(1_500)
      expect(named(recorded)).to.deep.equal(['the model'])
      expect(named(asked)).to.deep.equal(['the model'])
    })

    it('leads past one who announced the model and does not deliver it', async () => {
      const liar = await start('liar', server)
      await liar.plane.fetch(cid, { ...limits, providers: holder.plane.addresses })
      await liar.plane.pin(cid)
      await told(liar)
      await liar.plane.release(cid)
      await liar.plane.collect(0)
      expect(await liar.plane.has(cid)).to.equal(false)
      // The newest record is named last: let that be the one that is true.
      holder.events.length = 0
      await holder.plane.pin(cid)
      await told(holder)
      const { plane } = await start('patient', { mode: 'client', bootstrap, prefix })
      const got = await plane.fetch(cid, { ...limits, timeout: 30_000, discover: true })
      expect(got.length).to.equal(model.length)
    })

    it('has nobody asked twice who was a known provider already', async () => {
      const liar = await start('second liar', server)
      const lost = await liar.plane.publish(randomBytes(5_000), { round: 2 })
      await liar.plane.pin(lost)
      await told(liar)
      await liar.plane.release(lost)
      await liar.plane.collect(0)
      const { plane: stranger } = await start('stranger', { mode: 'client', bootstrap, prefix })
      const found = await refusal(stranger.fetch(lost, { ...limits, discover: true }))
      expect(found.message).to.contain('none of 1 providers delivered it, 1 of them found in the DHT')
      const { plane } = await start('acquaintance', { mode: 'client', bootstrap, prefix })
      const known = await refusal(
        plane.fetch(lost, { ...limits, providers: liar.plane.addresses.slice(0, 1), discover: true }),
      )
      expect(known.code).to.equal('UNAVAILABLE')
      expect(known.message).to.contain('none of 1 providers delivered it, 0 of them found in the DHT')
    })

    it('is told again by a keeper that comes back at another port', async () => {
      await holder.plane.stop()
      recorded.clear()
      holder = await start('holder', server, seed)
      await told(holder)
      expect([...recorded]).to.deep.equal([filed(cid)])
      const { plane } = await start('later', { mode: 'client', bootstrap, prefix })
      const got = await plane.fetch(cid, { ...limits, timeout: 30_000, discover: true })
      expect(got.length).to.equal(model.length)
    })
  })

  for (const kind of ['dead', 'mute'] as const) {
    it(`with a ${kind} bootstrap node keeps nobody from starting, publishing, pinning and fetching from known peers`, async () => {
      const where = kind === 'dead' ? DEAD : silent
      const started = await timed(start(`${kind} one`, { mode: 'client', bootstrap: [where], prefix }))
      expect(started.milliseconds).to.be.lessThan(6_000)
      const one = started.value
      const other = await start(`${kind} two`)
      const cid = await one.plane.publish(randomBytes(1_000), { round: 1 })
      expect((await timed(one.plane.pin(cid))).milliseconds).to.be.lessThan(4_000)
      const known = await other.plane.publish(randomBytes(2_000))
      const fetched = await timed(
        one.plane.fetch(known, { ...limits, providers: [GONE, ...other.plane.addresses], discover: true }),
      )
      expect(fetched.value.length).to.equal(2_000)
      expect(fetched.milliseconds).to.be.lessThan(6_000)
      const nowhere = await timed(
        refusal(one.plane.fetch(await fresh(), { ...limits, timeout: 12_000, discover: true })),
      )
      expect(nowhere.value.code).to.equal('UNAVAILABLE')
      expect(nowhere.milliseconds).to.be.lessThan(10_000)
      await until('failure told', () => one.events.length > 0)
      expect(one.events[0]).to.deep.include({ announced: 0, failed: 1 })
      expect(one.events[0]!.reason).to.match(/network\.dht\.bootstrap/)
    })
  }

  it('stays within the time of a fetch when nobody answers', async () => {
    const { plane } = await start('hurried', { mode: 'client', bootstrap: [silent], prefix })
    const hurried = await timed(refusal(plane.fetch(await fresh(), { ...limits, timeout: 1_000, discover: true })))
    expect(hurried.value.code).to.equal('TIMEOUT')
    expect(hurried.milliseconds).to.be.lessThan(5_000)
  })

  it('takes up no private address unless it is a private one', async () => {
    const { plane: first } = await start('first', { mode: 'server', bootstrap: [] })
    const { plane: second } = await start('second', { mode: 'client', bootstrap: first.addresses })
    await until('connected', () => second.connections > 0)
    await wait(2_000)
    expect(second.dhtPeers).to.equal(0)
    const { plane: third } = await start('third', { mode: 'server', bootstrap: [], prefix })
    const { plane: fourth } = await start('fourth', { mode: 'client', bootstrap: third.addresses, prefix })
    await until('joined', () => fourth.dhtPeers === 1)
  })

  it('leaves no handle behind when it stops, joined, alone, or while it joins', async () => {
    const { plane } = await start('for others', { mode: 'server', bootstrap: [], prefix })
    const script = `
      const { DataPlane } = await import(${JSON.stringify(new URL('../../../keepers/network/index.ts', import.meta.url).href)})
      const [folder, prefix, ...where] = process.argv.slice(1)
      const planes = await Promise.all(where.map((address, i) => DataPlane.start({
        folder: folder + '/' + i,
        identitySeed: new Uint8Array(32).fill(200 + i),
        dht: { mode: 'server', bootstrap: [address], prefix },
      })))
      for (const plane of planes) await plane.pin(await plane.publish(new Uint8Array(100)))
      while (planes[0].dhtPeers === 0) await new Promise((done) => setTimeout(done, 20))
      const stopping = performance.now()
      process.on('exit', () => console.log(Math.round(performance.now() - stopping)))
      await Promise.all(planes.map((plane) => plane.stop()))`
    const args = ['--input-type=module', '-e', script, join(folder, 'child'), prefix, plane.addresses[0]!, DEAD, silent]
    // A handle that is left keeps the process: then the time-out kills it, and this throws. A timer, shorter than that
    // but longer than a moment, shows in the time from the stop to the end, which is what the process writes.
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 })
    expect(stdout.trim()).to.match(/^\d+$/)
    expect(Number(stdout)).to.be.lessThan(3_000)
    // What the child announced before it stopped, which a busy machine leaves it time for, is recorded by now or never.
    await plane.stop()
  })

  it('is refused for an invalid address, before anything starts', async () => {
    const error = await refusal(start('wrong', { mode: 'client', bootstrap: ['127.0.0.1:4001'], prefix }))
    expect(error.code).to.equal('BAD_ADDRESS')
    expect(error.message).to.contain('"127.0.0.1:4001"')
  })
})

/** A CID that nobody has. */
async function fresh(): Promise<string> {
  const { encodeBlob } = await import('../../../keepers/network/file-format.ts')
  return (await encodeBlob(randomBytes(64))).root.toString()
}
