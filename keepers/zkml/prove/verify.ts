// SPDX-License-Identifier: GPL-3.0-or-later
// Verification off-chain, on one thread: stricter than snarkjs, which checks neither ranges of coordinates nor that B
// is in the prime-order subgroup.
import { BASE_FIELD, SCALAR_FIELD } from '../bn254.ts'
import { loadCurve } from '../setup/curve-memory.ts'
import type { G1Point, G2Point, VerificationKey } from '../verifier/verification-key.ts'
import { ProveError } from './errors.ts'
import type { Proof, PublicSignals } from './proof.ts'

export { parseVerificationKey } from '../verifier/verification-key.ts'

/**
 * Whether the proof holds: e(A, B) = e(α, β) · e(Σ signal·IC, γ) · e(C, δ), all points on the curve and in the group, all
 * numbers in range. (0, 0) is the point at infinity, as it is for the Solidity verifier. Throws ProveError `circuit-mismatch` for a wrong number of signals.
 */
export async function verifyProof(key: VerificationKey, proof: Proof, publicSignals: PublicSignals): Promise<boolean> {
  if (publicSignals.length !== key.publicSignals) {
    throw new ProveError(
      'circuit-mismatch',
      `${publicSignals.length} public signals for a key of ${key.publicSignals}: is this the right verification key?`,
    )
  }
  if (!(await isWellFormed(proof, publicSignals))) return false

  const { G1, Fr } = await loadCurve()
  const { g1, g2 } = await pointReaders()
  const [a, b, c] = [g1(proof.a), g2(proof.b), g1(proof.c)]
  let sum = g1(key.ic[0]!)
  for (const [i, signal] of publicSignals.entries()) {
    sum = G1.add(sum, G1.timesFr(g1(key.ic[i + 1]!), Fr.e(signal)))
  }
  return productIsOne([G1.neg(a), b, sum, g2(key.gamma), c, g2(key.delta), g1(key.alpha), g2(key.beta)])
}

/** Whether all numbers are in range, and all points on their curve and in the group of order r. */
export async function isWellFormed(proof: Proof, publicSignals: PublicSignals): Promise<boolean> {
  if (publicSignals.some((signal) => signal < 0n || signal >= SCALAR_FIELD)) return false
  const coordinates = [...proof.a, ...proof.b.flat(), ...proof.c]
  if (coordinates.some((value) => value < 0n || value >= BASE_FIELD)) return false
  const { G1, G2 } = await loadCurve()
  const { g1, g2 } = await pointReaders()
  if (!G1.isValid(g1(proof.a)) || !G1.isValid(g1(proof.c))) return false
  const b = g2(proof.b)
  return G2.isValid(b) && G2.isZero(G2.timesScalar(b, SCALAR_FIELD))
}

/** The curve's form of points; zeros are the point at infinity (EIP-196, EIP-197). */
export async function pointReaders(): Promise<{
  g1(point: G1Point): Uint8Array
  g2(point: G2Point): Uint8Array
}> {
  const { G1, G2 } = await loadCurve()
  return {
    g1: ([x, y]) => (x === 0n && y === 0n ? G1.zero : G1.fromObject([x, y, 1n])),
    g2: ([x, y]) => ([...x, ...y].every((value) => value === 0n) ? G2.zero : G2.fromObject([x, y, [1n, 0n]])),
  }
}

/** Whether the pairings of points of G1 and G2 in turn multiply to one. The library's own pairing gives no one at infinity. */
export async function productIsOne(points: readonly Uint8Array[]): Promise<boolean> {
  const { G1, G2, pairingEq } = await loadCurve()
  const pairs = Array.from({ length: points.length / 2 }, (_, i) => [points[2 * i]!, points[2 * i + 1]!] as const)
  const finite = pairs.filter(([p, q]) => !G1.isZero(p) && !G2.isZero(q))
  return finite.length === 0 || pairingEq(...finite.flat())
}
