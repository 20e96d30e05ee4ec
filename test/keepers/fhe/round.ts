// SPDX-License-Identifier: GPL-3.0-or-later
// A round of (3, 5) that tests can bend: keys, updates, the sum, and honest shares of it.
import {
  type Aggregate,
  aggregate,
  type DecryptionPolicy,
  type Engine,
  encryptUpdate,
  MemoryOnceGuard,
  type OnceGuard,
  openEngine,
  type Plan,
  type PlanOptions,
  partialDecrypt,
  type RoundContext,
} from '../../../keepers/fhe/index.ts'
import { roundPolynomial, roundSeed } from '../../../keepers/fhe/round-polynomial.ts'
import { updatePrefix } from '../../../keepers/fhe/vector-messages.ts'
import { type Ceremony, ceremony, ROUND, testPlan, vectorOf } from './ceremony.ts'

export type Update = { readonly sender: number; readonly bytes: Uint8Array }

export type Round = {
  readonly plan: Plan
  readonly engine: Engine
  readonly keys: Ceremony
  readonly vectors: readonly Float64Array[]
  readonly updates: readonly Update[]
  readonly sum: Aggregate
}

/** Everyone's vector, weight 1, summed. */
export async function openRound(options: Partial<PlanOptions> = {}, members = 5, threshold = 3): Promise<Round> {
  const plan = testPlan(members, threshold, { scaleBits: 'widest', ...options })
  const engine = await openEngine(plan)
  const keys = await ceremony(engine)
  const vectors = Array.from({ length: members }, (_, i) => vectorOf(plan.vectorLength, i, plan.clipBound))
  const updates: Update[] = []
  for (const [sender, vector] of vectors.entries()) {
    updates.push({ sender, bytes: await encryptOf({ engine, keys }, sender, vector) })
  }
  const sum = await sumOf({ engine, keys }, updates)
  return { plan, engine, keys, vectors, updates, sum }
}

/** Only a test may forget what was encrypted: by default every call has a guard of its own. */
export async function encryptOf(
  round: Pick<Round, 'engine' | 'keys'>,
  sender: number,
  vector: Float64Array,
  context: RoundContext = ROUND,
  guard: OnceGuard = new MemoryOnceGuard(),
): Promise<Uint8Array> {
  const memberKey = round.keys.memberKeys.get(sender)!
  return encryptUpdate(round.engine, { context, memberKey, vector, weight: 1, guard })
}

export async function sumOf(
  round: Pick<Round, 'engine' | 'keys'>,
  updates: readonly Update[],
  context: RoundContext = ROUND,
): Promise<Aggregate> {
  return aggregate(round.engine, { context, keyHash: round.keys.keyHash, updates })
}

/** An update with a right header and polynomials of the forger's choice, one per ciphertext. */
export function forgedUpdate(
  round: Round,
  sender: number,
  polynomials: readonly Uint8Array[],
  context = ROUND,
): Update {
  const frame = { plan: round.plan, context, keyHash: round.keys.keyHash, ciphertexts: polynomials.length }
  // A proof of zeros is well-formed: only the holder of a share sees that it is worthless.
  const proof = new Uint8Array(round.plan.bytes.shortnessProof)
  return { sender, bytes: new Uint8Array(Buffer.concat([updatePrefix(frame, sender), ...polynomials, proof])) }
}

/** A request for member `self`'s share, honest unless overridden. */
export function shareRequest(
  round: Round,
  self: number,
  activeSet: readonly number[],
  options: {
    contributors?: readonly number[]
    guard?: OnceGuard
    context?: RoundContext
    policy?: Partial<DecryptionPolicy>
  } = {},
) {
  return {
    context: options.context ?? ROUND,
    contributors: options.contributors ?? round.sum.contributors,
    activeSet,
    memberKey: round.keys.memberKeys.get(self)!,
    guard: options.guard ?? new MemoryOnceGuard(),
    policy: { minContributors: 2, ownUpdate: 'included' as const, ...options.policy },
  }
}

export async function sharesOf(
  round: Round,
  activeSet: readonly number[],
  options: Parameters<typeof shareRequest>[3] = {},
): Promise<Uint8Array[]> {
  const shares: Uint8Array[] = []
  for (const self of activeSet) {
    shares.push(await partialDecrypt(round.engine, shareRequest(round, self, activeSet, options)))
  }
  return shares
}

/** The round's polynomial number `index`, which goes with ciphertext `index` of every update and of the sum. */
export function polynomialOfRound(round: Round, index = 0, context = ROUND): Uint8Array {
  return roundPolynomial(round.engine.kernel, roundSeed(round.plan.hash, round.keys.keyHash, context), index)
}

/** The two halves of ciphertext `index` of a sum. */
export function ciphertextOf(round: Round, index = 0, sum = round.sum): { c0: Uint8Array; a: Uint8Array } {
  return { c0: polynomialOf(round, sum.bytes, index), a: polynomialOfRound(round, index) }
}

/** Polynomial `index` at the end of an update, a sum or a share. */
export function polynomialOf(round: Round, message: Uint8Array, index = 0): Uint8Array {
  const { polynomial, update, shortnessProof } = round.plan.bytes
  const end = message.length - (message.length === update ? shortnessProof : 0)
  const from = end - polynomial * (round.plan.ciphertexts - index)
  return message.subarray(from, from + polynomial)
}
