// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import type { Block } from 'ethers'
import { type Clock, HeadWatch } from '../../../keepers/chain/index.ts'

class ManualClock implements Clock {
  time = 1_700_000_000_000
  now(): number {
    return this.time
  }
  async sleep(): Promise<void> {}
}

/** A chain whose blocks a test spaces, and a clock that it moves. */
function stage(pollInterval = 1_000, isAnnounced = () => false) {
  const clock = new ManualClock()
  const chain = { requests: 0, failing: false, head: block(0, clock.time / 1000), slow: null as Promise<void> | null }
  const provider = {
    getBlock: async () => {
      chain.requests += 1
      if (chain.failing) throw new Error('no answer')
      const { head } = chain
      await chain.slow
      return head as unknown as Block
    },
  }
  return { clock, chain, heads: new HeadWatch({ provider, clock, pollInterval, isAnnounced }) }
}

function block(number: number, timestamp: number, branch = 'a') {
  return { number, hash: `${branch}${number}`, parentHash: `${branch}${number - 1}`, timestamp, baseFeePerGas: 7n }
}

/**
 * Lets `minutes` pass in steps of 100 ms, with a block every `slot` seconds that is there `delay(n)` ms after its time. Somebody looks
 * whenever the watch says. Returns requests a minute, and by how much each block was seen after it was there, in milliseconds.
 */
async function watch(options: { slot: number; minutes: number; delay?: (n: number) => number; poll?: number }) {
  const { clock, chain, heads } = stage(options.poll)
  const start = clock.time
  const lags: number[] = []
  let known = -1
  for (let at = 0; at < options.minutes * 60_000; at += 100) {
    clock.time = start + at
    const n = Math.floor(at / 1000 / options.slot)
    const there = start + n * options.slot * 1000 + (options.delay?.(n) ?? 0)
    const number = clock.time >= there ? n : n - 1
    if (number >= 0) chain.head = block(number, start / 1000 + number * options.slot)
    if (heads.wait > 0) continue
    const head = await heads.latest()
    if (head.number > known)
      lags.push(clock.time - (start + head.number * options.slot * 1000 + (options.delay?.(head.number) ?? 0)))
    known = head.number
  }
  return { perMinute: chain.requests / options.minutes, lags: lags.slice(8), blocks: known }
}

describe('head watch', () => {
  it('goes on asking when somebody sets the clock, back or forward', async () => {
    for (const jump of [-3_600_000, 3_600_000]) {
      const { clock, chain, heads } = stage()
      let passed = 0
      const steady = Object.assign(clock, { steady: () => passed })
      const next = async (n: number): Promise<number> => {
        chain.head = block(n, 1_700_000_000 + n)
        passed += 1_000
        steady.time += 1_000
        return (await heads.latest()).number
      }
      for (let n = 1; n < 10; n++) expect(await next(n)).to.equal(n)
      steady.time += jump
      for (let n = 10; n < 20; n++) expect(await next(n), `after a jump of ${jump} ms`).to.equal(n)
    }
  })

  it('would wait for the clock to come back, if it went by the clock alone', async () => {
    const { clock, chain, heads } = stage()
    await heads.latest()
    clock.time -= 3_600_000
    chain.head = block(1, 1_700_000_001)
    clock.time += 5_000
    expect((await heads.latest()).number).to.equal(0)
  })

  it('asks once about a block for everybody, also for those who ask meanwhile', async () => {
    const { chain, heads } = stage()
    let answer = (): void => undefined
    chain.slow = new Promise((done) => {
      answer = done
    })
    const both = [heads.latest(), heads.latest()]
    answer()
    const [first, second] = await Promise.all(both)
    expect(first).to.equal(second)
    expect(await heads.latest()).to.equal(first)
    expect(chain.requests).to.equal(1)
    expect(first).to.deep.equal(chain.head)
  })

  it('asks at most once a poll', async () => {
    const { clock, chain, heads } = stage(500)
    await heads.latest()
    clock.time += 499
    await heads.latest()
    expect(chain.requests).to.equal(1)
    expect(heads.wait).to.equal(1)
    clock.time += 1
    await heads.latest()
    expect(chain.requests).to.equal(2)
  })

  it('takes a known block for as long as it is told to', async () => {
    const { clock, chain, heads } = stage(500)
    await heads.latest()
    clock.time += 20_000
    await heads.latest(30_000)
    expect(chain.requests).to.equal(1)
    await heads.latest()
    expect(chain.requests).to.equal(2)
  })

  it('treats a node without a latest block as one that is not answering', async () => {
    const { chain, heads } = stage()
    const { head } = chain
    chain.head = null as never
    const failed = await heads.latest().catch((error: { code?: string }) => error)
    // UNREACHABLE would end the keeper.
    expect(failed).to.be.instanceOf(Error).and.not.to.have.property('code')
    chain.head = head
    expect((await heads.latest()).number).to.equal(0)
  })

  it('asks again at once after a failure', async () => {
    const { chain, heads } = stage()
    chain.failing = true
    const failed = await heads.latest().catch((error: Error) => error.message)
    expect(failed).to.equal('no answer')
    chain.failing = false
    expect((await heads.latest()).number).to.equal(0)
  })

  it('asks about each block of a slow chain hardly more than once, and sees it soon', async () => {
    for (const delay of [() => 0, () => 1_500, (n: number) => (n * 7919) % 2_000]) {
      const { perMinute, lags, blocks } = await watch({ slot: 12, minutes: 20, delay })
      expect(blocks).to.equal(99)
      expect(perMinute, 'requests a minute').to.be.within(5, 8.5)
      expect(Math.max(...lags), 'milliseconds').to.be.at.most(4_500)
      expect(lags.reduce((a, b) => a + b) / lags.length, 'milliseconds on average').to.be.at.most(1_500)
    }
  })

  it('polls a chain of fast blocks', async () => {
    const { perMinute } = await watch({ slot: 2, minutes: 3, poll: 1_000 })
    expect(perMinute).to.be.within(58, 61)
  })

  it('learns the pace anew after a branch is dropped, and after blocks that it slept through', async () => {
    const { clock, chain, heads } = stage()
    const next = async (number: number, seconds: number, branch = 'a'): Promise<void> => {
      clock.time += seconds * 1000
      chain.head = block(number, clock.time / 1000, branch)
      await heads.latest()
    }
    await heads.latest()
    for (let n = 1; n <= 5; n++) await next(n, 12)
    expect(heads.slot).to.equal(12_000)
    // An hour asleep: blocks still come every 12 seconds, and the next one is asked for in time.
    await next(305, 3_600)
    expect(heads.slot).to.equal(12_000)
    expect(heads.wait).to.be.at.most(12_000)
    await next(305, 12, 'b')
    expect(heads.slot).to.equal(0)
    expect(heads.wait).to.equal(1_000)
  })

  it('asks again within half a minute, whatever times an endpoint reports, and however far apart blocks were', async () => {
    for (const apart of [600, 1_000_000]) {
      const { clock, chain, heads } = stage()
      const { time } = clock
      for (let n = 0; n < 8; n++) {
        clock.time = Math.max(clock.time + 30_000, apart === 600 ? time + n * 600_000 : 0)
        chain.head = block(n, time / 1000 + n * apart)
        await heads.latest()
      }
      expect(heads.wait, `${apart} s apart`).to.be.at.most(30_000)
      chain.head = block(8, clock.time / 1000)
      clock.time += 30_000
      expect((await heads.latest()).number).to.equal(8)
    }
  })
})

describe('head watch of announced blocks', () => {
  it('asks once a block, however late it comes, and at last without an announcement', async () => {
    const { clock, chain, heads } = stage(1_000, () => announced)
    let announced = false
    const start = clock.time
    const come = async (number: number, at: number): Promise<void> => {
      clock.time = start + at
      chain.head = block(number, start / 1000 + 12 * number)
      heads.announce()
      expect((await heads.latest()).number).to.equal(number)
    }
    for (let n = 1; n <= 6; n++) await come(n, n * 12_000)
    announced = true
    // The seventh is known to be announced: the eighth comes eleven seconds late, and nobody asks before.
    await come(7, 84_000)
    const { requests } = chain
    for (let at = 84_100; at < 107_000; at += 100) {
      clock.time = start + at
      expect((await heads.latest()).number).to.equal(7)
    }
    expect(chain.requests).to.equal(requests)
    await come(8, 107_000)
    expect(chain.requests).to.equal(requests + 1)
    // Nothing is announced any more.
    chain.head = block(9, start / 1000 + 108)
    clock.time = start + 107_000 + 24_001
    expect((await heads.latest()).number).to.equal(9)
  })
})
