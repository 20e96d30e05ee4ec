// SPDX-License-Identifier: GPL-3.0-or-later
// Verification of proofs in two rounds off-chain: e(A, B) = e(α, β) · e(Σ signal·IC, γ) · e(C₁, δ₁) · e(C₂, δ₂). The challenges are
// computed here; no caller can give them.
import { BASE_FIELD, SCALAR_FIELD } from '../bn254.ts'
import { loadCurve } from '../setup/curve-memory.ts'
import { challengesOf, type TwoRoundKey, twoRoundKeyHash } from '../verifier/two-round-key.ts'
import type { G1Point, G2Point } from '../verifier/verification-key.ts'
import { drawCoefficient } from './batch.ts'
import { ProveError } from './errors.ts'
import type { PublicSignals } from './proof.ts'
import type { TwoRoundProof, TwoRoundProofWithSignals } from './two-round-proof.ts'

export { parseTwoRoundKey } from '../verifier/two-round-key.ts'

/**
 * Whether the proof holds: all points on the curve, in the group and not at infinity, all numbers in range.
 * Throws ProveError `circuit-mismatch` for a wrong number of signals.
 */
export async function verifyTwoRound(
  key: TwoRoundKey,
  proof: TwoRoundProof,
  publicSignals: PublicSignals,
): Promise<boolean> {
  requireCount(key, publicSignals)
  if (!(await isWellFormed(proof, publicSignals))) return false
  const challenges = challengesOf(twoRoundKeyHash(key), key.shape.challenges, proof.commitment, publicSignals)
  return pairingHolds(key, proof, [...publicSignals, ...challenges])
}

/** The equation alone, for public signals and challenges: whoever chooses a challenge forges (a test does). */
export async function pairingHolds(
  key: TwoRoundKey,
  proof: TwoRoundProof,
  publicWires: readonly bigint[],
): Promise<boolean> {
  const curve = await loadCurve()
  const { G1, G2, Fr } = curve
  const [g1, g2] = [inG1(G1), inG2(G2)]
  let sum = g1(key.ic[0]!)
  for (const [i, value] of publicWires.entries()) sum = G1.add(sum, G1.timesFr(g1(key.ic[i + 1]!), Fr.e(value)))
  return curve.pairingEq(
    ...[G1.neg(g1(proof.a)), g2(proof.b), sum, g2(key.gamma), g1(proof.commitment), g2(key.deltaFirst)],
    ...[g1(proof.c), g2(key.deltaSecond), g1(key.alpha), g2(key.beta)],
  )
}

/**
 * Whether all proofs hold, by one product of n + 4 pairings with random coefficients of 128 bits. One bad proof fails the batch;
 * `verifyTwoRound` finds it. An empty batch holds. Throws ProveError `circuit-mismatch`.
 */
export async function verifyTwoRoundBatch(
  key: TwoRoundKey,
  batch: readonly TwoRoundProofWithSignals[],
): Promise<boolean> {
  if (batch.length === 0) return true
  for (const { publicSignals } of batch) requireCount(key, publicSignals)
  const curve = await loadCurve()
  const { G1, G2, Fr } = curve
  const [g1, g2] = [inG1(G1), inG2(G2)]
  const vkHash = twoRoundKeyHash(key)
  const sums = key.ic.map(() => 0n)
  let [first, second] = [G1.zero, G1.zero]
  const pairs: Uint8Array[] = []
  for (const { proof, publicSignals } of batch) {
    if (!(await isWellFormed(proof, publicSignals))) return false
    const coefficient = drawCoefficient()
    const factor = Fr.e(coefficient)
    const challenges = challengesOf(vkHash, key.shape.challenges, proof.commitment, publicSignals)
    for (const [j, value] of [1n, ...publicSignals, ...challenges].entries()) {
      sums[j] = (sums[j]! + coefficient * value) % SCALAR_FIELD
    }
    pairs.push(G1.timesFr(g1(proof.a), factor), g2(proof.b))
    first = G1.add(first, G1.timesFr(g1(proof.commitment), factor))
    second = G1.add(second, G1.timesFr(g1(proof.c), factor))
  }
  let signals = G1.zero
  for (const [j, sum] of sums.entries()) signals = G1.add(signals, G1.timesFr(g1(key.ic[j]!), Fr.e(sum)))
  const alpha = G1.timesFr(g1(key.alpha), Fr.e(sums[0]!))
  pairs.push(G1.neg(signals), g2(key.gamma), G1.neg(first), g2(key.deltaFirst))
  pairs.push(G1.neg(second), g2(key.deltaSecond), G1.neg(alpha), g2(key.beta))
  return curve.pairingEq(...pairs)
}

type Groups = Awaited<ReturnType<typeof loadCurve>>
const inG1 =
  (group: Groups['G1']) =>
  ([x, y]: G1Point) =>
    group.fromObject([x, y, 1n])
const inG2 =
  (group: Groups['G2']) =>
  ([x, y]: G2Point) =>
    group.fromObject([x, y, [1n, 0n]])

function requireCount(key: TwoRoundKey, publicSignals: PublicSignals): void {
  if (publicSignals.length === key.shape.publicSignals) return
  throw new ProveError(
    'circuit-mismatch',
    `${publicSignals.length} public signals for a key of ${key.shape.publicSignals}: is this the right verification key?`,
  )
}

async function isWellFormed({ a, b, commitment, c }: TwoRoundProof, publicSignals: PublicSignals): Promise<boolean> {
  if (publicSignals.some((signal) => signal < 0n || signal >= SCALAR_FIELD)) return false
  const coordinates = [...a, ...b.flat(), ...commitment, ...c]
  if (coordinates.some((value) => value < 0n || value >= BASE_FIELD)) return false
  // The library takes (0, 0) for infinity, which its curve has; the contract refuses it.
  if ([a, b.flat(), commitment, c].some((point) => point.every((value) => value === 0n))) return false
  const { G1, G2 } = await loadCurve()
  if (![a, commitment, c].every((point) => G1.isValid(inG1(G1)(point)))) return false
  const inGroup2 = inG2(G2)(b)
  return G2.isValid(inGroup2) && G2.isZero(G2.timesScalar(inGroup2, SCALAR_FIELD))
}
