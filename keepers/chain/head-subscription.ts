// SPDX-License-Identifier: GPL-3.0-or-later
import { backoff } from './clock.ts'

export type HeadSubscriptionOptions = {
  /** ws: or wss: URL of an endpoint that offers `eth_subscribe`. */
  readonly url: string
  /** Called when the endpoint announces a new block. Nothing else in the announcement is used. */
  readonly onHead: () => void
  /** Called with the reason whenever the subscription is established or lost. It is retried automatically. */
  readonly onChange?: (event: { readonly live: boolean; readonly reason: string }) => void
  /** Milliseconds of silence after which the connection counts as dead. */
  readonly silence?: number
}

/** Milliseconds without a block after which to reconnect: the connection may be half open. */
const SILENCE = 120_000
/** Milliseconds between two attempts to connect: the first value, growing to the second. */
const RETRY = [1_000, 60_000] as const
/** The longest message that is looked at: a block's header. */
const MOST_CHARACTERS = 65_536

/**
 * Hears of new blocks over WebSocket (`eth_subscribe`, `newHeads`). This is only a hint when to ask: the block itself comes from the endpoints
 * in use. An endpoint that lies here, or falls silent, costs no more than a request or the usual wait.
 */
export class HeadSubscription {
  readonly #options: HeadSubscriptionOptions
  #socket: WebSocket | null = null
  #live = false
  #failures = 0
  #closed = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: HeadSubscriptionOptions) {
    this.#options = options
    this.#connect()
  }

  /** Whether the endpoint has promised to say when there is a block, and has not been silent for too long. */
  get live(): boolean {
    return this.#live
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#live = false
    this.#socket?.close()
  }

  #connect(): void {
    const socket = new WebSocket(this.#options.url)
    this.#socket = socket
    this.#expect()
    socket.addEventListener('open', () => {
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: ['newHeads'] }))
    })
    socket.addEventListener('message', ({ data }) => this.#hear(socket, data))
    socket.addEventListener('error', () => this.#lose(socket, 'the connection failed'))
    socket.addEventListener('close', () => this.#lose(socket, 'the connection is gone'))
  }

  #hear(socket: WebSocket, data: unknown): void {
    if (socket !== this.#socket || typeof data !== 'string' || data.length > MOST_CHARACTERS) return
    let said: { id?: unknown; error?: { message?: unknown }; method?: unknown } | null
    try {
      said = JSON.parse(data)
    } catch {
      this.#lose(socket, 'it sent what is not JSON')
      return
    }
    if (said?.id === 1 && said.error !== undefined) {
      this.#lose(socket, `eth_subscribe: ${String(said.error.message).slice(0, 200)}`)
    } else if (said?.id === 1) {
      this.#failures = 0
      this.#turn(true, 'subscribed')
    } else if (said?.method === 'eth_subscription') {
      this.#expect()
      this.#options.onHead()
    }
  }

  /** Starts the timer for silence anew. */
  #expect(): void {
    clearTimeout(this.#timer)
    const socket = this.#socket
    const silent = (): void => this.#lose(socket!, 'it has said nothing for long')
    this.#timer = setTimeout(silent, this.#options.silence ?? SILENCE)
    this.#timer.unref()
  }

  #lose(socket: WebSocket, reason: string): void {
    if (this.#closed || socket !== this.#socket) return
    this.#socket = null
    socket.close()
    this.#turn(false, reason)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#connect(), backoff(this.#failures++, ...RETRY))
    this.#timer.unref()
  }

  /** Reports a change. Of many failures in a row, only the first is reported. */
  #turn(live: boolean, reason: string): void {
    if (live === this.#live && this.#failures > 0) return
    this.#live = live
    this.#options.onChange?.({ live, reason })
  }
}
