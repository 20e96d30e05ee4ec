// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { EventCursor, type FailoverProvider, HeadWatch } from '../../../keepers/chain/index.ts'
import type { KeeperStore } from '../../../keepers/store/index.ts'
import { FlakyEndpoint } from './proxy.ts'
import { failure, NOBODY, sharedChain, type TestChain } from './test-chain.ts'

describe('event cursor', function () {
  this.timeout(30_000)
  let chain: TestChain
  before(async () => {
    chain = await sharedChain()
  })

  const follow = (at: KeeperStore, fromBlock: number, span = 2_000) =>
    new EventCursor({ ...asked(chain.provider), store: at, addresses: [chain.token], fromBlock, span })
  const asked = (provider: FailoverProvider) => ({ provider, heads: new HeadWatch({ provider, pollInterval: 0 }) })
  const send = async (amount: bigint) => {
    const owner = chain.wallet(1)
    const data = chain.tokens.encodeFunctionData('transfer', [NOBODY, amount])
    return (await owner.sendTransaction({ to: chain.token, data })).wait()
  }
  const amounts = (at: KeeperStore) =>
    at.logs.all().map((row) => chain.tokens.parseLog({ topics: [...row.topics], data: row.data })!.args.value as bigint)
  const catchUp = async (cursor: EventCursor) => {
    for (;;) {
      const { added, head } = await cursor.step()
      if (added.length === 0 && head?.number === (await chain.provider.getBlockNumber())) return
    }
  }

  it('reads each log once, over restarts and in small spans', async () => {
    const from = (await chain.provider.getBlockNumber()) + 1
    for (const amount of [11n, 12n, 13n]) await send(amount)
    const at = chain.store('cursor')
    await catchUp(follow(at, from, 1))
    expect(amounts(at)).to.deep.equal([11n, 12n, 13n])
    at.close()
    const again = chain.store('cursor')
    const cursor = follow(again, from)
    expect(cursor.position).to.equal(from + 2)
    await send(14n)
    const { added } = await cursor.step()
    expect(added).to.have.length(1)
    expect(amounts(again)).to.deep.equal([11n, 12n, 13n, 14n])
  })

  it('drops the logs of a branch that lost and reads those of the one that won', async () => {
    const from = (await chain.provider.getBlockNumber()) + 1
    await send(21n)
    const at = chain.store('fork')
    const cursor = follow(at, from)
    await catchUp(cursor)
    const snapshot = await chain.rpc('evm_snapshot')
    await send(22n)
    await catchUp(cursor)
    await send(23n)
    await catchUp(cursor)
    expect(amounts(at)).to.deep.equal([21n, 22n, 23n])
    await chain.rpc('evm_revert', [snapshot])
    await send(24n)
    const step = await cursor.step()
    expect(step.rolledBackTo).to.equal(from)
    await catchUp(cursor)
    expect(amounts(at)).to.deep.equal([21n, 24n])
  })

  it('notices a branch that is longer than the one it knew', async () => {
    const from = (await chain.provider.getBlockNumber()) + 1
    const at = chain.store('longer')
    const snapshot = await chain.rpc('evm_snapshot')
    await send(31n)
    await catchUp(follow(at, from))
    await chain.rpc('evm_revert', [snapshot])
    for (const amount of [32n, 33n, 34n]) await send(amount)
    await catchUp(follow(at, from))
    expect(amounts(at)).to.deep.equal([32n, 33n, 34n])
  })

  it('stays where it was when the endpoint fails', async () => {
    const endpoint = await FlakyEndpoint.start(chain.url)
    const flaky = chain.connect([endpoint.url], { patience: 200 })
    const at = chain.store()
    const from = await chain.provider.getBlockNumber()
    const cursor = new EventCursor({ ...asked(flaky), store: at, addresses: [chain.token], fromBlock: from })
    await cursor.step()
    const { position } = cursor
    endpoint.mode = 'html'
    await send(41n)
    expect((await failure(cursor.step())).code).to.equal('UNREACHABLE')
    expect(cursor.position).to.equal(position)
    endpoint.mode = 'ok'
    await cursor.step()
    expect(cursor.position).to.equal(position + 1)
    await endpoint.stop()
  })
})
