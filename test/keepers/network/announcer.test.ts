// SPDX-License-Identifier: GPL-3.0-or-later
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { Announcer } from '../../../keepers/network/announcer.ts'
import type { DhtEvent } from '../../../keepers/network/index.ts'

const cidOf = async (n: number): Promise<CID> => CID.createV1(raw.code, await sha256.digest(Uint8Array.of(n)))

/** A DHT that writes down what it is told, and takes as long and fails as often as a test wants. */
class Recorder {
  readonly provided: string[] = []
  readonly withdrawn: string[] = []
  during: (cid: CID, signal: AbortSignal) => Promise<void> = async () => undefined

  async provide(cid: CID, signal: AbortSignal): Promise<void> {
    this.provided.push(cid.toString())
    await this.during(cid, signal)
  }

  async withdraw(cid: CID): Promise<void> {
    this.withdrawn.push(cid.toString())
  }
}

async function until(what: string, test: () => boolean): Promise<void> {
  const end = performance.now() + 10_000
  while (!test()) {
    if (performance.now() > end) throw new Error(`${what}: never`)
    await wait(2)
  }
}

describe('announcer', () => {
  let held: CID[]
  let dht: Recorder
  /** What was told, and how many attempts had been made by then. */
  let events: (DhtEvent & { attempts: number })[]
  let announcer: Announcer
  const [first, longest] = [40, 80]

  function start(every: number): void {
    announcer = new Announcer({
      taker: dht,
      models: {
        async *list() {
          yield* held
        },
        holds: async (cid) => held.some((one) => one.equals(cid)),
      },
      every,
      retry: { first, longest },
      onEvent: (event) => events.push({ ...event, attempts: dht.provided.length }),
    })
    announcer.start()
  }

  beforeEach(async () => {
    held = await Promise.all([1, 2, 3, 4, 5].map(cidOf))
    dht = new Recorder()
    events = []
  })

  afterEach(() => announcer.stop())

  it('announces every model at start, and again at its interval', async () => {
    const started = performance.now()
    start(300)
    await until('told again', () => events.length === 2)
    expect(performance.now() - started).to.be.at.least(299)
    const all = held.map(String).sort()
    expect(dht.provided.slice(0, 5).sort()).to.deep.equal(all)
    expect(dht.provided.slice(5, 10).sort()).to.deep.equal(all)
    expect(events[0]).to.deep.equal({ announced: 5, failed: 0, reason: null, attempts: 5 })
  })

  it('announces a new model at once, before the remaining others', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    dht.during = () => promise
    start(60_000)
    await until('begun', () => dht.provided.length === 1)
    const model = await cidOf(6)
    held.push(model)
    announcer.announce(model)
    resolve()
    await until('told', () => events.length === 1)
    expect(dht.provided[1]).to.equal(model.toString())
    expect(dht.provided).to.have.lengthOf(6)
    const next = await cidOf(7)
    held.push(next)
    announcer.announce(next)
    await until('told of the next', () => events.length === 2)
    expect(dht.provided[6]).to.equal(next.toString())
  })

  it('tries again what failed, and lets no model that always fails keep the others from being told', async () => {
    const bad = new Set(held.slice(2).map(String))
    dht.during = async (cid) => {
      if (bad.has(cid.toString())) throw new Error('nobody took it')
    }
    start(60_000)
    await until('told', () => events.length === 2)
    // The three that fail come first, and the rest waits for a better time.
    expect(events[0]).to.deep.equal({ announced: 0, failed: 5, reason: 'nobody took it', attempts: 3 })
    expect(events[1]).to.deep.equal({ announced: 2, failed: 3, reason: 'nobody took it', attempts: 8 })
    bad.clear()
    await until('all told', () => events.at(-1)?.failed === 0)
    const { length } = dht.provided
    await wait(2 * longest)
    expect(dht.provided).to.have.lengthOf(length)
  })

  it('waits after each failure', async () => {
    held = held.slice(0, 1)
    dht.during = () => Promise.reject(new Error('no'))
    const started = performance.now()
    start(60_000)
    await until('six attempts', () => dht.provided.length === 6)
    expect(performance.now() - started).to.be.at.least(first + 4 * longest - 5)
  })

  it('never announces a released model, even if it is released meanwhile', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    dht.during = () => promise
    start(60_000)
    await until('begun', () => dht.provided.length === 1)
    held = []
    resolve()
    await until('told', () => events.length === 1)
    expect(dht.provided).to.have.lengthOf(1)
    expect(dht.withdrawn).to.deep.equal(dht.provided)
  })

  it('goes on after the list of models could not be read', async () => {
    const readable = held
    held = null as unknown as CID[]
    start(60_000)
    await until('told', () => events.length === 1)
    expect(events[0]).to.include({ announced: 0, attempts: 0 })
    held = readable
    await until('all told', () => events.at(-1)?.announced === 5)
  })

  it('stops at once in the middle of an announcement', async () => {
    dht.during = (_, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    start(60_000)
    await until('begun', () => dht.provided.length === 1)
    const started = performance.now()
    await announcer.stop()
    expect(performance.now() - started).to.be.lessThan(1_000)
    expect(events).to.deep.equal([])
  })
})
