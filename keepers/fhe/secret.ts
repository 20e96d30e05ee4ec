// SPDX-License-Identifier: GPL-3.0-or-later
// A holder for secret bytes that never prints them by accident and wipes them on disposal.
import { randomFillSync, timingSafeEqual } from 'node:crypto'
import { inspect } from 'node:util'
import { FheError } from './errors.ts'

/** Smaller ones may lie in a pool of Node's. */
const OWN_BYTES = 1 << 13

/** Gives the memory of an array back at once, and empties it: not of one that is part of another. Otherwise it waits until V8 collects. */
export function giveBack({ buffer, byteLength }: Uint8Array): void {
  if (byteLength >= OWN_BYTES && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0)
}

const REDACTED = '[secret]'

/**
 * Secret bytes. String conversion, JSON, `util.inspect` and structured clone all fail to show them; `reveal` is the one
 * way in, and lends the bytes for the length of a callback. JavaScript cannot guarantee that every copy is wiped (the collector leaves the
 * inside of an ArrayBuffer in place, but registers and callers copy); the wrapper itself keeps a single one.
 */
export class Secret implements Disposable {
  #bytes: Uint8Array | null

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Copies `source` into a new secret and wipes `source`. */
  static take(source: Uint8Array): Secret {
    const own = new Uint8Array(source.length)
    own.set(source)
    source.fill(0)
    return new Secret(own)
  }

  /** `length` bytes from the system's CSPRNG. */
  static random(length: number): Secret {
    return new Secret(randomFillSync(new Uint8Array(length)))
  }

  /** Length in bytes. Throws `FheError('secret-disposed')` after disposal. */
  get length(): number {
    return this.#open().length
  }

  /**
   * Lends the bytes to `use`, which must neither keep nor change them. Returns its result. If that is a promise, the caller awaits it and
   * must not dispose of the secret before it settles.
   */
  reveal<T>(use: (bytes: Uint8Array) => T): T {
    return use(this.#open())
  }

  /** Equality without a timing difference. */
  equals(other: Secret): boolean {
    const left = this.#open()
    const right = other.#open()
    return left.length === right.length && timingSafeEqual(left, right)
  }

  /** Wipes the bytes; later use throws. Safe to call twice. */
  dispose(): void {
    if (this.#bytes === null) return
    this.#bytes.fill(0)
    giveBack(this.#bytes)
    this.#bytes = null
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }

  [Symbol.toPrimitive](): string {
    return REDACTED
  }

  [inspect.custom](): string {
    return REDACTED
  }

  get [Symbol.toStringTag](): string {
    return 'Secret'
  }

  #open(): Uint8Array {
    if (this.#bytes === null) throw new FheError('secret-disposed', 'this secret was disposed of; load it again')
    return this.#bytes
  }
}
