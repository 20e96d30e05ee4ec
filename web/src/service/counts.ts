// SPDX-License-Identifier: GPL-3.0-or-later
// Members' steps of a round, counted: most of a service's log, of which only the round, an indexed argument, is of interest.
import type { Interface } from 'ethers'
import type { StoredLog } from '../chain/history.ts'

/** Events of members' steps, and the counter of each. */
const COUNTED = {
  UpdateCommitted: 'committed',
  UpdateRevealed: 'revealed',
  AggregateAttested: 'attested',
  ShareSubmitted: 'shares',
  ModelVoted: 'votes',
} as const
/** Where the samples are among the 32-byte words of UpdateRevealed's data: after the CID's offset and the size. */
const SAMPLES_WORD = 2

export type Counter = (typeof COUNTED)[keyof typeof COUNTED]

/** The steps of one round, and where the first of them is in the chain. */
export type RoundCounts = Readonly<Record<Counter, number>> & {
  readonly round: number
  readonly block: number
  readonly index: number
  readonly samples: number
}

/** What a log adds to its round: which counter, and how many samples. */
export type Counting = { readonly counter: Counter; readonly round: number; readonly samples: number }

/** Reads such logs; null for one of another kind. Decoding a log takes a hundred times as long as reading one word of it. */
export function counterOf(abi: Interface): (log: Pick<StoredLog, 'topics' | 'data'>) => Counting | null {
  const counters = new Map<string, Counter>(
    Object.entries(COUNTED).map(([name, counter]) => [abi.getEvent(name)!.topicHash, counter]),
  )
  return ({ topics, data }) => {
    const counter = counters.get(topics[0] ?? '')
    if (counter === undefined) return null
    return { counter, round: Number(topics[1]), samples: counter === 'revealed' ? wordOf(data, SAMPLES_WORD) : 0 }
  }
}

/** A word of a log's data as a number; 0 where the data ends before it. */
export function wordOf(data: string, word: number): number {
  const hex = data.slice(2 + 64 * word, 2 + 64 * (word + 1))
  return hex.length === 64 ? Number(BigInt(`0x${hex}`)) : 0
}
