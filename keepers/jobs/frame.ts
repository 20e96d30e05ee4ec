// SPDX-License-Identifier: GPL-3.0-or-later
// The encoding of a job or an answer: the length of a JSON header (u32, little-endian), the header, and parts, whose lengths the header lists.
// Nothing may be missing or left over.
import { z } from 'zod'
import { JobError } from './errors.ts'

/** Most bytes of the header. The longest is one with a network's topology. */
const MOST_HEADER_BYTES = 1 << 20

const partsSchema = z.looseObject({ parts: z.array(z.int().min(0)).max(64) })

export function encodeFrame(fields: object, parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const header = new TextEncoder().encode(JSON.stringify({ ...fields, parts: parts.map(({ length }) => length) }))
  if (header.length > MOST_HEADER_BYTES) {
    throw new JobError('BAD_MESSAGE', `a header of ${header.length} bytes, at most ${MOST_HEADER_BYTES} are sent`)
  }
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 4 + header.length))
  new DataView(bytes.buffer).setUint32(0, header.length, true)
  bytes.set(header, 4)
  let at = 4 + header.length
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/**
 * The header, parsed by the schema, and the parts as views.
 * @param count The expected number of parts. @throws JobError BAD_MESSAGE naming what is wrong
 */
export function decodeFrame<T>(
  bytes: Uint8Array,
  schema: z.ZodType<T>,
  count: number,
): { readonly fields: T; readonly parts: readonly Uint8Array[] } {
  const bad = (what: string, cause?: unknown) => new JobError('BAD_MESSAGE', what, { cause })
  if (bytes.length < 4) throw bad(`${bytes.length} bytes are too few for a header`)
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true)
  if (length > MOST_HEADER_BYTES || 4 + length > bytes.length) {
    throw bad(`a header of ${length} bytes in a message of ${bytes.length}`)
  }
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(4, 4 + length)))
  } catch (cause) {
    throw bad('the header is not JSON in UTF-8', cause)
  }
  const listed = partsSchema.safeParse(json)
  if (!listed.success) throw bad('the header lists no parts')
  const { parts: lengths, ...fields } = listed.data
  if (lengths.length !== count) throw bad(`${lengths.length} parts, ${count} are expected`)
  const total = lengths.reduce((sum, part) => sum + part, 4 + length)
  if (total !== bytes.length) throw bad(`${bytes.length} bytes, the header speaks of ${total}`)
  const parsed = schema.safeParse(fields)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw bad(`${issue?.path.join('.') || 'header'}: ${issue?.message}`)
  }
  let at = 4 + length
  const parts = lengths.map((part) => {
    at += part
    return bytes.subarray(at - part, at)
  })
  return { fields: parsed.data, parts }
}

/** The bytes of an array of numbers, as a view. */
export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

type Numbers = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer>

/**
 * A part as numbers, copied, because a view would have to be aligned to their size.
 * @throws JobError BAD_MESSAGE unless there are exactly `count`
 */
export function numbersIn<A extends Numbers>(
  part: Uint8Array,
  Type: { readonly BYTES_PER_ELEMENT: number; new (buffer: ArrayBuffer): A },
  count: number,
  name: string,
): A {
  if (part.length !== count * Type.BYTES_PER_ELEMENT) {
    const whole = part.length / Type.BYTES_PER_ELEMENT
    throw new JobError('BAD_MESSAGE', `${name} has ${whole} values, ${count} are expected`)
  }
  return new Type(new Uint8Array(part).buffer)
}
