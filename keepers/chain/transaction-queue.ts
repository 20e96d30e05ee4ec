// SPDX-License-Identifier: GPL-3.0-or-later
import { type Interface, isError, type JsonRpcApiProvider, type TransactionReceipt } from 'ethers'
import type { TransactionLog, TransactionRow } from '../store/index.ts'
import { AccountNonce, FOREIGN_LOOKS } from './account-nonce.ts'
import type { Place } from './ancestry.ts'
import { backoff, type Clock, steady, systemClock } from './clock.ts'
import { ChainError, decodeRevert } from './errors.ts'
import { DEFAULT_FEES, type FeePolicy } from './fees.ts'
import type { HeadWatch } from './head-watch.ts'
import type { OperatorSigner } from './signer/signer.ts'
import { isForgotten, offer, receiptOf } from './transaction-attempts.ts'
import { type TransactionRequest, TransactionSigner } from './transaction-signer.ts'
import type { Endpoints } from './witnesses.ts'

/** Sends a keeper's transactions to the chain. */
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
  /** The endpoints one by one. With several, a single one cannot convince the queue that somebody else uses the key. */
  readonly witnesses?: Endpoints
  /** Reports new blocks, which may include a sent transaction. */
  readonly heads: HeadWatch
  readonly wallet: OperatorSigner
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

/** Looks without a receipt after which the node is asked whether it still has the transaction. */
const FORGOTTEN_LOOKS = 4
/** Polls without a new block after which the queue looks for a receipt anyway: the node may have dropped the transaction. */
const STILL_POLLS = 10
/** The same in block intervals, on a chain with slow blocks. */
const STILL_SLOTS = 2

/**
 * Sends one keeper's transactions in order. It simulates each first, so that a refusal costs nothing and comes decoded, and logs the signed
 * bytes before it broadcasts them. It broadcasts again after a crash, or when the network dropped them (a reorganisation, a full pool), and
 * raises the fee of transactions that linger.
 */
export class TransactionQueue implements Sender {
  readonly #options: Required<Omit<QueueOptions, 'fees' | 'onEvent' | 'witnesses'>> &
    Pick<QueueOptions, 'witnesses'> & { fees: FeePolicy }
  readonly #signer: TransactionSigner
  readonly #nonce: AccountNonce
  readonly #emit: (event: QueueEvent) => void
  #tail: Promise<unknown> = Promise.resolve()
  /** For transactions that were reported to their senders before they were deep: the block of each, by key. */
  readonly #early = new Map<string, Place>()
  /** Set while the queue watches these. */
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
    this.#nonce = new AccountNonce(this.address, this.#options)
    this.#emit = onEvent ?? (() => undefined)
  }

  get address(): string {
    return this.#options.wallet.address
  }

  /** Whether a transaction of this act was signed before. */
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

  /** Runs a task after all earlier ones. */
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
    const used = await this.#nonce.used()
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
    return this.#settle({ ...row, receipt: null }, signal, request.told, true)
  }

  /**
   * Watches transactions that were reported early until they are deep, and between other requests sends again those that a reorganisation
   * took back. An error ends it silently, because the next request will meet the same error.
   */
  async #watch(): Promise<void> {
    const { clock, heads, pollInterval, log } = this.#options
    const { signal } = this.#closing
    let seen: string | null = null
    try {
      while (this.#early.size > 0) {
        await clock.sleep(pollInterval, signal)
        const { hash, number } = await heads.latest()
        if (hash === seen) continue
        seen = hash
        for (const [key, place] of this.#early) {
          const isThere = heads.has(place)
          // Known only by a request: asks once, when the block should be deep.
          if (isThere === null && place.number <= number && !(await this.#isDeep(place))) continue
          const row = log.find(key)
          const receipt = row === null || isThere ? null : await receiptOf(this.#options.provider, row)
          const now = receipt === null ? (isThere ? place : null) : placeOf(receipt)
          if (row === null || (now !== null && (await this.#isDeep(now)))) this.#early.delete(key)
          else if (now !== null) this.#early.set(key, now)
          else await this.#next(() => this.#settle(row, signal, 'included'))
        }
      }
    } catch {
      this.#early.clear()
    }
  }

  /**
   * Settles logged transactions with an unused nonce below `end`, because later ones can only be mined after them. Their caller stopped
   * waiting, or a deep reorganisation removed them after they were confirmed. Returns the account's next nonce in the latest block.
   */
  async #closeGaps(end: number, signal: AbortSignal | undefined): Promise<number> {
    const { log } = this.#options
    const used = await this.#nonce.used()
    const unsettled = log.open().filter(({ nonce }) => nonce < used)
    const gaps = [...unsettled, ...log.since(used)].filter(({ nonce }) => nonce < end)
    for (const earlier of gaps) {
      await this.#settle(earlier, signal).catch((error: unknown) => {
        if (!(error instanceof ChainError && error.code === 'REVERTED')) throw error
      })
    }
    return gaps.length === 0 ? used : this.#nonce.used()
  }

  /**
   * Follows a logged transaction until it is in a block, or deep enough, through all reorganisations and losses in between.
   * @param isNew It was signed just now, for a nonce that was just asked for, so the chain cannot know it yet.
   */
  async #settle(
    row: TransactionRow,
    signal: AbortSignal | undefined,
    told: TransactionRequest['told'] = 'deep',
    isNew = false,
  ): Promise<TransactionReceipt> {
    const { clock, pollInterval, fees, log, heads } = this.#options
    let lastSent = -Infinity
    let lookedAt = -Infinity
    let seen: string | null = null
    let mined: TransactionReceipt | null = null
    let foreign = 0
    // The node claims that the nonce is used.
    let isUsed = false
    let looks = 0
    for (let failures = 0; ; ) {
      signal?.throwIfAborted()
      try {
        const { hash } = await heads.latest()
        const still = lookedAt + Math.max(STILL_POLLS * pollInterval, STILL_SLOTS * heads.slot)
        const wait = (mined !== null ? still : Math.min(still, lastSent + fees.replaceAfter)) - steady(clock)
        if (hash === seen && foreign === 0 && wait > 0) {
          await clock.sleep(Math.min(pollInterval, wait), signal)
          continue
        }
        seen = hash
        lookedAt = steady(clock)
        const isUnsent = isNew && lastSent === -Infinity
        const known: boolean = mined !== null && heads.has(placeOf(mined)) === true
        const receipt: TransactionReceipt | null = known
          ? mined
          : isUnsent
            ? null
            : await receiptOf(this.#options.provider, row)
        mined = receipt
        if (receipt !== null) {
          if (await this.#isDeep(placeOf(receipt))) return this.#finish(row, receipt)
          if (told === 'included') {
            const finished = await this.#finish(row, receipt)
            this.#early.set(row.key, placeOf(receipt))
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
          if ((isFirst && !isNew) || isLate || isLong || isUsed || foreign > 0) {
            foreign = (await this.#nonceTaken(row)) ? foreign + 1 : 0
            isUsed = false
          }
          if (foreign >= FOREIGN_LOOKS && (await this.#nonce.isForeign(row, signal))) {
            throw new ChainError(
              'FOREIGN_TRANSACTION',
              `nonce ${row.nonce} of ${this.address} was used by a transaction that this keeper did not send: ` +
                'another process runs with the same operator key. Stop one of them',
            )
          }
          if (foreign === 0 && isFirst) {
            isUsed = !(await this.#broadcast(row))
            lastSent = now
          } else if (foreign === 0 && isLate) {
            await this.#replace(row)
            lastSent = now
          } else if (foreign === 0 && isLong && (await isForgotten(this.#options.provider, row))) {
            // Unchanged, because the fee was not the problem.
            await offer(this.#options.provider, row.attempts.at(-1)!.raw)
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
          // The row stays: an endpoint that lies about this has the signed bytes and may send them later. A different transaction with that
          // nonce would then look like somebody else's.
          throw await this.#signer.explainFunds(error)
        }
        if (++failures > 8) throw error
        await clock.sleep(backoff(failures), signal)
      }
    }
  }

  async #isDeep({ number }: Place): Promise<boolean> {
    const { confirmations, heads } = this.#options
    return confirmations <= 1 || (await heads.latest()).number - number + 1 >= confirmations
  }

  async #nonceTaken(row: TransactionRow): Promise<boolean> {
    // One endpoint alone does not stop a broadcast: a node refuses a used nonce anyway.
    const used = await this.#nonce.surelyUsed()
    // Mined between the two questions? Then it is ours.
    return used !== null && used > row.nonce && (await receiptOf(this.#options.provider, row)) === null
  }

  /** @returns false when the node says that the nonce is used */
  async #broadcast(row: TransactionRow): Promise<boolean> {
    const attempt = row.attempts.at(-1)!
    const isTaken = await offer(this.#options.provider, attempt.raw)
    this.#emit({ kind: 'sent', key: row.key, hash: attempt.hash, nonce: row.nonce })
    return isTaken
  }

  async #replace(row: TransactionRow): Promise<void> {
    const attempt = await this.#signer.raise(row)
    this.#options.log.addAttempt(row.key, attempt)
    await offer(this.#options.provider, attempt.raw)
    // Sent to all endpoints, because the one in use may have withheld the previous one.
    await this.#options.witnesses?.everywhere('eth_sendRawTransaction', [attempt.raw])
    this.#emit({ kind: 'replaced', key: row.key, hash: attempt.hash, nonce: row.nonce })
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

function placeOf({ blockNumber: number, blockHash: hash }: TransactionReceipt): Place {
  return { number, hash }
}
