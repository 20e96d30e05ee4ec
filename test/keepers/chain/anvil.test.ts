// SPDX-License-Identifier: GPL-3.0-or-later
// What a keeper asks of a chain, asked of a client that we did not write: anvil, where it is installed. The whole path on it, and on geth,
// is `npm test -- clients`.
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import { parseEther } from 'ethers'
import { EventCursor, HeadSubscription, HeadWatch, type RevertError } from '../../../keepers/chain/index.ts'
import { findClient } from '../../../scripts/demo/chain-client.ts'
import { failure, TestChain } from './test-chain.ts'

describe('on anvil', function () {
  this.timeout(120_000)
  let chain: TestChain | undefined

  before(async function () {
    if (findClient('anvil') === null) {
      process.stderr.write('    anvil is not installed here: put it on the PATH, or set COHORT_ANVIL to its path\n')
      this.skip()
    }
    chain = await TestChain.start('anvil')
  })
  after(async () => await chain?.stop())

  it('a queue sends in order and each key once, and names the error of a refusal', async () => {
    const { received, queue, store, transfer } = bound(chain!)
    const line = queue(store())
    const before = await received()
    const [first, second, again] = await Promise.all([
      line.send(transfer('a', 1n)),
      line.send(transfer('b', 2n)),
      line.send(transfer('a', 1n)),
    ])
    expect(again.hash).to.equal(first.hash)
    expect(second.hash).not.to.equal(first.hash)
    expect((await received()) - before).to.equal(3n)
    const error = await failure(line.send(transfer('too much', parseEther('1000000'))))
    expect((error as RevertError).error).to.equal('ERC20InsufficientBalance')
  })

  it('a cursor reads each log once, and goes back with a branch that is gone', async () => {
    const { provider, token, tokens, queue, store, transfer, rpc } = bound(chain!)
    const line = queue(store())
    const from = (await provider.getBlockNumber()) + 1
    const at = store()
    const heads = new HeadWatch({ provider, pollInterval: 0 })
    const cursor = new EventCursor({ provider, heads, store: at, addresses: [token], fromBlock: from, span: 1 })
    const amounts = async (): Promise<bigint[]> => {
      for (let caughtUp = false; !caughtUp; ) ({ caughtUp } = await cursor.step())
      const logs = at.logs.all()
      return logs.map(({ topics, data }) => tokens.parseLog({ topics: [...topics], data })!.args.value as bigint)
    }
    for (const amount of [11n, 12n]) await line.send(transfer(String(amount), amount))
    expect(await amounts()).to.deep.equal([11n, 12n])
    // The last block again, without its transaction.
    await rpc('anvil_reorg', [1, []])
    await rpc('evm_mine')
    expect(await amounts()).to.deep.equal([11n])
  })

  it('says over WebSocket when there is a block', async () => {
    const { url } = chain!
    let heard = 0
    const blocks = new HeadSubscription({ url: url.replace('http:', 'ws:'), onHead: () => heard++ })
    try {
      const until = async (holds: () => boolean): Promise<void> => {
        for (const end = performance.now() + 30_000; !holds(); await wait(20)) {
          if (performance.now() > end) throw new Error('not in half a minute')
        }
      }
      await until(() => blocks.live)
      expect(heard).to.equal(0)
      await chain!.rpc('evm_mine')
      await until(() => heard === 1)
    } finally {
      blocks.close()
    }
  })
})

/** The chain's own functions, to be called by their names. */
function bound(chain: TestChain) {
  return {
    ...{ provider: chain.provider, token: chain.token, tokens: chain.tokens },
    received: () => chain.received(),
    queue: chain.queue.bind(chain),
    store: () => chain.store(),
    transfer: chain.transfer.bind(chain),
    rpc: chain.rpc.bind(chain),
  }
}
