// SPDX-License-Identifier: GPL-3.0-or-later
// A reader of protobuf messages driven by a table of fields (wire format: protobuf.dev/programming-guides/encoding). Reads only the fields
// in the table, skips the others, and checks every length before it relies on it.
import { CompileError } from '../../graph/errors.ts'

/** How a field is encoded. Repeated numbers are read both packed and one by one, as the format demands. */
export type FieldKind = 'int' | 'float' | 'double' | 'string' | 'bytes' | MessageSchema
export type MessageSchema = {
  readonly name: string
  readonly fields: Readonly<
    Record<
      number,
      { readonly name: string; readonly kind: FieldKind | (() => MessageSchema); readonly repeated?: true }
    >
  >
}

/** A decoded message: field name → value, or list of values when the field is repeated; absent fields are absent. */
export type Message = Record<string, unknown>

const TEXT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Nesting allowed: models are shallow, a hostile file is not. */
const MAX_DEPTH = 32

/** Decodes `bytes` as one message of `schema`. @throws CompileError malformed-file with the byte offset. */
export function decodeMessage(bytes: Uint8Array, schema: MessageSchema): Message {
  return new Decoder(bytes).message(0, bytes.length, schema, 0)
}

class Decoder {
  private readonly bytes: Uint8Array
  private readonly view: DataView
  private at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  message(from: number, to: number, schema: MessageSchema, depth: number): Message {
    if (depth > MAX_DEPTH) this.fail(`${schema.name} is nested deeper than ${MAX_DEPTH} messages`)
    const message: Message = {}
    this.at = from
    while (this.at < to) {
      const key = Number(this.varint(to))
      const field = Math.floor(key / 8)
      const wire = key % 8
      if (field === 0) this.fail(`${schema.name} has a field numbered 0`)
      const known = schema.fields[field]
      if (known === undefined) {
        this.skip(wire, to, schema.name)
        continue
      }
      const kind = typeof known.kind === 'function' ? known.kind() : known.kind
      const values = this.field(wire, kind, to, `${schema.name}.${known.name}`, depth)
      if (known.repeated) {
        const list = message[known.name] as unknown[] | undefined
        if (list === undefined) message[known.name] = values
        else for (const value of values) list.push(value)
      } else if (values.length > 0) message[known.name] = values.at(-1)
    }
    return message
  }

  private field(wire: number, kind: FieldKind, to: number, what: string, depth: number): unknown[] {
    if (kind === 'int' || kind === 'float' || kind === 'double') {
      const own = kind === 'int' ? 0 : kind === 'float' ? 5 : 1
      if (wire === own) return [this.number(kind, to)]
      if (wire !== 2) this.fail(`${what} has wire type ${wire} where ${own} is needed`)
      const end = this.length(to, what)
      const values: number[] = []
      while (this.at < end) values.push(this.number(kind, end))
      return values
    }
    if (wire !== 2) this.fail(`${what} has wire type ${wire} where 2 is needed`)
    const end = this.length(to, what)
    const start = this.at
    if (typeof kind === 'object') {
      const value = this.message(start, end, kind, depth + 1)
      this.at = end
      return [value]
    }
    this.at = end
    const part = this.bytes.subarray(start, end)
    if (kind === 'bytes') return [part]
    // Strictly: two different names must not become one by a replacement character.
    try {
      return [TEXT.decode(part)]
    } catch {
      return this.fail(`${what} is not UTF-8`)
    }
  }

  private number(kind: 'int' | 'float' | 'double', to: number): number {
    if (kind === 'int') {
      const value = BigInt.asIntN(64, this.varint(to))
      // Sentinels such as INT64_MAX ("to the end") lose their last bits here and stay enormous, which is all they mean.
      return Number(value)
    }
    const size = kind === 'float' ? 4 : 8
    if (this.at + size > to) this.fail('the file ends inside a number')
    const value = size === 4 ? this.view.getFloat32(this.at, true) : this.view.getFloat64(this.at, true)
    this.at += size
    return value
  }

  private varint(to: number): bigint {
    const first = this.bytes[this.at]!
    if (this.at < to && first < 128) {
      this.at++
      return BigInt(first)
    }
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.at >= to) this.fail('the file ends inside a number')
      const byte = this.bytes[this.at++]!
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
    return this.fail('a number is longer than 10 bytes')
  }

  /** End offset of a length-delimited field. */
  private length(to: number, what: string): number {
    const length = Number(this.varint(to))
    if (this.at + length > to) this.fail(`${what} claims ${length} bytes where ${to - this.at} remain`)
    return this.at + length
  }

  private skip(wire: number, to: number, what: string): void {
    if (wire === 0) this.varint(to)
    else if (wire === 1 || wire === 5) this.at += wire === 1 ? 8 : 4
    else if (wire === 2) this.at = this.length(to, what)
    else this.fail(`${what} has a field of unknown wire type ${wire}`)
    if (this.at > to) this.fail(`the file ends inside ${what}`)
  }

  private fail(message: string): never {
    throw new CompileError('malformed-file', `not a whole ONNX file: ${message} (byte ${this.at})`)
  }
}
