// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper's update: weight-scaled values under the collective key, by SEAL's own encoder and encryptor.
import { type Engine, eachOf } from './engine.ts'
import { FheError } from './errors.ts'
import { checkIndex } from './members.ts'
import { checkVector, pack, shapeOf } from './packing.ts'
import { decodeCiphertext } from './seal-format.ts'
import type { EncryptRequest, RoundContext } from './types.ts'
import { loadCiphertext, type RoundFrame, readUpdate, updatePrefix } from './vector-messages.ts'

/**
 * Encrypts a vector for one round. Returns the update's bytes (`plan.bytes.update` of them); every call gives others, for
 * encryption is randomised: journal them before publishing a commitment.
 */
export async function encryptUpdate(engine: Engine, request: EncryptRequest): Promise<Uint8Array> {
  const { plan } = engine
  const { context, sender, collectiveKey, vector, weight } = request
  checkIndex(sender, plan.members, 'sender')
  const shape = shapeOf(plan, context.round)
  checkVector(plan, shape, vector, weight)
  const frame = { plan, context, collectiveKeyHash: collectiveKey.hash, ciphertexts: shape.ciphertexts }
  const start = updatePrefix(frame, sender)
  const size = 2 * plan.bytes.polynomial
  const out = new Uint8Array(start.length + size * shape.ciphertexts)
  out.set(start)
  await engine.exclusive(async (threads) => {
    await threads.useKey(collectiveKey.bytes)
    await eachOf(shape.ciphertexts, threads.size, request, async (index) => {
      const at = start.length + size * index
      await threads.encrypt(pack(plan, vector, weight, index), out.subarray(at, at + size))
    })
  })
  return out
}

/**
 * Wraps SEAL Ciphertexts (uncompressed bytes) that a data owner made with another SEAL under the collective key. The
 * slots must be laid out as `pack` does. Throws 'wrong-parms-id', 'malformed-seal-object' and what `checkUpdate` throws.
 */
export function updateFromSeal(
  engine: Engine,
  request: {
    readonly context: RoundContext
    readonly sender: number
    readonly collectiveKeyHash: Uint8Array
    readonly ciphertexts: readonly Uint8Array[]
  },
): Uint8Array {
  const { plan } = engine
  const { context, sender, collectiveKeyHash } = request
  const shape = shapeOf(plan, context.round)
  if (request.ciphertexts.length !== shape.ciphertexts) {
    throw new FheError(
      'invalid-argument',
      `${request.ciphertexts.length} ciphertexts given, ${shape.ciphertexts} needed`,
      {
        field: 'ciphertexts',
      },
    )
  }
  const frame = { plan, context, collectiveKeyHash, ciphertexts: shape.ciphertexts }
  const start = updatePrefix(frame, sender)
  const size = 2 * plan.bytes.polynomial
  const out = new Uint8Array(start.length + size * shape.ciphertexts)
  out.set(start)
  for (const [index, bytes] of request.ciphertexts.entries()) {
    out.set(decodeCiphertext(plan.set, plan.scaleBits, bytes), start.length + size * index)
  }
  checkUpdate(engine, out, { context, sender, collectiveKeyHash })
  return out
}

/** Throws the named error unless the bytes are a well-formed update of that context, sender, key and plan. */
export function checkUpdate(
  engine: Engine,
  bytes: Uint8Array,
  expected: { readonly context: RoundContext; readonly sender: number; readonly collectiveKeyHash: Uint8Array },
): void {
  const { plan } = engine
  const { context, collectiveKeyHash } = expected
  const frame = { plan, context, collectiveKeyHash, ciphertexts: shapeOf(plan, context.round).ciphertexts }
  readCheckedUpdate(engine, frame, expected.sender, bytes)
}

/** The ciphertexts of an update, every residue checked. */
export function readCheckedUpdate(engine: Engine, frame: RoundFrame, sender: number, bytes: Uint8Array): Uint8Array {
  const ciphertexts = readUpdate(frame, sender, bytes)
  const size = 2 * frame.plan.bytes.polynomial
  engine.kernel.borrow([size], (room) => {
    for (let index = 0; index < frame.ciphertexts; index++) {
      const ciphertext = ciphertexts.subarray(size * index, size * (index + 1))
      loadCiphertext(engine, room!, ciphertext, `update of member ${sender}, ciphertext ${index}`)
    }
  })
  return ciphertexts
}
