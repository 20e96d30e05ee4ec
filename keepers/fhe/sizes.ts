// SPDX-License-Identifier: GPL-3.0-or-later
// Lengths of the messages, in one place: the calculator states them and the decoders insist on them.
import type { ParameterSet } from './parameters.ts'

/** magic 4 · version 1 · type 1 · sender 2 · chain 8 · service 20 · epoch 8 · round 8 · plan hash 32 */
const HEADER_BYTES = 84
/** A set of members as a bitmap: member j is bit j mod 8 of byte ⌊j/8⌋. Room for 256. */
export const BITMAP_BYTES = 32
/** X25519 public key and Poly1305 tag around a sealed share. */
export const SEAL_OVERHEAD_BYTES = 32 + 16
/** What two members derive their masks from. */
export const PAIR_KEY_BYTES = 32
/** What a member derives its noise from. */
export const NOISE_KEY_BYTES = 32

/** Byte lengths of one polynomial and of each message for a set, a number of ciphertexts and of members. */
export function messageSizes(set: ParameterSet, ciphertexts: number, members: number) {
  const dataPrimeCount = set.primes.length - 1
  const polynomial = 8 * set.degree * dataPrimeCount
  return {
    /** One polynomial over the data primes. */
    polynomial,
    /** header · roster hash · crs · digest of each sealed share */
    dealing: HEADER_BYTES + 64 + 32 * members,
    /** header · roster hash · receiver · sealed f_i(α_j) */
    sealedShare: HEADER_BYTES + 32 + 2 + SEAL_OVERHEAD_BYTES + polynomial,
    /** digits of s_i · digest of the dealing */
    memberSecret: set.degree + 32,
    /** digits of s_j · f_i(α_j) by dealer · pair keys by member · noise key */
    memberKey: set.degree + members * (polynomial + PAIR_KEY_BYTES) + NOISE_KEY_BYTES,
    /** header · parms_id · key hash · c0 of each ciphertext */
    update: HEADER_BYTES + 64 + polynomial * ciphertexts,
    /** header · parms_id · key hash · contributors · Σ c0 of each ciphertext */
    aggregate: HEADER_BYTES + 64 + BITMAP_BYTES + polynomial * ciphertexts,
    /** header · key hash · contributors · active set · h_j of each ciphertext */
    decryptionShare: HEADER_BYTES + 32 + 2 * BITMAP_BYTES + polynomial * ciphertexts,
  } as const
}
