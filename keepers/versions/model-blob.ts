// SPDX-License-Identifier: GPL-3.0-or-later
import { VersionError } from './errors.ts'

/**
 * The blob of a model. Members vote for its CID.
 *
 * Model (little-endian):  "CMDL" · u8 version · u32 count · count × f32 [· m: count × f32 [· v: count × f32]]
 *                         version 1: weights alone; 2: with the server step's first moment; 3: with both moments
 */
const VERSION = 1
/** 'CMDL' */
const MODEL_MAGIC = [0x43, 0x4d, 0x44, 0x4c] as const
const MODEL_HEAD = 4 + 1 + 4
const MOST_MOMENTS = 2

/** Encodes a model. Members vote for the blob's CID, so they agree on the moments as well as on the weights. @param moments m, or m and v. */
export function encodeModel(weights: Float32Array, moments: readonly Float32Array[] = []): Uint8Array {
  const count = weights.length
  const bytes = new Uint8Array(modelBytes(count, moments.length))
  const view = viewOf(bytes)
  bytes.set(MODEL_MAGIC)
  view.setUint8(4, VERSION + moments.length)
  view.setUint32(5, count, true)
  for (const [part, vector] of [weights, ...moments].entries()) {
    if (vector.length !== count) throw new RangeError(`a moment of ${vector.length} values for ${count} weights`)
    const start = MODEL_HEAD + 4 * count * part
    for (const [i, value] of vector.entries()) view.setFloat32(start + 4 * i, value, true)
  }
  return bytes
}

/** The weights in a model's blob, whatever its strategy. @throws VersionError BAD_BLOB unless the blob is complete and all values are finite. */
export function decodeModel(bytes: Uint8Array, count: number): Float32Array {
  return decodeModelState(bytes, count).weights
}

/** The weights with the moments in the blob: none, m, or m and v. */
export function decodeModelState(
  bytes: Uint8Array,
  count: number,
): { readonly weights: Float32Array; readonly moments: readonly Float32Array[] } {
  const view = viewOf(bytes)
  if (bytes.length < MODEL_HEAD || MODEL_MAGIC.some((byte, i) => bytes[i] !== byte)) bad('model', 'wrong magic')
  const moments = bytes[4]! - VERSION
  if (moments < 0 || moments > MOST_MOMENTS)
    bad('model', `version ${bytes[4]}, expected 1 to ${VERSION + MOST_MOMENTS}`)
  const found = view.getUint32(5, true)
  if (found !== count) bad('model', `${found} weights, the architecture has ${count}`)
  if (bytes.length !== modelBytes(count, moments)) bad('model', `${bytes.length} bytes for ${count} weights`)
  const [weights, ...rest] = Array.from({ length: 1 + moments }, (_, part) => {
    const vector = new Float32Array(count)
    for (let i = 0; i < count; i++) {
      vector[i] = view.getFloat32(MODEL_HEAD + 4 * (count * part + i), true)
      if (!Number.isFinite(vector[i])) bad('model', `${part === 0 ? 'weight' : 'moment'} ${i} is ${vector[i]}`)
    }
    return vector
  })
  return { weights: weights!, moments: rest }
}

/** Bytes of a model blob with that many weights; by default, with the most moments of any strategy. */
export function modelBytes(count: number, moments: number = MOST_MOMENTS): number {
  return MODEL_HEAD + 4 * count * (1 + moments)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function bad(what: string, why: string): never {
  throw new VersionError('BAD_BLOB', `${what}: ${why}`)
}
