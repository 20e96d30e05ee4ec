// SPDX-License-Identifier: GPL-3.0-or-later
// What a server need not believe of an endpoint: contexts and queries have the same names on the ledger and in the process that draws noise
// for them, and a request is what two endpoints agree on.
import { expect } from 'chai'
import type { JsonRpcApiProvider } from 'ethers'
import {
  type EndpointAnswer,
  PrivateTablesClient,
  releaseContextOf,
  releaseQueryIdOf,
} from '../../../keepers/chain/index.ts'
import { createTables } from './tables.ts'

describe('names of releases', () => {
  it('a context, slice by slice, is what a server computes without asking', async () => {
    const { ethers, tables, accepted } = await createTables()
    const ledger = await tables.getAddress()
    const { chainId } = await ethers.provider.getNetwork()
    for (const name of ['marginals', 'outcomes'] as const) {
      const requestId = await accepted(name)
      const { beacon } = await tables.requestOf(requestId)
      for (const slice of [0, 1, 15])
        expect(releaseContextOf({ chainId, ledger, requestId, beacon }, slice)).to.equal(
          await tables.contextOf(requestId, slice),
        )
    }
  })

  it('a query, too', async () => {
    const { queries, queryIds } = await createTables()
    for (const name of ['marginals', 'outcomes'] as const)
      expect(releaseQueryIdOf({ ...queries[name], slices: Number(queries[name].slices) })).to.equal(queryIds[name])
  })

  it('a request is what two endpoints, or the operator’s own, say of it, whatever the one in use does', async () => {
    const { ethers, networkHelpers, tables, accepted } = await createTables()
    const requestId = await accepted()
    // Witnesses that stand still are not heard, and a chain that was restored has the time of its snapshot.
    const now = Math.floor(Date.now() / 1000)
    if ((await networkHelpers.time.latest()) < now) await networkHelpers.time.increaseTo(now)
    const { beacon } = await tables.requestOf(requestId)
    const { selector } = tables.interface.getFunction('requestOf')
    const lie = (result: string) => {
      const [found] = tables.interface.decodeFunctionResult('requestOf', result)
      return tables.interface.encodeFunctionResult('requestOf', [{ ...found.toObject(), beacon: ethers.id('another') }])
    }
    const inUse = new Proxy(ethers.provider, {
      get(target, key) {
        if (key === 'call')
          return async (call: { data: string }) => {
            const result = await target.call(call)
            return call.data.startsWith(selector) ? lie(result) : result
          }
        const found: unknown = Reflect.get(target, key)
        return typeof found === 'function' ? found.bind(target) : found
      },
    }) as unknown as JsonRpcApiProvider
    const beaconBy = async (...endpoints: { own?: true; lies?: boolean }[]) => {
      const everywhere = (method: string, params: readonly unknown[]): Promise<EndpointAnswer[]> =>
        Promise.all(
          endpoints.map(async ({ lies = false, ...own }, i) => {
            const result = await ethers.provider.send(method, [...params])
            const told = lies && method === 'eth_call' ? lie(result) : result
            return { endpoint: `http://${i}.example`, result: told, ...own }
          }),
        )
      const witnesses = { count: endpoints.length, everywhere }
      const client = await PrivateTablesClient.open(await tables.getAddress(), undefined, inUse, undefined, witnesses)
      return (await client.agreedRelease(requestId)).beacon
    }
    expect(await beaconBy({ lies: true }), 'one alone is believed').to.equal(ethers.id('another'))
    expect(await beaconBy({}, { lies: true }, {})).to.equal(beacon)
    expect(await beaconBy({ own: true }, { lies: true }, { lies: true })).to.equal(beacon)
  })
})
