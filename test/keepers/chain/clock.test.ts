// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { backoff, type Clock, systemClock } from '../../../keepers/chain/index.ts'

describe('clock', () => {
  it('backs off exponentially, with jitter, up to a limit', () => {
    expect(backoff(0, 100, 10_000, () => 0.5)).to.equal(100)
    expect(backoff(3, 100, 10_000, () => 0.5)).to.equal(800)
    expect(backoff(60, 100, 10_000, () => 1)).to.equal(12_500)
    expect(backoff(0, 100, 10_000, () => 0)).to.equal(75)
  })

  it('sleeps no longer than its signal allows', async () => {
    const clock: Clock = systemClock
    const reason = new Error('stop')
    const slept = await clock.sleep(60_000, AbortSignal.abort(reason)).catch((error: Error) => error)
    expect(slept).to.equal(reason)
  })
})
