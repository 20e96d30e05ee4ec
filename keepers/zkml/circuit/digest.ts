// SPDX-License-Identifier: GPL-3.0-or-later
// The input commitment `sha256`: the circuit hashes the same bytes that a publisher signs with any tool.
import { sha256 } from '@noble/hashes/sha2.js'
import { CircuitError } from './errors.ts'

/** The upper bits of a digest that the public signal holds: whole bytes, and below the field's size. */
export const DIGEST_BITS = 248

/** A SHA-256 digest (32 bytes) as the public signal: its first 31 bytes, big-endian. In Solidity, uint256(digest) >> 8. */
export function digestSignal(digest: Uint8Array): bigint {
  if (digest.length !== 32) {
    throw new CircuitError('wrong-input', `a SHA-256 digest has 32 bytes, found ${digest.length}`)
  }
  return digest.subarray(0, DIGEST_BITS / 8).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

/**
 * The input commitment `sha256` to a program's integers, each one byte.
 * @throws CircuitError `value-out-of-range` naming the value
 */
export function commitBytes(values: ArrayLike<number>): bigint {
  const bytes = Uint8Array.from(values, (value, index) => {
    if (!Number.isInteger(value) || value < 0 || value > 255) {
      throw new CircuitError('value-out-of-range', `input[${index}] is ${value}, must be a byte`)
    }
    return value
  })
  return digestSignal(sha256(bytes))
}
