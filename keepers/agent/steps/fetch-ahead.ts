// SPDX-License-Identifier: GPL-3.0-or-later
import { steady } from '../../chain/index.ts'
import type { Step } from '../context.ts'
import { bringWhole, messageFrom } from '../messages.ts'
import { fromOwnPlace } from './own-place.ts'

/**
 * Fetches under way at a time, and the most bytes that they may need: a fetch holds blocks in memory until they are stored. When a state begins,
 * all members connect to all others. On a busy machine, more handshakes at a time would all come too late.
 */
const AT_ONCE = 8
const BYTES_AT_ONCE = 32 << 20
/** The most bytes of a long blob that are in memory at a time: its blocks under way. */
const HELD_BYTES = 16 << 20
/** The least time for a fetch, in milliseconds. */
const LEAST_MS = 1_000

/** A blob to be fetched, from the keeper of a seat or from others. */
type Wanted = { readonly seat: number; readonly cid: string }

/** Times (`steady`) for fetching all blobs of a round. */
export type FetchTimes = {
  /**
   * From this time on, a sender is no longer asked for its own update, but the other members are. Otherwise a sender could serve its update to
   * some members at the last moment, and no sum would be sealed by a quorum.
   */
  readonly sendersUntil: number
  /**
   * The end of all fetches together: see {@link fetchTime}. Otherwise a few members that accept connections and send nothing, or a byte at a
   * time, would use up the whole window.
   */
  readonly until: number
}

/**
 * Milliseconds for a fetch that begins now. More fetches than may be under way come in waves, and each gets a wave's part of the time. So whatever
 * the senders do, every fetch begins in time and gets that part. A fetch in the last wave may take all the time that is left.
 * @param at.left Milliseconds until all fetches end. @param at.whole What `left` was when the first one began. @param at.waiting Fetches that have
 * not begun, including this one. @param at.wanted All fetches. @param at.atOnce How many may be under way.
 */
export function fetchTime(at: {
  readonly left: number
  readonly whole: number
  readonly waiting: number
  readonly wanted: number
  readonly atOnce: number
}): number {
  const { left, whole, waiting, wanted, atOnce } = at
  return Math.max(LEAST_MS, waiting <= atOnce ? left : whole / Math.ceil(wanted / atOnce))
}

/** How a blob came here. `isLate`: from another member than its sender, after the time for asking the sender. */
type Arrival = { readonly isLate: boolean }

/** Blobs on their way into this keeper's store. Disposing of it gives up the blobs that have not arrived. */
export class FetchAhead implements Disposable {
  readonly #arrivals = new Map<number, Promise<Arrival>>()
  readonly #ending = new AbortController()

  /**
   * Fetches blobs that are not in the store, several at a time, beginning after this keeper's own place. A seat whose `cid` is null has no blob.
   * @param about.others Seats that are asked after the sender. @param about.cuts Where such blobs are cut; with cuts, each blob is first requested
   * as a whole. @param about.times Without these, each fetch gets the time that the config gives it.
   */
  constructor(
    step: Step,
    seats: readonly { readonly seat: number; readonly cid: string | null }[],
    about: {
      readonly kind: string
      readonly round: number
      readonly maxBytes: number
      readonly others: readonly number[]
      readonly cuts?: readonly number[] | undefined
      readonly times?: FetchTimes | undefined
    },
  ) {
    const { context } = step
    const { clock, config, plane } = context
    const signal = AbortSignal.any([step.signal, this.#ending.signal])
    const atOnce = Math.max(1, Math.min(AT_ONCE, Math.floor(BYTES_AT_ONCE / Math.min(about.maxBytes, HELD_BYTES))))
    const gates = new Map(seats.map(({ seat }) => [seat, Promise.withResolvers<Arrival>()]))
    for (const [seat, { promise }] of gates) {
      promise.catch(() => undefined)
      this.#arrivals.set(seat, promise)
    }
    const one = async ({ seat, cid }: Wanted, time: (until: number) => number): Promise<Arrival> => {
      const { times, cuts = [], ...options } = about
      const isLate = times !== undefined && steady(clock) >= times.sendersUntil && seat !== step.seat
      const timeout = times === undefined ? config.network.fetchSeconds * 1000 : time(times.until)
      // Nobody asks itself.
      const first = isLate && step.seat !== null ? step.seat : seat
      const others = about.others.filter((other) => other !== seat)
      const asking = { ...step, signal }
      const until = steady(clock) + timeout
      await bringWhole(asking, { ...options, seat: first, cid, cuts, until })
      const left = Math.max(LEAST_MS, until - steady(clock))
      await messageFrom(asking, about.kind, first, cid, { ...options, others, timeout: left })
      return { isLate }
    }
    const run = async (): Promise<void> => {
      const missing: Wanted[] = []
      for (const { seat, cid } of fromOwnPlace(seats, step.seat)) {
        if (cid === null || (await plane.has(cid))) gates.get(seat)!.resolve({ isLate: false })
        else missing.push({ seat, cid })
      }
      const begun = steady(clock)
      let next = 0
      const work = async (): Promise<void> => {
        while (next < missing.length) {
          const waiting = missing.length - next
          const blob = missing[next++]!
          const time = (until: number): number => {
            const all = { wanted: missing.length, whole: until - begun, atOnce }
            return fetchTime({ ...all, waiting, left: until - steady(clock) })
          }
          await one(blob, time).then(gates.get(blob.seat)!.resolve, gates.get(blob.seat)!.reject)
        }
      }
      await Promise.all(Array.from({ length: Math.min(atOnce, missing.length) }, work))
    }
    run().catch((error: unknown) => {
      for (const { reject } of gates.values()) reject(error)
    })
  }

  /** The seats, each once its blob is here or known not to come. */
  async *settled(): AsyncGenerator<number> {
    const left = new Map(
      [...this.#arrivals].map(([seat, arrival]) => [
        seat,
        arrival.then(
          () => seat,
          () => seat,
        ),
      ]),
    )
    while (left.size > 0) {
      const seat = await Promise.race(left.values())
      left.delete(seat)
      yield seat
    }
  }

  /** Resolves once the blob of a seat is here. @throws NetworkError as `DataPlane.fetch`. */
  here(seat: number): Promise<Arrival> {
    return this.#arrivals.get(seat) ?? Promise.resolve({ isLate: false })
  }

  [Symbol.dispose](): void {
    this.#ending.abort(new Error('nobody waits for it'))
  }
}
