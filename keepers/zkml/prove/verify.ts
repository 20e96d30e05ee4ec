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
 * numbers in range. Throws ProveError `circuit-mismatch` for a wrong number of signals.
 */
export async function verifyProof(key: VerificationKey, proof: Proof, publicSignals: PublicSignals): Promise<boolean> {
  if (publicSignals.length !== key.publicSignals) {
    throw new ProveError(
      'circuit-mismatch',
      `${publicSignals.length} public signals for a key of ${key.publicSignals}: is this the right verification key?`,
    )
  }
  if (!(await isWellFormed(proof, publicSignals))) return false

  const curve = await loadCurve()
  const { G1, G2, Fr } = curve
  const g1 = ([x, y]: G1Point) => G1.fromObject([x, y, 1n])
  const g2 = ([x, y]: G2Point) => G2.fromObject([x, y, [1n, 0n]])
  const [a, b, c] = [g1(proof.a), g2(proof.b), g1(proof.c)]
  let sum = g1(key.ic[0]!)
  for (const [i, signal] of publicSignals.entries()) {
    sum = G1.add(sum, G1.timesFr(g1(key.ic[i + 1]!), Fr.e(signal)))
  }
  return curve.pairingEq(G1.neg(a), b, sum, g2(key.gamma), c, g2(key.delta), g1(key.alpha), g2(key.beta))
}

/** Whether all numbers are in range, and all points on their curve and in the group of order r. */
export async function isWellFormed(proof: Proof, publicSignals: PublicSignals): Promise<boolean> {
  if (publicSignals.some((signal) => signal < 0n || signal >= SCALAR_FIELD)) return false
  const coordinates = [...proof.a, ...proof.b.flat(), ...proof.c]
  if (coordinates.some((value) => value < 0n || value >= BASE_FIELD)) return false
  const { G1, G2 } = await loadCurve()
  const onCurve = ([x, y]: G1Point) => G1.isValid(G1.fromObject([x, y, 1n]))
  if (!onCurve(proof.a) || !onCurve(proof.c)) return false
  const b = G2.fromObject([...proof.b, [1n, 0n]])
  return G2.isValid(b) && G2.isZero(G2.timesScalar(b, SCALAR_FIELD))
}
