// SPDX-License-Identifier: GPL-3.0-or-later
// Many proofs under one key.
import { SCALAR_FIELD } from '../bn254.ts'
import { loadCurve } from '../setup/curve-memory.ts'
import type { VerificationKey } from '../verifier/verification-key.ts'
import type { ProveOptions, Prover } from './backend.ts'
import { ProveError } from './errors.ts'
import type { ProofWithSignals } from './proof.ts'
import { isWellFormed, pointReaders, productIsOne } from './verify.ts'

/** Proves for each witness in turn; the next witness is asked for while the last is being proven. */
export async function* proveAll(
  prover: Prover,
  witnesses: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ProveOptions = {},
): AsyncGenerator<ProofWithSignals> {
  let pending: Promise<ProofWithSignals> | undefined
  for await (const witness of witnesses) {
    const next = prover.prove(witness, options)
    // Awaited one round later; until then a rejection must not count as unhandled.
    next.catch(() => undefined)
    if (pending !== undefined) yield await pending
    pending = next
  }
  if (pending !== undefined) yield await pending
}

/** Bits of the coefficients of a linear combination: a false proof passes with probability 2^-128. */
const COEFFICIENT_BYTES = 16

/**
 * Whether all proofs hold, by one product of n + 3 pairings with random coefficients. One bad proof fails the batch; `verifyProof`
 * finds it. An empty batch holds.
 */
export async function verifyBatch(key: VerificationKey, batch: readonly ProofWithSignals[]): Promise<boolean> {
  if (batch.length === 0) return true
  const { G1, Fr } = await loadCurve()
  const { g1, g2 } = await pointReaders()
  let total = 0n
  let c = G1.zero
  const sums = new Array<bigint>(key.publicSignals).fill(0n)
  const pairs: Uint8Array[] = []
  for (const [i, { proof, publicSignals }] of batch.entries()) {
    if (publicSignals.length !== key.publicSignals) {
      throw new ProveError(
        'circuit-mismatch',
        `proof ${i} has ${publicSignals.length} public signals, the key ${key.publicSignals}`,
      )
    }
    if (!(await isWellFormed(proof, publicSignals))) return false
    const coefficient = drawCoefficient()
    const factor = Fr.e(coefficient)
    total += coefficient
    for (const [j, signal] of publicSignals.entries()) sums[j] = (sums[j]! + coefficient * signal) % SCALAR_FIELD
    pairs.push(G1.timesFr(g1(proof.a), factor), g2(proof.b))
    c = G1.add(c, G1.timesFr(g1(proof.c), factor))
  }
  let signals = G1.timesFr(g1(key.ic[0]!), Fr.e(total))
  for (const [j, sum] of sums.entries()) signals = G1.add(signals, G1.timesFr(g1(key.ic[j + 1]!), Fr.e(sum)))
  const alpha = G1.timesFr(g1(key.alpha), Fr.e(total))
  pairs.push(G1.neg(signals), g2(key.gamma), G1.neg(c), g2(key.delta), G1.neg(alpha), g2(key.beta))
  return productIsOne(pairs)
}

/** A coefficient of a random linear combination, below 2^128. */
export function drawCoefficient(): bigint {
  const bytes = crypto.getRandomValues(new Uint8Array(COEFFICIENT_BYTES))
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}
