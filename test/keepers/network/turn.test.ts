// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { LinkMeter } from '../../../keepers/network/link-meter.ts'
import { Turn } from '../../../keepers/network/turn.ts'

/** Milliseconds until the turn is over. */
async function lengthOf(terms: ConstructorParameters<typeof Turn>[0]): Promise<{ ms: number; overtime: number }> {
  const started = performance.now()
  using turn = new Turn(terms, new AbortController().signal)
  await new Promise((over) => turn.signal.addEventListener('abort', over, { once: true }))
  return { ms: performance.now() - started, overtime: turn.overtime }
}

describe('the turn of a provider', () => {
  it('is over after its time when nothing comes from it, whatever overtime there is', async () => {
    const { ms, overtime } = await lengthOf({ ms: 50, overtime: 5_000, heardAt: () => Number.NEGATIVE_INFINITY })
    expect(ms).to.be.within(49, 1_000)
    expect(overtime).to.be.lessThan(1_000)
  })

  it('goes on while bytes come, and no longer than its overtime: a byte each second does not hold anybody', async () => {
    const { ms, overtime } = await lengthOf({ ms: 50, overtime: 200, heardAt: () => performance.now() })
    expect(ms).to.be.within(249, 1_500)
    expect(overtime).to.be.at.least(199)
  })

  it('ends with whoever waits for the blob', () => {
    const caller = new AbortController()
    using turn = new Turn({ ms: 60_000, overtime: 0, heardAt: () => 0 }, caller.signal)
    const reason = new Error('stopped')
    caller.abort(reason)
    expect(turn.signal.reason).to.equal(reason)
  })

  it('goes by the peers that were heard last, and forgets the oldest of many', () => {
    const meter = new LinkMeter()
    meter.note('first')
    expect(performance.now() - meter.heardAt('first')).to.be.lessThan(1_000)
    for (let peer = 0; peer < 2_000; peer++) meter.note(String(peer))
    expect(meter.heardAt('first')).to.equal(Number.NEGATIVE_INFINITY)
    expect(meter.heardAt('1999')).to.be.greaterThan(0)
  })
})
