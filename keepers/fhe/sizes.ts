// SPDX-License-Identifier: GPL-3.0-or-later
// Lengths of the messages, in one place: the calculator states them and the decoders insist on them.
import type { ParameterSet } from './parameters.ts'
import { sumWords, type WireFormat } from './wire-format.ts'

/** magic 4 · version 1 · type 1 · sender 2 · chain 8 · service 20 · epoch 8 · round 8 · plan hash 32 */
const HEADER_BYTES = 84
/** A set of members as a bitmap: member j is bit j mod 8 of byte ⌊j/8⌋. Room for 256. */
export const BITMAP_BYTES = 32
/** X25519 public key, proof that its maker knows the exponent, and Poly1305 tag around a sealed share. */
export const SEAL_OVERHEAD_BYTES = 32 + 64 + 16
/** Bytes of the seed from which a member expands its dealing. */
export const DEALING_SEED_BYTES = 32
/** Rows of the projection that shows an update to be short, and one-time pads that a round takes: a multiple of 16. */
export const PROJECTION_ROWS = 144
/** Masking polynomials of the check of a dealing, a prime; one more fills their place up to an even number of residues. */
export const DEALING_REPEATS = 3
const DEALING_MASKS = 4
/** Random combinations of an update's projection, a prime. */
export const CLAIM_REPEATS = 2
/** Bytes of the key that two members derive their masks from. */
export const PAIR_KEY_BYTES = 32
/** Bytes of the key from which a member derives its noise. */
export const NOISE_KEY_BYTES = 32

/**
 * Coefficients that the last ciphertext has at least. A garbage share shows by a coefficient beyond what a sum can have, which a
 * uniform one is not with probability 15/16: all of these with 2^-95.
 */
const LEAST_CARRIED = 1024
/** A byte of the challenge J covers eight columns. */
const CARRIED_MULTIPLE = 8

/** How a vector of a round lies in ciphertexts. */
export type VectorShape = {
  readonly length: number
  readonly ciphertexts: number
  /** Coefficients that travel, of all ciphertexts: N of each but the last. */
  readonly carried: number
}

/** The shape of vectors of that length in a ring of degree N. */
export function vectorShape({ degree }: Pick<ParameterSet, 'degree'>, length: number): VectorShape {
  const values = degree - 1
  const ciphertexts = Math.ceil(length / values)
  const last = 1 + length - values * (ciphertexts - 1)
  const rounded = CARRIED_MULTIPLE * Math.ceil(last / CARRIED_MULTIPLE)
  return {
    length,
    ciphertexts,
    carried: degree * (ciphertexts - 1) + Math.min(degree, Math.max(rounded, LEAST_CARRIED)),
  }
}

/** The parameters that determine the lengths of messages. */
export type SizedBy = {
  readonly set: ParameterSet
  /** Coefficients of a vector that travel. */
  readonly carried: number
  readonly wire: WireFormat
  readonly members: number
  readonly threshold: number
  readonly roundsPerKey: number
  /** Levels of the tree over the candidates of an update's proof. */
  readonly candidateBits: number
}

/** Residues modulo one prime that are dealt beside the secret: the pads of all rounds, then the masks of the check. */
export function extraResidues(roundsPerKey: number): number {
  return PROJECTION_ROWS * roundsPerKey + DEALING_MASKS
}

/** Byte lengths of one polynomial and of each message. */
export function messageSizes({ set, carried, wire, members, threshold, roundsPerKey, candidateBits }: SizedBy) {
  const dataPrimeCount = set.primes.length - 1
  const polynomial = 8 * set.degree * dataPrimeCount
  const dealt = polynomial + 8 * extraResidues(roundsPerKey) * dataPrimeCount
  const checkScalar = 8 * CLAIM_REPEATS * dataPrimeCount
  // candidate u16 · its corrections · its path · z, 16 or 32 bytes each · H without its constant coefficient
  const shortnessProof =
    2 +
    PROJECTION_ROWS * 8 * dataPrimeCount +
    32 * candidateBits +
    PROJECTION_ROWS * projectionBytes(set) +
    (threshold - 1) * checkScalar
  return {
    /** One polynomial over the data primes. */
    polynomial,
    /** One member's dealing to another: f_i(α_j), its pads and its masks at α_j. */
    dealt,
    /** header · roster hash · crs · digest of each sealed share · h of the check, t coefficients */
    dealing: HEADER_BYTES + 64 + 32 * members + 8 * DEALING_REPEATS * dataPrimeCount * threshold,
    /** header · roster hash · crs · receiver · sealed f_i(α_j), pads and masks */
    sealedShare: HEADER_BYTES + 64 + 2 + SEAL_OVERHEAD_BYTES + dealt,
    /** digits of s_i · seed of the dealing · digest of the dealing */
    memberSecret: set.degree + DEALING_SEED_BYTES + 32,
    /** digits of s_j · seed of its own dealing · what each member dealt · pair keys by member · noise key */
    memberKey: set.degree + DEALING_SEED_BYTES + members * (dealt + PAIR_KEY_BYTES) + NOISE_KEY_BYTES,
    /** The value that a member's share requires of an update's claim at its point. */
    checkScalar,
    /** The proof at the end of an update. */
    shortnessProof,
    /** header · parms_id · key hash · c0 of each ciphertext, narrow · proof that they are short */
    update: HEADER_BYTES + 64 + wire.width * carried + shortnessProof,
    /** header · parms_id · key hash · contributors · Σ of the c0 of each ciphertext, in whole words */
    aggregate: HEADER_BYTES + 64 + BITMAP_BYTES + 8 * sumWords(wire) * carried,
    /** header · key hash · contributors · active set · h_j of each ciphertext, narrow */
    decryptionShare: HEADER_BYTES + 32 + 2 * BITMAP_BYTES + wire.width * carried,
  } as const
}

/** Bytes of one entry of z, a signed integer below Q. */
export function projectionBytes(set: Pick<ParameterSet, 'primes'>): number {
  return 8 * (set.primes.length - 1)
}
