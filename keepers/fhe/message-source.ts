// SPDX-License-Identifier: GPL-3.0-or-later
// Messages of a round that lie elsewhere, such as in files, and are read a few ciphertexts at a time: what is in memory then
// depends neither on the length of a vector nor on the number of members.
import { FheError } from './errors.ts'
import type { ParameterSet } from './parameters.ts'
import type { VectorShape } from './sizes.ts'
import type { MessageSource } from './types.ts'

/** Ciphertexts that are read at a time: with N = 8192, 2/3 MB of an update in five bytes a coefficient, and 1 MiB of a sum. */
export const CHUNK_CIPHERTEXTS = 16

/** A message as a source, wherever it is. */
export function sourceOf(message: Uint8Array | MessageSource): MessageSource {
  if (!(message instanceof Uint8Array)) return message
  return { size: message.length, read: async (from, to) => message.subarray(from, to) }
}

/**
 * Bytes `from` … `to` − 1, never as a Buffer, which is what files give: a `slice` of one is no copy, and its memory may be shared with others.
 * Throws 'truncated' when the source returns another number of bytes.
 */
export async function readRange(source: MessageSource, from: number, to: number, what: string): Promise<Uint8Array> {
  const bytes = await source.read(from, to)
  if (bytes.length === to - from) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  throw new FheError('truncated', `${what}: ${bytes.length} bytes were read at offset ${from}, not ${to - from}`, {
    offset: from,
  })
}

/** The coefficients of a vector within a message, `width` bytes each, from byte `start` on. */
export type Coefficients = {
  readonly source: MessageSource
  readonly start: number
  readonly width: number
}

/** Coefficients that are in memory. */
export function coefficientsIn(bytes: Uint8Array, width: number): Coefficients {
  return { source: sourceOf(bytes), start: 0, width }
}

/** Ciphertexts first … first + count − 1 of a vector, which are its coefficients from … to − 1. */
export type Chunk = { readonly first: number; readonly count: number; readonly from: number; readonly to: number }

/** The chunks of a vector, in order. */
export function* chunksOf({ degree }: Pick<ParameterSet, 'degree'>, shape: VectorShape): Generator<Chunk> {
  for (let first = 0; first < shape.ciphertexts; first += CHUNK_CIPHERTEXTS) {
    const count = Math.min(CHUNK_CIPHERTEXTS, shape.ciphertexts - first)
    yield { first, count, from: degree * first, to: Math.min(shape.carried, degree * (first + count)) }
  }
}

/** The bytes of a chunk's coefficients. Perhaps a view of the message itself: not to be written to. */
export async function readChunk(
  { source, start, width }: Coefficients,
  { from, to }: Chunk,
  what: string,
): Promise<Uint8Array> {
  return readRange(source, start + width * from, start + width * to, what)
}
