// SPDX-License-Identifier: GPL-3.0-or-later
// Masks that cancel in the sum over an active set and make what each member multiplies with a round's polynomials uniform
// ("one-time additive masks": del Pino et al., Threshold Raccoon, EUROCRYPT 2024). Without them the honest shares of a round
// are readings of one secret under public factors, and t − 1 colluders who stay out of the draft solve for it.
import { hkdfSync } from 'node:crypto'
import { x25519 } from '@noble/curves/ed25519.js'
import { ByteStream } from './byte-stream.ts'
import { ByteWriter } from './encoding.ts'
import { eachOf } from './engine.ts'
import type { Block, Kernel } from './kernel/kernel.ts'
import { streamBytes } from './round-polynomial.ts'
import type { Secret } from './secret.ts'
import { PAIR_KEY_BYTES } from './sizes.ts'
import type { Member } from './types.ts'

const PAIR_KEY_INFO = new TextEncoder().encode('cohort/fhe/pair key/1')
const MASK_SEED_INFO = new TextEncoder().encode('cohort/fhe/mask seed/1')
const MASK_SEED_BYTES = 32

/**
 * K_jk of `self` with every other member, by index, 32 bytes each: HKDF of their X25519 secret, bound to the epoch's key
 * hash and both indices, the lower one first. Zeros mean "no mask": at the caller's own place, and for members with a key of small order.
 * Such a member is corrupt, and a mask that it knows would hide nothing from it. A millisecond a member, letting events in between. The
 * caller wipes the keys.
 */
export async function derivePairKeys(
  of: { readonly members: readonly Member[]; readonly self: number; readonly keyHash: Uint8Array },
  encryptionKey: Secret,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { members, self, keyHash } = of
  const keys = new Uint8Array(PAIR_KEY_BYTES * members.length)
  const derive = (peer: number) => {
    if (peer === self) return
    const shared = encryptionKey.reveal((key) => sharedSecret(key, members[peer]!.encryptionKey))
    if (shared === null) return
    const info = new ByteWriter().bytes(PAIR_KEY_INFO).u16(Math.min(self, peer)).u16(Math.max(self, peer)).finish()
    const key = new Uint8Array(hkdfSync('sha256', shared, keyHash, info, PAIR_KEY_BYTES))
    keys.set(key, PAIR_KEY_BYTES * peer)
    shared.fill(0)
    key.fill(0)
  }
  try {
    await eachOf(members.length, 1, signal === undefined ? {} : { signal }, derive)
    return keys
  } catch (error) {
    keys.fill(0)
    throw error
  }
}

/**
 * sum ← sum ± the masks of `self` for every other member of the active set: added when that member's index is higher,
 * subtracted when it is lower. A mask is a polynomial over the data primes, NTT form, read from AES-256-CTR as a round's
 * polynomial is (`roundSeed`), so uniform modulo each prime. Its seed is HKDF of the pair key and of `request`, a hash that must be the
 * same at both ends and so omits who asks.
 */
export function addMasks(
  kernel: Kernel,
  pairKeys: Uint8Array,
  of: { readonly self: number; readonly activeSet: readonly number[]; readonly request: Uint8Array },
  sum: Block,
): void {
  const { calls, degree, dataPrimeCount } = kernel
  const length = streamBytes(degree)
  // All primes' words in one piece: opening a cipher costs as much as reading tens of kilobytes from it.
  kernel.borrow([length * dataPrimeCount], (words) => {
    for (const peer of of.activeSet) {
      const pairKey = pairKeys.subarray(PAIR_KEY_BYTES * peer, PAIR_KEY_BYTES * (peer + 1))
      if (pairKey.every((byte) => byte === 0)) continue
      const seed = new Uint8Array(hkdfSync('sha256', pairKey, of.request, MASK_SEED_INFO, MASK_SEED_BYTES))
      const stream = new ByteStream(seed, words!.length, 'secret')
      seed.fill(0)
      stream.read(0, kernel.view(words!))
      stream.close()
      const negative = peer < of.self ? 1 : 0
      for (let l = 0; l < dataPrimeCount; l++) {
        const [record, at] = [kernel.records[l]!, kernel.residues(sum, l)]
        if (calls.addUniform(record, at, words!.at + length * l, length / 8, negative, degree) === 1) continue
        throw new Error('the stream of a mask ran out of words')
      }
    }
  })
}

/** The X25519 secret, or null when `publicKey` is a point of small order (RFC 7748, section 6.1). */
function sharedSecret(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | null {
  try {
    return x25519.getSharedSecret(secretKey, publicKey)
  } catch {
    // The roster's check covered lengths, so only an all-zero result is left to refuse.
    return null
  }
}
