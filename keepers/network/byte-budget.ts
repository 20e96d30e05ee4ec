// SPDX-License-Identifier: GPL-3.0-or-later

/** Bytes taken from a {@link ByteBudget}. Disposing gives them back. */
type Taken = Disposable & {
  /** Keeps this many bytes and gives back the rest. */
  keep(bytes: number): void
}

type Waiting = { readonly who: string; readonly bytes: number; readonly start: () => void }

/**
 * Limits the bytes in memory on behalf of peers, in all and for each one. A request for more waits until some are given back. Without this, peers
 * that ask and do not read the answers would make this process hold a block for each request.
 */
export class ByteBudget {
  readonly #each: number
  readonly #held = new Map<string, number>()
  readonly #waiting = new Set<Waiting>()
  #free: number

  /** @param limits In bytes. */
  constructor(limits: { readonly total: number; readonly each: number }) {
    this.#free = limits.total
    this.#each = limits.each
  }

  /** Bytes that nobody has taken. */
  get free(): number {
    return this.#free
  }

  /** Takes bytes as soon as they are free. Rejects when the signal is aborted before that. */
  async take(who: string, bytes: number, signal: AbortSignal): Promise<Taken> {
    signal.throwIfAborted()
    if (!this.#fits({ who, bytes })) await this.#turn(who, bytes, signal)
    else this.#move(who, bytes)
    let left = bytes
    const keep = (kept: number): void => {
      const back = left - Math.min(left, kept)
      left -= back
      this.#move(who, -back)
      if (back > 0) this.#next()
    }
    return { keep, [Symbol.dispose]: () => keep(0) }
  }

  async #turn(who: string, bytes: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        this.#waiting.delete(waiting)
        reject(signal.reason as Error)
      }
      const start = (): void => {
        signal.removeEventListener('abort', abort)
        resolve()
      }
      const waiting = { who, bytes, start }
      this.#waiting.add(waiting)
      signal.addEventListener('abort', abort, { once: true })
    })
  }

  /**
   * Serves requests in the order in which they came, but first those of peers that hold nothing. Otherwise a peer that asks often and takes nothing
   * would get each freed place again before anybody else. A peer that already holds its share delays nobody.
   */
  #next(): void {
    this.#start((who) => !this.#held.has(who))
    this.#start(() => true)
  }

  #start(isInTurn: (who: string) => boolean): void {
    for (const waiting of this.#waiting) {
      if (!isInTurn(waiting.who) || !this.#fits(waiting)) continue
      this.#waiting.delete(waiting)
      this.#move(waiting.who, waiting.bytes)
      waiting.start()
    }
  }

  #fits({ who, bytes }: Pick<Waiting, 'who' | 'bytes'>): boolean {
    return bytes <= this.#free && (this.#held.get(who) ?? 0) + bytes <= this.#each
  }

  #move(who: string, bytes: number): void {
    const held = (this.#held.get(who) ?? 0) + bytes
    this.#free -= bytes
    if (held === 0) this.#held.delete(who)
    else this.#held.set(who, held)
  }
}
