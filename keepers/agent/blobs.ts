// SPDX-License-Identifier: GPL-3.0-or-later
import { CID } from 'multiformats/cid'
import { AgentError } from './errors.ts'

/**
 * The blobs that keepers exchange beside the ciphertexts, whose own format is the fhe room's.
 *
 * Key index (little-endian):  "CKEY" · u8 version · profile hash[32] · u16 members ·
 *                             members × (u8 length · binary CID of the share sealed to that member) · dealing
 * Model:                      "CMDL" · u8 version · u32 count · count × f32 [· m: count × f32 [· v: count × f32]]
 *                             version 1: weights alone; 2: with the server step's first moment; 3: with both moments
 */
const VERSION = 1
const KEY_VERSION = 2
const KEY_MAGIC = Buffer.from('CKEY')
const MODEL_MAGIC = Buffer.from('CMDL')
const KEY_HEAD = 4 + 1 + 32 + 2
const MODEL_HEAD = 4 + 1 + 4
const MOST_MOMENTS = 2

export type KeyIndex = {
  readonly profileHash: Uint8Array
  /** The fhe room's, which names the sealed shares by their digests. */
  readonly dealing: Uint8Array
  /** CIDs of the sealed shares, one per member in roster order. */
  readonly sealed: readonly string[]
}

export function encodeKeyIndex(index: KeyIndex): Uint8Array {
  const cids = index.sealed.map((text) => CID.parse(text).bytes)
  const head = Buffer.alloc(KEY_HEAD)
  KEY_MAGIC.copy(head)
  head.writeUInt8(KEY_VERSION, 4)
  head.set(index.profileHash, 5)
  head.writeUInt16LE(cids.length, 37)
  const list = cids.flatMap((bytes) => [Uint8Array.of(bytes.length), bytes])
  return Buffer.concat([head, ...list, index.dealing])
}

/** @throws AgentError BAD_BLOB. @param members Number of members the epoch has. */
export function decodeKeyIndex(bytes: Uint8Array, members: number): KeyIndex {
  const buffer = view(bytes)
  if (buffer.length < KEY_HEAD || !buffer.subarray(0, 4).equals(KEY_MAGIC)) bad('key index', 'wrong magic')
  if (buffer[4] !== KEY_VERSION) bad('key index', `version ${buffer[4]}, expected ${KEY_VERSION}`)
  const count = buffer.readUInt16LE(37)
  if (count !== members) bad('key index', `shares for ${count} members, the epoch has ${members}`)
  const sealed: string[] = []
  let offset = KEY_HEAD
  for (let i = 0; i < count; i++) {
    const length = buffer[offset]
    if (length === undefined || offset + 1 + length > buffer.length) bad('key index', 'truncated')
    sealed.push(cidText(buffer.subarray(offset + 1, offset + 1 + length!)))
    offset += 1 + length!
  }
  return { profileHash: buffer.subarray(5, 37), dealing: buffer.subarray(offset), sealed }
}

/** The members vote for the blob's CID, so its moments are as agreed on as its weights. @param moments m, or m and v. */
export function encodeModel(weights: Float32Array, moments: readonly Float32Array[] = []): Uint8Array {
  const count = weights.length
  const buffer = Buffer.alloc(modelBytes(count, moments.length))
  MODEL_MAGIC.copy(buffer)
  buffer.writeUInt8(VERSION + moments.length, 4)
  buffer.writeUInt32LE(count, 5)
  for (const [part, vector] of [weights, ...moments].entries()) {
    if (vector.length !== count) throw new RangeError(`a moment of ${vector.length} values for ${count} weights`)
    const start = MODEL_HEAD + 4 * count * part
    for (const [i, value] of vector.entries()) buffer.writeFloatLE(value, start + 4 * i)
  }
  return buffer
}

/** The weights of a model's blob, whatever strategy it comes from. @throws AgentError BAD_BLOB unless it is whole and finite. */
export function decodeModel(bytes: Uint8Array, count: number): Float32Array {
  return decodeModelState(bytes, count).weights
}

/** The same with the moments that came with it: none, m, or m and v. */
export function decodeModelState(
  bytes: Uint8Array,
  count: number,
): { readonly weights: Float32Array; readonly moments: readonly Float32Array[] } {
  const buffer = view(bytes)
  if (buffer.length < MODEL_HEAD || !buffer.subarray(0, 4).equals(MODEL_MAGIC)) bad('model', 'wrong magic')
  const moments = buffer[4]! - VERSION
  if (moments < 0 || moments > MOST_MOMENTS)
    bad('model', `version ${buffer[4]}, expected 1 to ${VERSION + MOST_MOMENTS}`)
  const found = buffer.readUInt32LE(5)
  if (found !== count) bad('model', `${found} weights, the architecture has ${count}`)
  if (buffer.length !== modelBytes(count, moments)) bad('model', `${buffer.length} bytes for ${count} weights`)
  const [weights, ...rest] = Array.from({ length: 1 + moments }, (_, part) => {
    const vector = new Float32Array(count)
    for (let i = 0; i < count; i++) {
      vector[i] = buffer.readFloatLE(MODEL_HEAD + 4 * (count * part + i))
      if (!Number.isFinite(vector[i])) bad('model', `${part === 0 ? 'weight' : 'moment'} ${i} is ${vector[i]}`)
    }
    return vector
  })
  return { weights: weights!, moments: rest }
}

/** Bytes of a model blob of that many weights; without `moments`, the most that any strategy's has. */
export function modelBytes(count: number, moments: number = MOST_MOMENTS): number {
  return MODEL_HEAD + 4 * count * (1 + moments)
}

/** Hex (0x…) of the binary form, as events and calls carry it. */
export function cidHex(text: string): string {
  return `0x${Buffer.from(CID.parse(text).bytes).toString('hex')}`
}

/** @throws AgentError BAD_BLOB. */
export function cidFromHex(hex: string): string {
  return cidText(Buffer.from(hex.slice(2), 'hex'))
}

function cidText(bytes: Uint8Array): string {
  try {
    return CID.decode(bytes).toString()
  } catch (cause) {
    throw new AgentError('BAD_BLOB', `${Buffer.from(bytes).toString('hex').slice(0, 40)}… is not a CID`, { cause })
  }
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function bad(what: string, why: string): never {
  throw new AgentError('BAD_BLOB', `${what}: ${why}`)
}
