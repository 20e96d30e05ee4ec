// SPDX-License-Identifier: GPL-3.0-or-later
// Canonical bytes: little-endian, fixed widths, every length checked, nothing left over. Equal values, equal bytes.
import { createHash } from 'node:crypto'
import { FheError } from './errors.ts'
import type { Address } from './types.ts'

export const HASH_BYTES = 32

/** SHA-256 with a domain tag, so that no two uses of the hash in this library can be confused. */
export function hash(domain: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const state = createHash('sha256').update(tagOf(domain))
  for (const part of parts) state.update(part)
  return new Uint8Array(state.digest())
}

/** Computes the same hash from parts that arrive one after the other. */
export class Hasher {
  readonly #state: ReturnType<typeof createHash>

  constructor(domain: string) {
    this.#state = createHash('sha256').update(tagOf(domain))
  }

  update(part: Uint8Array): void {
    this.#state.update(part)
  }

  digest(): Uint8Array {
    return new Uint8Array(this.#state.digest())
  }
}

/** The tag's own hash goes first and has one length, so tags cannot run into data. There are a few dozen domains. */
function tagOf(domain: string): Uint8Array {
  let tag = tags.get(domain)
  if (tag === undefined) {
    tag = createHash('sha256').update(`cohort/fhe/${domain}`).digest()
    tags.set(domain, tag)
  }
  return tag
}

const tags = new Map<string, Uint8Array>()

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && Buffer.compare(left, right) === 0
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}

/** 20 bytes of an address. Throws `FheError('invalid-argument')`. */
export function addressBytes(address: Address, field: string): Uint8Array {
  if (!/^0x[0-9a-fA-F]{40}$/.test(address)) {
    throw new FheError('invalid-argument', `${field} is "${address}", not 0x and 40 hex digits`, { field })
  }
  return new Uint8Array(Buffer.from(address.slice(2), 'hex'))
}

/** Writes fields in order; `finish` returns the bytes. */
export class ByteWriter {
  #parts: Uint8Array[] = []

  u8(value: number): this {
    return this.bytes(Uint8Array.of(value))
  }

  u16(value: number): this {
    const field = new Uint8Array(2)
    new DataView(field.buffer).setUint16(0, value, true)
    return this.bytes(field)
  }

  u32(value: number): this {
    const field = new Uint8Array(4)
    new DataView(field.buffer).setUint32(0, value, true)
    return this.bytes(field)
  }

  u64(value: bigint | number): this {
    const field = new Uint8Array(8)
    new DataView(field.buffer).setBigUint64(0, BigInt(value), true)
    return this.bytes(field)
  }

  f64(value: number): this {
    const field = new Uint8Array(8)
    new DataView(field.buffer).setFloat64(0, value, true)
    return this.bytes(field)
  }

  bytes(value: Uint8Array): this {
    this.#parts.push(value)
    return this
  }

  /** A length as u16, then the UTF-8 bytes. */
  text(value: string): this {
    const utf8 = new TextEncoder().encode(value)
    return this.u16(utf8.length).bytes(utf8)
  }

  finish(): Uint8Array {
    const length = this.#parts.reduce((sum, part) => sum + part.length, 0)
    const out = new Uint8Array(length)
    let at = 0
    for (const part of this.#parts) {
      out.set(part, at)
      at += part.length
    }
    return out
  }
}

/** Reads fields in order. Any field past the end throws `FheError('truncated')` naming it. */
export class ByteReader {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  readonly #what: string
  #at = 0

  constructor(bytes: Uint8Array, what: string) {
    if (!(bytes instanceof Uint8Array)) {
      throw new FheError('invalid-argument', `${what} must be a Uint8Array`, { field: what })
    }
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#what = what
  }

  get offset(): number {
    return this.#at
  }

  u8(field: string): number {
    return this.#view.getUint8(this.#advance(1, field))
  }

  u16(field: string): number {
    return this.#view.getUint16(this.#advance(2, field), true)
  }

  u32(field: string): number {
    return this.#view.getUint32(this.#advance(4, field), true)
  }

  u64(field: string): bigint {
    return this.#view.getBigUint64(this.#advance(8, field), true)
  }

  f64(field: string): number {
    return this.#view.getFloat64(this.#advance(8, field), true)
  }

  /** A view, not a copy. */
  bytes(length: number, field: string): Uint8Array {
    const start = this.#advance(length, field)
    return this.#bytes.subarray(start, start + length)
  }

  /** Throws `FheError('trailing-bytes')` unless everything was read. */
  end(): void {
    const rest = this.#bytes.length - this.#at
    if (rest !== 0) {
      throw new FheError('trailing-bytes', `${this.#what} has ${rest} bytes after its end, at offset ${this.#at}`, {
        rest,
      })
    }
  }

  #advance(length: number, field: string): number {
    const start = this.#at
    if (start + length > this.#bytes.length) {
      throw new FheError(
        'truncated',
        `${this.#what} ends inside ${field}: ${length} bytes needed at offset ${start}, ${this.#bytes.length - start} left`,
        { field, offset: start },
      )
    }
    this.#at = start + length
    return start
  }
}
