// SPDX-License-Identifier: GPL-3.0-or-later
import type { CID } from 'multiformats/cid'
import { Deadline } from './deadline.ts'
import type { DhtEvent } from './dht.ts'

const HOUR = 3_600_000
/** Most milliseconds for one record: the public network takes tens of seconds. */
const RECORD_MS = 120_000
/** Number of consecutive failures before the rest waits for a later attempt. */
const GIVE_UP_AFTER = 3

/** The part of the data plane that the announcer uses. */
export type HeldModels = {
  /** Roots of the models held now. */
  readonly list: () => AsyncIterable<CID>
  /** Whether a root is still held as a model. */
  readonly holds: (cid: CID) => Promise<boolean>
}

/** A receiver of announcements: a DHT, or a service that pins models. */
export type ModelTaker = {
  readonly provide: (cid: CID, signal: AbortSignal) => Promise<void>
  readonly withdraw: (cid: CID) => Promise<void>
}

/**
 * Announces to the DHT, or to another taker, the models that this keeper holds: each one when it is pinned, and all of them at start and at an interval, because
 * records expire. It works in the background, one model at a time; nobody waits for it, and it retries failures.
 */
export class Announcer {
  readonly #taker: ModelTaker
  readonly #models: HeldModels
  readonly #every: number
  readonly #retry: { readonly first: number; readonly longest: number }
  readonly #onEvent: (event: DhtEvent) => void
  /** Models to announce, the newest first, because others want the newest one. */
  #due = new Map<string, CID>()
  readonly #stopping = new AbortController()
  #asked = false
  #wake: () => void = () => undefined
  #running: Promise<void> = Promise.resolve()

  constructor(options: {
    readonly taker: ModelTaker
    readonly models: HeldModels
    /** Milliseconds between announcements of all models; by default 12 hours, a quarter of a record's life. */
    readonly every?: number | undefined
    /** Milliseconds before a retry, doubled from `first` to `longest`. */
    readonly retry?: { readonly first: number; readonly longest: number }
    readonly onEvent?: ((event: DhtEvent) => void) | undefined
  }) {
    this.#taker = options.taker
    this.#models = options.models
    this.#every = options.every ?? 12 * HOUR
    this.#retry = options.retry ?? { first: 15_000, longest: HOUR / 4 }
    this.#onEvent = options.onEvent ?? (() => undefined)
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Schedules the announcement of one model. */
  announce(cid: CID): void {
    this.#due.delete(cid.toString())
    this.#due.set(cid.toString(), cid)
    this.#asked = true
    this.#wake()
  }

  /** Stops announcing a model. */
  async withdraw(cid: CID): Promise<void> {
    this.#due.delete(cid.toString())
    await this.#taker.withdraw(cid)
  }

  /** Aborts the announcement in progress. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the data plane is stopping'))
    this.#wake()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    let all = 0
    let failures = 0
    while (!signal.aborted) {
      this.#asked = false
      let failed = true
      try {
        if (performance.now() >= all) {
          await this.#addAll()
          all = performance.now() + this.#every
        }
        failed = await this.#drain()
      } catch (error) {
        this.#tell({ announced: 0, failed: this.#due.size, reason: reasonOf(error) })
      }
      failures = failed ? failures + 1 : 0
      const retry = Math.min(this.#retry.longest, this.#retry.first * 2 ** Math.min(20, failures - 1))
      const rest = Math.max(0, all - performance.now())
      await this.#idle(failed ? Math.max(1, Math.min(retry, all === 0 ? retry : rest)) : rest)
    }
  }

  /** Makes all models due, after those that already are. */
  async #addAll(): Promise<void> {
    const due = new Map<string, CID>()
    for await (const cid of this.#models.list()) due.set(cid.toString(), cid)
    for (const [text, cid] of this.#due) {
      due.delete(text)
      due.set(text, cid)
    }
    this.#due = due
  }

  /** Announces the models that are due. Returns whether a failed one is left. */
  async #drain(): Promise<boolean> {
    const { signal } = this.#stopping
    const failed = new Map<string, CID>()
    let done = 0
    let inARow = 0
    let reason: string | null = null
    while (inARow < GIVE_UP_AFTER && !signal.aborted) {
      const next = [...this.#due.values()].at(-1)
      if (next === undefined) break
      this.#due.delete(next.toString())
      if (!(await this.#models.holds(next))) continue
      try {
        using deadline = new Deadline(RECORD_MS, [signal])
        await this.#taker.provide(next, deadline.signal)
        // The model may have been dropped in the meantime.
        if (!(await this.#models.holds(next))) await this.#taker.withdraw(next)
        done += 1
        inARow = 0
      } catch (error) {
        failed.set(next.toString(), next)
        reason = reasonOf(error)
        inARow += 1
      }
    }
    if (signal.aborted) return false
    // Placed after the others, so that a model that always fails does not delay them.
    this.#due = new Map([...failed, ...this.#due])
    const left = this.#due.size
    if (done + left > 0) this.#tell({ announced: done, failed: left, reason: left > 0 ? reason : null })
    return left > 0
  }

  #tell(event: DhtEvent): void {
    if (!this.#stopping.signal.aborted) this.#onEvent(event)
  }

  /** Waits until the time is over, a model is due, or the announcer stops. */
  async #idle(milliseconds: number): Promise<void> {
    if (this.#asked || this.#stopping.signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const timer = setTimeout(resolve, milliseconds)
    await promise
    clearTimeout(timer)
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
