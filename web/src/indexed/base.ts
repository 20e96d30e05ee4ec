// SPDX-License-Identifier: GPL-3.0-or-later
// The older part of a service's history, from an index, as far as the page believes it: whole rounds that no reorganisation reaches any
// more, a sample of them compared with the chain, block by block and count by count.
import type { Block, Interface, Log, Provider } from 'ethers'
import { contractInterface, REORG_DEPTH } from '../../../keepers/chain/index.ts'
import type { StoredLog } from '../chain/history.ts'
import { type Counter, counterOf, type RoundCounts } from '../service/counts.ts'
import { IndexError, type Indexed, type IndexedRound, readIndexed } from './client.ts'

export { IndexError }

/** Rounds and events that are compared with the chain, beside the last round. */
const SAMPLE = 3
/** Blocks of a round at most for its steps to be counted again. */
const MOST_BLOCKS = 2_000
/** Blocks that an index may be behind: the page reads that many itself without a wait. */
const MOST_BEHIND = 10_000

const COUNTERS = ['committed', 'revealed', 'attested', 'shares', 'votes', 'samples'] as const satisfies (
  | Counter
  | 'samples'
)[]

/** What goes before a history that is read from the chain. */
export type HistoryBase = {
  /** It reaches up to this block; the chain is read from the next one on. */
  readonly until: number
  readonly counts: readonly RoundCounts[]
  readonly logs: readonly StoredLog[]
  /** Rounds that were compared with the chain. */
  readonly compared: number
}

export type BaseTerms = {
  readonly url: string
  readonly service: string
  readonly chainId: number
  readonly fromBlock: number
  readonly provider: Pick<Provider, 'getBlock' | 'getLogs'>
  readonly signal?: AbortSignal
  /** 0 … 1; for tests. */
  readonly random?: () => number
}

/** @throws IndexError when the index is gone, behind, of another chain, or says what the chain does not; the chain's own errors */
export async function readBase(terms: BaseTerms): Promise<HistoryBase> {
  const { url, provider, fromBlock } = terms
  const indexed = await readIndexed(url, terms)
  const head = await provider.getBlock('latest')
  if (head === null) throw new IndexError('the chain has no block to compare it with')
  if (head.number - indexed.block > MOST_BEHIND) {
    throw new IndexError(`it is ${(head.number - indexed.block).toLocaleString('en-US')} blocks behind the chain`)
  }
  const base = cut(indexed, Math.min(indexed.block, head.number - REORG_DEPTH))
  if (base.until < fromBlock || base.rounds.length === 0) {
    throw new IndexError('it has no whole round yet that is old enough to stay')
  }
  const compared = await compare(base, terms)
  return { ...base, compared }
}

type Cut = {
  readonly until: number
  readonly rounds: readonly IndexedRound[]
  readonly events: Indexed['events']
} & Pick<HistoryBase, 'counts' | 'logs'>

/** Leaves out rounds that go on after a block, and so everything since the first of them began. */
function cut({ rounds, events }: Indexed, last: number): Cut {
  let until = last
  for (let next = last; ; until = next) {
    for (const { block, lastBlock } of rounds) if (block <= until && lastBlock > until) next = Math.min(next, block - 1)
    if (next === until) break
  }
  const kept = rounds.filter(({ lastBlock }) => lastBlock <= until)
  const told = events.filter(({ block }) => block <= until)
  return {
    ...{ until, rounds: kept, events: told, logs: told },
    counts: kept.map(({ lastBlock: _, lastHash: __, ...counts }) => counts),
  }
}

/** Compares a sample with the chain, the last round among it. @throws IndexError naming what differs */
async function compare({ rounds, events }: Cut, terms: BaseTerms): Promise<number> {
  const { provider, service, fromBlock, random = Math.random } = terms
  const abi = contractInterface('ILearningService')
  const some = <T>(list: readonly T[]): T[] =>
    Array.from({ length: Math.min(SAMPLE, list.length) }, () => list[Math.floor(random() * list.length)]!)
  const sample = [...new Set([...rounds.slice(-1), ...some(rounds)])]
  const hashes = [
    ...sample.map(({ lastBlock, lastHash }) => [lastBlock, lastHash] as const),
    ...some(events).map(({ block, blockHash }) => [block, blockHash] as const),
  ]
  for (const [number, hash] of hashes) {
    const block: Block | null = await provider.getBlock(number)
    if (block?.hash === hash) continue
    throw new IndexError(
      `it has block ${number} as ${hash.slice(0, 10)}…, the chain as ${block?.hash?.slice(0, 10) ?? 'none'}…`,
    )
  }
  for (const round of sample) {
    const { block, lastBlock } = round
    if (block < fromBlock || lastBlock < block) throw new IndexError(`round ${round.round} ends in it before it begins`)
    if (lastBlock - block > MOST_BLOCKS) continue
    const logs = await provider.getLogs({ address: service, fromBlock: block, toBlock: lastBlock })
    contradict(round, logs, events, abi)
  }
  return sample.length
}

/** Counts a round's steps again, and looks for every other event of its blocks. @throws IndexError */
function contradict(round: IndexedRound, logs: readonly Log[], events: Indexed['events'], abi: Interface): void {
  const read = counterOf(abi)
  const transitioned = abi.getEvent('Transitioned')!.topicHash
  const counted: Record<(typeof COUNTERS)[number], number> = {
    committed: 0,
    revealed: 0,
    attested: 0,
    shares: 0,
    votes: 0,
    samples: 0,
  }
  const others: string[] = []
  for (const log of logs) {
    const counting = read({ topics: [...log.topics], data: log.data })
    if (counting === null) {
      if (log.topics[0] !== transitioned) others.push(keyOf(log.blockNumber, log.index, log.topics, log.data))
    } else if (counting.round === round.round) {
      counted[counting.counter]++
      counted.samples += counting.samples
    }
  }
  for (const counter of COUNTERS) {
    if (counted[counter] === round[counter]) continue
    throw new IndexError(`round ${round.round}: ${counter} ${round[counter]} in it, ${counted[counter]} on the chain`)
  }
  const own = events.filter(
    ({ block, topics }) => block >= round.block && block <= round.lastBlock && topics[0] !== transitioned,
  )
  const told = new Set(own.map(({ block, index, topics, data }) => keyOf(block, index, topics, data)))
  if (told.size !== others.length || !others.every((key) => told.has(key))) {
    throw new IndexError(
      `round ${round.round}: ${told.size} events beside its steps in it, ${others.length} on the chain, or others`,
    )
  }
}

function keyOf(block: number, index: number, topics: readonly string[], data: string): string {
  return `${block}/${index}/${topics.join()}/${data}`
}
