// SPDX-License-Identifier: GPL-3.0-or-later
// A member's share of the decryption key: x_j and the key from which the noise of its decryption shares is derived.
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { ByteReader, ByteWriter, HASH_BYTES } from './encoding.ts'
import { FheError } from './errors.ts'
import { encodeHeader, readHeader } from './header.ts'
import type { Plan } from './plan.ts'
import { Secret } from './secret.ts'
import type { EpochContext, SecretShare } from './types.ts'

const NOISE_KEY_BYTES = 32
const NOISE_KEY_INFO = new TextEncoder().encode('cohort/fhe/noise key/1')
const NOISE_SEED_INFO = new TextEncoder().encode('cohort/fhe/noise seed/1')

/**
 * Wipes `x`. The noise key is derived from x_j and the member's X25519 key, never drawn: whoever repeats the end of key
 * generation after losing its store gets the same noise for the same request, and not a second, averaging, share.
 */
export function makeSecretShare(
  context: EpochContext,
  self: number,
  collectiveKeyHash: Uint8Array,
  x: Uint8Array,
  encryptionKey: Secret,
): SecretShare {
  const material = encryptionKey.reveal((key) => {
    const input = new ByteWriter().bytes(x).bytes(key).finish()
    const noiseKey = hkdf(sha256, input, collectiveKeyHash, NOISE_KEY_INFO, NOISE_KEY_BYTES)
    const both = new ByteWriter().bytes(x).bytes(noiseKey).finish()
    for (const used of [input, noiseKey, x]) used.fill(0)
    return Secret.take(both)
  })
  const { chainId, service, epoch } = context
  return { self, context: { chainId, service, epoch }, collectiveKeyHash, material }
}

/** Lends x_j and the 32-byte key of the noise stream for one request. Both are wiped or still owned by the secret. */
export async function withShare<T>(
  share: SecretShare,
  requestHash: Uint8Array,
  use: (x: Uint8Array, noiseSeed: Uint8Array) => Promise<T>,
): Promise<T> {
  return share.material.reveal(async (material) => {
    const noiseKey = material.subarray(material.length - NOISE_KEY_BYTES)
    const seed = hkdf(sha256, noiseKey, requestHash, NOISE_SEED_INFO, NOISE_KEY_BYTES)
    try {
      return await use(material.subarray(0, material.length - NOISE_KEY_BYTES), seed)
    } finally {
      seed.fill(0)
    }
  })
}

/**
 * The share as bytes, for a store that encrypts them at rest: header · collective key hash · x_j · noise key.
 * Dispose of the returned secret once it is sealed.
 */
export function exportSecretShare(plan: Plan, share: SecretShare): Secret {
  const header = encodeHeader({
    type: 'stored secret share',
    sender: share.self,
    context: share.context,
    planHash: plan.hash,
  })
  return share.material.reveal((material) =>
    Secret.take(new ByteWriter().bytes(header).bytes(share.collectiveKeyHash).bytes(material).finish()),
  )
}

/** The inverse of `exportSecretShare`, for the same plan, epoch and member. Wipes `bytes` when it succeeds. */
export function importSecretShare(
  plan: Plan,
  stored: { readonly context: EpochContext; readonly self: number; readonly bytes: Uint8Array },
): SecretShare {
  const { context, self, bytes } = stored
  const reader = new ByteReader(bytes, 'stored secret share')
  const { chainId, service, epoch } = context
  readHeader(reader, {
    type: 'stored secret share',
    sender: self,
    context: { chainId, service, epoch },
    planHash: plan.hash,
  })
  const collectiveKeyHash = reader.bytes(HASH_BYTES, 'collective key hash').slice()
  const material = reader.bytes(plan.bytes.polynomial + NOISE_KEY_BYTES, 'key material')
  reader.end()
  if (material.every((byte) => byte === 0)) {
    throw new FheError('malformed-message', 'the stored secret share is all zeros: it was wiped')
  }
  const secret = Secret.take(material)
  bytes.fill(0)
  return { self, context: { chainId, service, epoch }, collectiveKeyHash, material: secret }
}
