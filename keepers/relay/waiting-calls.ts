// SPDX-License-Identifier: GPL-3.0-or-later
import { RelayError } from './errors.ts'
import type { Route, SignedCall } from './signed-call.ts'

export type WaitingCall = SignedCall & {
  readonly signer: string
  readonly method: string
  readonly route: Route
  /** Unix seconds, by the chain. */
  readonly until: number
  /** Milliseconds (clock). */
  readonly since: number
  /** Settles the sender's promise with the hash of the transaction. */
  readonly done: PromiseWithResolvers<string>
}

export type WaitingLimits = {
  /** Calls in all. */
  readonly most: number
  /** Calls of one sender. */
  readonly mostOfOne: number
}

/** Methods of which a member may have several calls waiting, each about another member. */
const MANY: ReadonlySet<string> = new Set(['complain'])

/** Calls that wait to be sent, bounded in all and for each sender. */
export class WaitingCalls {
  readonly #limits: WaitingLimits
  readonly #calls = new Map<string, WaitingCall>()

  constructor(limits: WaitingLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#calls.size
  }

  /**
   * Adds a call. If the same one is waiting already, returns the promise of that.
   * @throws RelayError CROWDED, BUSY
   */
  add(call: Omit<WaitingCall, 'done' | 'since'>, now: number): Promise<string> {
    const key = keyOf(call)
    const known = this.#calls.get(key)
    if (known !== undefined) {
      if (known.call === call.call) {
        // `until` is not signed. Somebody who hands over another's call with an early time must not get it dropped.
        if (call.until > known.until) this.#calls.set(key, { ...known, until: call.until })
        return known.done.promise
      }
      throw new RelayError('CROWDED', `another ${call.method} of ${call.signer} waits already`)
    }
    const { most, mostOfOne } = this.#limits
    const own = [...this.#calls.values()].filter(({ signer }) => signer === call.signer).length
    if (own >= mostOfOne) throw new RelayError('CROWDED', `${own} calls of ${call.signer} wait already`)
    if (this.#calls.size >= most) throw new RelayError('BUSY', `${most} calls wait already`)
    const done = Promise.withResolvers<string>()
    // The sender may be gone, and then nobody handles a rejection.
    done.promise.catch(() => undefined)
    this.#calls.set(key, { ...call, since: now, done })
    return done.promise
  }

  /** Takes out up to `most` calls of a route, the oldest first. */
  take(route: Route, most: number): WaitingCall[] {
    const taken = [...this.#calls].filter(([, call]) => call.route === route).slice(0, most)
    for (const [key] of taken) this.#calls.delete(key)
    return taken.map(([, call]) => call)
  }

  /** How many calls of a route wait, and the time (milliseconds, clock) since which the oldest one does. */
  standing(route: Route): { readonly count: number; readonly since: number } {
    const since = [...this.#calls.values()].filter((call) => call.route === route).map((call) => call.since)
    return { count: since.length, since: Math.min(...since) }
  }

  /** Drops calls that have become useless to their senders. @param time Unix seconds, by the chain */
  expire(time: number): void {
    for (const [key, call] of this.#calls) {
      if (time < call.until) continue
      this.#calls.delete(key)
      call.done.reject(
        new RelayError('TOO_LATE', `the chain is at ${time}, ${call.method} was wanted until ${call.until}`),
      )
    }
  }

  /** Refuses everything that waits. */
  clear(reason: RelayError): void {
    for (const call of this.#calls.values()) call.done.reject(reason)
    this.#calls.clear()
  }
}

/** Calls with equal keys are one call. A sender has one step of each kind, and a step that anybody may take is one call whoever asks. */
function keyOf({ route, signer, method, disputed, call }: Omit<WaitingCall, 'done' | 'since'>): string {
  if (route === 'free') return call
  return `${signer}/${method}/${disputed}${MANY.has(method) ? `/${call}` : ''}`
}
