// SPDX-License-Identifier: GPL-3.0-or-later
import type { Log, Provider } from 'ethers'
import type { KeeperStore, LogRow } from '../store/index.ts'
import type { Head, HeadWatch } from './head-watch.ts'

export type CursorOptions = {
  readonly provider: Pick<Provider, 'getBlock' | 'getLogs'>
  readonly heads: HeadWatch
  readonly store: KeeperStore
  /** Contracts to follow. */
  readonly addresses: readonly string[]
  /** First block of interest: where the service was deployed. */
  readonly fromBlock: number
  /** Blocks per request; public endpoints allow 1,000 to 10,000. */
  readonly span?: number
}

export type CursorStep = {
  /** Logs that are new since the last step, in chain order. */
  readonly added: readonly LogRow[]
  /** Set when the chain reorganised: every log above this block was dropped. */
  readonly rolledBackTo: number | null
  /** All events up to this block are known; null at first, and while uncertain. */
  readonly head: Pick<Head, 'number' | 'hash' | 'timestamp'> | null
  /** False when there is more to read at once. */
  readonly caughtUp: boolean
}

type KnownBlock = NonNullable<CursorStep['head']>

type Mark = { readonly block: number; readonly hash: string }

/** How many of the newest marks are kept, how many older ones, and the blocks between those. A deeper reorganisation means reading everything again. */
const MARKS = 16
const OLDER_MARKS = 16
const BETWEEN = 8
const DEFAULT_SPAN = 2_000
/** A keeper that is at most this many blocks behind reads on with a single request: any endpoint gives them in one page. */
const FEW = 64

/**
 * Follows the logs of some contracts. It writes logs and position to the store in one transaction, so it continues after a restart, and
 * drops the logs of a block that left the chain.
 */
export class EventCursor {
  readonly #options: Required<CursorOptions>
  #marks: Mark[]
  /** Whether the block of the last mark has logs. Reading these again shows the block's hash. */
  #isTold = false

  constructor(options: CursorOptions) {
    this.#options = { span: DEFAULT_SPAN, ...options }
    this.#marks = parseMarks(options.store.getCursor('events'))
  }

  /** Block up to which the logs are known; `fromBlock − 1` before the first step. */
  get position(): number {
    return this.#marks.at(-1)?.block ?? this.#options.fromBlock - 1
  }

  /**
   * Reads on by at most `span` blocks. It sends no request while the head is unchanged, and one if the new head is its child. For a few blocks, one
   * request is also enough if the last known block and the head have logs.
   * @param patience Milliseconds for which a known head suffices.
   * @throws the provider's errors; the position then stays.
   */
  async step(patience = 0): Promise<CursorStep> {
    const { store, span } = this.#options
    const head = await this.#options.heads.latest(patience)
    const mark = this.#marks.at(-1)
    if (mark?.hash === head.hash) return { added: [], rolledBackTo: null, head, caughtUp: true }
    const isChild = mark !== undefined && head.parentHash === mark.hash && head.number === mark.block + 1
    const few = isChild ? { last: head, logs: await this.#logsOf(head) } : await this.#readFew(head)
    const rolledBackTo = few !== null ? null : await this.#rewind()
    const from = this.position + 1
    if (head.number < from) return { added: [], rolledBackTo, head: null, caughtUp: true }
    const read = few ?? (await this.#read(from, Math.min(head.number, from + span - 1), head))
    if (read === null) return { added: [], rolledBackTo, head: null, caughtUp: false }
    const { last, logs } = read
    const added = logs.map((log) => ({
      block: log.blockNumber,
      logIndex: log.index,
      blockHash: log.blockHash,
      address: log.address,
      topics: [...log.topics],
      data: log.data,
      transactionHash: log.transactionHash,
    }))
    const marks = thinned([...this.#marks, { block: last.number, hash: last.hash }])
    store.transaction(() => {
      store.logs.add(added)
      store.putCursor('events', marks)
    })
    this.#marks = marks
    this.#isTold = added.some(({ blockHash }) => blockHash === last.hash)
    return { added, rolledBackTo, head: last, caughtUp: last.number === head.number }
  }

  /** Forgets the logs from this block on, so that the next steps read them again. For use after an endpoint gave wrong logs. */
  rereadFrom(block: number): void {
    this.#drop(this.#marks.filter((mark) => mark.block < block))
  }

  /** Asks by hash: a node that lacks this block must say so (EIP-234). Asked by number, it would return an empty list. */
  #logsOf({ hash }: Head): Promise<Log[]> {
    const { provider, addresses } = this.#options
    return provider.getLogs({ address: [...addresses], blockHash: hash })
  }

  /**
   * The logs of the few blocks up to the head, by one request that includes the last mark's block. That block's logs come again, and their hash
   * shows that it is on the branch of the answer; the head's logs show the same for the other end. If the head has no logs, its block is requested.
   * Null when {@link #rewind} and {@link #read} have to look instead.
   */
  async #readFew(head: Head): Promise<{ last: KnownBlock; logs: Log[] } | null> {
    const { provider, addresses, span } = this.#options
    const mark = this.#marks.at(-1)
    if (mark === undefined || !this.#isTold) return null
    if (head.number <= mark.block || head.number - mark.block > Math.min(span, FEW)) return null
    const range = { fromBlock: mark.block, toBlock: head.number }
    const logs = await provider.getLogs({ address: [...addresses], ...range })
    const told = (block: number, hash: string): boolean | null => {
      const its = logs.filter(({ blockNumber }) => blockNumber === block)
      return its.length === 0 ? null : its.every(({ blockHash }) => blockHash === hash)
    }
    if (told(mark.block, mark.hash) !== true) return null
    const isLast = told(head.number, head.hash) ?? (await provider.getBlock(head.number))?.hash === head.hash
    return isLast ? { last: head, logs: logs.filter(({ blockNumber }) => blockNumber > mark.block) } : null
  }

  /**
   * The logs of a range and its last block; null when the chain moved to another branch in the meantime, because they could be from either.
   */
  async #read(from: number, to: number, head: Head): Promise<{ last: KnownBlock; logs: Log[] } | null> {
    const { provider, addresses } = this.#options
    const last = to === head.number ? head : await provider.getBlock(to)
    const logs = await provider.getLogs({ address: [...addresses], fromBlock: from, toBlock: to })
    const check = await provider.getBlock(to)
    return last?.hash == null || check?.hash !== last.hash
      ? null
      : { last: { number: to, hash: last.hash, timestamp: last.timestamp }, logs }
  }

  /** Goes back to the last block that is still on the chain. Returns this block if it dropped any logs. */
  async #rewind(): Promise<number | null> {
    const { provider } = this.#options
    let kept = this.#marks.length
    while (kept > 0) {
      const mark = this.#marks[kept - 1]!
      const block = await provider.getBlock(mark.block)
      if (block?.hash === mark.hash) break
      kept -= 1
    }
    if (kept === this.#marks.length) return null
    return this.#drop(this.#marks.slice(0, kept))
  }

  #drop(marks: Mark[]): number {
    const { store, fromBlock } = this.#options
    const to = marks.at(-1)?.block ?? fromBlock - 1
    store.transaction(() => {
      store.logs.dropAbove(to)
      store.putCursor('events', marks)
    })
    this.#marks = marks
    this.#isTold = false
    return to
  }
}

/** Keeps all of the newest marks, and older ones at a distance: all marks are written again with every block that is read. */
function thinned(marks: readonly Mark[]): Mark[] {
  const newest = marks.slice(-MARKS)
  const older: Mark[] = []
  for (const mark of marks.slice(0, -MARKS)) {
    const before = older.at(-1)
    if (before === undefined || mark.block - before.block >= BETWEEN) older.push(mark)
  }
  return [...older.slice(-OLDER_MARKS), ...newest]
}

function parseMarks(value: unknown): Mark[] {
  if (!Array.isArray(value)) return []
  return value.filter((mark): mark is Mark => typeof mark?.block === 'number' && typeof mark?.hash === 'string')
}
