// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import type { RelayError } from '../../../keepers/relay/errors.ts'
import { WaitingCalls } from '../../../keepers/relay/waiting-calls.ts'

describe('calls that wait to be relayed', () => {
  const call = {
    call: '0x01',
    disputed: false,
    signature: '0x02',
    signer: '0x03',
    method: 'vote',
    route: 'step' as const,
  }

  it('are wanted as long as the last one says who hands them over: the time is not signed', async () => {
    const waiting = new WaitingCalls({ most: 4, mostOfOne: 4 })
    // Somebody who has seen the member's call hands it over first, wanted for a moment only.
    const stolen = waiting.add({ ...call, until: 101 }, 0)
    const own = waiting.add({ ...call, until: 600 }, 1)
    expect(own).to.equal(stolen)
    waiting.expire(102)
    expect(waiting.size).to.equal(1)
    // Nor does a shorter time count afterwards.
    void waiting.add({ ...call, until: 103 }, 2)
    waiting.expire(104)
    expect(waiting.size).to.equal(1)
    waiting.expire(600)
    expect(waiting.size).to.equal(0)
    expect(await own.catch((error: RelayError) => error.code)).to.equal('TOO_LATE')
  })
})
