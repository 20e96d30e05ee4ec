// SPDX-License-Identifier: GPL-3.0-or-later
// A member's part of a decryption: h_j = a·(λ_j·Σ f_i(α_j) ± masks) + e over the contributors i, given once per round or
// never (rules 2 to 5). a is the round's own polynomial: no part of a share depends on bytes that somebody sent.
import { ByteWriter, equalBytes, hash } from './encoding.ts'
import { type Engine, eachOf } from './engine.ts'
import { FheError } from './errors.ts'
import { onceNonce } from './guard.ts'
import { contextBytes, KEY_TEST_ROUND } from './header.ts'
import { withShareSecret } from './member-key.ts'
import { insistSameEpoch, sortedSet, toBitmap } from './members.ts'
import { partOf, shapeOf } from './packing.ts'
import { dataPrimes } from './parameters.ts'
import type { Plan } from './plan.ts'
import { roundSeed } from './round-polynomial.ts'
import type { PartialDecryptRequest, RoundContext } from './types.ts'
import { insistInRange, narrowBytes, type RoundFrame, readShare, sharePrefix } from './vector-messages.ts'

/** Version of everything that determines the bytes of a share: sampler, stream, order. Raise it with any change to these. */
const DERIVATION = 4

/**
 * The caller's decryption share. Refuses, before anything is recorded, a sum of too few contributors or without the
 * caller's own update, and an active set that is too small or without the caller. Then claims the round with the guard,
 * and only then computes: the noise is derived from the request, so a repeated request gets identical bytes, and any other
 * request in the same round, for other contributors or another active set, is refused ('share-already-given').
 */
export async function partialDecrypt(engine: Engine, request: PartialDecryptRequest): Promise<Uint8Array> {
  const { plan } = engine
  const { context, memberKey, policy, guard } = request
  const { self, keyHash } = memberKey
  insistSameEpoch(memberKey.context, context)
  const activeSet = checkActiveSet(plan, context, request.activeSet)
  if (!activeSet.includes(self)) {
    throw new FheError('not-in-active-set', `member ${self} is not in the active set ${activeSet}`, { self })
  }
  const contributors = sortedSet(request.contributors, plan.members, 'wrong-contributors', 'contributors')
  if (contributors.length === 0 || !(contributors.length >= policy.minContributors)) {
    throw new FheError(
      'too-few-contributors',
      `${contributors.length} updates are in this sum, ${policy.minContributors} are needed to hide each of them`,
      { found: contributors.length, needed: policy.minContributors },
    )
  }
  if (policy.ownUpdate !== 'abstained' && !contributors.includes(self)) {
    throw new FheError('own-update-missing', 'this sum lacks our own update, without an abstention on record', {
      self,
    })
  }

  // The masks of two members cancel only when both mean the same S and A: shares for two drafts add up to noise.
  const common = hash(
    'common share request',
    new ByteWriter()
      .u8(DERIVATION)
      .bytes(contextBytes(context))
      .bytes(plan.hash)
      .bytes(keyHash)
      .bytes(toBitmap(contributors))
      .bytes(toBitmap(activeSet))
      .finish(),
  )
  const own = hash('share request', new ByteWriter().bytes(common).u16(self).finish())
  request.signal?.throwIfAborted()
  const nonce = onceNonce('share', { context, keyHash, self })
  if (!(await guard.claim({ act: 'share', nonce, digest: own }))) {
    throw new FheError(
      'share-already-given',
      `round ${context.round} has a share of ours for other contributors or another active set; a second one would reveal their difference, so the round must be abandoned and retrained`,
      { self },
    )
  }

  const shape = shapeOf(plan, context.round)
  const factors = dataPrimes(plan.set).map(() => 1n)
  const frame = { plan, context, keyHash, shape }
  const start = sharePrefix(frame, self, contributors, activeSet)
  const out = new Uint8Array(start.length + narrowBytes(frame))
  const polynomials = out.subarray(start.length)
  out.set(start)
  await engine.exclusive((threads) =>
    withShareSecret(engine, memberKey, { contributors, activeSet, own, common }, async (secret, noiseSeed) => {
      try {
        await threads.openProduct({ secret, factors, noiseSeed, roundSeed: roundSeed(plan.hash, keyHash, context) })
        await eachOf(shape.ciphertexts, threads.size, request, async (index) => {
          await threads.share(index, partOf(plan.set, polynomials, plan.wire.width, index))
        })
      } finally {
        await threads.closeProduct()
      }
    }),
  )
  return out
}

/** Throws the named error unless the bytes are `sender`'s well-formed share for these contributors and active set. */
export function checkDecryptionShare(
  engine: Engine,
  bytes: Uint8Array,
  expected: {
    readonly context: RoundContext
    readonly keyHash: Uint8Array
    readonly contributors: readonly number[]
    readonly activeSet: readonly number[]
    readonly sender: number
  },
): void {
  const { plan } = engine
  const { context, keyHash, sender, contributors } = expected
  const frame = { plan, context, keyHash, shape: shapeOf(plan, context.round) }
  const activeSet = checkActiveSet(plan, context, expected.activeSet)
  const polynomials = readShare(frame, sender, contributors, activeSet, bytes)
  insistInRange(engine, frame, polynomials, `decryption share of member ${sender}`)
}

/**
 * The sorted active set, of at least `threshold` members. The trial decryption needs all members, so that it shows any inconsistent dealing. Throws
 * 'wrong-active-set' or 'too-few-shares'.
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
