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
import { fromBitmap } from '../../../keepers/fhe/members.ts'
import { partOf, shapeOf } from '../../../keepers/fhe/packing.ts'
import { CANDIDATE_BITS } from '../../../keepers/fhe/proof-budget.ts'
import { roundPolynomial, roundSeed } from '../../../keepers/fhe/round-polynomial.ts'
import { messageSizes } from '../../../keepers/fhe/sizes.ts'
import { updatePrefix } from '../../../keepers/fhe/vector-messages.ts'
import { sumWords } from '../../../keepers/fhe/wire-format.ts'
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

/** Statistical bits at which a coefficient on the wire has values that are not below Q; in five bytes, all are. */
export const WIDER = { statisticalBits: 100 } as const

/**
 * The same plan with every bit of a coefficient on the wire: for tests that give adversaries all that the arithmetic has, or
 * that measure what of it would not travel.
 */
export function withWholeWire(agreed: Plan): Plan {
  const { set, carried, members, threshold, roundsPerKey } = agreed
  const wire = { droppedBits: 0, width: (60 * (set.primes.length - 1)) / 8 }
  const bytes = messageSizes({ set, carried, wire, members, threshold, roundsPerKey, candidateBits: CANDIDATE_BITS })
  return { ...agreed, wire, bytes }
}

/** Everyone's vector, weight 1, summed. */
export async function openRound(
  options: Partial<PlanOptions> & { readonly wholeWire?: boolean } = {},
  members = 5,
  threshold = 3,
): Promise<Round> {
  const { wholeWire = false, ...others } = options
  const agreed = testPlan(members, threshold, { scaleBits: 'widest', ...others })
  const plan = wholeWire ? withWholeWire(agreed) : agreed
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

/** An update with a right header and narrow polynomials of the forger's choice, one per ciphertext. */
export function forgedUpdate(
  round: Round,
  sender: number,
  polynomials: readonly Uint8Array[],
  context = ROUND,
): Update {
  const { plan } = round
  const frame = { plan, context, keyHash: round.keys.keyHash, shape: shapeOf(plan, context.round) }
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

/**
 * Polynomial `index` of an update, a sum or a share, in NTT form: coefficients that do not travel are 0, and of the others
 * stands half of what they can be for what does not travel.
 */
export function polynomialOf(round: Round, message: Uint8Array, index = 0): Uint8Array {
  const { kernel, wire } = round.engine
  return kernel.borrow([kernel.polynomialBytes], (polynomial) => {
    if (message.length === round.plan.bytes.aggregate) {
      const terms = fromBitmap(message.subarray(148, 180), round.plan.members, 'contributors').length
      wire.widenSum(partOfMessage(round, message, index), terms, polynomial!)
    } else wire.widen(partOfMessage(round, message, index), polynomial!)
    for (let l = 0; l < kernel.dataPrimeCount; l++) {
      kernel.calls.forward(kernel.records[l]!, kernel.residues(polynomial!, l), kernel.logDegree)
    }
    return kernel.read(polynomial!)
  })
}

/** What of polynomial `index` travels in an update or a share, or stands in a sum; a view. */
export function partOfMessage(round: Round, message: Uint8Array, index = 0): Uint8Array {
  const { carried, wire, set, bytes } = round.plan
  const item = message.length === bytes.aggregate ? 8 * sumWords(wire) : wire.width
  const end = message.length - (message.length === bytes.update ? bytes.shortnessProof : 0)
  return partOf(set, message.subarray(end - item * carried, end), item, index)
}

/** What would travel of a polynomial in NTT form as ciphertext `index`. */
export function narrowed(round: Pick<Round, 'plan' | 'engine'>, polynomial: Uint8Array, index = 0): Uint8Array {
  const { kernel, wire } = round.engine
  const out = partOf(
    round.plan.set,
    new Uint8Array(round.plan.wire.width * round.plan.carried),
    round.plan.wire.width,
    index,
  )
  kernel.borrow([kernel.polynomialBytes], (block) => {
    kernel.write(block!, polynomial)
    for (let l = 0; l < kernel.dataPrimeCount; l++) {
      kernel.calls.inverse(kernel.records[l]!, kernel.residues(block!, l), kernel.logDegree)
    }
    wire.narrow(block!, out)
  })
  return out.slice()
}
