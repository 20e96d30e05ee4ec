// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import type { Step } from '../../../keepers/agent/context.ts'
import type { EpochFrame } from '../../../keepers/agent/epoch.ts'
import type { Revealed } from '../../../keepers/agent/steps/review.ts'
import { reviewUpdate } from '../../../keepers/agent/steps/review.ts'
import { NetworkError } from '../../../keepers/network/index.ts'

const MOST = 60_000
const BYTES = 100

/** A member's reveal before a keeper that asks nobody for the blob in vain: that it asks at all is what counts. */
async function review(declared: { readonly size?: number; readonly samples?: number }) {
  const asked: string[] = []
  const frame = {
    context: {},
    plan: { bytes: { update: BYTES }, maxWeight: MOST },
    roster: [],
  } as unknown as EpochFrame
  const plane = {
    has: async () => false,
    fetch: async (cid: string) => {
      asked.push(cid)
      throw new NetworkError('UNAVAILABLE', 'nobody has it')
    },
  }
  const context = {
    plane,
    config: { network: { fetchSeconds: 1 } },
    peers: { providers: async () => [], refresh: () => undefined },
    metrics: { bytesFetched: { inc: () => undefined } },
  }
  const step = { context, signal: new AbortController().signal, seat: 0 } as unknown as Step & { seat: number }
  const cid = '0x015512201f825aa2f0020ef7cf91dfa30da4668d791c5d4824fc8e41354b89ec05795ab3'
  const args = { round: 1, seat: 1, cid, size: BYTES, samples: MOST, ...declared }
  const found = await reviewUpdate(step, frame, new Uint8Array(32), {
    fact: { args },
    seat: 1,
    sender: 1,
  } as unknown as Revealed)
  return { found, asked: asked.length }
}

describe('an update under review', () => {
  it('is fetched when its member declares what a member may', async () => {
    const { found, asked } = await review({})
    expect(found.kind).to.equal('missing')
    expect(asked).to.be.above(0)
  })

  it('is left out unfetched when its member declares more samples than count, which would make the mean its own', async () => {
    const { found, asked } = await review({ samples: 2 ** 40 - 1 })
    expect(found).to.deep.equal({
      kind: 'refused',
      reason: `declared ${2 ** 40 - 1} samples, at most ${MOST} count`,
    })
    expect(asked).to.equal(0)
  })

  it('is left out unfetched when it has another size than an update', async () => {
    const { found } = await review({ size: BYTES + 1 })
    expect(found).to.deep.equal({ kind: 'refused', reason: `declared ${BYTES + 1} bytes, an update has ${BYTES}` })
  })
})
