// SPDX-License-Identifier: GPL-3.0-or-later
// OpenSSL's P-256 keys and signatures, in the form that the publisher registry takes.
import { ServingError } from '../../serving/index.ts'

/** Order of the curve's group (SEC 2, secp256r1). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** SubjectPublicKeyInfo of an uncompressed P-256 point, up to the point itself (RFC 5480). */
const KEY_HEAD = '3059301306072a8648ce3d020106082a8648ce3d03010703420004'
const POINT_BYTES = 64

/**
 * A public key as `openssl pkey -pubout -outform DER` writes it → x ‖ y, 64 bytes in hexadecimal with 0x.
 * @throws ServingError bad-payload for any other key
 */
export function p256Material(der: Uint8Array): string {
  const hex = Buffer.from(der).toString('hex')
  if (der.length !== KEY_HEAD.length / 2 + POINT_BYTES || !hex.startsWith(KEY_HEAD)) {
    throw new ServingError('bad-payload', `public key: ${der.length} bytes, no DER of an uncompressed P-256 point`)
  }
  return `0x${hex.slice(KEY_HEAD.length)}`
}

/**
 * A signature as `openssl dgst -sha256 -sign` writes it (DER of r and s) → r ‖ s, 64 bytes in hexadecimal with 0x. A high s
 * is mirrored: both halves are valid, the registry takes the lower.
 * @throws ServingError bad-payload naming the malformed part
 */
export function p256Signature(der: Uint8Array): string {
  const bad = (what: string): never => {
    throw new ServingError('bad-payload', `signature of ${der.length} bytes: ${what}`)
  }
  let at = 2
  if (der[0] !== 0x30 || der[1] !== der.length - 2) bad('no DER sequence of that length')
  const integer = (name: string): bigint => {
    const length = der[at + 1] ?? 0
    const bytes = der.subarray(at + 2, at + 2 + length)
    if (der[at] !== 0x02 || length < 1 || bytes.length !== length) bad(`${name} is not a DER integer`)
    const padded = bytes[0] === 0 && length > 1 && bytes[1]! < 0x80
    if (bytes[0]! >= 0x80 || padded) bad(`${name} is negative or not in its shortest form`)
    at += 2 + length
    const value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
    return value > 0n && value < ORDER ? value : bad(`${name} is not in [1, order)`)
  }
  const r = integer('r')
  const s = integer('s')
  if (at !== der.length) bad(`${der.length - at} bytes after s`)
  return `0x${word(r)}${word(s > ORDER / 2n ? ORDER - s : s)}`
}

function word(value: bigint): string {
  return value.toString(16).padStart(64, '0')
}
