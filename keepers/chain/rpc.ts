// SPDX-License-Identifier: GPL-3.0-or-later
import { type JsonRpcError, type JsonRpcPayload, JsonRpcProvider, type JsonRpcResult, Network } from 'ethers'
import { backoff, type Clock, steady, systemClock } from './clock.ts'
import { hostOf, type Post, postTo, shownEndpoint, takenBefore } from './endpoint.ts'
import { ChainError } from './errors.ts'
import { type Answer, askInPages, DEFAULT_LOG_SPAN, isWide, logRangeOf, pageOf, smallerSpan } from './log-range.ts'

export type RpcOptions = {
  /** JSON-RPC endpoints over HTTP(S), the preferred one first. */
  readonly urls: readonly string[]
  /** The endpoint that the operator runs. It alone counts as two witnesses, and the provider returns to it after a failure. */
  readonly own?: string | undefined
  /** The chain every endpoint must be on. */
  readonly chainId: bigint
  /** Milliseconds for one request to one endpoint. */
  readonly timeout?: number
  /** Milliseconds over which a request is retried before it fails with UNREACHABLE. */
  readonly patience?: number
  /** Once aborted, failed requests are not retried, because a stopping caller has no use for late answers. */
  readonly stopping?: AbortSignal
  readonly clock?: Clock
  /** How requests are sent: by `fetch` unless told. */
  readonly post?: Post
  /** Blocks that one `eth_getLogs` covers at most; an endpoint that refuses gets smaller ones. */
  readonly logSpan?: number
  /** Called with the reason when the endpoint in use changes. URLs come without credentials or query. */
  readonly onFailover?: (event: { from: string; to: string; reason: string }) => void
  /** Called for each request to an endpoint, including failed ones, because providers bill those too. */
  readonly onRequest?: (method: string) => void
  /** Called when an endpoint accepts fewer blocks at once than requested. */
  readonly onLogSpan?: (event: { endpoint: string; blocks: number; reason: string }) => void
}

/** The answer of one endpoint, or the reason for its silence. */
export type EndpointAnswer = {
  readonly endpoint: string
  readonly result?: unknown
  readonly reason?: string
  /** True for the operator's own node. */
  readonly own?: true
}

const DEFAULT_TIMEOUT = 10_000
const DEFAULT_PATIENCE = 120_000
/** Milliseconds before the operator's own endpoint is tried again after a failure. */
const RETURN_AFTER = 60_000
/** Largest age of its newest block, in milliseconds, at which the provider returns to it. */
const MOST_AGE = 120_000

/** JSON-RPC's own "try again" codes: limit exceeded (-32005, EIP-1474) and internal error of an overloaded proxy. */
const RETRYABLE_CODES: ReadonlySet<number> = new Set([-32005, -32097, 429])

/** Distinguishes a bound on logs from a bound on requests, where both come as −32005. */
const RANGE_COMPLAINT = /block|range|result|\blogs?\b/i

/**
 * For these methods one endpoint's refusal says nothing about the next endpoint: its archive may be missing, its plan used up, or the
 * method switched off. When a method that sends or simulates a transaction fails, the chain's state is the reason, and every endpoint would
 * answer the same.
 */
const READS: ReadonlySet<string> = new Set([
  'eth_blockNumber',
  'eth_chainId',
  'eth_feeHistory',
  'eth_gasPrice',
  'eth_getBalance',
  'eth_getBlockByHash',
  'eth_getBlockByNumber',
  'eth_getCode',
  'eth_getLogs',
  'eth_getStorageAt',
  'eth_getTransactionByHash',
  'eth_getTransactionCount',
  'eth_getTransactionReceipt',
  'eth_maxPriorityFeePerGas',
])

/**
 * An ethers provider over several endpoints: a request that an endpoint cannot take goes to the next, round after round
 * with back-off. A refusal such as a revert is final; a read that is refused is final when every endpoint refused it. Logs
 * are read in pages as large as the endpoint in use accepts. Every endpoint is asked for its chain id first, and one on
 * another chain is never used.
 */
export class FailoverProvider extends JsonRpcProvider {
  readonly #urls: readonly string[]
  readonly #options: Required<Pick<RpcOptions, 'timeout' | 'patience' | 'clock'>> & RpcOptions
  readonly #checked = new Set<string>()
  readonly #logSpans = new Map<string, number>()
  #current = 0
  /** Milliseconds (clock) of the last change of endpoint. */
  #changedAt = -Infinity
  readonly #closing = new AbortController()
  readonly #ending: AbortSignal

  constructor(options: RpcOptions) {
    const first = options.urls[0]
    if (first === undefined) throw new ChainError('UNREACHABLE', 'no RPC endpoint configured: set chain.rpc')
    const network = Network.from(options.chainId)
    super(first, network, { staticNetwork: network, cacheTimeout: -1, batchMaxCount: 1 })
    this.#urls = [...new Set(options.urls)]
    this.#ending = AbortSignal.any([this.#closing.signal, ...(options.stopping ? [options.stopping] : [])])
    this.#options = { timeout: DEFAULT_TIMEOUT, patience: DEFAULT_PATIENCE, clock: systemClock, ...options }
    this.#current = Math.max(0, options.own === undefined ? 0 : this.#urls.indexOf(options.own))
  }

  /** The endpoint in use, without credentials, path or query: those may hold an access key. */
  get endpoint(): string {
    return shownEndpoint(this.#urls[this.#current]!)
  }

  /**
   * A request that is under way at {@link destroy} and fails then is never settled. ethers' `wait()` looks for a receipt once for each
   * block that came, all at a time: the first that finds it ends the wait, and its caller may close the connection. Nobody would catch
   * the others' errors, and the process would end by them.
   */
  override async send(...[method, params]: Parameters<JsonRpcProvider['send']>): ReturnType<JsonRpcProvider['send']> {
    const underWay = !this.destroyed
    try {
      return await super.send(method, params)
    } catch (error) {
      if (underWay && this.#closing.signal.aborted) return await new Promise<never>(() => undefined)
      throw error
    }
  }

  override async _send(payload: JsonRpcPayload | JsonRpcPayload[]): Promise<JsonRpcResult[]> {
    // ethers' base class declares results only, and handles errors among them.
    return (
      logRangeOf(payload) === null
        ? (await this.#exchange(payload)).answers
        : [await this.#readLogs(payload as JsonRpcPayload)]
    ) as JsonRpcResult[]
  }

  /** `eth_getLogs` page by page. Ends with the answer's error when an endpoint refuses a single block. */
  async #readLogs(payload: JsonRpcPayload): Promise<Answer> {
    const range = logRangeOf(payload)!
    let to = range.to
    if (to === 'latest') {
      const [head] = (await this.#exchange({ ...payload, method: 'eth_blockNumber', params: [] })).answers
      if (head === undefined || 'error' in head) return head ?? { id: payload.id, result: [] }
      to = Number(head.result)
    }
    const logs: unknown[] = []
    for (let from = range.from; from <= to; ) {
      const span = this.#logSpan(this.#urls[this.#current]!)
      const end = Math.min(to, from + span - 1)
      const { url, answers } = await this.#exchange(pageOf(payload, range, from, end))
      const [answer] = answers
      if (answer !== undefined && 'error' in answer) {
        const reason = String(answer.error.message)
        // The endpoint that refused the page may not be the one that it was cut for, so its span is learnt from the request itself.
        const blocks = smallerSpan(end - from + 1, reason)
        if (blocks === null) return answer
        this.#logSpans.set(url, Math.min(blocks, this.#logSpan(url)))
        this.#options.onLogSpan?.({ endpoint: shownEndpoint(url), blocks: this.#logSpan(url), reason })
        continue
      }
      for (const log of Array.isArray(answer?.result) ? answer.result : []) logs.push(log)
      from = end + 1
    }
    return { id: payload.id, result: logs }
  }

  #logSpan(url: string): number {
    return this.#logSpans.get(url) ?? this.#options.logSpan ?? DEFAULT_LOG_SPAN
  }

  /** Sends one request until an endpoint answers; returns the answer and the endpoint. */
  async #exchange(payload: JsonRpcPayload | JsonRpcPayload[]): Promise<{ url: string; answers: Answer[] }> {
    const { clock, patience, stopping, own } = this.#options
    if (own !== undefined && this.#urls[this.#current] !== own && steady(clock) >= this.#changedAt + RETURN_AFTER) {
      this.#changedAt = steady(clock)
      if (await this.#goesOn(own)) this.#use(own, 'the own endpoint again')
    }
    const giveUp = steady(clock) + patience
    const wrongChain = new Set<string>()
    const refused = new Set<string>()
    // A refused page of logs is cut smaller first: see #readLogs.
    const read = !Array.isArray(payload) && READS.has(payload.method) && !isWide(payload)
    // Whether an endpoint may have accepted the request without answering.
    let lost = false
    for (let attempt = 0; ; attempt++) {
      const url = this.#urls[this.#current]!
      let reason: string
      let posted = false
      try {
        await this.#check(url)
        posted = true
        const body = await this.#post(url, payload)
        const answers = (Array.isArray(body) ? body : [body]) as Answer[]
        const errors = answers.filter((answer): answer is JsonRpcError => 'error' in answer)
        const [refusal] = errors
        if (refusal === undefined) return { url, answers }
        const taken = lost ? takenBefore(payload, refusal) : null
        if (taken !== null) return { url, answers: [taken] }
        const busy = errors.some(({ error }) => RETRYABLE_CODES.has(error?.code))
        if (!busy || (isWide(payload) && RANGE_COMPLAINT.test(String(refusal.error?.message)))) {
          refused.add(url)
          if (!read || refused.size === this.#urls.length) return { url, answers }
        }
        reason = busy ? 'busy' : `refused: ${String(refusal.error?.message)}`
      } catch (error) {
        if (this.#closing.signal.aborted) throw new ChainError('UNREACHABLE', 'the RPC connection is closed')
        if (error instanceof ChainError && error.code === 'WRONG_CHAIN') {
          wrongChain.add(url)
          if (wrongChain.size === this.#urls.length) throw error
        }
        reason = error instanceof Error ? error.message : String(error)
        lost ||= posted
        if (lost && !Array.isArray(payload) && payload.method === 'eth_sendTransaction') {
          const advice = 'look whether the transaction is on the chain before you send it again'
          throw new ChainError('UNREACHABLE', `no answer to a transaction (${reason}): ${advice}`)
        }
      }
      if (stopping?.aborted) throw new ChainError('UNREACHABLE', `stopping; the last RPC request failed: ${reason}`)
      if (steady(clock) >= giveUp) {
        throw new ChainError('UNREACHABLE', `no RPC endpoint answered for ${patience / 1000} s; last: ${reason}`)
      }
      this.#advance(url, reason)
      const roundsDone = Math.floor((attempt + 1) / this.#urls.length)
      if ((attempt + 1) % this.#urls.length === 0) {
        await clock.sleep(backoff(roundsDone - 1), this.#ending).catch(() => undefined)
      }
    }
  }

  /** Number of different hosts among the endpoints: several URLs of one host count as one witness. */
  get count(): number {
    return new Set(this.#urls.map(hostOf)).size
  }

  /**
   * Asks every endpoint separately, for facts that need more than one witness. It retries nothing, but reads logs in pages. An endpoint
   * that fails, is on another chain, or takes longer than two requests may, gets a reason in place of a result.
   */
  async everywhere(method: string, params: readonly unknown[], signal?: AbortSignal): Promise<EndpointAnswer[]> {
    const { clock, timeout } = this.#options
    const until = steady(clock) + 2 * timeout
    const answers = await Promise.all(
      this.#urls.map(async (url): Promise<EndpointAnswer> => {
        const endpoint = shownEndpoint(url)
        const own = url === this.#options.own ? ({ own: true } as const) : {}
        try {
          await this.#check(url)
          const answer = await askInPages(
            { id: 1, jsonrpc: '2.0', method, params: [...params] },
            async (page) => (await this.#post(url, page)) as Answer,
            { blocks: this.#logSpan(url), isOver: () => steady(clock) >= until },
          )
          if ('error' in answer) return { endpoint, ...own, reason: String(answer.error.message) }
          return { endpoint, ...own, result: answer.result }
        } catch (error) {
          return { endpoint, ...own, reason: error instanceof Error ? error.message : String(error) }
        }
      }),
    )
    signal?.throwIfAborted()
    return answers
  }

  override destroy(): void {
    this.#closing.abort()
    super.destroy()
  }

  #advance(failed: string, reason: string): void {
    // Another request may have moved on already.
    if (this.#urls[this.#current] !== failed || this.#urls.length === 1) return
    this.#use(this.#urls[(this.#current + 1) % this.#urls.length]!, reason)
  }

  /** Uses the named endpoint from now on, because others contradict the one in use. @param reason For the log. */
  prefer(endpoint: string, reason: string): void {
    if (this.endpoint === endpoint) return
    const url = this.#urls.find((one) => shownEndpoint(one) === endpoint)
    if (url !== undefined) this.#use(url, reason)
  }

  /** Switches to the next endpoint, if there is another. */
  leave(reason: string): void {
    this.#use(this.#urls[(this.#current + 1) % this.#urls.length]!, reason)
  }

  #use(url: string, reason: string): void {
    const from = this.#urls[this.#current]!
    if (from === url) return
    this.#current = this.#urls.indexOf(url)
    this.#changedAt = steady(this.#options.clock)
    this.#options.onFailover?.({ from: shownEndpoint(from), to: this.endpoint, reason })
  }

  /** Whether it answers with a recent block. At an endpoint that stands still, everything read since would look reorganised away. */
  async #goesOn(url: string): Promise<boolean> {
    try {
      await this.#check(url)
      const latest = { id: 0, jsonrpc: '2.0' as const, method: 'eth_getBlockByNumber', params: ['latest', false] }
      const { result } = (await this.#post(url, latest)) as { result?: { timestamp?: unknown } | null }
      return Number(result?.timestamp) * 1000 >= this.#options.clock.now() - MOST_AGE
    } catch {
      return false
    }
  }

  async #check(url: string): Promise<void> {
    if (this.#checked.has(url)) return
    const answer = (await this.#post(url, { id: 0, jsonrpc: '2.0', method: 'eth_chainId', params: [] })) as {
      result?: unknown
      error?: { message?: unknown }
    }
    if (answer.error !== undefined)
      throw new Error(`${shownEndpoint(url)} does not tell its chain: ${answer.error.message}`)
    const found = typeof answer.result === 'string' ? BigInt(answer.result) : null
    if (found !== this.#options.chainId) {
      throw new ChainError(
        'WRONG_CHAIN',
        `${shownEndpoint(url)} is on chain ${found ?? 'unknown'}, expected ${this.#options.chainId}: correct chain.rpc or chain.id`,
      )
    }
    this.#checked.add(url)
  }

  #post(url: string, payload: JsonRpcPayload | JsonRpcPayload[]): Promise<unknown> {
    for (const { method } of [payload].flat()) this.#options.onRequest?.(method)
    const signal = AbortSignal.any([AbortSignal.timeout(this.#options.timeout), this.#closing.signal])
    return (this.#options.post ?? postTo)(url, payload, signal)
  }
}
