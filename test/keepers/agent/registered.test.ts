// SPDX-License-Identifier: GPL-3.0-or-later
// Whether nobody has registered this keeper, when one endpoint says so.
import { expect } from 'chai'
import { ZeroAddress, zeroPadValue } from 'ethers'
import type { AgentError } from '../../../keepers/agent/errors.ts'
import { checkRegistered, ownerHere, type RegistrationCheck } from '../../../keepers/agent/steps/registered.ts'

const OWNER = `0x${'a1'.repeat(20)}`
const OPERATOR = `0x${'b2'.repeat(20)}`
const DOWN = null

describe('a keeper that an endpoint says nobody has registered', () => {
  /** What each endpoint says, the one in use first; null for one that does not answer. */
  const at = (told: readonly (string | null)[]) => {
    const warned: string[] = []
    const check = {
      contracts: { registry: { ownerOfOperator: async () => told[0]!, getAddress: async () => OPERATOR } },
      endpoints: {
        count: told.length,
        everywhere: async () =>
          told.map((owner, i) =>
            owner === null
              ? { endpoint: `${i}`, reason: 'down' }
              : { endpoint: `${i}`, result: zeroPadValue(owner, 32) },
          ),
      },
      operator: OPERATOR,
      log: { warn: ({ event }: { event: string }) => warned.push(event) },
    }
    return { check: check as unknown as RegistrationCheck, warned }
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

  it('is asked about again at start, and ends as one that cannot reach its chain when nobody confirms it', async () => {
    const { check } = at([ZeroAddress, OWNER])
    let now = 0
    const sleep = async (ms: number): Promise<void> => {
      now += ms
    }
    const clock = { now: () => now, sleep }
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
