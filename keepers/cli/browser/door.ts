// SPDX-License-Identifier: GPL-3.0-or-later
// A page on loopback through which a command asks a browser's wallet. It keeps out other pages of that browser, host names that suddenly point
// to 127.0.0.1, and other users of the machine.
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'
import { CommandError, EXIT } from '../failure.ts'
import { walletPage } from './page.ts'

export type WalletRequest =
  | { readonly kind: 'connect'; readonly chainId: string }
  | {
      readonly kind: 'send'
      readonly chainId: string
      readonly what: string
      readonly transaction: Readonly<Record<string, string>>
    }

const MAX_BODY = 16_384
/** Milliseconds after which the page is told to ask again. */
const LONG_POLL = 20_000
/** Milliseconds that somebody has for one signature. */
const PATIENCE = 10 * 60_000

const answerSchema = z.strictObject({
  id: z.int().nonnegative(),
  result: z.string().max(200).optional(),
  error: z.string().max(2_000).optional(),
})

type Waiting = {
  readonly id: number
  readonly request: WalletRequest
  readonly settle: (error: Error | null, result: string) => void
}

export class WalletDoor implements Disposable {
  readonly #server: Server
  /** Opens the page once. From then on, only the page that used the token knows the session. */
  #token: Buffer | null = secret()
  #session: Buffer | null = null
  #waiting: Waiting | null = null
  #wake: (() => void) | null = null
  #count = 0
  #ended = false

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: Error) => refuse(response, 400, error.message))
    })
  }

  static async open(): Promise<WalletDoor> {
    const door = new WalletDoor()
    await new Promise<void>((done) => door.#server.listen(0, '127.0.0.1', done))
    return door
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The address to open in the browser that has the wallet. It works once. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/#${this.#token?.toString('hex') ?? ''}`
  }

  /** Asks the wallet. @throws CommandError when its user refuses, or does nothing for ten minutes */
  async ask(request: WalletRequest): Promise<string> {
    if (this.#waiting !== null) throw new Error('the wallet has one question at a time')
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise<string>((resolve, reject) => {
        const settle = (error: Error | null, result: string) => (error === null ? resolve(result) : reject(error))
        this.#waiting = { id: this.#count++, request, settle }
        const late = new CommandError('nobody answered in the browser for ten minutes', EXIT.temporary)
        timer = setTimeout(() => settle(late, ''), PATIENCE)
        this.#wake?.()
      })
    } finally {
      clearTimeout(timer)
      this.#waiting = null
    }
  }

  [Symbol.dispose](): void {
    this.#ended = true
    this.#wake?.()
    this.#server.close()
    // The page learns that the command is over. No other open connection may keep the command running.
    setTimeout(() => this.#server.closeAllConnections(), 500).unref()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const origin = `http://127.0.0.1:${this.#port}`
    // A page of another host name may reach this address (DNS rebinding), but its requests carry that name.
    if (request.headers.host !== `127.0.0.1:${this.#port}`) return refuse(response, 421, 'ask 127.0.0.1')
    if (request.method === 'GET' && request.url === '/') {
      const { html, policy } = walletPage(randomBytes(16).toString('base64'))
      response.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': policy,
        ...{ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff' },
        ...{ 'cross-origin-opener-policy': 'same-origin', 'cross-origin-resource-policy': 'same-origin' },
      })
      response.end(html)
      return
    }
    if (request.method !== 'POST') return refuse(response, 405, 'POST')
    if (request.headers.origin !== origin) return refuse(response, 403, 'a page of another origin')
    const given = Buffer.from(/^Bearer ([0-9a-f]{64})$/.exec(request.headers.authorization ?? '')?.[1] ?? '', 'hex')
    if (request.url === '/claim') {
      if (!equal(given, this.#token)) return refuse(response, 403, 'this address works once: run the command again')
      this.#token = null
      this.#session = secret()
      return reply(response, { session: this.#session.toString('hex') })
    }
    if (!equal(given, this.#session)) return refuse(response, 403, 'not the page that the command has opened')
    if (request.url === '/next') return reply(response, await this.#next())
    if (request.url !== '/answer') return refuse(response, 404, 'nothing here')
    const { id, result, error } = answerSchema.parse(await bodyOf(request))
    if (id === this.#waiting?.id) {
      const refusal = error === undefined ? null : new CommandError(`the wallet refuses: ${error}`, EXIT.failure)
      this.#waiting.settle(refusal, result ?? '')
      this.#waiting = null
    }
    return reply(response, {})
  }

  async #next(): Promise<object> {
    if (this.#waiting === null && !this.#ended) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LONG_POLL)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    if (this.#waiting !== null) return { id: this.#waiting.id, ...this.#waiting.request }
    return { kind: this.#ended ? 'end' : 'wait' }
  }
}

function secret(): Buffer {
  return randomBytes(32)
}

function equal(given: Buffer, wanted: Buffer | null): boolean {
  return wanted !== null && given.length === wanted.length && timingSafeEqual(given, wanted)
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length
    if (length > MAX_BODY) throw new Error(`more than ${MAX_BODY} bytes`)
    parts.push(part)
  }
  return JSON.parse(Buffer.concat(parts).toString('utf8'))
}

function reply(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(body))
}

function refuse(response: ServerResponse, status: number, why: string): void {
  if (!response.headersSent) response.writeHead(status, { 'content-type': 'text/plain' })
  response.end(why)
}
