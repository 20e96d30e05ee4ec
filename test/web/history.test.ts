// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { type Block, type Filter, Log, type Provider } from 'ethers'
import { ContractHistory, type HistoryShelf, type StoredHistory } from '../../web/src/chain/history.ts'

const ADDRESS = `0x${'11'.repeat(20)}`

/** A chain of empty blocks, some of them with a log; `branch` is part of each hash. */
class Chain {
  readonly asked: (readonly [from: number, to: number])[] = []
  readonly #blocks: string[] = []
  readonly #logs = new Map<number, string>()
  failing = false

  grow(count: number, branch = 'a'): this {
    for (let i = 0; i < count; i++) this.#blocks.push(`${branch}${this.#blocks.length}`)
    return this
  }
  log(block: number, data: string): this {
    this.#logs.set(block, data)
    return this
  }
  /** Takes the last blocks away, with their logs, and grows as many of another branch. */
  reorganise(depth: number): this {
    for (let i = 0; i < depth; i++) {
      this.#blocks.pop()
      this.#logs.delete(this.#blocks.length)
    }
    return this.grow(depth, 'b')
  }
  get provider(): Pick<Provider, 'getBlock' | 'getBlockNumber' | 'getLogs'> {
    const hash = (block: number) => `0x${Buffer.from(this.#blocks[block]!).toString('hex').padEnd(64, '0')}`
    return {
      getBlockNumber: async () => this.#blocks.length - 1,
      getBlock: async (tag) => {
        if (this.failing) throw new Error('the endpoint is gone')
        const number = tag === 'latest' ? this.#blocks.length - 1 : Number(tag)
        return this.#blocks[number] === undefined ? null : ({ number, hash: hash(number) } as Block)
      },
      getLogs: async (filter) => {
        const { fromBlock, toBlock } = filter as Filter
        const [from, to] = [Number(fromBlock), Number(toBlock)]
        this.asked.push([from, to])
        return [...this.#logs]
          .filter(([block]) => block >= from && block <= to)
          .sort(([a], [b]) => a - b)
          .map(
            ([block, data]) =>
              new Log(
                {
                  ...{ address: ADDRESS, blockHash: hash(block), blockNumber: block, data, index: 0, removed: false },
                  ...{ topics: [], transactionHash: hash(block), transactionIndex: 0 },
                },
                this.provider as Provider,
              ),
          )
      },
    }
  }
}

class Shelf implements HistoryShelf {
  readonly kept = new Map<string, StoredHistory>()
  full = false
  async get(key: string) {
    return structuredClone(this.kept.get(key))
  }
  async put(key: string, history: StoredHistory) {
    if (this.full) throw new DOMException('no space', 'QuotaExceededError')
    this.kept.set(key, structuredClone(history))
  }
}

const historyOf = (chain: Chain, shelf: HistoryShelf, span?: number) =>
  new ContractHistory({
    ...{ provider: chain.provider, shelf, chainId: 1, address: ADDRESS, fromBlock: 2 },
    ...(span === undefined ? {} : { span }),
  })
const dataOf = (history: ContractHistory) => history.logs.map(({ data }) => data)

describe('a contract’s history in the console', () => {
  it('is read in pieces, from the first block of interest', async () => {
    const chain = new Chain().grow(25).log(1, '0x01').log(2, '0x02').log(14, '0x0e').log(24, '0x18')
    const history = historyOf(chain, new Shelf(), 10)
    expect(await history.step()).to.equal(true)
    expect(dataOf(history)).to.deep.equal(['0x02', '0x0e', '0x18'])
    expect(chain.asked).to.deep.equal([
      [2, 11],
      [12, 21],
      [22, 24],
    ])
  })

  it('takes more logs of one piece than a call takes arguments', async () => {
    const chain = new Chain().grow(100)
    const [block, count] = [10, 300_000]
    const getLogs = async () => Array.from({ length: count }, (_, index) => ({ blockNumber: block, index, topics: [] }))
    const provider = { ...chain.provider, getLogs } as never
    const shelf = { get: async () => undefined, put: async () => undefined }
    const history = new ContractHistory({ provider, shelf, chainId: 1, address: ADDRESS, fromBlock: 0 })
    await history.step()
    expect(history.logs.length).to.equal(count)
  })

  it('asks nothing more while there is no new block', async () => {
    const chain = new Chain().grow(10)
    const history = historyOf(chain, new Shelf())
    await history.step()
    expect(await history.step()).to.equal(false)
    expect(chain.asked).to.have.length(1)
  })

  it('follows a reorganisation: what left the chain goes, what came is there', async () => {
    const chain = new Chain().grow(100).log(50, '0x32').log(97, '0x61')
    const history = historyOf(chain, new Shelf())
    await history.step()
    expect(dataOf(history)).to.deep.equal(['0x32', '0x61'])
    chain.reorganise(5).log(98, '0x62')
    await history.step()
    expect(dataOf(history)).to.deep.equal(['0x32', '0x62'])
  })

  it('keeps what is deep for the next visit, which reads on from there', async () => {
    const shelf = new Shelf()
    const chain = new Chain().grow(200).log(10, '0x0a').log(190, '0xbe')
    await historyOf(chain, shelf).step()
    expect([...shelf.kept.values()][0]).to.deep.include({ until: 199 - 64 })
    const again = new Chain().grow(210).log(10, '0x0a').log(190, '0xbe').log(205, '0xcd')
    const history = historyOf(again, shelf)
    await history.step()
    expect(dataOf(history)).to.deep.equal(['0x0a', '0xbe', '0xcd'])
    expect(again.asked).to.deep.equal([[136, 209]])
  })

  it('forgets what it kept of a development chain that began anew', async () => {
    const shelf = new Shelf()
    await historyOf(new Chain().grow(200).log(10, '0x0a'), shelf).step()
    const other = historyOf(new Chain().grow(150, 'z').log(20, '0x14'), shelf)
    await other.step()
    expect(dataOf(other)).to.deep.equal(['0x14'])
  })

  it('is not written down again for each block: a long one is megabytes', async () => {
    const shelf = new Shelf()
    let puts = 0
    const put = shelf.put.bind(shelf)
    shelf.put = async (key, history) => {
      puts++
      await put(key, history)
    }
    const chain = new Chain().grow(200).log(10, '0x0a')
    const history = historyOf(chain, shelf)
    for (let i = 0; i < 20; i++) {
      await history.step()
      chain.grow(1)
    }
    expect(puts).to.equal(1)
    chain.grow(500)
    await history.step()
    expect(puts).to.equal(2)
  })

  for (const [what, spoil] of [
    ['says that it was read beyond the chain’s end', (kept: StoredHistory) => ({ ...kept, until: 1e9 })],
    ['has no logs', (kept: StoredHistory) => ({ ...kept, logs: undefined })],
    ['has logs of another shape', (kept: StoredHistory) => ({ ...kept, logs: [{ block: 10, topics: 'none' }] })],
    ['has logs from beyond its end', (kept: StoredHistory) => ({ ...kept, until: 5 })],
    ['is no history', () => 'something'],
  ] as const) {
    it(`is read from the chain when what the browser kept ${what}`, async () => {
      const shelf = new Shelf()
      const chain = new Chain().grow(200).log(10, '0x0a')
      await historyOf(chain, shelf).step()
      for (const [key, kept] of shelf.kept) shelf.kept.set(key, spoil(kept) as StoredHistory)
      const history = historyOf(chain, shelf)
      await history.step()
      expect(dataOf(history)).to.deep.equal(['0x0a'])
    })
  }

  it('goes on where it was when the endpoint is back', async () => {
    const chain = new Chain().grow(20).log(5, '0x05')
    const history = historyOf(chain, new Shelf())
    await history.step()
    chain.failing = true
    const lost = await history.step().catch((error: Error) => error.message)
    expect(lost).to.equal('the endpoint is gone')
    expect(dataOf(history)).to.deep.equal(['0x05'])
    chain.failing = false
    chain.grow(3).log(22, '0x16')
    await history.step()
    expect(dataOf(history)).to.deep.equal(['0x05', '0x16'])
  })

  it('does without a browser that keeps nothing', async () => {
    const shelf = new Shelf()
    shelf.full = true
    const history = historyOf(new Chain().grow(200).log(10, '0x0a'), shelf)
    await history.step()
    expect(dataOf(history)).to.deep.equal(['0x0a'])
  })

  it('is read once by two screens that ask at the same time', async () => {
    const chain = new Chain().grow(10).log(5, '0x05')
    const history = historyOf(chain, new Shelf())
    await Promise.all([history.step(), history.step()])
    expect(chain.asked).to.have.length(1)
    expect(dataOf(history)).to.deep.equal(['0x05'])
  })
})
