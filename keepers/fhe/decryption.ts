// SPDX-License-Identifier: GPL-3.0-or-later
// A member's part of a decryption: h_j = c1·(λ_j·x_j) + e, given once per ciphertext or never (rules 1 to 4).
import { openAggregate } from './aggregation.ts'
import { ByteWriter, equalBytes, hash, toHex } from './encoding.ts'
import { type Engine, eachOf } from './engine.ts'
import { FheError } from './errors.ts'
import { contextBytes, KEY_TEST_ROUND } from './header.ts'
import { sortedSet, toBitmap } from './members.ts'
import { dataPrimes } from './parameters.ts'
import type { Plan } from './plan.ts'
import { withShare } from './secret-share.ts'
import { lagrangeAtZero } from './shamir.ts'
import type { Aggregate, PartialDecryptRequest, RoundContext } from './types.ts'
import { type RoundFrame, readShare, sharePrefix } from './vector-messages.ts'

/** Of everything that decides the bytes of a share: sampler, stream, order. Raised with any change to them. */
const DERIVATION = 1

/**
 * The caller's decryption share. Refuses, before anything is recorded, a sum that is not the attested one, has too few
 * contributors or not the caller's own update, or an active set that is too small or without the caller. Then claims
 * every c1 with the guard, and only then computes: the noise is derived from the request, so a repeated request gets
 * identical bytes, and any other request for the same c1 is refused by the guard ('share-already-given').
 */
export async function partialDecrypt(engine: Engine, request: PartialDecryptRequest): Promise<Uint8Array> {
  const { plan } = engine
  const { context, aggregate, secretShare, policy } = request
  const { frame, ciphertexts } = openAggregate(aggregate)
  const { self } = secretShare
  checkFrame(plan, frame, context)
  insistSameEpoch(secretShare.context, context)
  if (!equalBytes(secretShare.collectiveKeyHash, frame.collectiveKeyHash)) {
    throw new FheError('wrong-key', 'this aggregate is not under the key that this secret share belongs to')
  }
  const activeSet = checkActiveSet(plan, context, request.activeSet)
  if (!activeSet.includes(self)) {
    throw new FheError('not-in-active-set', `member ${self} is not in the active set ${activeSet}`, { self })
  }
  if (!equalBytes(policy.attestedHash, aggregate.hash)) {
    throw new FheError(
      'not-attested',
      `the attested sum is ${toHex(policy.attestedHash)}, this one is ${toHex(aggregate.hash)}`,
    )
  }
  const { contributors } = aggregate
  if (!(contributors.length >= policy.minContributors)) {
    throw new FheError(
      'too-few-contributors',
      `${contributors.length} updates are in this sum, ${policy.minContributors} are needed to hide each of them`,
      { found: contributors.length, needed: policy.minContributors },
    )
  }
  if (policy.ownUpdate !== 'abstained' && !contributors.includes(self)) {
    throw new FheError('own-update-missing', 'our own update is not in this sum, and no abstention is on record', {
      self,
    })
  }

  const requestHash = hash(
    'share request',
    new ByteWriter()
      .u8(DERIVATION)
      .bytes(contextBytes(context))
      .bytes(plan.hash)
      .bytes(frame.collectiveKeyHash)
      .bytes(aggregate.hash)
      .bytes(toBitmap(activeSet))
      .u16(self)
      .finish(),
  )
  request.signal?.throwIfAborted()
  // The round is claimed, too: after a reorganisation another draft set may ask for another sum of the same round, and the
  // difference of two such sums is one member's update.
  const roundClaim = hash(
    'round claim',
    new ByteWriter().bytes(contextBytes(context)).bytes(frame.collectiveKeyHash).finish(),
  )
  await request.guard.claim({ c1Hashes: [...aggregate.c1Hashes, roundClaim], requestHash })

  const lambdas = dataPrimes(plan.set).map((p) => lagrangeAtZero(activeSet, self, p))
  const start = sharePrefix(frame, self, aggregate.hash, activeSet)
  const { polynomial } = plan.bytes
  const out = new Uint8Array(start.length + polynomial * frame.ciphertexts)
  out.set(start)
  await engine.exclusive((threads) =>
    withShare(secretShare, requestHash, async (x, noiseSeed) => {
      try {
        await threads.openShare(x, lambdas, noiseSeed)
        await eachOf(frame.ciphertexts, threads.size, request, async (index) => {
          const c1 = ciphertexts.subarray(polynomial * (2 * index + 1), polynomial * (2 * index + 2))
          const at = start.length + polynomial * index
          await threads.share(c1, index, out.subarray(at, at + polynomial))
        })
      } finally {
        await threads.closeShare()
      }
    }),
  )
  return out
}

/** Throws the named error unless the bytes are `sender`'s well-formed share for this aggregate and active set. */
export function checkDecryptionShare(
  engine: Engine,
  bytes: Uint8Array,
  expected: {
    readonly context: RoundContext
    readonly aggregate: Aggregate
    readonly activeSet: readonly number[]
    readonly sender: number
  },
): void {
  const { plan, kernel } = engine
  const { frame } = openAggregate(expected.aggregate)
  checkFrame(plan, frame, expected.context)
  const activeSet = checkActiveSet(plan, expected.context, expected.activeSet)
  const polynomials = readShare(frame, expected.sender, expected.aggregate.hash, activeSet, bytes)
  const { polynomial } = plan.bytes
  kernel.borrow([polynomial], (room) => {
    for (let index = 0; index < frame.ciphertexts; index++) {
      kernel.write(room!, polynomials.subarray(polynomial * index, polynomial * (index + 1)))
      for (let l = 0; l < kernel.dataPrimeCount; l++) {
        if (kernel.calls.allBelow(kernel.records[l]!, kernel.residues(room!, l), kernel.degree)) continue
        throw shareOutOfRange(expected.sender, index, l)
      }
    }
  })
}

export function shareOutOfRange(sender: number, index: number, l: number): FheError {
  return new FheError(
    'coefficient-out-of-range',
    `decryption share of member ${sender}, ciphertext ${index} has a coefficient not below prime ${l}`,
    { sender, index },
  )
}

/**
 * Sorted active set: at least `threshold` members; all of them in the trial decryption, which is what makes it show any
 * inconsistent dealing. Throws 'wrong-active-set' or 'too-few-shares'.
 */
export function checkActiveSet(plan: Plan, context: RoundContext, activeSet: readonly number[]): number[] {
  const sorted = sortedSet(activeSet, plan.members, 'wrong-active-set', 'activeSet')
  const needed = context.round === KEY_TEST_ROUND ? plan.members : plan.threshold
  if (sorted.length < needed) {
    throw new FheError('too-few-shares', `an active set of ${sorted.length} cannot decrypt: ${needed} are needed`, {
      found: sorted.length,
      needed,
    })
  }
  return sorted
}

/** An aggregate must be of the plan and the round that it is used in. */
export function checkFrame(plan: Plan, frame: RoundFrame, context: RoundContext): void {
  if (!equalBytes(frame.plan.hash, plan.hash)) {
    throw new FheError('wrong-plan', 'this aggregate was made under another plan than this engine’s')
  }
  insistSameEpoch(frame.context, context)
  if (frame.context.round !== context.round) {
    throw new FheError('wrong-round', `this aggregate is of round ${frame.context.round}, not ${context.round}`)
  }
}

function insistSameEpoch(found: Omit<RoundContext, 'round'>, wanted: RoundContext): void {
  if (found.chainId !== wanted.chainId) {
    throw new FheError('wrong-chain', `chain is ${found.chainId}, ${wanted.chainId} was expected`)
  }
  if (found.service.toLowerCase() !== wanted.service.toLowerCase()) {
    throw new FheError('wrong-service', `service is ${found.service}, ${wanted.service} was expected`)
  }
  if (found.epoch !== wanted.epoch) {
    throw new FheError('wrong-epoch', `epoch is ${found.epoch}, ${wanted.epoch} was expected`)
  }
}
