// SPDX-License-Identifier: GPL-3.0-or-later
// A small file format for resumable state: 8 bytes of magic, the length of a JSON header, the header, float32 vectors, and a
// SHA-256 over all of it. Whatever was cut off or altered is refused as a whole.
import { createHash } from 'node:crypto'
import { LearningError } from './errors.ts'

const DIGEST = 32

/** `magic` is 8 ASCII characters. The vectors' lengths go into the header under `vectors`. */
export function seal(magic: string, header: object, vectors: readonly Float32Array[]): Uint8Array<ArrayBuffer> {
  const json = Buffer.from(JSON.stringify({ ...header, vectors: vectors.map(({ length }) => length) }))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(json.length)
  const parts = vectors.map((v) => Buffer.from(v.buffer, v.byteOffset, v.byteLength))
  const body = Buffer.concat([Buffer.from(magic, 'latin1'), length, json, ...parts])
  return new Uint8Array(Buffer.concat([body, createHash('sha256').update(body).digest()]))
}

/** The header (unchecked JSON, without `vectors`) and the vectors. Throws BAD_CHECKPOINT, beginning with `what`. */
export function unseal(
  magic: string,
  bytes: Uint8Array,
  what: string,
): { header: Record<string, unknown>; vectors: Float32Array<ArrayBuffer>[] } {
  const refuse = (message: string, cause?: unknown) =>
    new LearningError('BAD_CHECKPOINT', `${what}: ${message}`, { cause })
  const start = magic.length + 4
  if (bytes.length < start + DIGEST) throw refuse(`${bytes.length} bytes are too few`)
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length - DIGEST)
  if (body.toString('latin1', 0, magic.length) !== magic) throw refuse(`does not start with ${magic}`)
  if (
    !createHash('sha256')
      .update(body)
      .digest()
      .equals(bytes.subarray(bytes.length - DIGEST))
  ) {
    throw refuse('the SHA-256 does not match: damaged or cut off')
  }
  const end = start + body.readUInt32LE(magic.length)
  if (end > body.length) throw refuse('the header runs past the end')
  let json: unknown
  try {
    json = JSON.parse(body.toString('utf8', start, end))
  } catch (cause) {
    throw refuse('the header is not JSON', cause)
  }
  const { vectors: lengths, ...header } = (json ?? {}) as { vectors?: unknown }
  if (!Array.isArray(lengths) || !lengths.every((length) => Number.isInteger(length) && length >= 0)) {
    throw refuse('the header lists no vectors')
  }
  const expected = 4 * lengths.reduce((a: number, b: number) => a + b, 0)
  if (body.length - end !== expected) throw refuse(`${body.length - end} bytes of vectors, expected ${expected}`)
  let at = end
  const vectors = lengths.map((length: number) => {
    const copy = new Uint8Array(body.subarray(at, at + 4 * length))
    at += 4 * length
    return new Float32Array(copy.buffer, 0, length)
  })
  return { header, vectors }
}
