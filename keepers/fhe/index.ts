// SPDX-License-Identifier: GPL-3.0-or-later
// Threshold CKKS over SEAL: the public face of this library.
import type { Plan } from './plan.ts'
import type {
  Aggregate,
  AggregateRequest,
  CollectiveKey,
  Combined,
  CombineRequest,
  EncryptionKeyPair,
  EncryptRequest,
  EpochContext,
  KeyGenerationMessages,
  KeyGenerationOutcome,
  KeyGenerationOutcomeRequest,
  KeyGenerationRequest,
  Member,
  PartialDecryptRequest,
  RoundContext,
  SecretShare,
  ShareClaim,
  ShareGuard,
} from './types.ts'

export { FheError, type FheErrorCode, type FheErrorDetail } from './errors.ts'
export { PARAMETER_SET_NAMES, type ParameterSet, parameterSet, validateParameterSet } from './parameters.ts'
export { type Plan, type PlanOptions, plan, sumErrorBound } from './plan.ts'
export { Secret } from './secret.ts'
export type * from './types.ts'

/** SEAL, the kernel and (with `workers` > 0) a pool of threads, for one plan. `await using`, or `close()`. */
export declare class Engine implements AsyncDisposable {
  readonly plan: Plan
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
export declare function openEngine(plan: Plan, options?: { workers?: number }): Promise<Engine>

// Keys
export declare function generateEncryptionKey(): EncryptionKeyPair
/** From 32 stored bytes (wiped). */
export declare function importEncryptionKey(secretKey: Uint8Array): EncryptionKeyPair
export declare function rosterHash(members: readonly Member[]): Uint8Array
export declare function startKeyGeneration(
  engine: Engine,
  request: KeyGenerationRequest,
): Promise<KeyGenerationMessages>
/** Checks everyone's messages, opens the sealed shares, returns the collective key and the caller's share of it. */
export declare function finishKeyGeneration(
  engine: Engine,
  request: KeyGenerationOutcomeRequest,
): Promise<KeyGenerationOutcome>
/** Sealed at rest by the caller: `exportSecretShare(share).reveal(bytes => store.seal(bytes))`. */
export declare function exportSecretShare(share: SecretShare): import('./secret.ts').Secret
export declare function importSecretShare(plan: Plan, bytes: Uint8Array): SecretShare
/** Parses stored or received key bytes and checks them against the hash the members confirmed. */
export declare function importCollectiveKey(
  engine: Engine,
  request: { context: EpochContext; members: readonly Member[]; bytes: Uint8Array; hash: Uint8Array },
): CollectiveKey

// The trial decryption that ends key generation (rule 5): everyone encrypts `keyTestVector`, all members decrypt the
// sum, with every member in the active set, under `KEY_TEST_ROUND`: in that round vectors fill exactly one ciphertext.
export declare const KEY_TEST_ROUND: number
export declare function keyTestVector(plan: Plan, collectiveKeyHash: Uint8Array): Float64Array
/** Throws `FheError('key-test-failed')`. */
export declare function checkKeyTest(plan: Plan, collectiveKeyHash: Uint8Array, outcome: Combined): void

// Rounds
export declare function encryptUpdate(engine: Engine, request: EncryptRequest): Promise<Uint8Array>
/** Throws the named error if the blob is not a well-formed update of that context, sender, key and plan. */
export declare function checkUpdate(
  engine: Engine,
  bytes: Uint8Array,
  expected: { context: RoundContext; sender: number; collectiveKeyHash: Uint8Array },
): void
export declare function aggregate(engine: Engine, request: AggregateRequest): Promise<Aggregate>
/** From stored bytes. */
export declare function decodeAggregate(
  engine: Engine,
  bytes: Uint8Array,
  expected: { context: RoundContext; collectiveKeyHash: Uint8Array },
): Aggregate
export declare function partialDecrypt(engine: Engine, request: PartialDecryptRequest): Promise<Uint8Array>
/** Checks one share without combining it. */
export declare function checkDecryptionShare(
  engine: Engine,
  bytes: Uint8Array,
  expected: { context: RoundContext; aggregate: Aggregate; activeSet: readonly number[]; sender: number },
): void
/** Throws `FheError('integrity-failed')` with the report in `detail` when the slots do not look like a sum of updates. */
export declare function combine(engine: Engine, request: CombineRequest): Promise<Combined>

/** For tests and single-process use: forgets with the process. */
export declare class MemoryShareGuard implements ShareGuard {
  claim(claim: ShareClaim): void
}
