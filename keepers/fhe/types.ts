// SPDX-License-Identifier: GPL-3.0-or-later
// The shapes that cross the boundary of this library: what callers hand in and what they get back.
import type { Secret } from './secret.ts'

/** `0x` + 40 hex digits, any case; compared and hashed as 20 bytes. */
export type Address = `0x${string}`

/** Where an epoch lives. Every message of the epoch is bound to it. */
export type EpochContext = {
  /** EIP-155 chain id, 0 ≤ id < 2^64. */
  readonly chainId: bigint
  readonly service: Address
  /** An epoch = one collective key. Safe integer ≥ 0. */
  readonly epoch: number
}

export type RoundContext = EpochContext & {
  /** Safe integer ≥ 0; `KEY_TEST_ROUND` is reserved for the trial decryption that ends key generation. */
  readonly round: number
}

/** One member of the epoch. Its place in the roster is its index j; its Shamir point is α_j = j + 1. */
export type Member = {
  readonly address: Address
  /** X25519 public key, 32 bytes. */
  readonly encryptionKey: Uint8Array
}

/** What an X25519 key pair is made of. */
export type EncryptionKeyPair = {
  readonly publicKey: Uint8Array
  readonly secretKey: Secret
}

/** Options of anything that takes long. */
export type Progress = {
  readonly signal?: AbortSignal
  /** Called with work done and work to do, in ciphertexts (or members, for key generation). */
  readonly onProgress?: (done: number, total: number) => void
}

export type KeyGenerationRequest = Progress & {
  readonly context: EpochContext
  /** All members in their on-chain order. */
  readonly members: readonly Member[]
  /** Index of the caller in `members`. */
  readonly self: number
  /** Common reference string: 32 bytes nobody chose, such as the hash of the block that closed registration. */
  readonly crs: Uint8Array
}

/**
 * Everything a member ever says during key generation. Journal all of it (it contains no plaintext secret) before
 * publishing `commitment`; reveal the rest only when every commitment is in.
 */
export type KeyGenerationMessages = {
  /** Binds `publicKeyShare` (and, through its digests, every sealed share) before anyone reveals. */
  readonly commitment: Uint8Array
  /** Public; 8·N·K bytes and a header. */
  readonly publicKeyShare: Uint8Array
  /** `sealedShares[j]` is for member j, the caller included; public ciphertext, 8·N·L bytes and a header each. */
  readonly sealedShares: readonly Uint8Array[]
}

export type KeyGenerationOutcomeRequest = KeyGenerationRequest & {
  /** The caller's X25519 secret key. */
  readonly encryptionKey: Secret
  /** Indexed by member. */
  readonly commitments: readonly Uint8Array[]
  readonly publicKeyShares: readonly Uint8Array[]
  /** `sealedShares[i]`: what member i sealed to the caller. */
  readonly sealedShares: readonly Uint8Array[]
}

/** A public key whose secret key exists nowhere. */
export type CollectiveKey = {
  /** SEAL's own PublicKey bytes (uncompressed): any SEAL can encrypt under it. */
  readonly bytes: Uint8Array
  /** SHA-256 over the plan's hash, the context, the roster and the bytes; equal on every member. */
  readonly hash: Uint8Array
}

/** A member's share of the decryption key. The only way to its bytes is `exportSecretShare`. */
export type SecretShare = {
  readonly self: number
  readonly context: EpochContext
  readonly collectiveKeyHash: Uint8Array
  readonly material: Secret
}

export type KeyGenerationOutcome = {
  readonly collectiveKey: CollectiveKey
  readonly secretShare: SecretShare
}

export type EncryptRequest = Progress & {
  readonly context: RoundContext
  /** Index of the sender in the roster. */
  readonly sender: number
  readonly collectiveKey: CollectiveKey
  /** Exactly `plan.vectorLength` finite values, each within ±`plan.clipBound`. */
  readonly vector: Float32Array | Float64Array
  /** 0 < weight ≤ `plan.maxWeight`; a sample count, usually. */
  readonly weight: number
}

/** One sender's blob, as fetched. */
export type UpdateBlob = { readonly sender: number; readonly bytes: Uint8Array }

export type AggregateRequest = Progress & {
  readonly context: RoundContext
  readonly collectiveKeyHash: Uint8Array
  /** One at a time, any order: only one blob needs to be in memory. */
  readonly updates: Iterable<UpdateBlob> | AsyncIterable<UpdateBlob>
}

/** A sum of updates. `bytes` and `hash` are equal on every keeper that summed the same set. */
export type Aggregate = {
  readonly bytes: Uint8Array
  readonly hash: Uint8Array
  /** Sorted indices of the senders in the sum. */
  readonly contributors: readonly number[]
  /** SHA-256 of each ciphertext's c1: the keys of the share-once rule. */
  readonly c1Hashes: readonly Uint8Array[]
}

/** What the caller knows from the chain about the ciphertext it is asked to help decrypt (rule 3). */
export type DecryptionPolicy = {
  /** The hash that won the attestation. */
  readonly attestedHash: Uint8Array
  /** Least number of updates in the sum. */
  readonly minContributors: number
  /** 'abstained' when the chain records that the caller sent no update in this round. */
  readonly ownUpdate: 'included' | 'abstained'
}

export type PartialDecryptRequest = Progress & {
  readonly context: RoundContext
  readonly aggregate: Aggregate
  /** The drafted members, at least `plan.threshold` of them, the caller among them. Fixed before any share exists. */
  readonly activeSet: readonly number[]
  readonly secretShare: SecretShare
  readonly guard: ShareGuard
  readonly policy: DecryptionPolicy
}

/**
 * The share-once rule (rule 1), as a keeper's store must implement it: for one c1, one request, ever. The library
 * derives the noise of a share from the request, so a claim that is already on record yields identical bytes and
 * the bytes themselves need not be stored.
 */
export interface ShareGuard {
  /**
   * In one durable transaction: if any of `c1Hashes` is on record for another `requestHash`, record nothing and throw
   * `FheError('share-already-given')`; else record every pair that is new. Returns only after the record is on disk.
   */
  claim(claim: ShareClaim): Promise<void> | void
}

export type ShareClaim = {
  /** SHA-256 of each c1 (32 bytes each), distinct. */
  readonly c1Hashes: readonly Uint8Array[]
  /** SHA-256 over context, aggregate, active set, sender and version of the derivation. */
  readonly requestHash: Uint8Array
}

export type CombineRequest = Progress & {
  readonly context: RoundContext
  readonly aggregate: Aggregate
  readonly activeSet: readonly number[]
  /** One per member of the active set, any order; one at a time is enough. */
  readonly shares: Iterable<Uint8Array> | AsyncIterable<Uint8Array>
}

/** What the decoded slots say about the decryption. All errors are absolute, in the units of the sum. */
export type IntegrityReport = {
  /** Largest |imaginary part| found; noise alone stays below `noiseLimit`. */
  readonly maxImaginary: number
  /** Largest difference between the weight slots of two ciphertexts. */
  readonly weightSpread: number
  /** Largest |mean| found. */
  readonly maxMean: number
  /** Largest |value| in the unused slots of the last ciphertext. */
  readonly maxPadding: number
  readonly noiseLimit: number
}

export type Combined = {
  /** Σ w_i·v_i / Σ w_i, `plan.vectorLength` values. */
  readonly mean: Float64Array
  /** Σ w_i, in the units of the weights given to `encryptUpdate`. */
  readonly weight: number
  readonly report: IntegrityReport
}
