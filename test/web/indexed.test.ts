// SPDX-License-Identifier: GPL-3.0-or-later
// A history from an index says what the chain's log says, and an index that lies is found out.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import type { Block, Log, Provider } from 'ethers'
import { contractInterface } from '../../keepers/chain/index.ts'
import { blockHash, type MadeLog, madeHistory } from '../../scripts/bench/console/history.ts'
import { type HistoryBase, readBase } from '../../web/src/indexed/base.ts'
import { counterOf } from '../../web/src/service/counts.ts'
import { tellStory } from '../../web/src/service/events.ts'

const SERVICE = `0x${'ab'.repeat(20)}`
const CHAIN = 31337
const FROM = 10
const abi = contractInterface('ILearningService')

type Row = Record<string, unknown>
type Answers = { block: number; chainId: number; rounds: Row[]; events: Row[] }

/** What an honest index has after these logs: as the handlers of index/ make it. */
function indexOf(logs: readonly MadeLog[], block: number): Answers {
  const read = counterOf(abi)
  const rounds = new Map<number, Row>()
  const events: Row[] = []
  const transitioned = abi.getEvent('Transitioned')!.topicHash
  for (const log of logs) {
    if (log.block > block) continue
    const counting = read(log)
    if (counting === null) {
      const { index: logIndex, topics, ...rest } = log
      const row = { ...rest, logIndex, topics: topics.join(','), blockHash: blockHash(log.block) }
      const state = events.findIndex(({ topics: of }) => String(of).startsWith(transitioned))
      if (topics[0] === transitioned && state !== -1) events.splice(state, 1)
      events.push(row)
      continue
    }
    const { counter, round, samples } = counting
    const row = rounds.get(round) ?? {
      ...{ round, block: log.block, logIndex: log.index, committed: 0, revealed: 0, attested: 0, shares: 0, votes: 0 },
      samples: '0',
    }
    row[counter] = Number(row[counter]) + 1
    row.samples = String(Number(row.samples) + samples)
    Object.assign(row, { lastBlock: log.block, lastHash: blockHash(log.block) })
    rounds.set(round, row)
  }
  return { block, chainId: CHAIN, rounds: [...rounds.values()], events }
}

describe('a history from an index', () => {
  const logs = madeHistory(60, FROM)
  const head = logs.at(-1)!.block + 5
  let server: Server
  let url: string
  let answers: Answers
  /** In place of what an honest server says. */
  let odd: ((query: string) => string | null) | null
  before(async () => {
    server = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      const { query, variables } = JSON.parse(body) as { query: string; variables: { after: string | null } }
      const told = odd?.(query)
      if (told != null) return response.end(told)
      const name = query.includes('rounds(') ? 'rounds' : 'events'
      const start = Number(variables.after ?? 0)
      const items = answers[name].slice(start, start + 20)
      const hasNextPage = start + 20 < answers[name].length
      const data = query.includes('_meta')
        ? { _meta: { status: { chain: { id: answers.chainId, block: { number: answers.block } } } } }
        : { [name]: { items, pageInfo: { hasNextPage, endCursor: hasNextPage ? String(start + 20) : null } } }
      return response.end(JSON.stringify({ data }))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`
  })
  after(() => server.close())
  beforeEach(() => {
    answers = structuredClone(indexOf(logs, head))
    odd = null
  })

  const provider = {
    getBlock: async (of: number | 'latest') => {
      const number = of === 'latest' ? head : of
      return { number, hash: blockHash(number) } as Block
    },
    getLogs: async ({ fromBlock, toBlock }: { fromBlock: number; toBlock: number }) =>
      logs
        .filter(({ block }) => block >= fromBlock && block <= toBlock)
        .map(({ block, ...log }) => ({ ...log, blockNumber: block }) as unknown as Log),
  } as unknown as Pick<Provider, 'getBlock' | 'getLogs'>
  const read = (more: object = {}): Promise<HistoryBase> =>
    readBase({ url, service: SERVICE, chainId: CHAIN, fromBlock: FROM, provider, ...more })
  const storyOf = (base: HistoryBase) =>
    tellStory({ settled: [...logs.filter(({ block }) => block > base.until)], recent: [] }, abi, base)
  const refusal = (): Promise<string> =>
    read().then(
      () => 'believed',
      (error: Error) => `${error.name}: ${error.message}`,
    )

  it('tells the story that the log tells, and leaves to the chain what may still change', async () => {
    const base = await read()
    expect(base.until).to.be.within(head - 64 - 21, head - 64)
    expect(base.compared).to.be.above(0)
    expect(storyOf(base)).to.deep.equal(tellStory({ settled: [...logs], recent: [] }))
  })

  it('tells it from an index that is a little behind, or in the middle of a round', async () => {
    for (const block of [head - 200, head - 201, head - 218]) {
      answers = indexOf(logs, block)
      expect(storyOf(await read()), String(block)).to.deep.equal(tellStory({ settled: [...logs], recent: [] }))
    }
  })

  it('is refused when a round that is compared has other blocks, counts or events than the chain', async () => {
    // Of the last whole round, which is always compared.
    const { until } = await read()
    const round = () => answers.rounds.findLast(({ lastBlock }) => Number(lastBlock) <= until)!
    const within = ({ block }: Row) =>
      Number(block) >= Number(round().block) && Number(block) <= Number(round().lastBlock)
    const lies: readonly (readonly [string, () => void])[] = [
      ['the chain as', () => Object.assign(round(), { lastHash: blockHash(5, 'another chain') })],
      ['votes 70 in it', () => Object.assign(round(), { votes: 70 })],
      ['samples 1 in it', () => Object.assign(round(), { samples: '1' })],
      // Which of two comparisons finds these first is drawn.
      ['event', () => answers.events.splice(answers.events.findIndex(within), 1)],
      ['event', () => answers.events.push({ ...answers.events.find(within)!, logIndex: 99 })],
      ['or others', () => Object.assign(answers.events.find(within)!, { data: '0x00' })],
    ]
    for (const [why, lie] of lies) {
      answers = structuredClone(indexOf(logs, head))
      lie()
      expect(await refusal())
        .to.contain('IndexError')
        .and.contain(why)
    }
    // Without the comparison the page would show it.
    answers = structuredClone(indexOf(logs, head))
    const { counts, ...base } = await read()
    const lied = counts.map((one) => (one.round === round().round ? { ...one, votes: 70 } : one))
    expect(storyOf({ ...base, counts: lied }).rounds.find(({ votes }) => votes === 70)).to.not.equal(undefined)
  })

  it('is refused when it has, or lacks, what happened between rounds, or a round', async () => {
    // In the time between rounds 7 and 8, where nobody counts steps.
    const block = Number(answers.rounds[6]!.lastBlock) + 1
    expect(block).to.be.below(Number(answers.rounds[7]!.block))
    const { topics, data } = abi.encodeEventLog('MembersLeftOut', [1, 5n])
    const row = {
      block,
      logIndex: 90,
      transactionHash: `0x${'12'.repeat(32)}`,
      topics: topics.join(),
      data,
      blockHash: blockHash(block),
    }
    answers = structuredClone(indexOf(logs, head - 200))
    const { length } = (await read()).counts
    const lies: readonly (readonly [string, () => void, at?: number])[] = [
      ['lacks round 7', () => answers.rounds.splice(6, 1), 6],
      ['a round twice', () => answers.rounds.splice(7, 0, { ...answers.rounds[7]! })],
      [
        'more than the last transition',
        () => answers.events.unshift(...[1, 2].map((i) => ({ ...transition(), logIndex: i }))),
      ],
      [
        'that the chain does not have',
        () => Object.assign(transition(), { data: `${String(transition().data).slice(0, -1)}7` }),
      ],
      [
        'events beside',
        () => Object.assign(answers.events.find(inRound)!, { transactionHash: `0x${'12'.repeat(32)}` }),
      ],
      ['events beside', () => answers.events.splice(answers.events.findIndex(inRound), 0, row)],
    ]
    const transition = (): Row =>
      answers.events.find(({ topics }) => String(topics).startsWith(abi.getEvent('Transitioned')!.topicHash))!
    const inRound = ({ block }: Row) =>
      Number(block) >= Number(answers.rounds[7]!.block) && Number(block) <= Number(answers.rounds[7]!.lastBlock)
    for (const [why, lie, at = 7] of lies) {
      answers = structuredClone(indexOf(logs, head - 200))
      lie()
      const look = { random: () => (at + 0.5) / length }
      expect(await read(look).then(() => 'believed', String), why)
        .to.contain('IndexError')
        .and.contain(why)
    }
  })

  it('finds a lie about any round when it looks at that one', async () => {
    Object.assign(answers.rounds[7]!, { revealed: 1 })
    await read({ random: () => 0.9 })
    const found = await read({ random: () => 7.5 / 57 }).then(String, String)
    expect(found).to.contain('round 8: revealed 1 in it')
  })

  it('is refused when it is of another chain, far behind, or has nothing that is old enough', async () => {
    answers.chainId = 1
    expect(await refusal()).to.contain('of another chain than 31337')
    answers = indexOf(logs, head)
    const later = { ...provider, getBlock: async () => ({ number: head + 10_001, hash: blockHash(0) }) as Block }
    expect(await read({ provider: later }).then(String, String)).to.contain('10,001 blocks behind')
    answers = { ...indexOf(logs, head), rounds: [{ ...answers.rounds[0]!, lastBlock: head }] }
    expect(await refusal()).to.contain('no whole round yet that is old enough')
  })

  it('is refused when it answers with something else, or without end', async () => {
    const answer = (data: object) => JSON.stringify({ data })
    const page = (items: unknown[], hasNextPage = false) =>
      answer({ rounds: { items, pageInfo: { hasNextPage, endCursor: 'x' } } })
    const odds: readonly (readonly [string, (query: string) => string | null])[] = [
      ['not JSON', () => '<html>'],
      ['another form', () => 'null'],
      ['another form', () => answer({ _meta: { status: { chain: { id: CHAIN, block: { number: '5' } } } } })],
      [
        'rounds.items.0',
        (query) => (query.includes('rounds(') ? page([{ ...answers.rounds[0]!, lastHash: '<b>' }]) : null),
      ],
      ['rounds.items.0', (query) => (query.includes('rounds(') ? page([{ ...answers.rounds[0]!, votes: -1 }]) : null)],
      ['lead nowhere', (query) => (query.includes('rounds(') ? page([answers.rounds[0]!], true) : null)],
      ['lead nowhere', (query) => (query.includes('rounds(') ? page([], true) : null)],
      ['nothing yet', () => answer({ _meta: { status: {} } })],
    ]
    for (const [why, say] of odds) {
      odd = say
      expect(await refusal(), why)
        .to.contain('IndexError')
        .and.contain(why)
    }
    expect(await read({ url: 'http://127.0.0.1:1/graphql' }).then(String, String)).to.contain('does not answer')
  })
})
