// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { pino } from 'pino'
import type { AgentContext, Step } from '../../../keepers/agent/context.ts'
import { isFinal } from '../../../keepers/agent/steps/final.ts'
import type { EndpointAnswer } from '../../../keepers/chain/index.ts'

/** Endpoints that say of `finalized` what `told` has, and the step of a keeper at `head`. */
function stage(told: (Partial<EndpointAnswer> | number | null)[], finality?: 'safe' | 'finalized') {
  const asked: unknown[] = []
  const everywhere = async (_: string, params: readonly unknown[]): Promise<EndpointAnswer[]> => {
    asked.push(params[0])
    return told.map((one, i) => {
      if (one === null) return { endpoint: `e${i}`, result: null }
      if (typeof one === 'number') return { endpoint: `e${i}`, result: { number: `0x${one.toString(16)}` } }
      return { endpoint: `e${i}`, ...one }
    })
  }
  const context = {
    config: { chain: { confirmations: 3, finality } },
    endpoints: { count: told.length, everywhere },
    remembered: { final: null },
    log: pino({ level: 'silent' }),
  } as unknown as AgentContext
  const at = (head: number) => ({ context, snapshot: { block: head }, signal: undefined }) as unknown as Step
  return { at, asked, told }
}

const own = (number: number) => ({ own: true as const, result: { number: `0x${number.toString(16)}` } })

describe('a block that is final', () => {
  it('is as deep as confirmations say, where nothing else was asked for', async () => {
    const { at, asked } = stage([0])
    expect([await isFinal(at(101), 100), await isFinal(at(102), 100)]).to.deep.equal([false, true])
    expect(asked).to.deep.equal([])
  })

  it('is not above the block of the tag, however deep', async () => {
    const { at, asked, told } = stage([99], 'finalized')
    expect(await isFinal(at(500), 100)).to.equal(false)
    told[0] = 100
    expect(await isFinal(at(501), 100)).to.equal(true)
    expect(asked).to.deep.equal(['finalized', 'finalized'])
  })

  it('is asked for once a block, and never again below one that is known', async () => {
    const { at, asked, told } = stage([99], 'safe')
    for (let look = 0; look < 3; look++) expect(await isFinal(at(500), 100)).to.equal(false)
    expect(asked).to.deep.equal(['safe'])
    told[0] = 120
    for (const block of [100, 110, 120]) expect(await isFinal(at(501), block)).to.equal(true)
    expect(asked).to.have.length(2)
  })

  it('is none while the chain has no such block, or does not know the tag', async () => {
    for (const answer of [null, { reason: 'finalized block not found' }, { result: { number: 'latest' } }]) {
      expect(await isFinal(stage([answer], 'finalized').at(500), 100)).to.equal(false)
    }
  })

  it('is not final on the word of one of several endpoints', async () => {
    expect(await isFinal(stage([400, 99], 'finalized').at(500), 100)).to.equal(false)
    expect(await isFinal(stage([400, null], 'finalized').at(500), 100)).to.equal(false)
    expect(await isFinal(stage([400, 99, 100], 'finalized').at(500), 100)).to.equal(true)
    // The attack, where that one is the only one.
    expect(await isFinal(stage([400], 'finalized').at(500), 100)).to.equal(true)
  })

  it('is what the own endpoint says, whatever others do', async () => {
    expect(await isFinal(stage([own(99), 400, 400], 'finalized').at(500), 100)).to.equal(false)
    expect(await isFinal(stage([own(100), 5, 5], 'finalized').at(500), 100)).to.equal(true)
  })
})
