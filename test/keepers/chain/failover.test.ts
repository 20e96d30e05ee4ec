// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { decodeRevert, leaveStale, type RevertError, systemClock } from '../../../keepers/chain/index.ts'
import { FlakyEndpoint } from './proxy.ts'
import { failure, NOBODY, sharedChain, type TestChain } from './test-chain.ts'

describe('RPC failover', function () {
  this.timeout(30_000)
  let chain: TestChain
  before(async () => {
    chain = await sharedChain()
  })

  it('goes to the next endpoint whatever the way the first fails, and comes back to work', async () => {
    const endpoint = await FlakyEndpoint.start(chain.url)
    try {
      for (const mode of ['html', 'busy', 'hang', 'wrong-chain'] as const) {
        endpoint.mode = mode
        const moves: string[] = []
        const both = chain.connect([endpoint.url, chain.url], {
          timeout: 300,
          onFailover: (event) => moves.push(event.reason),
        })
        expect(await both.getBlockNumber()).to.be.a('number')
        expect(moves, mode).to.have.length(1)
        expect(both.endpoint).to.equal(chain.url)
      }
    } finally {
      await endpoint.stop()
    }
  })

  it('takes a signed transaction that the next endpoint knows already for sent', async () => {
    const endpoint = await FlakyEndpoint.start(chain.url)
    try {
      // The node takes the transaction, and its answer is lost on the way; a node that has it says so.
      endpoint.onMethod = (method) => method !== 'eth_sendRawTransaction'
      const other = await FlakyEndpoint.start(chain.url)
      other.intercept = (method) =>
        method === 'eth_sendRawTransaction' ? { error: { code: -32000, message: 'already known' } } : null
      const both = chain.connect([endpoint.url, other.url])
      const nonce = await chain.nonce()
      const sent = await chain.wallet(1).connect(both).sendTransaction({ to: NOBODY, value: 1n })
      expect((await sent.wait())?.status).to.equal(1)
      expect(await chain.nonce()).to.equal(nonce + 1)
      await other.stop()
      // Without a lost answer before it, the same words are a refusal.
      const alone = chain.connect([chain.url])
      const raw = await chain
        .wallet(1)
        .signTransaction({ to: NOBODY, nonce, gasLimit: 21_000n, gasPrice: 10n ** 10n, chainId: 31337n })
      expect(await alone.send('eth_sendRawTransaction', [raw]).catch((error: unknown) => error)).to.be.an('error')
    } finally {
      await endpoint.stop()
    }
  })

  it('sends nothing twice for an account that a node holds unlocked', async () => {
    const endpoint = await FlakyEndpoint.start(chain.url)
    try {
      endpoint.onMethod = (method) => method !== 'eth_sendTransaction'
      const both = chain.connect([endpoint.url, chain.url])
      const [account] = await both.listAccounts()
      const from = account!.address
      const before = await chain.provider.getTransactionCount(from)
      const error = await failure(both.send('eth_sendTransaction', [{ from, to: NOBODY, value: '0x1' }]))
      expect(error.code).to.equal('UNREACHABLE')
      expect(error.message).to.match(/look whether the transaction is on the chain/)
      expect(await chain.provider.getTransactionCount(from)).to.equal(before + 1)
    } finally {
      await endpoint.stop()
    }
  })

  it('waits for the only endpoint to come back', async () => {
    const endpoint = await FlakyEndpoint.start(chain.url)
    endpoint.mode = 'html'
    const patient = chain.connect([endpoint.url], { patience: 10_000 })
    const asking = patient.getBlockNumber()
    await systemClock.sleep(400)
    endpoint.mode = 'ok'
    expect(await asking).to.be.a('number')
    await endpoint.stop()
  })

  it('does not wait for an endpoint to come back when it is stopping', async () => {
    const stop = new AbortController()
    const patient = chain.connect(['http://127.0.0.1:9'], { patience: 25_000, stopping: stop.signal })
    const asking = patient.getBlockNumber().catch((error: unknown) => error)
    await systemClock.sleep(300)
    const before = performance.now()
    stop.abort()
    expect(await asking).to.include({ code: 'UNREACHABLE' })
    expect(performance.now() - before).to.be.below(5_000)
  })

  it('gives up by name when nobody answers, without showing credentials', async () => {
    const secret = 'http://user:secret@127.0.0.1:9/key'
    const error = await failure(chain.connect([secret], { patience: 300 }).getBlockNumber())
    expect(error.code).to.equal('UNREACHABLE')
    expect(error.message).not.to.match(/secret|\/key/)
  })

  it('puts a question to every endpoint by itself, each once, and says which could not answer and why', async () => {
    const broken = await FlakyEndpoint.start(chain.url)
    const foreign = await FlakyEndpoint.start(chain.url)
    try {
      broken.mode = 'html'
      foreign.mode = 'wrong-chain'
      const all = chain.connect([chain.url, broken.url, foreign.url, chain.url], { timeout: 2_000 })
      expect(all.count).to.equal(3)
      const answers = await all.everywhere('eth_blockNumber', [])
      expect(answers.map(({ endpoint }) => endpoint)).to.deep.equal([chain.url, broken.url, foreign.url])
      expect(answers[0]!.result).to.match(/^0x/)
      expect(answers[1]).to.not.have.property('result')
      expect(answers[1]!.reason).to.match(/502/)
      expect(answers[2]!.reason).to.match(/chain 1, expected 31337/)
      expect(broken.requests).to.equal(1)
      const [refused] = await chain.connect([chain.url]).everywhere('eth_noSuchThing', [])
      expect(refused!.reason).to.match(/eth_noSuchThing/)
    } finally {
      await broken.stop()
      await foreign.stop()
    }
  })

  it('asks each for logs in pages as large as it gives them, and waits for none of them for ever', async () => {
    const limited = await FlakyEndpoint.start(chain.url)
    try {
      await chain.rpc('hardhat_mine', ['0x14'])
      const both = chain.connect([chain.url, limited.url], { timeout: 2_000 })
      const toBlock = `0x${(await both.getBlockNumber()).toString(16)}`
      const filter = { address: chain.token, fromBlock: '0x0', toBlock }
      limited.logLimit = { blocks: 5, code: -32600, message: 'up to a 5 block range' }
      const [all, paged] = await both.everywhere('eth_getLogs', [filter])
      expect(all!.result).to.be.an('array').that.is.not.empty
      expect(paged).to.deep.equal({ endpoint: limited.url, result: all!.result })
      expect(Math.max(...limited.logRanges.slice(1))).to.equal(5)
      // One that refuses all but a block, and is slow to give that.
      limited.logLimit = { blocks: 1, code: -32600, message: 'one block, please' }
      limited.delay = 150
      const slow = chain.connect([chain.url, limited.url], { timeout: 200 })
      const started = performance.now()
      const [, late] = await slow.everywhere('eth_getLogs', [filter])
      expect(late!.reason).to.be.a('string')
      expect(performance.now() - started).to.be.below(2_000)
    } finally {
      await limited.stop()
    }
  })

  it('refuses an endpoint of another chain', async () => {
    const error = await failure(chain.connect([chain.url], { chainId: 5n, patience: 300 }).getBlockNumber())
    expect(error.code).to.equal('WRONG_CHAIN')
    expect(error.message).to.match(/is on chain 31337, expected 5/)
  })

  it('passes a revert on at once instead of trying elsewhere', async () => {
    const endpoint = await FlakyEndpoint.start(chain.url)
    const both = chain.connect([endpoint.url, endpoint.url])
    await both.getBlockNumber()
    const asked = endpoint.requests
    const call = both.call({
      from: NOBODY,
      to: chain.token,
      data: chain.tokens.encodeFunctionData('mint', [NOBODY, 1n]),
    })
    const error = await call.catch((caught: unknown) => decodeRevert(caught, [chain.tokens], 'mint'))
    expect((error as RevertError).error).to.equal('AccessControlUnauthorizedAccount')
    expect(endpoint.requests - asked).to.equal(1)
    await endpoint.stop()
  })

  it('returns to the own endpoint a minute after it was left, and goes over to one that is preferred', async () => {
    const own = await FlakyEndpoint.start(chain.url)
    const clock = { time: 1_000_000, now: () => clock.time, sleep: async () => undefined }
    try {
      const both = chain.connect([chain.url, own.url], { own: own.url, clock })
      expect(both.endpoint).to.equal(own.url)
      own.mode = 'html'
      await both.getBlockNumber()
      expect(both.endpoint).to.equal(chain.url)
      own.mode = 'ok'
      await both.getBlockNumber()
      expect(both.endpoint).to.equal(chain.url)
      // It answers again, but has had no block since: to read on there would undo what has been read.
      const block = (timestamp: number) => ({ result: { timestamp: `0x${timestamp.toString(16)}` } })
      own.intercept = (method) => (method === 'eth_getBlockByNumber' ? block(clock.time / 1000 - 181) : null)
      clock.time += 61_000
      await both.getBlockNumber()
      expect(both.endpoint).to.equal(chain.url)
      own.intercept = () => null
      clock.time += 61_000
      await both.getBlockNumber()
      expect(both.endpoint).to.equal(own.url)
      both.prefer(chain.url, 'a reason')
      expect(both.endpoint).to.equal(chain.url)
      both.prefer('https://unknown.example', 'a reason')
      expect(both.endpoint).to.equal(chain.url)
      expect((await both.everywhere('eth_chainId', [])).map(({ own: isOwn }) => isOwn)).to.deep.equal([undefined, true])
    } finally {
      await own.stop()
    }
  })

  it('leaves an endpoint that stands still for one that goes on, and no recent one for a claim', async () => {
    const stuck = await FlakyEndpoint.start(chain.url)
    try {
      const both = chain.connect([stuck.url, chain.url])
      const now = 10_000_000
      const heads: Record<string, object> = {}
      const everywhere = async () => Object.entries(heads).map(([endpoint, result]) => ({ endpoint, result }))
      const endpoints = { count: 2, everywhere, prefer: both.prefer.bind(both) }
      const clock = { now: () => now * 1_000 }
      heads[stuck.url] = { number: '0x10', timestamp: `0x${(now - 600).toString(16)}` }
      heads[chain.url] = { number: '0x40', timestamp: `0x${now.toString(16)}` }
      await leaveStale(endpoints, clock, { number: 16, timestamp: now - 60 })
      expect(both.endpoint).to.equal(stuck.url)
      await leaveStale(endpoints, clock, { number: 16, timestamp: now - 600 })
      expect(both.endpoint).to.equal(chain.url)
    } finally {
      await stuck.stop()
    }
  })
})
