// SPDX-License-Identifier: GPL-3.0-or-later
// A note as it travels. Every member asks every other member for two notes per round, so notes must be short and cheap to read.
//
// version u8 · subject 32 · number of sums u8 · of each: slice u8, codec u8, digest 32 · a seat u8 for each message that its author lacks
import { cidBytes, cidFromBytes, NetworkError } from '../../network/index.ts'

export type Note = {
  /** A CID that names the messages which the note is about: after a reorganisation there may be others. */
  readonly of: string
  /** CIDs of the sums, by slice. */
  readonly sums: Readonly<Record<string, string>>
  /** Seats whose messages the author could not get, or found unsound. A reader of the note looks for itself. */
  readonly lacks: readonly number[]
}

const VERSION = 1
const SEATS = 256
const DIGEST_BYTES = 32
/** Every CID of a SHA-256 begins with: version 1, the codec, sha2-256, 32 bytes. */
const [CID_VERSION, SHA_256] = [1, 0x12]
/** The codec of a blob in one block. */
const RAW = 0x55
/** Bytes before the sums, and of each sum. */
const HEAD_BYTES = 1 + DIGEST_BYTES + 1
const SUM_BYTES = 2 + DIGEST_BYTES

/** @param note Seats and slices below 256; `of` and the sums are CIDs of a SHA-256. */
export function encodeNote({ of, sums, lacks }: Note): Uint8Array {
  const told = Object.entries(sums)
  const bytes = new Uint8Array(HEAD_BYTES + SUM_BYTES * told.length + lacks.length)
  bytes[0] = VERSION
  bytes.set(digestOf(of), 1)
  bytes[1 + DIGEST_BYTES] = told.length
  for (const [i, [slice, cid]] of told.entries()) {
    const at = HEAD_BYTES + SUM_BYTES * i
    bytes[at] = Number(slice)
    bytes[at + 1] = cidBytes(cid)[1]!
    bytes.set(digestOf(cid), at + 2)
  }
  bytes.set(lacks, HEAD_BYTES + SUM_BYTES * told.length)
  return bytes
}

/** Decodes what `encodeNote` wrote; null for any other bytes. */
export function decodeNote(bytes: Uint8Array): Note | null {
  if (bytes.length < HEAD_BYTES || bytes[0] !== VERSION) return null
  const end = HEAD_BYTES + SUM_BYTES * bytes[1 + DIGEST_BYTES]!
  if (bytes.length < end || bytes.length > end + SEATS) return null
  try {
    const sums: Record<string, string> = {}
    for (let at = HEAD_BYTES; at < end; at += SUM_BYTES) {
      const slice = String(bytes[at]!)
      if (sums[slice] !== undefined) return null
      sums[slice] = cidOf(bytes[at + 1]!, bytes.subarray(at + 2, at + SUM_BYTES))
    }
    return { of: cidOf(RAW, bytes.subarray(1, 1 + DIGEST_BYTES)), sums, lacks: [...bytes.subarray(end)] }
  } catch (error) {
    if (error instanceof NetworkError) return null
    throw error
  }
}

const digestOf = (cid: string): Uint8Array => cidBytes(cid).subarray(-DIGEST_BYTES)

/** @throws NetworkError BAD_CID for a codec of more than one byte. */
const cidOf = (codec: number, digest: Uint8Array): string =>
  cidFromBytes(Uint8Array.of(CID_VERSION, codec, SHA_256, DIGEST_BYTES, ...digest))
