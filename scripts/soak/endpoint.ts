// SPDX-License-Identifier: GPL-3.0-or-later
import { createServer, type Server, type ServerResponse } from 'node:http'
import { keccak256 } from 'ethers'

/** False answers of an endpoint. Each was seen at a public endpoint, or would suit somebody who runs one. */
export const LIES = [
  /** The newest block is the one that was newest when the lie began. */
  'old head',
  'no logs',
  'no receipts',
  /** Every contract answers zeros. */
  'zero state',
  /** Takes transactions, and passes none on. */
  'swallow',
  'zero nonce',
  'wrong chain',
] as const
export type Lie = (typeof LIES)[number]

/** How an endpoint behaves at the moment. */
export type Manner =
  | { readonly kind: 'ok' | 'outage' }
  | { readonly kind: 'lag'; readonly milliseconds: number }
  | { readonly kind: 'limit'; readonly requests: number; readonly blocks: number }
  | { readonly kind: 'lie'; readonly lie: Lie }

type Request = { readonly id: unknown; readonly method: string; readonly params: readonly unknown[] }
type Reply = { readonly result: unknown } | { readonly error: { readonly code: number; readonly message: string } }

/** Milliseconds in which `limit` counts requests. */
const LIMIT_WINDOW = 10_000
const OTHER_CHAIN = '0x1'

/** A JSON-RPC endpoint in front of a chain, whose behaviour can be set. */
export class UnrulyEndpoint implements AsyncDisposable {
  readonly url: string
  readonly #target: string
  readonly #server: Server
  #manner: Manner = { kind: 'ok' }
  /** Number of the newest block that a lie about it shows. */
  #frozen: string | null = null
  #counted = { since: 0, requests: 0 }

  private constructor(server: Server, url: string, target: string) {
    this.#server = server
    this.url = url
    this.#target = target
  }

  /** @param host address to listen on, at a free port */
  static async start(target: string, host: string): Promise<UnrulyEndpoint> {
    const server = createServer()
    await new Promise<void>((done, fail) => server.once('error', fail).listen(0, host, done))
    const { port } = server.address() as { port: number }
    const endpoint = new UnrulyEndpoint(server, `http://${host}:${port}`, target)
    server.on('request', async (request, response) => {
      const parts: Buffer[] = []
      try {
        for await (const part of request) parts.push(part as Buffer)
        await endpoint.#serve(Buffer.concat(parts).toString(), response)
      } catch {
        response.destroy()
      }
    })
    return endpoint
  }

  async behave(manner: Manner): Promise<void> {
    const isOld = manner.kind === 'lie' && manner.lie === 'old head'
    this.#frozen = isOld ? String(await this.#ask('eth_blockNumber', [])) : null
    this.#counted = { since: performance.now(), requests: 0 }
    this.#manner = manner
  }

  async #serve(body: string, response: ServerResponse): Promise<void> {
    const manner = this.#manner
    if (manner.kind === 'outage') return void response.destroy()
    if (manner.kind === 'lag') await new Promise((done) => setTimeout(done, manner.milliseconds))
    const asked = JSON.parse(body) as Request | Request[]
    const answer = async (request: Request): Promise<object> => ({
      ...{ jsonrpc: '2.0', id: request.id },
      ...(this.#own(request) ?? (await this.#pass(request))),
    })
    const answers = Array.isArray(asked) ? await Promise.all(asked.map(answer)) : await answer(asked)
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answers))
  }

  /** What it answers without asking the chain, if anything. */
  #own({ method, params }: Request): Reply | null {
    const manner = this.#manner
    if (manner.kind === 'limit') return this.#refusal(manner, method, params)
    if (manner.kind !== 'lie') return null
    const { lie } = manner
    if (lie === 'wrong chain' && (method === 'eth_chainId' || method === 'net_version')) return { result: OTHER_CHAIN }
    if (lie === 'old head' && method === 'eth_blockNumber') return { result: this.#frozen }
    if (lie === 'no logs' && method === 'eth_getLogs') return { result: [] }
    if (lie === 'no receipts' && method === 'eth_getTransactionReceipt') return { result: null }
    if (lie === 'zero nonce' && method === 'eth_getTransactionCount') return { result: '0x0' }
    if (lie === 'swallow' && method === 'eth_sendRawTransaction') return { result: keccak256(params[0] as string) }
    return null
  }

  #refusal(limit: { requests: number; blocks: number }, method: string, params: readonly unknown[]): Reply | null {
    const now = performance.now()
    if (now - this.#counted.since > LIMIT_WINDOW) this.#counted = { since: now, requests: 0 }
    this.#counted.requests += 1
    if (this.#counted.requests > limit.requests)
      return { error: { code: -32005, message: 'daily request count exceeded, request rate limited' } }
    const range = params[0] as { fromBlock?: string; toBlock?: string } | undefined
    if (method !== 'eth_getLogs' || range?.fromBlock === undefined) return null
    const blocks = Number(range.toBlock) - Number(range.fromBlock) + 1
    if (blocks <= limit.blocks) return null
    return { error: { code: -32600, message: `query exceeds up to a ${limit.blocks} block range` } }
  }

  async #pass(request: Request): Promise<Reply> {
    const manner = this.#manner
    const lie = manner.kind === 'lie' ? manner.lie : null
    const frozen = this.#frozen
    const params =
      frozen !== null && request.method === 'eth_getBlockByNumber' && request.params[0] === 'latest'
        ? [frozen, ...request.params.slice(1)]
        : request.params
    const reply = await this.#forward({ ...request, params })
    if (lie !== 'zero state' || request.method !== 'eth_call' || !('result' in reply)) return reply
    return { result: `0x${'0'.repeat(String(reply.result).length - 2)}` }
  }

  async #ask(method: string, params: readonly unknown[]): Promise<unknown> {
    const reply = await this.#forward({ id: 1, method, params })
    return 'result' in reply ? reply.result : null
  }

  async #forward({ id, method, params }: Request): Promise<Reply> {
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(this.#target, { method: 'POST', body, headers })
    const { result, error } = (await response.json()) as { result?: unknown; error?: never }
    return error === undefined ? { result } : { error }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }
}
