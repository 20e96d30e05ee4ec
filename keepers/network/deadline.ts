// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * A signal that is aborted by a time-out or by any of its parents. Disposing of it releases both.
 *
 * Used instead of `AbortSignal.any` over `AbortSignal.timeout`: a composite of these that is made part of another
 * composite stays in Node's list of signals to keep alive for good (24.21, lib/internal/abort_controller.js: `any` adds
 * a part that has a time-out to `gcPersistentSignals`, and only a listener's removal or its own abort takes it out). A
 * keeper fetches thousands of blobs a day.
 */
export class Deadline implements Disposable {
  readonly #controller = new AbortController()
  readonly #parents: readonly AbortSignal[]
  readonly #timer: NodeJS.Timeout
  #expired = false

  /** @param milliseconds Until the signal is aborted with a TimeoutError. */
  constructor(milliseconds: number, parents: readonly (AbortSignal | undefined)[]) {
    this.#parents = parents.filter((parent) => parent !== undefined)
    this.#timer = setTimeout(() => {
      this.#expired = true
      this.#end(new DOMException(`not done after ${Math.ceil(milliseconds)} ms`, 'TimeoutError'))
    }, milliseconds)
    for (const parent of this.#parents) parent.addEventListener('abort', this.#follow)
    const over = this.#parents.find((parent) => parent.aborted)
    if (over !== undefined) this.#end(over.reason)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** True when time ran out before a parent was aborted. */
  get expired(): boolean {
    return this.#expired
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    for (const parent of this.#parents) parent.removeEventListener('abort', this.#follow)
  }

  readonly #follow = (event: Event): void => this.#end((event.target as AbortSignal).reason)

  #end(reason: unknown): void {
    this.#controller.abort(reason)
    this[Symbol.dispose]()
  }
}
