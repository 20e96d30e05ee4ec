// SPDX-License-Identifier: GPL-3.0-or-later

/** Milliseconds without a byte after which a peer counts as gone: more than a round trip on a slow link. */
const SILENCE_MS = 3_000

/**
 * A provider's time for delivering a blob. It ends after `ms`, but goes on while bytes come from the provider, by at most `overtime`, so that a provider
 * that sends a byte per second cannot hold up its caller.
 */
export class Turn implements Disposable {
  readonly #controller = new AbortController()
  readonly #parent: AbortSignal
  readonly #started = performance.now()
  readonly #terms: { readonly ms: number; readonly overtime: number; readonly heardAt: () => number }
  #timer: NodeJS.Timeout | undefined

  /**
   * @param terms.ms @param terms.overtime In milliseconds.
   * @param terms.heardAt When the provider's last bytes came, by `performance.now()`.
   */
  constructor(
    terms: { readonly ms: number; readonly overtime: number; readonly heardAt: () => number },
    parent: AbortSignal,
  ) {
    this.#terms = terms
    this.#parent = parent
    this.#timer = setTimeout(this.#look, terms.ms)
    parent.addEventListener('abort', this.#follow)
    if (parent.aborted) this.#end(parent.reason)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Milliseconds of overtime so far. */
  get overtime(): number {
    return Math.max(0, performance.now() - this.#started - this.#terms.ms)
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#parent.removeEventListener('abort', this.#follow)
  }

  readonly #look = (): void => {
    const left = Math.min(this.#terms.heardAt() + SILENCE_MS - performance.now(), this.#terms.overtime - this.overtime)
    if (left > 0) this.#timer = setTimeout(this.#look, left)
    else this.#end(new DOMException('the provider did not deliver in its time', 'TimeoutError'))
  }

  readonly #follow = (): void => this.#end(this.#parent.reason)

  #end(reason: unknown): void {
    this.#controller.abort(reason)
    this[Symbol.dispose]()
  }
}
