// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import type { Step } from '../../../keepers/agent/context.ts'
import { FetchAhead, fetchTime } from '../../../keepers/agent/steps/fetch-ahead.ts'
import { steady, systemClock } from '../../../keepers/chain/index.ts'
import { NetworkError } from '../../../keepers/network/index.ts'

type Fetch = { readonly timeout: number; readonly signal: AbortSignal; readonly providers: readonly string[] }

/** A step of the keeper at seat 0, to which `deliver` brings blobs. */
function stepWith(deliver: (cid: string, options: Fetch) => Promise<Uint8Array>, here: readonly string[] = []): Step {
  const context = {
    clock: systemClock,
    config: { network: { fetchSeconds: 60 } },
    plane: { has: async (cid: string) => here.includes(cid), fetch: deliver, hold: deliver },
    peers: { providers: async (first: number, others: readonly number[]) => [first, ...others].map(String) },
    metrics: { bytesFetched: { inc: () => undefined } },
  }
  return { context, seat: 0, signal: new AbortController().signal } as unknown as Step
}

const wanted = (count: number) => Array.from({ length: count }, (_, at) => ({ seat: at + 1, cid: `blob ${at + 1}` }))
const about = { kind: 'update', round: 1, maxBytes: 20_000, others: [] }

describe('blobs that are fetched ahead', () => {
  it('are asked for as a whole first where all are cut alike, then in the usual way, in the same time together', async () => {
    const here: string[] = []
    const asked: string[] = []
    const times: number[] = []
    const counted: number[] = []
    const step = stepWith(async (cid, { timeout }) => {
      asked.push(here.includes(cid) ? `${cid} here` : `${cid} by bitswap`)
      times.push(timeout)
      return new Uint8Array(1)
    }, here)
    const { context } = step as unknown as { context: { plane: object; metrics: object } }
    Object.assign(context.metrics, { bytesFetched: { inc: (_: object, bytes: number) => void counted.push(bytes) } })
    Object.assign(context.plane, {
      parts: {
        fetch: async (cid: string, range: object, { timeout }: Fetch) => {
          asked.push(`${cid} whole ${JSON.stringify(range)}`)
          times.push(timeout)
          if (cid === 'blob 2') throw new NetworkError('TIMEOUT', 'no answer')
          return { range: new Uint8Array(5), bytes: 7 }
        },
      },
      publish: async () => void here.push('blob 1'),
    })
    using ahead = new FetchAhead(step, wanted(2), { ...about, cuts: [3] })
    await Promise.all([ahead.here(1), ahead.here(2)])
    const whole = JSON.stringify({ from: 0, to: about.maxBytes })
    expect(asked.filter((line) => line.startsWith('blob 1'))).to.deep.equal([`blob 1 whole ${whole}`, 'blob 1 here'])
    expect(asked.filter((line) => line.startsWith('blob 2'))).to.deep.equal([
      `blob 2 whole ${whole}`,
      'blob 2 by bitswap',
    ])
    // What the question took, and what bitswap took.
    expect(counted).to.have.members([7, 1])
    expect(Math.max(...times)).to.be.at.most(60_000)
    expect(Math.min(...times)).to.be.within(29_000, 30_000)
  })

  it('come several at a time, and each as soon as it is here', async () => {
    let underWay = 0
    let most = 0
    using ahead = new FetchAhead(
      stepWith(async (cid) => {
        most = Math.max(most, ++underWay)
        await systemClock.sleep(cid === 'blob 1' ? 60 : 5)
        underWay--
        return new Uint8Array(1)
      }),
      wanted(40),
      about,
    )
    const order: number[] = []
    for await (const seat of ahead.settled()) order.push(seat)
    expect(order).to.have.members(wanted(40).map(({ seat }) => seat))
    expect(order.indexOf(1)).to.be.greaterThan(10)
    expect(most).to.equal(8)
  })

  for (const maxBytes of [12 << 20, 500 << 20]) {
    it(`are few at a time when they have ${maxBytes >> 20} MiB: their blocks under way are in memory`, async () => {
      let underWay = 0
      let most = 0
      const step = stepWith(async () => {
        most = Math.max(most, ++underWay)
        await systemClock.sleep(2)
        underWay--
        return new Uint8Array(1)
      })
      using ahead = new FetchAhead(step, wanted(8), { ...about, maxBytes })
      for await (const _ of ahead.settled());
      expect(most).to.equal(2)
    })
  }

  it('all begin in time and get their part, when as many as can be under way trickle until their time is over', async () => {
    const timeouts = new Map<string, number>()
    const times = { sendersUntil: Infinity, until: steady(systemClock) + 3_600 }
    using ahead = new FetchAhead(
      stepWith(async (cid, { timeout }) => {
        timeouts.set(cid, timeout)
        if (Number(cid.slice(5)) > 8) return new Uint8Array(1)
        await systemClock.sleep(timeout)
        throw new NetworkError('TIMEOUT', 'a byte a second')
      }),
      wanted(20),
      { ...about, times },
    )
    await ahead.here(20)
    expect([...timeouts.values()].filter((timeout) => timeout < 1_150)).to.deep.equal([])
    expect(steady(systemClock)).to.be.lessThan(times.until)
  })

  it('get a wave of the time each, and all that is left once nobody waits', () => {
    const at = { whole: 36_000, wanted: 47, atOnce: 16 }
    expect(fetchTime({ ...at, left: 36_000, waiting: 47 })).to.equal(12_000)
    expect(fetchTime({ ...at, left: 20_000, waiting: 17 })).to.equal(12_000)
    expect(fetchTime({ ...at, left: 20_000, waiting: 16 })).to.equal(20_000)
    expect(fetchTime({ ...at, left: 3, waiting: 1 })).to.equal(1_000)
  })

  it('are late when only others are asked for them, and never when they are here already', async () => {
    const asked: (readonly string[])[] = []
    using ahead = new FetchAhead(
      stepWith(
        async (_, { providers }) => {
          asked.push(providers)
          return new Uint8Array(1)
        },
        ['blob 1'],
      ),
      [...wanted(2), { seat: 3, cid: null }],
      { ...about, others: [1, 2, 3], times: { sendersUntil: 0, until: steady(systemClock) + 1_000 } },
    )
    expect(await ahead.here(1)).to.deep.equal({ isLate: false })
    expect(await ahead.here(2)).to.deep.equal({ isLate: true })
    expect(await ahead.here(3)).to.deep.equal({ isLate: false })
    expect(asked).to.deep.equal([['0', '1', '3']])
  })

  it('are given up when nobody waits for them any more', async () => {
    const given: boolean[] = []
    {
      using ahead = new FetchAhead(
        stepWith(async (_, { signal }) => {
          await systemClock.sleep(60_000, signal).catch(() => given.push(true))
          throw new NetworkError('UNAVAILABLE', 'given up')
        }),
        wanted(3),
        about,
      )
      void ahead
      await systemClock.sleep(20)
    }
    await systemClock.sleep(20)
    expect(given).to.deep.equal([true, true, true])
  })
})
