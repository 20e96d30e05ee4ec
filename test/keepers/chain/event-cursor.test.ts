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

  it('reads on over a few blocks by one question, and asks for an end that left no logs', async () => {
    const methods: string[] = []
    const counted = chain.connect([chain.url], { onRequest: (method) => methods.push(method) })
    const from = (await chain.provider.getBlockNumber()) + 1
    const at = chain.store()
    const cursor = new EventCursor({ ...asked(counted), store: at, addresses: [chain.token], fromBlock: from })
    const look = async (): Promise<string[]> => {
      methods.length = 0
      const { caughtUp, rolledBackTo } = await cursor.step()
      expect([caughtUp, rolledBackTo]).to.deep.equal([true, null])
      return methods.map((method) => method.replace(/^eth_get(BlockBy)?/, ''))
    }
    await send(51n)
    await look()
    for (const amount of [52n, 53n]) await send(amount)
    expect(await look()).to.deep.equal(['Number', 'Logs'])
    // The head's block has no log of the token.
    for (const amount of [54n, 55n]) await send(amount)
    await chain.rpc('evm_mine')
    expect(await look()).to.deep.equal(['Number', 'Logs', 'Number'])
    // Nor now has the last one that was read.
    for (const amount of [56n, 57n]) await send(amount)
    expect(await look()).to.deep.equal(['Number', 'Number', 'Logs', 'Number'])
    expect(amounts(at)).to.deep.equal([51n, 52n, 53n, 54n, 55n, 56n, 57n])
  })

  it('notices a longer branch in the logs that it reads again, and one that comes between the head and the logs', async () => {
    const from = (await chain.provider.getBlockNumber()) + 1
    const at = chain.store()
    let before = async (): Promise<unknown> => undefined
    const provider = {
      getBlock: chain.provider.getBlock.bind(chain.provider),
      getLogs: async (filter: Parameters<FailoverProvider['getLogs']>[0]) => {
        const first = before
        before = async () => undefined
        await first()
        return chain.provider.getLogs(filter)
      },
    }
    const heads = new HeadWatch({ provider, pollInterval: 0 })
    const cursor = new EventCursor({ provider, heads, store: at, addresses: [chain.token], fromBlock: from })
    await send(61n)
    await catchUp(cursor)
    const one = await chain.rpc('evm_snapshot')
    await send(62n)
    await catchUp(cursor)
    await chain.rpc('evm_revert', [one])
    for (const amount of [63n, 64n, 65n]) await send(amount)
    expect((await cursor.step()).rolledBackTo).to.equal(from)
    await catchUp(cursor)
    expect(amounts(at)).to.deep.equal([61n, 63n, 64n, 65n])
    const two = await chain.rpc('evm_snapshot')
    for (const amount of [66n, 67n]) await send(amount)
    before = async () => {
      await chain.rpc('evm_revert', [two])
      for (const amount of [68n, 69n]) await send(amount)
    }
    expect(await cursor.step()).to.deep.include({ added: [], head: null, caughtUp: false })
    await catchUp(cursor)
    expect(amounts(at)).to.deep.equal([61n, 63n, 64n, 65n, 68n, 69n])
  })

  it('finds its way back over more than a hundred blocks, of which it remembers a few', async () => {
    const from = (await chain.provider.getBlockNumber()) + 1
    const at = chain.store()
    // One that waits for no block: these come in step.
    const heads = { latest: () => chain.provider.getBlock('latest') } as unknown as HeadWatch
    const { provider, token } = chain
    const cursor = new EventCursor({ provider, heads, store: at, addresses: [token], fromBlock: from })
    await send(71n)
    await cursor.step()
    const fork = await chain.rpc('evm_snapshot')
    for (let block = 0; block < 130; block++) {
      await chain.rpc('evm_mine')
      await cursor.step()
    }
    expect((at.getCursor('events') as unknown[]).length).to.be.at.most(32)
    await chain.rpc('evm_revert', [fork])
    await send(72n)
    expect((await cursor.step()).rolledBackTo).to.equal(from)
    await catchUp(cursor)
    expect(amounts(at)).to.deep.equal([71n, 72n])
  })
})
