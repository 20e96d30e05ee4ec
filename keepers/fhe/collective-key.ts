// SPDX-License-Identifier: GPL-3.0-or-later
// The public half: the common reference polynomial, the sum of the members' shares, and its bytes as SEAL's PublicKey.
import { createHash } from 'node:crypto'
import { ByteWriter, equalBytes, hash } from './encoding.ts'
import type { Engine } from './engine.ts'
import { FheError } from './errors.ts'
import { contextBytes } from './header.ts'
import type { Kernel } from './kernel/kernel.ts'
import type { KeyGenerationFrame } from './key-messages.ts'
import { rosterHash } from './members.ts'
import { decodePublicKey, encodePublicKey } from './seal-format.ts'
import type { CollectiveKey, EpochContext, Member } from './types.ts'

/**
 * a, uniform modulo every prime and nobody's choice: for prime l, the stream SHAKE256(SHA-256(context, plan, roster, crs) ‖
 * l) in 64-bit little-endian words, each masked to the prime's bits and dropped when not below it. Read as NTT values:
 * uniform there is uniform.
 */
export function commonPolynomial(kernel: Kernel, frame: KeyGenerationFrame): Uint8Array {
  const seed = hash('crs', contextBytes(frame.context), frame.plan.hash, frame.rosterHash, frame.crs)
  const { degree } = kernel
  // At most one word in 256 is dropped; a 64th more than needed is out of reach of bad luck.
  const words = degree + (degree >> 6)
  return kernel.borrow([frame.plan.bytes.keyPolynomial, 8 * words], (a, stream) => {
    for (const [l, record] of kernel.records.entries()) {
      const input = new ByteWriter().bytes(seed).u8(l).finish()
      kernel.write(
        stream!,
        createHash('shake256', { outputLength: 8 * words })
          .update(input)
          .digest(),
      )
      const found = kernel.calls.uniformResidues(record, kernel.residues(a!, l), stream!.at, words, degree)
      if (found < degree) throw new FheError('invalid-argument', 'this crs runs out of words; use another')
    }
    return kernel.read(a!)
  })
}

/** The key of Σ b_i, `b` having 8·N·K bytes. */
export function collectiveKeyOf(kernel: Kernel, frame: KeyGenerationFrame, b: Uint8Array): CollectiveKey {
  const bytes = encodePublicKey(frame.plan.set, b, commonPolynomial(kernel, frame))
  return { bytes, hash: collectiveKeyHash(frame.plan.hash, frame.context, frame.rosterHash, bytes) }
}

/**
 * Parses the key's bytes as stored or fetched and holds them against the hash that the members confirmed. Throws
 * 'wrong-key', 'wrong-parms-id', 'malformed-seal-object' or 'coefficient-out-of-range'.
 */
export function importCollectiveKey(
  engine: Engine,
  request: {
    readonly context: EpochContext
    readonly members: readonly Member[]
    readonly bytes: Uint8Array
    readonly hash: Uint8Array
  },
): CollectiveKey {
  const { plan, kernel } = engine
  const { b, a } = decodePublicKey(plan.set, request.bytes)
  kernel.borrow([plan.bytes.keyPolynomial], (block) => {
    for (const polynomial of [b, a]) {
      kernel.write(block!, polynomial)
      for (const [l, record] of kernel.records.entries()) {
        if (kernel.calls.allBelow(record, kernel.residues(block!, l), kernel.degree)) continue
        throw new FheError(
          'coefficient-out-of-range',
          `the collective key has a coefficient that is not below prime ${l}`,
        )
      }
    }
  })
  const found = collectiveKeyHash(plan.hash, request.context, rosterHash(request.members), request.bytes)
  if (!equalBytes(found, request.hash)) {
    throw new FheError('wrong-key', 'these bytes are not the collective key that the members of this epoch confirmed')
  }
  return { bytes: request.bytes, hash: request.hash }
}

function collectiveKeyHash(
  planHash: Uint8Array,
  context: EpochContext,
  roster: Uint8Array,
  bytes: Uint8Array,
): Uint8Array {
  const { chainId, service, epoch } = context
  return hash('collective key', planHash, contextBytes({ chainId, service, epoch }), roster, bytes)
}
