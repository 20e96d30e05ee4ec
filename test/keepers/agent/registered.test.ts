// SPDX-License-Identifier: GPL-3.0-or-later
// Whether nobody has registered this keeper, when one endpoint says so.
import { expect } from 'chai'
import { toQuantity, ZeroAddress, zeroPadValue } from 'ethers'
import type { AgentError } from '../../../keepers/agent/errors.ts'
import { checkRegistered, ownerHere, type RegistrationCheck } from '../../../keepers/agent/steps/registered.ts'

const OWNER = `0x${'a1'.repeat(20)}`
const OPERATOR = `0x${'b2'.repeat(20)}`
const DOWN = null

describe('a keeper that an endpoint says nobody has registered', () => {
  /** An endpoint: the owner it knows, or null for one that does not answer; how many blocks it is behind, and seconds. */
  type Told = string | null | { readonly owner: string; readonly behind: number; readonly own?: true }

  /** What each endpoint says, the one in use first. */
  const at = (told: readonly Told[]) => {
    const warned: string[] = []
    const preferred: string[] = []
    const all = told.map((one, i) => {
      const { owner, behind, own } = one === null || typeof one === 'string' ? { owner: one, behind: 0 } : one
      return { answer: { endpoint: `${i}`, ...(own ? { own } : {}) }, owner, head: 1_000 - behind }
    })
    const check = {
      contracts: { registry: { ownerOfOperator: async () => all[0]!.owner!, getAddress: async () => OPERATOR } },
      clock: { now: () => 12_000 * 1_000 },
      endpoints: {
        count: told.length,
        prefer: (endpoint: string) => preferred.push(endpoint),
        everywhere: async (method: string, [, tag]: unknown[]) =>
          all.map(({ answer, owner, head }) => {
            if (owner === null) return { ...answer, reason: 'down' }
            const block = { number: toQuantity(head), timestamp: toQuantity(12 * head) }
            if (method === 'eth_getBlockByNumber') return { ...answer, result: block }
            if (tag !== 'latest' && Number(tag) > head) return { ...answer, reason: 'header not found' }
            return { ...answer, result: zeroPadValue(owner, 32) }
          }),
      },
      operator: OPERATOR,
      log: { warn: ({ event }: { event: string }) => warned.push(event) },
    }
    return { check: check as unknown as RegistrationCheck, warned, preferred }
  }

  const codeOf = async (sent: Promise<unknown>): Promise<string> =>
    sent.then(
      (value) => `${value}`,
      (error: AgentError) => error.code,
    )

  it('ends when it has one endpoint, or a second says the same', async () => {
    for (const told of [[ZeroAddress], [ZeroAddress, ZeroAddress], [ZeroAddress, OWNER, ZeroAddress]]) {
      expect(await codeOf(ownerHere(at(told).check)), `${told}`).to.equal('NOT_REGISTERED')
    }
  })

  it('goes on when no other says so: one lies, or lags', async () => {
    for (const told of [
      [ZeroAddress, OWNER],
      [ZeroAddress, DOWN],
      [ZeroAddress, DOWN, OWNER],
    ]) {
      const { check, warned } = at(told)
      expect(await ownerHere(check), `${told}`).to.equal(null)
      expect(warned).to.deep.equal(['registration not witnessed'])
    }
    expect(await ownerHere(at([OWNER, ZeroAddress]).check)).to.equal(OWNER)
  })

  it('leaves an endpoint that two others contradict: asked again, it would say the same for ever', async () => {
    const three = at([ZeroAddress, OWNER, OWNER])
    expect(await ownerHere(three.check)).to.equal(null)
    expect(three.preferred).to.deep.equal(['1'])
    // With a head of its own making, it has the others asked for a block that they do not have.
    const ahead = at([{ owner: ZeroAddress, behind: -50 }, OWNER, OWNER])
    expect(await ownerHere(ahead.check)).to.equal(null)
    expect(ahead.preferred).to.deep.equal(['1'])
    const two = at([ZeroAddress, OWNER])
    expect(await ownerHere(two.check)).to.equal(null)
    expect(two.preferred).to.deep.equal([])
  })

  it('is not ended by a lie and an endpoint that is behind: that one speaks of a time before the registration', async () => {
    const behind = (blocks: number) => ({ owner: ZeroAddress, behind: blocks })
    for (const told of [
      [ZeroAddress, behind(1), OWNER],
      // Without a third, only its age says so; the one that lies may claim any head.
      [behind(500), behind(500)],
      [behind(-50), behind(500)],
    ]) {
      expect(await codeOf(ownerHere(at(told).check)), JSON.stringify(told)).to.equal('null')
    }
    // The attack, when every answer counts: each of them is a second word.
    const { endpoints } = at([ZeroAddress, behind(500)]).check
    const all = await endpoints.everywhere('eth_call', [{}, 'latest'])
    expect(all.filter(({ result }) => result === zeroPadValue(ZeroAddress, 32))).to.have.length(2)
  })

  it('believes the own endpoint alone, and nobody against it', async () => {
    const own = (owner: string) => ({ owner, behind: 0, own: true as const })
    expect(await codeOf(ownerHere(at([ZeroAddress, own(ZeroAddress)]).check))).to.equal('NOT_REGISTERED')
    expect(await codeOf(ownerHere(at([ZeroAddress, ZeroAddress, own(OWNER)]).check))).to.equal('null')
  })

  it('is asked about again at start, and ends as one that cannot reach its chain when nobody confirms it', async () => {
    const { check } = at([ZeroAddress, OWNER])
    let now = 0
    const sleep = async (ms: number): Promise<void> => {
      now += ms
    }
    const clock = { now: () => 12_000_000 + now, sleep }
    const config = { chain: { patienceSeconds: 10, pollSeconds: 2 } }
    const starting = { ...check, clock, config, stopping: new AbortController().signal }
    expect(await codeOf(checkRegistered(starting as never))).to.equal('UNREACHABLE')
    expect(now).to.equal(10_000)
    // The endpoint in use changes, or catches up.
    let asked = 0
    const registry = {
      ...check.contracts.registry,
      ownerOfOperator: async () => (++asked < 3 ? ZeroAddress : OWNER),
    }
    expect(await codeOf(checkRegistered({ ...starting, contracts: { registry } } as never))).to.equal(OWNER)
  })
})
