// SPDX-License-Identifier: GPL-3.0-or-later
// Masks that cancel in the sum over an active set and hide each share by itself ("one-time additive masks": del Pino et al.,
// Threshold Raccoon, EUROCRYPT 2024, section 4). Without them the honest shares of one round are several readings of one
// secret under public factors, and t − 1 colluders who stay out of the draft solve for it (README, "Why shares are masked").
import { x25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { ByteWriter } from './encoding.ts'
import type { Secret } from './secret.ts'
import { PAIR_KEY_BYTES } from './sizes.ts'
import type { Member } from './types.ts'

const PAIR_KEY_INFO = new TextEncoder().encode('cohort/fhe/pair key/1')
const MASK_SEED_INFO = new TextEncoder().encode('cohort/fhe/mask seed/1')
const MASK_SEED_BYTES = 32

/** The stream that two members have in common in one round, and whether this one subtracts it. */
export type Mask = {
  /** 32 bytes, secret. */
  readonly seed: Uint8Array
  readonly negative: boolean
}

/**
 * K_jk of `self` with every other member, by index, 32 bytes each: HKDF of their X25519 secret, bound to the epoch's key
 * hash and both indices, the lower one first. Zeros stand for "no mask": at the caller's own place, and at that of a member
 * whose key is of small order. Such a member is corrupt, and a mask that it knows would hide nothing from it.
 */
export function derivePairKeys(
  of: { readonly members: readonly Member[]; readonly self: number; readonly keyHash: Uint8Array },
  encryptionKey: Secret,
): Uint8Array {
  const { members, self, keyHash } = of
  const keys = new Uint8Array(PAIR_KEY_BYTES * members.length)
  for (const [peer, member] of members.entries()) {
    if (peer === self) continue
    const shared = encryptionKey.reveal((key) => sharedSecret(key, member.encryptionKey))
    if (shared === null) continue
    const info = new ByteWriter().bytes(PAIR_KEY_INFO).u16(Math.min(self, peer)).u16(Math.max(self, peer)).finish()
    const key = hkdf(sha256, shared, keyHash, info, PAIR_KEY_BYTES)
    keys.set(key, PAIR_KEY_BYTES * peer)
    shared.fill(0)
    key.fill(0)
  }
  return keys
}

/**
 * The masks of `self` in the share request that `request` is the hash of: one for every other member of the active set, to
 * be added when that member's index is higher and subtracted when it is lower. Both ends must hash the same request, so it
 * does not say who asks. The caller wipes the seeds.
 */
export function masksOf(
  pairKeys: Uint8Array,
  self: number,
  activeSet: readonly number[],
  request: Uint8Array,
): readonly Mask[] {
  const masks: Mask[] = []
  for (const peer of activeSet) {
    const pairKey = pairKeys.subarray(PAIR_KEY_BYTES * peer, PAIR_KEY_BYTES * (peer + 1))
    if (peer === self || pairKey.every((byte) => byte === 0)) continue
    masks.push({ seed: hkdf(sha256, pairKey, request, MASK_SEED_INFO, MASK_SEED_BYTES), negative: peer < self })
  }
  return masks
}

/** The X25519 secret, or null when `publicKey` is a point of small order (RFC 7748, section 6.1). */
function sharedSecret(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | null {
  try {
    return x25519.getSharedSecret(secretKey, publicKey)
  } catch {
    // Lengths were checked with the roster: what is left to refuse is an all-zero result.
    return null
  }
}
