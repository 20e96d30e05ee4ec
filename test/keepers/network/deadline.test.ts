// SPDX-License-Identifier: GPL-3.0-or-later
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import { Deadline } from '../../../keepers/network/deadline.ts'

describe('deadline', () => {
  it('is over when its time is, or when a parent is, whichever comes first, and says which', async () => {
    using short = new Deadline(10, [new AbortController().signal])
    await wait(40)
    expect(short.signal.aborted).to.equal(true)
    expect(short.expired).to.equal(true)
    expect((short.signal.reason as Error).name).to.equal('TimeoutError')
    const parent = new AbortController()
    using long = new Deadline(60_000, [undefined, parent.signal])
    parent.abort(new Error('stopping'))
    expect((long.signal.reason as Error).message).to.equal('stopping')
    expect(long.expired).to.equal(false)
  })

  it('is over from the start when a parent was', () => {
    using late = new Deadline(60_000, [AbortSignal.abort(new Error('stopped before'))])
    expect((late.signal.reason as Error).message).to.equal('stopped before')
  })

  it('lets go of time and parents when it is disposed of', async () => {
    const parent = new AbortController()
    const deadline = new Deadline(10, [parent.signal])
    deadline[Symbol.dispose]()
    await wait(40)
    parent.abort(new Error('stopping'))
    expect(deadline.signal.aborted).to.equal(false)
  })
})
