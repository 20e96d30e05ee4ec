// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { FsDatastore } from 'datastore-fs'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { flushed, HeldBlocks, HeldRecords } from '../../../keepers/network/held-stores.ts'

describe('blocks and records on the disk that are in memory, too', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-stores-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  type Key = Parameters<HeldRecords['put']>[0]
  // As it names the file of a record on the disk.
  const keyOf = (name: string): Key => new HeldRecords(folder)._decode(join(folder, `${name}.data`))
  const cidOf = async (bytes: Uint8Array): Promise<CID> => CID.createV1(raw.code, await sha256.digest(bytes))
  const read = async (blocks: HeldBlocks, cid: CID): Promise<Uint8Array> => {
    const parts: Uint8Array[] = []
    for await (const part of blocks.get(cid)) parts.push(part)
    return Buffer.concat(parts)
  }
  const nameOf = (error: unknown): string => (error as Error).name

  it('are whole on the disk when a write is over, for whoever opens the folder next', async () => {
    const place = join(folder, 'blocks')
    const [small, long] = [new Uint8Array(randomBytes(1_000)), new Uint8Array(randomBytes(100_000))]
    const blocks = new HeldBlocks(place)
    for (const block of [small, long]) {
      const cid = await cidOf(block)
      // Several fetches may bring the same block at the same time.
      await Promise.all([blocks.put(cid, block), blocks.put(cid, block)])
      expect(Buffer.compare(await read(new HeldBlocks(place), cid), block)).to.equal(0)
      expect(await new HeldBlocks(place).has(cid)).to.equal(true)
    }
    const files = (await readdir(place, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
    expect(files.map(({ name }) => name.slice(-5))).to.deep.equal(['.data', '.data'])
  })

  it('do not change with what was written, or read', async () => {
    const blocks = new HeldBlocks(join(folder, 'own'))
    const block = new Uint8Array(randomBytes(500))
    const [cid, copy] = [await cidOf(block), block.slice()]
    await blocks.put(cid, block)
    block.fill(0)
    ;(await read(blocks, cid)).fill(0)
    expect(Buffer.compare(await read(blocks, cid), copy)).to.equal(0)
    const records = new HeldRecords(join(folder, 'own records'))
    const value = Uint8Array.of(1, 2)
    await records.put(keyOf('/pin/a'), value)
    value.fill(0)
    ;(await records.get(keyOf('/pin/a'))).fill(0)
    expect([...(await records.get(keyOf('/pin/a')))]).to.deep.equal([1, 2])
  })

  it('are gone when they are deleted, and missing when they never were', async () => {
    const blocks = new HeldBlocks(join(folder, 'gone'))
    const block = new Uint8Array(randomBytes(500))
    const cid = await cidOf(block)
    expect(await blocks.has(cid)).to.equal(false)
    expect(await read(blocks, cid).catch(nameOf)).to.equal('NotFoundError')
    await blocks.put(cid, block)
    await blocks.delete(cid)
    expect([await blocks.has(cid), await read(blocks, cid).catch(nameOf)]).to.deep.equal([false, 'NotFoundError'])
    const records = new HeldRecords(join(folder, 'gone records'))
    const key = keyOf('/pin/a')
    expect([await records.has(key), await records.get(key).catch(nameOf)]).to.deep.equal([false, 'NotFoundError'])
    await records.put(key, Uint8Array.of(1))
    await records.delete(key)
    expect([await records.has(key), await records.get(key).catch(nameOf)]).to.deep.equal([false, 'NotFoundError'])
  })

  it('records are found by whoever opens the folder next, and the last of several writes stays', async () => {
    const place = join(folder, 'records')
    const first = new HeldRecords(place)
    await Promise.all([1, 2, 3].map((value) => first.put(keyOf('/pinned-block/x'), Uint8Array.of(value))))
    const next = new HeldRecords(place)
    expect(await next.has(keyOf('/pinned-block/x'))).to.equal(true)
    expect([...(await next.get(keyOf('/pinned-block/x')))]).to.deep.equal([3])
    const keys: string[] = []
    for await (const { key } of next.query({ prefix: '/pinned-block' })) keys.push(key.toString())
    expect(keys).to.deep.equal(['/pinned-block/x'])
  })

  it('long blocks are read from the disk each time', async () => {
    const place = join(folder, 'long')
    const blocks = new HeldBlocks(place)
    const block = new Uint8Array(randomBytes(100_000))
    const cid = await cidOf(block)
    await blocks.put(cid, block)
    const [entry] = (await readdir(place, { recursive: true, withFileTypes: true })).filter((one) => one.isFile())
    const file = join(entry!.parentPath, entry!.name)
    const changed = await readFile(file)
    changed[0]! ^= 1
    await writeFile(file, changed)
    expect(Buffer.compare(await read(blocks, cid), changed)).to.equal(0)
  })

  it('leave no file open when a reader gives up while it is opened', async function () {
    if (!existsSync('/proc/self/fd')) this.skip()
    const place = join(folder, 'given up')
    const blocks = new HeldBlocks(place)
    const block = new Uint8Array(randomBytes(100_000))
    const cid = await cidOf(block)
    await blocks.put(cid, block)
    const given = Array.from({ length: 20 }, async () => {
      const giving = new AbortController()
      const reading = (async () => {
        for await (const _ of blocks.get(cid, { signal: giving.signal }));
      })()
      reading.catch(() => undefined)
      await Promise.resolve()
      giving.abort()
      await reading.catch(() => undefined)
    })
    await Promise.all(given)
    await new Promise((resolve) => setTimeout(resolve, 50))
    const open = readdirSync('/proc/self/fd').map((file) => {
      try {
        return readlinkSync(`/proc/self/fd/${file}`)
      } catch {
        return ''
      }
    })
    expect(open.filter((path) => path.startsWith(place))).to.deep.equal([])
  })

  it('are not remembered as they were when they changed, or went, while they were read', async () => {
    const place = join(folder, 'changing')
    const [key, other] = [keyOf('/pin/c'), keyOf('/pin/d')]
    const before = new HeldRecords(place)
    await before.put(key, Uint8Array.of(1))
    await before.put(other, Uint8Array.of(1))
    const records = new HeldRecords(place)
    const read_ = FsDatastore.prototype.get
    const gate = Promise.withResolvers<void>()
    FsDatastore.prototype.get = async function (of, options) {
      const value = await read_.call(this, of, options)
      await gate.promise
      return value
    }
    try {
      const reading = [records.get(key), records.get(other)]
      await sleep(50)
      await records.put(key, Uint8Array.of(2))
      await records.delete(other)
      gate.resolve()
      await Promise.all(reading)
    } finally {
      FsDatastore.prototype.get = read_
    }
    expect([...(await records.get(key))]).to.deep.equal([2])
    expect(await records.has(other)).to.equal(false)
    const blocks = new HeldBlocks(join(folder, 'going'))
    for (let i = 0; i < 40; i++) {
      const block = new Uint8Array(randomBytes(60_000))
      const cid = await cidOf(block)
      await blocks.put(cid, block)
      const again = new HeldBlocks(join(folder, 'going'))
      const reading = read(again, cid).catch(nameOf)
      if (i % 2 === 0) await new Promise((resolve) => setImmediate(resolve))
      await again.delete(cid)
      await reading
      expect(await again.has(cid), `block ${i}`).to.equal(false)
    }
  })

  it('outlast a power cut once they are to be kept safe, whole and under their names', async () => {
    const place = join(folder, 'safe')
    const flushes: string[] = []
    const blocks = new HeldBlocks(place, async (path) => {
      // Whole, under its name.
      expect(existsSync(path)).to.equal(true)
      await flushed(path)
      flushes.push(path)
    })
    const [first, second] = [new Uint8Array(randomBytes(300)), new Uint8Array(randomBytes(300))]
    const [kept, left] = [await cidOf(first), await cidOf(second)]
    await blocks.put(kept, first)
    await blocks.put(left, second)
    await blocks.keepSafe([kept])
    expect(flushes).to.have.length(1)
    expect(await readFile(flushes[0]!)).to.deep.equal(Buffer.from(first))
  })
})
