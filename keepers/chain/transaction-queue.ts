// SPDX-License-Identifier: GPL-3.0-or-later
import { type Interface, isError, type JsonRpcApiProvider, type TransactionReceipt, type Wallet } from 'ethers'
import type { TransactionLog, TransactionRow } from '../store/index.ts'
import { backoff, type Clock, steady, systemClock } from './clock.ts'
import { ChainError, decodeRevert } from './errors.ts'
import { DEFAULT_FEES, type FeePolicy } from './fees.ts'
import type { HeadWatch } from './head-watch.ts'
import { type TransactionRequest, TransactionSigner } from './transaction-signer.ts'
import { type Endpoints, hasWitnesses, settles } from './witnesses.ts'

/** What takes a keeper's transactions to the chain. */
export type Sender = {
  /** @throws RevertError, ChainError */
  send(request: TransactionRequest, signal?: AbortSignal): Promise<TransactionReceipt>
}

export type QueueEvent =
  | {
      readonly kind: 'sent' | 'resent' | 'replaced'
      readonly key: string
      readonly hash: string
      readonly nonce: number
    }
  | { readonly kind: 'confirmed'; readonly key: string; readonly hash: string; readonly gasUsed: bigint }
  | { readonly kind: 'reorganised'; readonly key: string; readonly hash: string }

export type QueueOptions = {
  readonly provider: JsonRpcApiProvider
  /** The endpoints one by one: that somebody else uses the key is not believed on one's word, when there are more. */
  readonly witnesses?: Endpoints
  /** Says when there is a new block, in which what was sent may be. */
  readonly heads: HeadWatch
  readonly wallet: Wallet
  readonly log: TransactionLog
  readonly chainId: bigint
  /** ABIs with custom errors that explain a refusal. */
  readonly interfaces: readonly Interface[]
  readonly fees?: Partial<FeePolicy>
  /** Blocks a receipt must be deep before it counts; 1 = in the latest block. */
  readonly confirmations?: number
  /** Milliseconds between looks at the chain. */
  readonly pollInterval?: number
  readonly clock?: Clock
  readonly onEvent?: (event: QueueEvent) => void
}

/** Looks at the chain without a receipt before the node is asked whether it still has the transaction. */
const FORGOTTEN_LOOKS = 4
/** Polls after which the chain is looked at although there is no new block: one that stands still may have forgotten. */
const STILL_POLLS = 10
/** The same on a chain of slow blocks. */
const STILL_SLOTS = 2
/** Looks at the chain before a used nonce is called somebody else's: endpoints behind a balancer lag each other. */
const FOREIGN_LOOKS = 5

/**
 * Sends one keeper's transactions in order: simulated first (a refusal costs nothing and comes decoded), signed and
 * logged before broadcast, rebroadcast after a crash or when the network forgot them (a reorganisation, a full pool), replaced
 * at a higher fee when they linger.
 */
export class TransactionQueue implements Sender {
  readonly #options: Required<Omit<QueueOptions, 'fees' | 'onEvent' | 'witnesses'>> &
    Pick<QueueOptions, 'witnesses'> & { fees: FeePolicy }
  readonly #signer: TransactionSigner
  readonly #emit: (event: QueueEvent) => void
  #tail: Promise<unknown> = Promise.resolve()
  /** Keys of transactions whose senders were told before they were deep. */
  readonly #early = new Set<string>()
  /** Set while those are watched. */
  #watching: Promise<void> | null = null
  readonly #closing = new AbortController()

  constructor(options: QueueOptions) {
    const { onEvent, ...rest } = options
    this.#options = {
      confirmations: 1,
      pollInterval: 1_000,
      clock: systemClock,
      ...rest,
      fees: { ...DEFAULT_FEES, ...options.fees },
    }
    this.#signer = new TransactionSigner(this.#options)
    this.#emit = onEvent ?? (() => undefined)
  }

  get address(): string {
    return this.#options.wallet.address
  }

  /** Whether the act was signed before. */
  has(key: string): boolean {
    return this.#options.log.find(key) !== null
  }

  /**
   * Resolves once the transaction is `confirmations` deep, or in a block when the request says so. Requests run one after the other.
   * @throws RevertError (nothing was sent, or it failed on-chain), ChainError UNFUNDED, FEE_CAP, FOREIGN_TRANSACTION.
   */
  send(request: TransactionRequest, signal?: AbortSignal): Promise<TransactionReceipt> {
    return this.#next(() => this.#run(request, signal))
  }

  /** Runs something when all before it has ended. */
  #next<T>(body: () => Promise<T>): Promise<T> {
    const run = this.#tail.then(body)
    this.#tail = run.catch(() => undefined)
    return run
  }

  /** Ends the watch over transactions that are not deep yet. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the queue was closed'))
    await this.#watching
  }

  /** Brings transactions that a crash interrupted to their end. Call before the first {@link send}. */
  async resume(signal?: AbortSignal): Promise<void> {
    const { log, wallet } = this.#options
    const used = await this.#used()
    const next = log.nextNonce()
    // nextNonce 0: a folder that never sent anything may belong to an account that did.
    if (next > 0 && used > next) {
      throw new ChainError(
        'FOREIGN_TRANSACTION',
        `${wallet.address} has sent ${used} transactions, this folder knows of ${next}: another process uses the same ` +
          'operator key, or this folder is an old copy. Stop the other one, or move its folder here',
      )
    }
    for (const row of log.open()) {
      await this.#next(() => this.#settle(row, signal))
    }
  }

  async #run(request: TransactionRequest, signal: AbortSignal | undefined): Promise<TransactionReceipt> {
    signal?.throwIfAborted()
    const { log } = this.#options
    const used = await this.#closeGaps(log.find(request.key)?.nonce ?? Infinity, signal)
    const known = log.find(request.key)
    if (known !== null) return this.#settle(known, signal, request.told)
    const row = await this.#signer.sign(request, Math.max(used, log.nextNonce()))
    log.insert(row)
    return this.#settle({ ...row, receipt: null }, signal, request.told)
  }

  /**
   * Until all that was told early is deep: sends again what a reorganisation took back, between other requests. Ends without a word on an
   * error, which the next request meets, too.
   */
  async #watch(): Promise<void> {
    const { clock, heads, pollInterval, log } = this.#options
    const { signal } = this.#closing
    let seen: string | null = null
    try {
      while (this.#early.size > 0) {
        await clock.sleep(pollInterval, signal)
        const { hash } = await heads.latest()
        if (hash === seen) continue
        seen = hash
        for (const key of this.#early) {
          const row = log.find(key)
          const receipt = row === null ? null : await this.#receiptOf(row)
          if (row === null || (receipt !== null && (await this.#isDeep(receipt)))) this.#early.delete(key)
          else if (receipt === null) await this.#next(() => this.#settle(row, signal, 'included'))
        }
      }
    } catch {
      this.#early.clear()
    }
  }

  /**
   * Settles what holds a nonce below `end` that the chain has not seen used: nothing after it can be mined before it is. One that
   * its caller stopped waiting for, or one that was confirmed and lost to a reorganisation deeper than that. Returns the account's next
   * nonce by the latest block.
   */
  async #closeGaps(end: number, signal: AbortSignal | undefined): Promise<number> {
    const { log } = this.#options
    const used = await this.#used()
    const unsettled = log.open().filter(({ nonce }) => nonce < used)
    const gaps = [...unsettled, ...log.since(used)].filter(({ nonce }) => nonce < end)
    for (const earlier of gaps) {
      await this.#settle(earlier, signal).catch((error: unknown) => {
        if (!(error instanceof ChainError && error.code === 'REVERTED')) throw error
      })
    }
    return gaps.length === 0 ? used : this.#used()
  }

  /**
   * The account's next nonce by the latest block: what two endpoints say at least, or the own one. On one's word alone, when others are
   * configured, no more than this folder has signed: it could leave a gap that nothing fills, or end the keeper.
   */
  async #used(): Promise<number> {
    const { provider, log } = this.#options
    const sure = await this.#surelyUsed()
    if (sure !== null) return sure
    const told = await provider.getTransactionCount(this.address, 'latest')
    // A folder that has signed nothing has no number of its own to go by.
    return log.nextNonce() === 0 ? told : Math.min(told, log.nextNonce())
  }

  /** Null when one endpoint alone says so, and others are configured. */
  async #surelyUsed(): Promise<number | null> {
    const { provider, witnesses } = this.#options
    if (witnesses === undefined || !hasWitnesses(witnesses)) {
      return provider.getTransactionCount(this.address, 'latest')
    }
    const answers = await witnesses.everywhere('eth_getTransactionCount', [this.address, 'latest'])
    const heard = answers.filter(({ result }) => countOf(result) !== null)
    const counts = heard.map(({ result }) => countOf(result)!).sort((a, b) => b - a)
    const atLeast = (least: number) => heard.filter(({ result }) => countOf(result)! >= least)
    return counts.find((count) => settles(atLeast(count), heard)) ?? null
  }

  /** Follows a logged transaction until it is in a block, or deep enough, whatever the chain and the network do meanwhile. */
  async #settle(
    row: TransactionRow,
    signal: AbortSignal | undefined,
    told: TransactionRequest['told'] = 'deep',
  ): Promise<TransactionReceipt> {
    const { clock, pollInterval, fees, log, heads } = this.#options
    let lastSent = -Infinity
    let lookedAt = -Infinity
    let seen: string | null = null
    let isMined = false
    let foreign = 0
    let looks = 0
    for (let failures = 0; ; ) {
      signal?.throwIfAborted()
      try {
        const { hash } = await heads.latest()
        const still = lookedAt + Math.max(STILL_POLLS * pollInterval, STILL_SLOTS * heads.slot)
        const wait = (isMined ? still : Math.min(still, lastSent + fees.replaceAfter)) - steady(clock)
        if (hash === seen && foreign === 0 && wait > 0) {
          await clock.sleep(Math.min(pollInterval, wait), signal)
          continue
        }
        seen = hash
        lookedAt = steady(clock)
        const receipt = await this.#receiptOf(row)
        isMined = receipt !== null
        if (receipt !== null) {
          if (await this.#isDeep(receipt)) return this.#finish(row, receipt)
          if (told === 'included') {
            const finished = await this.#finish(row, receipt)
            this.#early.add(row.key)
            this.#watching ??= this.#watch().finally(() => {
              this.#watching = null
            })
            return finished
          }
        } else {
          if (row.receipt !== null) {
            this.#emit({ kind: 'reorganised', key: row.key, hash: row.receipt.hash })
            log.setReceipt(row.key, null)
          }
          const now = steady(clock)
          const isFirst = lastSent === -Infinity
          const isLate = !isFirst && now - lastSent >= fees.replaceAfter
          const isLong = !isFirst && ++looks % FORGOTTEN_LOOKS === 0
          if (isFirst || isLate || isLong || foreign > 0) foreign = (await this.#nonceTaken(row)) ? foreign + 1 : 0
          if (foreign >= FOREIGN_LOOKS && (await this.#isForeign(row, signal))) {
            throw new ChainError(
              'FOREIGN_TRANSACTION',
              `nonce ${row.nonce} of ${this.address} was used by a transaction that this keeper did not send: ` +
                'another process runs with the same operator key. Stop one of them',
            )
          }
          if (foreign === 0 && isFirst) {
            await this.#broadcast(row)
            lastSent = now
          } else if (foreign === 0 && isLate) {
            await this.#replace(row)
            lastSent = now
          } else if (foreign === 0 && isLong && (await this.#isForgotten(row))) {
            // Unchanged: the fee is not the reason why nobody mines it.
            await this.#offer(row.attempts.at(-1)!.raw)
            this.#emit({ kind: 'resent', key: row.key, hash: row.attempts.at(-1)!.hash, nonce: row.nonce })
          }
        }
        row = log.find(row.key) ?? row
        failures = 0
        await clock.sleep(pollInterval, signal)
      } catch (error) {
        signal?.throwIfAborted()
        if (error instanceof ChainError && error.code !== 'UNREACHABLE') throw error
        if (isError(error, 'INSUFFICIENT_FUNDS')) {
          // The row stays: an endpoint that only says so has signed bytes that it may send later, and another transaction of that nonce
          // would then look like somebody else's.
          throw await this.#signer.explainFunds(error)
        }
        if (++failures > 8) throw error
        await clock.sleep(backoff(failures), signal)
      }
    }
  }

  async #receiptOf(row: TransactionRow): Promise<TransactionReceipt | null> {
    for (const attempt of [...row.attempts].reverse()) {
      const receipt = await this.#options.provider.getTransactionReceipt(attempt.hash)
      if (receipt !== null) return receipt
    }
    return null
  }

  async #isDeep(receipt: TransactionReceipt): Promise<boolean> {
    const { confirmations, heads } = this.#options
    return confirmations <= 1 || (await heads.latest()).number - receipt.blockNumber + 1 >= confirmations
  }

  async #nonceTaken(row: TransactionRow): Promise<boolean> {
    // Of one's word alone nothing is held back: a node refuses a nonce that is used.
    const used = await this.#surelyUsed()
    // Mined between the two questions? Then it is ours.
    return used !== null && used > row.nonce && (await this.#receiptOf(row)) === null
  }

  /** Whether two endpoints, each by itself, have the nonce used and none of the attempts; or the own one, or the only one. */
  async #isForeign(row: TransactionRow, signal: AbortSignal | undefined): Promise<boolean> {
    const { witnesses, clock, pollInterval } = this.#options
    if (witnesses === undefined || !hasWitnesses(witnesses)) return true
    // An endpoint is a balancer before several nodes, maybe: one look could find the count of one and the receipts of another that is behind.
    for (let look = 0; look < FOREIGN_LOOKS; look++) {
      const counts = await witnesses.everywhere('eth_getTransactionCount', [this.address, 'latest'])
      // Asked last: what was mined between the two questions is ours.
      const receipts = await Promise.all(
        row.attempts.map(({ hash }) => witnesses.everywhere('eth_getTransactionReceipt', [hash])),
      )
      const heard = counts.filter(({ result }) => countOf(result) !== null)
      const against = heard.filter((answer) => {
        const at = counts.indexOf(answer)
        return countOf(answer.result)! > row.nonce && receipts.every((answers) => answers[at]?.result === null)
      })
      if (!settles(against, heard)) {
        const having = heard.filter((answer) =>
          receipts.some((told) => isReceipt(told[counts.indexOf(answer)]?.result)),
        )
        // It is mined, and the endpoint in use would hide that for as long as it is asked.
        if (settles(having, heard)) witnesses.prefer(having[0]!.endpoint, `has the receipt of nonce ${row.nonce}`)
        return false
      }
      await clock.sleep(pollInterval, signal)
    }
    return true
  }

  /** Whether the node knows none of the attempts, in its pool or mined. */
  async #isForgotten(row: TransactionRow): Promise<boolean> {
    for (const { hash } of row.attempts) {
      if ((await this.#options.provider.getTransaction(hash)) !== null) return false
    }
    return true
  }

  async #broadcast(row: TransactionRow): Promise<void> {
    const attempt = row.attempts.at(-1)!
    await this.#offer(attempt.raw)
    this.#emit({ kind: 'sent', key: row.key, hash: attempt.hash, nonce: row.nonce })
  }

  async #replace(row: TransactionRow): Promise<void> {
    const attempt = await this.#signer.raise(row)
    this.#options.log.addAttempt(row.key, attempt)
    await this.#offer(attempt.raw)
    // To all: the endpoint in use may have kept the one before to itself.
    await this.#options.witnesses?.everywhere('eth_sendRawTransaction', [attempt.raw])
    this.#emit({ kind: 'replaced', key: row.key, hash: attempt.hash, nonce: row.nonce })
  }

  async #offer(raw: string): Promise<void> {
    try {
      await this.#options.provider.send('eth_sendRawTransaction', [raw])
    } catch (error) {
      // The node has it already, or has mined it since: the next look shows which.
      if (isError(error, 'NONCE_EXPIRED') || isError(error, 'REPLACEMENT_UNDERPRICED')) return
      if (/already known|already imported|known transaction/i.test(String((error as Error).message))) return
      throw error
    }
  }

  async #finish(row: TransactionRow, receipt: TransactionReceipt): Promise<TransactionReceipt> {
    const { log, provider, interfaces, wallet } = this.#options
    const first = row.receipt === null
    const status = receipt.status ?? 0
    if (first) log.setReceipt(row.key, { hash: receipt.hash, block: receipt.blockNumber, status })
    if (status === 1) {
      if (first) this.#emit({ kind: 'confirmed', key: row.key, hash: receipt.hash, gasUsed: receipt.gasUsed })
      return receipt
    }
    // It failed between simulation and mining. The same call on the block before usually shows the reason.
    log.retire(row.key)
    const { to, data, value } = row.request
    const call = { from: wallet.address, to, data, value: BigInt(value), blockTag: receipt.blockNumber }
    const failure = await provider.call(call).then(
      () => null,
      (error: unknown) => decodeRevert(error, interfaces, row.key),
    )
    throw failure ?? new ChainError('REVERTED', `${row.key}: transaction ${receipt.hash} failed on-chain`)
  }
}

function isReceipt(result: unknown): boolean {
  return typeof result === 'object' && result !== null
}

/** A count as JSON-RPC gives it; null for anything else. */
function countOf(result: unknown): number | null {
  return typeof result === 'string' && /^0x[0-9a-f]{1,12}$/.test(result) ? Number(result) : null
}
