// SPDX-License-Identifier: GPL-3.0-or-later
// The types that cross the boundary of this library: its inputs and results.
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

/** An X25519 key pair. */
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

/** The context that all participants of one key generation share. */
export type KeyGenerationGround = {
  readonly context: EpochContext
  /** All members in their on-chain order. */
  readonly members: readonly Member[]
  /** Common reference string: 32 bytes nobody chose, such as the hash of the block that closed registration. */
  readonly crs: Uint8Array
}

export type KeyGenerationRequest = Progress &
  KeyGenerationGround & {
    /** Index of the caller in `members`. */
    readonly self: number
  }

/**
 * The result of a member's first step of key generation. The caller journals the public `dealing` and `sealedShares` before it publishes
 * them. `secret` stays with the member, encrypted at rest, until the epoch is over.
 */
export type KeyGenerationMessages = {
  /** Names every sealed share by its digest: whoever agrees on the dealings agrees on all that was dealt. */
  readonly dealing: Uint8Array
  /** `sealedShares[j]` is for member j, the caller included; public ciphertext, `plan.bytes.sealedShare` each. */
  readonly sealedShares: readonly Uint8Array[]
  /** s_i, the caller's encryption secret, and the seed of its dealing. They never leave the member. */
  readonly secret: Secret
}

export type KeyGenerationOutcomeRequest = KeyGenerationRequest & {
  /** The caller's X25519 secret key. */
  readonly encryptionKey: Secret
  /** The caller's result of `startKeyGeneration`. */
  readonly secret: Secret
  /** Indexed by member. */
  readonly dealings: readonly Uint8Array[]
  /** `sealedShares[i]`: the share that member i sealed to the caller. */
  readonly sealedShares: readonly Uint8Array[]
}

/**
 * One member's secrets of an epoch: its own s_self, the share f_i(α_self) of s_i from each member i, and a pair key with each other member,
 * for masks. The only way to its bytes is `exportMemberKey`.
 */
export type MemberKey = {
  readonly self: number
  readonly context: EpochContext
  /** Over the plan, the context, the roster, the reference string and every dealing; equal on every member. */
  readonly keyHash: Uint8Array
  readonly material: Secret
}

export type EncryptRequest = Progress & {
  readonly context: RoundContext
  /** The sender's. */
  readonly memberKey: MemberKey
  /** Exactly `plan.vectorLength` finite values, each within ±`plan.clipBound`. */
  readonly vector: Float32Array | Float64Array
  /** 0 ≤ weight ≤ `plan.maxWeight`; a sample count, usually. With 0 the update adds nothing to the sum. */
  readonly weight: number
  readonly guard: OnceGuard
}

/**
 * A message that is read in pieces, such as one in a file. Each read of a range returns the same bytes, or throws: a source checks what a
 * disk gives it every time, for the library reads a message more than once.
 */
export interface MessageSource {
  /** Bytes of the whole message. */
  readonly size: number
  /** Bytes `from` … `to` − 1, 0 ≤ from ≤ to ≤ size. The array is the reader's only until the next read, and not to be changed. */
  read(from: number, to: number): Promise<Uint8Array>
}

/** One sender's update, to be read in pieces. */
export type UpdateMessage = { readonly sender: number; readonly message: MessageSource }

/** One sender's blob, as fetched. */
export type UpdateBlob = { readonly sender: number; readonly bytes: Uint8Array }

export type AggregateRequest = Progress & {
  readonly context: RoundContext
  readonly keyHash: Uint8Array
  /** One at a time, any order: only one blob needs to be in memory. */
  readonly updates: Iterable<UpdateBlob> | AsyncIterable<UpdateBlob>
  /** Told of each update's bytes once they are in the sum: they are not read again. */
  readonly release?: (bytes: Uint8Array) => void
}

export type ChunkedAggregateRequest = Progress & {
  readonly context: RoundContext
  readonly keyHash: Uint8Array
  /** Each is read once more here, whatever was read of it before. */
  readonly updates: readonly UpdateMessage[]
  /** Takes the sum's bytes, piece by piece and in order. A piece is the callee's. */
  readonly write: (piece: Uint8Array) => Promise<void> | void
}

/** A sum of updates, wherever its bytes are. `hash` is equal on every keeper that summed the same set. */
export type SumOfUpdates = {
  readonly hash: Uint8Array
  /** Sorted indices of the senders in the sum. */
  readonly contributors: readonly number[]
}

/** A sum in memory. `bytes` are equal on every keeper that summed the same set, too. */
export type Aggregate = SumOfUpdates & { readonly bytes: Uint8Array }

/** The caller's knowledge from the chain about the sum that it is asked to help decrypt (rule 3). */
export type DecryptionPolicy = {
  /** Least number of updates in the sum. */
  readonly minContributors: number
  /** 'abstained' when the chain records that the caller sent no update in this round. */
  readonly ownUpdate: 'included' | 'abstained'
}

/** Holds no ciphertext: a share depends on who is in the sum, and on nothing that anyone sent. */
export type PartialDecryptRequest = Progress & {
  readonly context: RoundContext
  /** The contributors to the attested sum. */
  readonly contributors: readonly number[]
  /** The drafted members, at least `plan.threshold` of them, the caller among them. Fixed before any share exists. */
  readonly activeSet: readonly number[]
  readonly memberKey: MemberKey
  readonly guard: OnceGuard
  readonly policy: DecryptionPolicy
}

/**
 * The once rules (rules 1 and 2), as a keeper's store must implement them: for one nonce, one digest, ever. The nonce names a member's act
 * in a round (its encryption, its decryption share) or a one-time resource (a pad). The digest identifies the act's content. The library's
 * output is a function of both, so a repeated claim yields identical bytes.
 */
export interface OnceGuard {
  /**
   * In one durable transaction: returns false and records nothing if `nonce` is on record for another digest; otherwise records the claim.
   * Returns only after the record is on disk.
   */
  claim(claim: OnceClaim): Promise<boolean> | boolean
}

export type OnceClaim = {
  readonly act: 'encryption' | 'share' | 'pad' | 'check'
  /** 32 bytes: act, chain, service, epoch, round, key and member. */
  readonly nonce: Uint8Array
  /** 32 bytes that identify the act, so that another act can be refused. */
  readonly digest: Uint8Array
  /** Of an encryption, the update: recorded with the claim, it can be sent again after a crash. */
  readonly bytes?: Uint8Array
}

export type CombineRequest = Progress & {
  readonly context: RoundContext
  readonly aggregate: SumOfUpdates
  readonly activeSet: readonly number[]
  /**
   * Σ of the contributors' declared w_i, in the units of the weights: the divisor of the sum. The weights in the
   * ciphertexts are the senders' word too, but nobody can hold them to it.
   */
  readonly totalWeight: number
  /** Told of each share's bytes once they are in the sum: they are not read again. */
  readonly release?: (bytes: Uint8Array) => void
} & (
    | {
        /** One per member of the active set, any order; one at a time is enough. */
        readonly shares: Iterable<Uint8Array> | AsyncIterable<Uint8Array>
      }
    | {
        /** The same, to be read in pieces: all of them a few ciphertexts at a time. */
        readonly shareMessages: readonly MessageSource[]
      }
    | {
        /** Sums of the shares of the whole active set, slice by slice (`sumSlice`), as others report them. */
        readonly shareSums: readonly Uint8Array[]
      }
  )

/**
 * Figures of a decryption. All figures are absolute, in the units of the sum. Weight spread and padding above the noise limit
 * mean that some sender put there what no honest one would; the means are right all the same.
 */
export type IntegrityReport = {
  /** Largest |coefficient| found; a garbage share exceeds the limit, and updates that passed their proofs cannot. */
  readonly maxCoefficient: number
  readonly coefficientLimit: number
  /** Largest difference between the weights of two ciphertexts. */
  readonly weightSpread: number
  /** Largest |mean| found. */
  readonly maxMean: number
  /** Largest |value| behind the vector in the last ciphertext; noise alone stays below `noiseLimit`. */
  readonly maxPadding: number
  readonly noiseLimit: number
}

export type Combined = {
  /** Σ w_i·v_i / totalWeight, `plan.vectorLength` values. */
  readonly mean: Float64Array
  /**
   * The sum of the weights in the ciphertexts, in the units of the weights given to `encryptUpdate`. Differs from the declared total when a sender lied.
   */
  readonly weight: number
  readonly report: IntegrityReport
}
