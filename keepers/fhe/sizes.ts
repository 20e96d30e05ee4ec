// SPDX-License-Identifier: GPL-3.0-or-later
// Lengths of the messages, in one place: the calculator states them and the decoders insist on them.
import type { ParameterSet } from './parameters.ts'

/** magic 4 · version 1 · type 1 · sender 2 · chain 8 · service 20 · epoch 8 · round 8 · plan hash 32 */
const HEADER_BYTES = 84
/** A set of members as a bitmap: member j is bit j mod 8 of byte ⌊j/8⌋. Room for 256. */
export const BITMAP_BYTES = 32
/** X25519 public key and Poly1305 tag around a sealed share. */
export const SEAL_OVERHEAD_BYTES = 32 + 16

/** Byte lengths of one polynomial and of each message for a set, a number of ciphertexts and of members. */
export function messageSizes(set: ParameterSet, ciphertexts: number, members: number) {
  const dataPrimeCount = set.primes.length - 1
  const polynomial = 8 * set.degree * dataPrimeCount
  const keyPolynomial = 8 * set.degree * set.primes.length
  return {
    /** One polynomial over the data primes. */
    polynomial,
    /** One polynomial over all primes. */
    keyPolynomial,
    /** header · digest */
    commitment: HEADER_BYTES + 32,
    /** header · roster hash · crs · digest of each sealed share · b_i */
    publicKeyShare: HEADER_BYTES + 64 + 32 * members + keyPolynomial,
    /** header · roster hash · receiver · sealed S_i(α_j) */
    sealedShare: HEADER_BYTES + 32 + 2 + SEAL_OVERHEAD_BYTES + polynomial,
    /** header · parms_id · key hash · (c0 · c1) of each ciphertext */
    update: HEADER_BYTES + 64 + 2 * polynomial * ciphertexts,
    /** header · parms_id · key hash · contributors · (c0 · c1) of each ciphertext */
    aggregate: HEADER_BYTES + 64 + BITMAP_BYTES + 2 * polynomial * ciphertexts,
    /** header · key hash · aggregate hash · active set · h_j of each ciphertext */
    decryptionShare: HEADER_BYTES + 64 + BITMAP_BYTES + polynomial * ciphertexts,
    /** SEAL's PublicKey, uncompressed */
    collectiveKey: 113 + 2 * keyPolynomial,
  } as const
}
