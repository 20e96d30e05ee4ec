// SPDX-License-Identifier: GPL-3.0-or-later
// A member's update of a round: weight-scaled values under its own secret, c0 = −a·s + e + m with the round's a, made once
// per round or never (rules 1 and 4).
import { ByteWriter, Hasher, hash } from './encoding.ts'
import { type Engine, eachOf } from './engine.ts'
import { FheError } from './errors.ts'
import { onceNonce } from './guard.ts'
import { contextBytes, KEY_TEST_ROUND } from './header.ts'
import { withOwnSecret } from './member-key.ts'
import { insistSameEpoch } from './members.ts'
import { checkVector, pack, partOf, shapeOf } from './packing.ts'
import { dataPrimes } from './parameters.ts'
import type { Plan } from './plan.ts'
import { roundSeed } from './round-polynomial.ts'
import { padOf, proveShort } from './shortness.ts'
import { decodeProof, type ShortnessProof } from './shortness-format.ts'
import type { EncryptRequest, RoundContext } from './types.ts'
import {
  insistInRange,
  narrowBytes,
  proofBytes,
  type RoundFrame,
  readUpdate,
  type UpdateParts,
  updatePrefix,
} from './vector-messages.ts'

/** Version of everything that determines the bytes of an update: sampler, stream, order. Raise it with any change to these. */
const DERIVATION = 3

/**
 * Encrypts a vector for one round. Returns the update's bytes (`plan.bytes.update` of them) once the guard has them on
 * record: the difference of two encryptions in one round would be the difference of their plaintexts, so a second one with
 * other contents is refused ('already-encrypted'). The same request gives the same bytes, for errors and masks are derived
 * from it. The update ends with the proof that it is short, under the pads that the caller dealt for this round; a
 * round that would use pads again is refused ('pads-used-up').
 */
export async function encryptUpdate(engine: Engine, request: EncryptRequest): Promise<Uint8Array> {
  const { plan, kernel } = engine
  const { context, memberKey, vector, weight } = request
  const { self, keyHash } = memberKey
  insistSameEpoch(memberKey.context, context)
  const shape = shapeOf(plan, context.round)
  checkVector(plan, shape, vector, weight)
  const nonce = onceNonce('encryption', { context, keyHash, self })
  const frame = { plan, context, keyHash, shape }
  const start = updatePrefix(frame, self)
  const ends = start.length + narrowBytes(frame)
  const out = new Uint8Array(ends + proofBytes({ plan, context }))
  out.set(start)
  await claimPad(plan, request)
  const requestHash = hashOfRequest(
    new ByteWriter().u8(DERIVATION).bytes(nonce).bytes(plan.hash).f64(weight).finish(),
    vector,
  )
  await engine.exclusive((threads) =>
    withOwnSecret(kernel, memberKey, requestHash, async (secret, noiseSeed, seed) => {
      try {
        const factors = dataPrimes(plan.set).map((p) => p - 1n)
        const polynomials = roundSeed(plan.hash, keyHash, context)
        await threads.openProduct({ secret, factors, noiseSeed, roundSeed: polynomials })
        const ciphertexts = out.subarray(start.length, ends)
        await eachOf(shape.ciphertexts, threads.size, request, async (index) => {
          const values = pack(plan, vector, weight, index)
          try {
            await threads.encrypt(index, values, partOf(plan.set, ciphertexts, plan.wire.width, index))
          } finally {
            // A worker that took them over wipes them itself, and leaves a detached array here.
            if (values.length > 0) values.fill(0)
          }
        })
        if (ends === out.length) return
        const own = { secret, seed }
        const proof = { context, prefix: start, ciphertexts, own, noiseSeed, roundSeed: polynomials, progress: request }
        out.set(await proveShort(engine, threads, proof), ends)
      } finally {
        await threads.closeProduct()
      }
    }),
  )
  if (!(await request.guard.claim({ act: 'encryption', nonce, digest: hash('update', out), bytes: out }))) {
    throw new FheError(
      'already-encrypted',
      `member ${self} has encrypted something else in round ${context.round}; send that again or abstain`,
      { self },
    )
  }
  return out
}

/** Number of values that are hashed at a time. */
const HASHED_VALUES = 1 << 13

/** Hash of a request's head and of its vector in doubles, a piece at a time: all of them would take twice the memory of the vector. */
function hashOfRequest(head: Uint8Array, vector: Float32Array | Float64Array): Uint8Array {
  const state = new Hasher('encryption request')
  state.update(head)
  const doubles = new Float64Array(Math.min(HASHED_VALUES, vector.length))
  for (let at = 0; at < vector.length; at += HASHED_VALUES) {
    const piece = vector.subarray(at, at + HASHED_VALUES)
    doubles.set(piece)
    state.update(new Uint8Array(doubles.buffer, 0, 8 * piece.length))
  }
  doubles.fill(0)
  return state.digest()
}

/**
 * Throws the named error unless the bytes are a well-formed update of that context, sender, key and plan, with a proof of
 * shortness that is right as far as everyone can see. Each member checks the rest at its own point: `checkUpdatePoint`.
 */
export function checkUpdate(
  engine: Engine,
  bytes: Uint8Array,
  expected: { readonly context: RoundContext; readonly sender: number; readonly keyHash: Uint8Array },
): void {
  const { plan } = engine
  const { context, keyHash } = expected
  const frame = { plan, context, keyHash, shape: shapeOf(plan, context.round) }
  readCheckedUpdate(engine, frame, expected.sender, bytes)
}

/** An update with all that everyone can check of it: every coefficient, and the proof but for what takes a member's share. */
export function readCheckedUpdate(
  engine: Engine,
  frame: RoundFrame,
  sender: number,
  bytes: Uint8Array,
): UpdateParts & { readonly shortness: ShortnessProof | null } {
  const parts = readUpdate(frame, sender, bytes)
  insistInRange(engine, frame, parts.ciphertexts, `update of member ${sender}`)
  return { ...parts, shortness: parts.proof.length === 0 ? null : decodeProof(frame.plan, sender, parts.proof) }
}

/** Uses up the round's pads, once and for all: two proofs under the same pads would give a relation of two updates away. */
async function claimPad(plan: Plan, { context, memberKey, guard }: EncryptRequest): Promise<void> {
  if (context.round === KEY_TEST_ROUND) return
  const { self, keyHash } = memberKey
  const { chainId, service, epoch } = context
  const pad = padOf(plan, context)
  const epochBytes = contextBytes({ chainId, service, epoch })
  const nonce = hash('once/pad', new ByteWriter().bytes(epochBytes).bytes(keyHash).u16(self).u16(pad).finish())
  if (await guard.claim({ act: 'pad', nonce, digest: hash('round of a pad', contextBytes(context)) })) return
  throw new FheError(
    'pads-used-up',
    `the pads of round ${context.round} were used in an earlier round: this key is for ${plan.roundsPerKey} rounds, and must be rotated`,
    { self, pad },
  )
}
