// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { blockAt, LogFollower, newestLog } from '../../../keepers/chain/index.ts'
import { FlakyEndpoint } from './proxy.ts'
import { sharedChain, type TestChain } from './test-chain.ts'

describe('logs that are looked for by time, from the end, and as they come', function () {
  this.timeout(60_000)
  let chain: TestChain
  let endpoint: FlakyEndpoint
  let first = 0
  const send = async (amount: bigint) => {
    const sent = await chain.wallet(1).sendTransaction({ to: chain.token, data: chain.transferData(amount) })
    return (await sent.wait())!.blockNumber
  }
  const transfers = () => ({ address: chain.token, topics: [chain.tokens.getEvent('Transfer')!.topicHash] })

  before(async () => {
    chain = await sharedChain()
    first = await send(1n)
    await chain.rpc('hardhat_mine', ['0x1000', '0xc'])
  })
  beforeEach(async () => {
    endpoint = await FlakyEndpoint.start(chain.url)
  })
  afterEach(() => endpoint.stop())

  it('finds the last block that is not later than a time', async () => {
    const block = (await chain.provider.getBlock(first + 100))!
    expect(await blockAt(chain.provider, block.timestamp, first)).to.equal(first + 100)
    expect(await blockAt(chain.provider, block.timestamp + 11, first)).to.equal(first + 100)
    expect(await blockAt(chain.provider, block.timestamp - 1, first)).to.equal(first + 99)
    expect(await blockAt(chain.provider, 0, first)).to.equal(first)
    const head = await chain.provider.getBlockNumber()
    expect(await blockAt(chain.provider, Number.MAX_SAFE_INTEGER, first)).to.equal(head)
  })

  it('asks a provider with limits for no more than the newest event takes', async () => {
    const at = await send(2n)
    endpoint.logLimit = { blocks: 10, code: -32600, message: 'up to a 10 block range' }
    const provider = chain.connect([endpoint.url])
    const to = await provider.getBlockNumber()
    const found = await newestLog(provider, transfers(), { from: first, to })
    expect(found?.blockNumber).to.equal(at)
    expect(endpoint.logRanges.reduce((sum, blocks) => sum + blocks)).to.be.below(2 * 2_000 + 1)
    expect((await newestLog(chain.provider, transfers(), { from: first, to: at - 1 }))?.blockNumber).to.equal(first)
    expect(await newestLog(chain.provider, transfers(), { from: first + 1, to: at - 1 })).to.equal(null)
    expect(await newestLog(chain.provider, transfers(), { from: 0, to: -1 })).to.equal(null)
  })

  it('reads each block once and the last ones again, and asks for logs only once there is a block', async () => {
    const provider = chain.connect([endpoint.url])
    const start = await send(3n)
    const follower = new LogFollower({ provider, filter: transfers(), fromBlock: start, depth: 4 })
    expect((await follower.step()).map(({ blockNumber }) => blockNumber)).to.deep.equal([start])
    endpoint.logRanges.length = 0
    expect(await follower.step()).to.deep.equal([])
    expect(endpoint.logRanges).to.deep.equal([])
    await chain.rpc('hardhat_mine', ['0x40'])
    expect(await follower.step()).to.deep.equal([])
    const at = await send(4n)
    expect((await follower.step()).map(({ blockNumber }) => blockNumber)).to.deep.equal([at])
    expect(endpoint.logRanges.at(-1)).to.equal(5)
    expect(follower.head).to.equal(at)
  })

  it('reports again the logs that a reorganisation has moved to another block', async () => {
    const start = (await chain.provider.getBlockNumber()) + 1
    const snapshot = await chain.rpc('evm_snapshot')
    const follower = new LogFollower({ provider: chain.provider, filter: transfers(), fromBlock: start })
    const before = await send(5n)
    const [told] = await follower.step()
    expect(told?.blockNumber).to.equal(before)
    await chain.rpc('evm_revert', [snapshot])
    await chain.rpc('hardhat_mine', ['0x2'])
    const after = await send(5n)
    expect(after).to.equal(before + 2)
    expect((await follower.step()).map(({ blockNumber }) => blockNumber)).to.deep.equal([after])
  })
})
