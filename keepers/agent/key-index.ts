// SPDX-License-Identifier: GPL-3.0-or-later
import { cidBytes, cidFromBytes } from '../network/index.ts'
import { AgentError } from './errors.ts'

/**
 * The index that a member publishes for the key of an epoch. Ciphertexts have the format of the fhe room.
 *
 * Key index (little-endian):  "CKEY" · u8 version · manifest hash[32] · u16 members ·
 *                             members × (u8 length · binary CID of the share sealed to that member) · dealing
 */
const VERSION = 2
const MAGIC = Buffer.from('CKEY')
const HEAD = 4 + 1 + 32 + 2

export type KeyIndex = {
  readonly manifestHash: Uint8Array
  /** The fhe room's, which names the sealed shares by their digests. */
  readonly dealing: Uint8Array
  /** CIDs of the sealed shares, one per member in roster order. */
  readonly sealed: readonly string[]
}

export function encodeKeyIndex(index: KeyIndex): Uint8Array {
  const cids = index.sealed.map((text) => cidBytes(text))
  const head = Buffer.alloc(HEAD)
  MAGIC.copy(head)
  head.writeUInt8(VERSION, 4)
  head.set(index.manifestHash, 5)
  head.writeUInt16LE(cids.length, 37)
  const list = cids.flatMap((bytes) => [Uint8Array.of(bytes.length), bytes])
  return Buffer.concat([head, ...list, index.dealing])
}

/** @throws AgentError BAD_BLOB. @param members Number of members the epoch has. */
export function decodeKeyIndex(bytes: Uint8Array, members: number): KeyIndex {
  const buffer = view(bytes)
  if (buffer.length < HEAD || !buffer.subarray(0, 4).equals(MAGIC)) bad('key index', 'wrong magic')
  if (buffer[4] !== VERSION) bad('key index', `version ${buffer[4]}, expected ${VERSION}`)
  const count = buffer.readUInt16LE(37)
  if (count !== members) bad('key index', `shares for ${count} members, the epoch has ${members}`)
  const sealed: string[] = []
  let offset = HEAD
  for (let i = 0; i < count; i++) {
    const length = buffer[offset]
    if (length === undefined || offset + 1 + length > buffer.length) bad('key index', 'truncated')
    sealed.push(cidText(buffer.subarray(offset + 1, offset + 1 + length!)))
    offset += 1 + length!
  }
  return { manifestHash: buffer.subarray(5, 37), dealing: buffer.subarray(offset), sealed }
}

function cidText(bytes: Uint8Array): string {
  try {
    return cidFromBytes(bytes)
  } catch (cause) {
    throw new AgentError('BAD_BLOB', `key index: ${(cause as Error).message}`, { cause })
  }
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function bad(what: string, why: string): never {
  throw new AgentError('BAD_BLOB', `${what}: ${why}`)
}
