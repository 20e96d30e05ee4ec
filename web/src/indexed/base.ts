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
/** Blocks of a round at most, and of the time before it, for its steps to be counted again. */
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
async function compare({ rounds, events, until }: Cut, terms: BaseTerms): Promise<number> {
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
  const known = new Set(rounds.map(({ round }) => round))
  if (known.size < rounds.length) throw new IndexError('it has a round twice')
  // It keeps the last one alone, and whoever reads the others would be shown what no chain has.
  const transitions = events.filter(({ topics }) => topics[0] === abi.getEvent('Transitioned')!.topicHash)
  if (transitions.length > 1) throw new IndexError('it has more than the last transition')
  for (const { block, ...told } of [...new Set([...some(events), ...transitions])]) {
    const logs = await provider.getLogs({ address: service, fromBlock: block, toBlock: block })
    const key = keyOf(block, told)
    if (logs.some((log) => keyOf(log.blockNumber, log) === key)) continue
    throw new IndexError(`it has an event in block ${block} that the chain does not have`)
  }
  for (const round of sample) {
    const { block, lastBlock } = round
    if (block < fromBlock || lastBlock < block) throw new IndexError(`round ${round.round} ends in it before it begins`)
    if (lastBlock - block > MOST_BLOCKS) continue
    // With the time since the round before it, in which members come, go and pay, and in which a round may be missing.
    const before = rounds.reduce(
      (most, one) => (one.lastBlock < block ? Math.max(most, one.lastBlock) : most),
      fromBlock - 1,
    )
    const from = Math.max(before + 1, lastBlock - MOST_BLOCKS)
    const to = round === rounds.at(-1) ? Math.min(until, from + MOST_BLOCKS) : lastBlock
    const logs = await provider.getLogs({ address: service, fromBlock: from, toBlock: to })
    contradict(round, { from, to, logs, events, known }, abi)
  }
  return sample.length
}

/** Blocks, and what the chain and the index have in them. */
type Span = {
  readonly from: number
  readonly to: number
  readonly logs: readonly Log[]
  readonly events: Indexed['events']
  /** Rounds that the index has, anywhere. */
  readonly known: ReadonlySet<number>
}

/** Counts a round's steps again, and looks for every other event of those blocks. @throws IndexError */
function contradict(round: IndexedRound, { from, to, logs, events, known }: Span, abi: Interface): void {
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
      if (log.topics[0] !== transitioned) others.push(keyOf(log.blockNumber, log))
    } else if (counting.round === round.round) {
      counted[counting.counter]++
      counted.samples += counting.samples
    } else if (!known.has(counting.round)) {
      throw new IndexError(`it lacks round ${counting.round}, which the chain has`)
    }
  }
  for (const counter of COUNTERS) {
    if (counted[counter] === round[counter]) continue
    throw new IndexError(`round ${round.round}: ${counter} ${round[counter]} in it, ${counted[counter]} on the chain`)
  }
  const own = events.filter(({ block, topics }) => block >= from && block <= to && topics[0] !== transitioned)
  const told = new Set(own.map(({ block, ...told }) => keyOf(block, told)))
  if (told.size !== others.length || !others.every((key) => told.has(key))) {
    throw new IndexError(
      `round ${round.round}: ${told.size} events beside its steps in it or before it, ${others.length} on the chain, or others`,
    )
  }
}

function keyOf(block: number, { index, transactionHash, topics, data }: Omit<StoredLog, 'block'> | Log): string {
  return `${block}/${index}/${transactionHash}/${topics.join()}/${data}`
}
