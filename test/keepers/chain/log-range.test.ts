// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { smallerSpan } from '../../../keepers/chain/log-range.ts'
import { FlakyEndpoint } from './proxy.ts'
import { NOBODY, sharedChain, type TestChain } from './test-chain.ts'

/** As seen on public endpoints: how many blocks they take, and how they say so. */
const LIMITS = [
  {
    blocks: 10,
    code: -32600,
    message: 'Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range.',
  },
  { blocks: 500, code: -32614, message: 'eth_getLogs is limited to a 500 range' },
  { blocks: 7, code: -32005, message: 'query returned more than 10000 results' },
  { blocks: 100, code: -32602, message: 'exceed maximum block range: 100' },
  { blocks: 1, code: -32000, message: 'no' },
]

describe('logs in pages', function () {
  this.timeout(60_000)
  let chain: TestChain
  let endpoint: FlakyEndpoint
  let first = 0
  before(async () => {
    chain = await sharedChain()
    first = (await chain.provider.getBlockNumber()) + 1
    const data = chain.tokens.encodeFunctionData('transfer', [NOBODY, 5n])
    for (const blocks of ['0x10', '0x20a', '0x3']) {
      await (await chain.wallet(1).sendTransaction({ to: chain.token, data })).wait()
      await chain.rpc('hardhat_mine', [blocks])
    }
  })
  beforeEach(async () => {
    endpoint = await FlakyEndpoint.start(chain.url)
  })
  afterEach(() => endpoint.stop())

  const transfers = (fromBlock: number) => ({ address: chain.token, fromBlock, toBlock: 'latest' as const })

  for (const limit of LIMITS) {
    it(`reads a range through an endpoint that takes ${limit.blocks} blocks (${limit.code})`, async () => {
      endpoint.logLimit = limit
      const told: number[] = []
      const provider = chain.connect([endpoint.url], { onLogSpan: ({ blocks }) => told.push(blocks) })
      const logs = await provider.getLogs(transfers(first))
      expect(logs.map((log) => log.blockNumber)).to.deep.equal(
        (await chain.provider.getLogs(transfers(first))).map((log) => log.blockNumber),
      )
      expect(logs).to.have.length(3)
      expect(told.at(-1)).to.be.at.most(limit.blocks)
      // What was learnt is remembered: the second time nothing is refused.
      endpoint.logRanges.length = 0
      await provider.getLogs(transfers(first))
      expect(Math.max(...endpoint.logRanges)).to.be.at.most(limit.blocks)
    })
  }

  it('takes more logs in a page than a call takes arguments', async () => {
    const count = 200_000
    endpoint.intercept = (method) =>
      method === 'eth_getLogs' ? { result: Array.from({ length: count }, () => 0) } : null
    const filter = { address: chain.token, fromBlock: '0x0', toBlock: '0x1' }
    const logs = (await chain.connect([endpoint.url]).send('eth_getLogs', [filter])) as unknown[]
    expect(logs.length).to.equal(count)
  })

  it('asks the next endpoint when one refuses even a single block', async () => {
    endpoint.logLimit = { blocks: 0, code: -32601, message: 'the method eth_getLogs does not exist' }
    const moves: string[] = []
    const both = chain.connect([endpoint.url, chain.url], { onFailover: ({ reason }) => moves.push(reason) })
    expect(await both.getLogs(transfers(first))).to.have.length(3)
    expect(moves).to.deep.equal(['refused: the method eth_getLogs does not exist'])
  })

  it('gives the refusal when no endpoint has the logs', async () => {
    endpoint.logLimit = { blocks: 0, code: -32601, message: 'the method eth_getLogs does not exist' }
    const asking = chain.connect([endpoint.url]).getLogs(transfers(first))
    expect(await asking.catch((error: unknown) => String(error))).to.match(/eth_getLogs does not exist/)
  })

  it('waits for a busy endpoint instead of asking for less', async () => {
    const provider = chain.connect([endpoint.url])
    endpoint.mode = 'busy'
    setTimeout(() => {
      endpoint.mode = 'ok'
    }, 400)
    expect(await provider.getLogs(transfers(first))).to.have.length(3)
    expect(Math.max(...endpoint.logRanges)).to.be.above(500)
  })

  it('takes the number of blocks from the message, or half', () => {
    expect(smallerSpan(2_000, 'up to a 10 block range')).to.equal(10)
    expect(smallerSpan(20_000, 'maximum is 10k blocks')).to.equal(10_000)
    expect(smallerSpan(2_000, 'range of 1,000 blocks at most; your plan has 50 blocks')).to.equal(1_000)
    expect(smallerSpan(8, 'limited to 10 blocks')).to.equal(4)
    expect(smallerSpan(3, '')).to.equal(1)
    expect(smallerSpan(1, 'at most 10 blocks')).to.equal(null)
  })
})
