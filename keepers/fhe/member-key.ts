// SPDX-License-Identifier: GPL-3.0-or-later
// A member's secrets of an epoch: digits of s_self (N bytes) · seed of its own dealing · each member's dealing to it, f_i(α_self) first
// (`plan.bytes.dealt` each) · the pair keys of its masks, by member (32 bytes each) · noise key.
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { ByteReader, ByteWriter, HASH_BYTES } from './encoding.ts'
import type { Engine } from './engine.ts'
import { FheError } from './errors.ts'
import { encodeHeader, readHeader } from './header.ts'
import type { Kernel } from './kernel/kernel.ts'
import { addMasks } from './masks.ts'
import type { Plan } from './plan.ts'
import { Secret } from './secret.ts'
import { lagrangeAtZero } from './shamir.ts'
import { DEALING_SEED_BYTES, NOISE_KEY_BYTES, PAIR_KEY_BYTES } from './sizes.ts'
import type { EpochContext, MemberKey } from './types.ts'

const NOISE_KEY_INFO = new TextEncoder().encode('cohort/fhe/noise key/2')
const NOISE_SEED_INFO = new TextEncoder().encode('cohort/fhe/noise seed/2')

/**
 * @param own Digits of s_self and the seed of its dealing.
 *
 * Wipes `dealt`, the shares of all dealers one after the other, and `pairKeys`. The noise key is derived from them and the member's X25519
 * key instead of drawn at random. A member that repeats the end of key generation so gets the same noise for the same request, instead of a
 * second share that averages the noise out.
 */
export function makeMemberKey(
  of: { readonly context: EpochContext; readonly self: number; readonly keyHash: Uint8Array },
  own: Uint8Array,
  dealt: Uint8Array,
  pairKeys: Uint8Array,
  encryptionKey: Secret,
): MemberKey {
  const { self, keyHash } = of
  const material = encryptionKey.reveal((key) => {
    const digest = sha256(dealt)
    const input = new ByteWriter().bytes(digest).bytes(key).finish()
    const noiseKey = hkdf(sha256, input, keyHash, NOISE_KEY_INFO, NOISE_KEY_BYTES)
    const all = new ByteWriter().bytes(own).bytes(dealt).bytes(pairKeys).bytes(noiseKey).finish()
    for (const used of [digest, input, noiseKey, dealt, pairKeys]) used.fill(0)
    return Secret.take(all)
  })
  const { chainId, service, epoch } = of.context
  return { self, context: { chainId, service, epoch }, keyHash, material }
}

/**
 * Lends the member's own secret as a polynomial over the data primes, NTT form, the noise seed of one request, and the seed
 * that its dealing of the secret was expanded from.
 */
export async function withOwnSecret<T>(
  kernel: Kernel,
  key: MemberKey,
  request: Uint8Array,
  use: (s: Uint8Array, noiseSeed: Uint8Array, dealingSeed: Uint8Array) => Promise<T>,
): Promise<T> {
  const { degree, dataPrimeCount, polynomialBytes } = kernel
  const make = (material: Uint8Array) =>
    kernel.borrow([degree, polynomialBytes], (digits, s) => {
      kernel.write(digits!, material.subarray(0, degree))
      for (let l = 0; l < dataPrimeCount; l++) {
        kernel.calls.ternaryResidues(kernel.records[l]!, kernel.residues(s!, l), digits!.at, degree)
        kernel.calls.forward(kernel.records[l]!, kernel.residues(s!, l), kernel.logDegree)
      }
      return kernel.read(s!)
    })
  const dealingSeed = key.material.reveal((material) => material.slice(degree, degree + DEALING_SEED_BYTES))
  try {
    return await lend(key, request, make, (s, noiseSeed) => use(s, noiseSeed, dealingSeed))
  } finally {
    dealingSeed.fill(0)
  }
}

/** Lends a copy of what member i dealt to this one: polynomial, pads, masks. */
export function withDealt<T>(plan: Plan, key: MemberKey, i: number, use: (dealt: Uint8Array) => T): T {
  const dealt = key.material.reveal((material) => dealtIn(material, plan, i).slice())
  try {
    return use(dealt)
  } finally {
    dealt.fill(0)
  }
}

/** The request for which a member makes its share: the sets, and the request's hash with and without the member. */
export type ShareOf = {
  readonly contributors: readonly number[]
  readonly activeSet: readonly number[]
  /** Of this member's request: its noise comes from it. */
  readonly own: Uint8Array
  /** The same for everyone in the active set: the masks come from it. */
  readonly common: Uint8Array
}

/**
 * Lends the secret of a share, X = λ·Σ f_i(α_self) ± masks over the contributors i, and its noise seed. To anybody who lacks one of its
 * masks, X looks uniform. The X of an active set add up to the contributors' Σ s_i.
 */
export async function withShareSecret<T>(
  { kernel, plan }: Pick<Engine, 'kernel' | 'plan'>,
  key: MemberKey,
  share: ShareOf,
  use: (x: Uint8Array, noiseSeed: Uint8Array) => Promise<T>,
): Promise<T> {
  const { calls, degree, dataPrimeCount, polynomialBytes } = kernel
  const { self } = key
  const make = (material: Uint8Array) =>
    kernel.borrow([polynomialBytes, polynomialBytes], (sum, dealt) => {
      kernel.view(sum!).fill(0)
      for (const i of share.contributors) {
        kernel.write(dealt!, dealtIn(material, plan, i).subarray(0, polynomialBytes))
        for (let l = 0; l < dataPrimeCount; l++) {
          calls.addInto(kernel.records[l]!, kernel.residues(sum!, l), kernel.residues(dealt!, l), degree)
        }
      }
      for (let l = 0; l < dataPrimeCount; l++) {
        const lambda = lagrangeAtZero(share.activeSet, self, kernel.primes[l]!)
        calls.scale(kernel.records[l]!, kernel.residues(sum!, l), lambda, degree)
      }
      addMasks(kernel, pairKeysIn(material, plan), { self, activeSet: share.activeSet, request: share.common }, sum!)
      return kernel.read(sum!)
    })
  return lend(key, share.own, make, use)
}

/** The values that member i dealt, within a member's material. */
function dealtIn(material: Uint8Array, plan: Plan, i: number): Uint8Array {
  const from = plan.set.degree + DEALING_SEED_BYTES + plan.bytes.dealt * i
  return material.subarray(from, from + plan.bytes.dealt)
}

/** The pair keys within a member's material. */
function pairKeysIn(material: Uint8Array, plan: Plan): Uint8Array {
  const to = material.length - NOISE_KEY_BYTES
  return material.subarray(to - PAIR_KEY_BYTES * plan.members, to)
}

/** Lends what `make` makes of the material, and a seed; wipes both when `use` has ended. */
async function lend<T>(
  key: MemberKey,
  request: Uint8Array,
  make: (material: Uint8Array) => Uint8Array,
  use: (polynomial: Uint8Array, noiseSeed: Uint8Array) => Promise<T>,
): Promise<T> {
  const [polynomial, seed] = key.material.reveal((material) => {
    const noiseKey = material.subarray(material.length - NOISE_KEY_BYTES)
    return [make(material), hkdf(sha256, noiseKey, request, NOISE_SEED_INFO, NOISE_KEY_BYTES)] as const
  })
  try {
    return await use(polynomial, seed)
  } finally {
    polynomial.fill(0)
    seed.fill(0)
  }
}

/**
 * The key as bytes, for a store that encrypts them at rest: header · key hash · material. Dispose of the returned secret
 * once it is sealed.
 */
export function exportMemberKey(plan: Plan, key: MemberKey): Secret {
  const header = encodeHeader({
    type: 'stored member key',
    sender: key.self,
    context: key.context,
    planHash: plan.hash,
  })
  return key.material.reveal((material) =>
    Secret.take(new ByteWriter().bytes(header).bytes(key.keyHash).bytes(material).finish()),
  )
}

/**
 * The inverse of `exportMemberKey`, for the same plan, epoch and member. Wipes `bytes` when it succeeds. Throws
 * 'unsupported-version' for a key that an earlier release stored: it has no pair keys, so the epoch is lost to this member.
 */
export function importMemberKey(
  plan: Plan,
  stored: { readonly context: EpochContext; readonly self: number; readonly bytes: Uint8Array },
): MemberKey {
  const { context, self, bytes } = stored
  const reader = new ByteReader(bytes, 'stored member key')
  const { chainId, service, epoch } = context
  readHeader(reader, {
    type: 'stored member key',
    sender: self,
    context: { chainId, service, epoch },
    planHash: plan.hash,
  })
  const keyHash = reader.bytes(HASH_BYTES, 'key hash').slice()
  const material = reader.bytes(plan.bytes.memberKey, 'material')
  reader.end()
  if (material.every((byte) => byte === 0)) {
    throw new FheError('malformed-message', 'the stored member key is all zeros: it was wiped')
  }
  const secret = Secret.take(material)
  bytes.fill(0)
  return { self, context: { chainId, service, epoch }, keyHash, material: secret }
}
