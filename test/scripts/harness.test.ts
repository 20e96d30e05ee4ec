// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { createContext, formatTable, median, time, timeBeside } from '../../scripts/bench/harness.ts'

describe('bench harness', () => {
  it('takes the median of odd and even numbers of runs, and refuses none', () => {
    expect(median([3, 1, 2])).to.equal(2)
    expect(median([4, 1, 2, 3])).to.equal(2.5)
    expect(() => median([])).to.throw(RangeError)
  })

  it('discards the warm-up and measures as many runs as asked', async () => {
    let calls = 0
    const timing = await time(() => calls++, { warmup: 2, runs: 3 })
    expect(calls).to.equal(5)
    expect(timing.runs).to.have.length(3)
  })

  it('alternates between the two sides', async () => {
    const order: string[] = []
    await timeBeside(
      () => order.push('ours'),
      () => order.push('peer'),
      { warmup: 1, runs: 2 },
    )
    expect(order.join(' ')).to.equal('ours peer ours peer ours peer')
  })

  it('gives a row its ratio to the peer, and none without one', () => {
    const context = createContext({ quick: true, args: [], dataDir: null })
    context.record({ metric: 'a.b', value: 10, unit: 'ms', peer: 'naive', peerValue: 40 })
    context.record({ metric: 'a.c', value: 3, unit: 'count' })
    expect(context.rows.map((row) => row.ratio)).to.deep.equal([0.25, null])
    expect(formatTable(context.rows).split('\n')).to.have.length(3)
  })
})
