// SPDX-License-Identifier: GPL-3.0-or-later
// A member's update of a round: weight-scaled values under its own secret, c0 = −a·s + e + m with the round's a, made once
// per round or never (rules 1 and 4).
import { ByteWriter, hash } from './encoding.ts'
import { type Engine, eachOf } from './engine.ts'
import { FheError } from './errors.ts'
import { onceNonce } from './guard.ts'
import { withOwnSecret } from './member-key.ts'
import { insistSameEpoch } from './members.ts'
import { checkVector, pack, shapeOf } from './packing.ts'
import { dataPrimes } from './parameters.ts'
import { roundSeed } from './round-polynomial.ts'
import type { EncryptRequest, RoundContext } from './types.ts'
import { loadPolynomial, type RoundFrame, readUpdate, updatePrefix } from './vector-messages.ts'

/** Of everything that decides the bytes of an update: sampler, stream, order. Raised with any change to them. */
const DERIVATION = 1

/**
 * Encrypts a vector for one round. Returns the update's bytes (`plan.bytes.update` of them) once the guard has them on
 * record: the difference of two encryptions in one round would be the difference of their plaintexts, so a second one with
 * other contents is refused ('already-encrypted'). The same request gives the same bytes, for the errors are derived from
 * it.
 */
export async function encryptUpdate(engine: Engine, request: EncryptRequest): Promise<Uint8Array> {
  const { plan, kernel } = engine
  const { context, memberKey, vector, weight } = request
  const { self, keyHash } = memberKey
  insistSameEpoch(memberKey.context, context)
  const shape = shapeOf(plan, context.round)
  checkVector(plan, shape, vector, weight)
  const nonce = onceNonce('encryption', { context, keyHash, self })
  const start = updatePrefix({ plan, context, keyHash, ciphertexts: shape.ciphertexts }, self)
  const { polynomial } = plan.bytes
  const out = new Uint8Array(start.length + polynomial * shape.ciphertexts)
  out.set(start)
  const plaintext = Float64Array.from(vector)
  const requestHash = hash(
    'encryption request',
    new ByteWriter().u8(DERIVATION).bytes(nonce).bytes(plan.hash).f64(weight).finish(),
    new Uint8Array(plaintext.buffer),
  )
  plaintext.fill(0)
  await engine.exclusive((threads) =>
    withOwnSecret(kernel, memberKey, requestHash, async (secret, noiseSeed) => {
      try {
        const factors = dataPrimes(plan.set).map((p) => p - 1n)
        await threads.openProduct({ secret, factors, noiseSeed, roundSeed: roundSeed(plan.hash, keyHash, context) })
        await eachOf(shape.ciphertexts, threads.size, request, async (index) => {
          const at = start.length + polynomial * index
          const slots = pack(plan, vector, weight, index)
          try {
            await threads.encrypt(index, slots, out.subarray(at, at + polynomial))
          } finally {
            slots.fill(0)
          }
        })
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

/** Throws the named error unless the bytes are a well-formed update of that context, sender, key and plan. */
export function checkUpdate(
  engine: Engine,
  bytes: Uint8Array,
  expected: { readonly context: RoundContext; readonly sender: number; readonly keyHash: Uint8Array },
): void {
  const { plan } = engine
  const { context, keyHash } = expected
  const frame = { plan, context, keyHash, ciphertexts: shapeOf(plan, context.round).ciphertexts }
  readCheckedUpdate(engine, frame, expected.sender, bytes)
}

/** c0 of each ciphertext of an update, every residue checked. */
export function readCheckedUpdate(engine: Engine, frame: RoundFrame, sender: number, bytes: Uint8Array): Uint8Array {
  const ciphertexts = readUpdate(frame, sender, bytes)
  const size = frame.plan.bytes.polynomial
  engine.kernel.borrow([size], (room) => {
    for (let index = 0; index < frame.ciphertexts; index++) {
      const c0 = ciphertexts.subarray(size * index, size * (index + 1))
      loadPolynomial(engine, room!, c0, `update of member ${sender}, ciphertext ${index}`)
    }
  })
  return ciphertexts
}
