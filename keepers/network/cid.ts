// SPDX-License-Identifier: GPL-3.0-or-later
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { create } from 'multiformats/hashes/digest'
import { sha256 } from 'multiformats/hashes/sha2'
import { NetworkError } from './errors.ts'

/** Hex (0x…) of a CID's binary form, as events and calls carry it. */
export function cidHex(text: string): string {
  return `0x${bytesToHex(CID.parse(text).bytes)}`
}

/** The CID that an event or a call carries, as text. @throws NetworkError BAD_CID. */
export function cidFromHex(hex: string): string {
  let bytes: Uint8Array
  try {
    bytes = hexToBytes(hex.slice(2))
  } catch (cause) {
    throw new NetworkError('BAD_CID', `${hex.slice(0, 40)} is not hexadecimal`, { cause })
  }
  return cidFromBytes(bytes)
}

/** The text of a binary CID. @throws NetworkError BAD_CID. */
export function cidFromBytes(bytes: Uint8Array): string {
  try {
    return CID.decode(bytes).toString()
  } catch (cause) {
    throw new NetworkError('BAD_CID', `${bytesToHex(bytes).slice(0, 40)}… is not a CID`, { cause })
  }
}

/** The binary form of a CID in text. @throws NetworkError BAD_CID. */
export function cidBytes(text: string): Uint8Array {
  try {
    return CID.parse(text).bytes
  } catch (cause) {
    throw new NetworkError('BAD_CID', `'${text.slice(0, 80)}' is not a CID`, { cause })
  }
}

/** The CID of a blob of one block, at most 1 MiB, from the SHA-256 digest (32 bytes) of its bytes. */
export function cidFromDigest(digest: Uint8Array): string {
  return CID.createV1(raw.code, create(sha256.code, digest)).toString()
}
