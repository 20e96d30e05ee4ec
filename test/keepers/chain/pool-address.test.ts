// SPDX-License-Identifier: GPL-3.0-or-later
// An endpoint that names a contract of its own as a market's pool, which whoever trades would give rights over tokens.
import { expect } from 'chai'
import { getCreateAddress, zeroPadValue } from 'ethers'
import { PoolClient, parseDeployment } from '../../../keepers/chain/index.ts'
import { requireMadeBy } from '../../../keepers/chain/markets/pool-address.ts'
import { madeDeployment } from '../../../scripts/bench/console/deployment.ts'

const deployment = parseDeployment(madeDeployment())
const FACTORY = deployment.contracts.OutcomePoolFactory
const LIAR = `0x${'ee'.repeat(20)}`
const poolOf = (nonce: number, from = FACTORY) => getCreateAddress({ from, nonce })

describe('the pool that an endpoint names', () => {
  it('is one that the factory made', () => {
    for (const nonce of [1, 2, 300]) expect(() => requireMadeBy(FACTORY, poolOf(nonce))).not.to.throw()
    for (const other of [LIAR, poolOf(1, LIAR), poolOf(0), poolOf(301)]) {
      expect(() => requireMadeBy(FACTORY, other, 300), other).to.throw('nothing was approved')
    }
  })

  it('gets no rights over tokens when it is another', async () => {
    const sent: string[] = []
    const provider = {
      call: async () => zeroPadValue(LIAR, 32),
      resolveName: async (name: string) => name,
    }
    const sender = {
      address: async () => LIAR,
      send: async (what: string) => {
        sent.push(what)
        return { hash: '0x', block: 1 }
      },
    }
    const terms = { provider, deployment, market: { sender, kind: 'story' }, marketId: 1n, feeBps: 30 }
    const pool = new PoolClient(terms as never)
    const limits = { slippageBps: 100, seconds: 60 }
    const act = {
      buy: () => pool.buy(0, 5n, limits),
      provide: () => pool.provide(5n, null, limits),
    }
    for (const [what, run] of Object.entries(act)) {
      const error = await run().then(
        () => null,
        (cause: Error) => cause,
      )
      expect(error, what).to.have.property('message').which.contains('nothing was approved')
    }
    expect(sent).to.deep.equal([])
  }).timeout(30_000)
})
