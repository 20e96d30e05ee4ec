// SPDX-License-Identifier: GPL-3.0-or-later
// A round of (3, 5) that tests can bend: keys, updates, the sum, and honest shares of it.
import {
  type Aggregate,
  aggregate,
  type DecryptionPolicy,
  type Engine,
  encryptUpdate,
  MemoryShareGuard,
  openEngine,
  type Plan,
  type PlanOptions,
  partialDecrypt,
  type RoundContext,
} from '../../../keepers/fhe/index.ts'
import { type Ceremony, ceremony, ROUND, testPlan, vectorOf } from './ceremony.ts'

export type Round = {
  readonly plan: Plan
  readonly engine: Engine
  readonly keys: Ceremony
  readonly vectors: readonly Float64Array[]
  readonly updates: readonly { readonly sender: number; readonly bytes: Uint8Array }[]
  readonly sum: Aggregate
}

/** Everyone's vector, weight 1, summed. */
export async function openRound(options: Partial<PlanOptions> = {}, members = 5, threshold = 3): Promise<Round> {
  const plan = testPlan(members, threshold, { scaleBits: 'widest', ...options })
  const engine = await openEngine(plan)
  const keys = await ceremony(engine)
  const vectors = Array.from({ length: members }, (_, i) => vectorOf(plan.vectorLength, i, plan.clipBound))
  const updates: { sender: number; bytes: Uint8Array }[] = []
  for (const [sender, vector] of vectors.entries()) {
    updates.push({ sender, bytes: await encryptOf({ engine, keys }, sender, vector) })
  }
  const sum = await aggregate(engine, { context: ROUND, collectiveKeyHash: keys.collectiveKey.hash, updates })
  return { plan, engine, keys, vectors, updates, sum }
}

export async function encryptOf(
  round: Pick<Round, 'engine' | 'keys'>,
  sender: number,
  vector: Float64Array,
  context: RoundContext = ROUND,
): Promise<Uint8Array> {
  const { collectiveKey } = round.keys
  return encryptUpdate(round.engine, { context, sender, collectiveKey, vector, weight: 1 })
}

export async function sumOf(
  round: Pick<Round, 'engine' | 'keys'>,
  updates: Round['updates'],
  context: RoundContext = ROUND,
): Promise<Aggregate> {
  return aggregate(round.engine, { context, collectiveKeyHash: round.keys.collectiveKey.hash, updates })
}

/** A request for member `self`'s share, honest unless overridden. */
export function shareRequest(
  round: Round,
  self: number,
  activeSet: readonly number[],
  options: {
    aggregate?: Aggregate
    guard?: MemoryShareGuard
    context?: RoundContext
    policy?: Partial<DecryptionPolicy>
  } = {},
) {
  const sum = options.aggregate ?? round.sum
  return {
    context: options.context ?? ROUND,
    aggregate: sum,
    activeSet,
    secretShare: round.keys.shares.get(self)!,
    guard: options.guard ?? new MemoryShareGuard(),
    policy: { attestedHash: sum.hash, minContributors: 2, ownUpdate: 'included' as const, ...options.policy },
  }
}

export async function sharesOf(round: Round, activeSet: readonly number[], sum = round.sum): Promise<Uint8Array[]> {
  const shares: Uint8Array[] = []
  for (const self of activeSet) {
    shares.push(await partialDecrypt(round.engine, shareRequest(round, self, activeSet, { aggregate: sum })))
  }
  return shares
}

/** The polynomials of ciphertext `index`. */
export function ciphertextOf(round: Round, index = 0, sum = round.sum): { c0: Uint8Array; c1: Uint8Array } {
  const { polynomial } = round.plan.bytes
  const from = sum.bytes.length - 2 * polynomial * (round.plan.ciphertexts - index)
  return {
    c0: sum.bytes.subarray(from, from + polynomial),
    c1: sum.bytes.subarray(from + polynomial, from + 2 * polynomial),
  }
}

/** h of ciphertext `index` in a share's message. */
export function polynomialOf(round: Round, share: Uint8Array, index = 0): Uint8Array {
  const { polynomial } = round.plan.bytes
  const from = share.length - polynomial * (round.plan.ciphertexts - index)
  return share.subarray(from, from + polynomial)
}
