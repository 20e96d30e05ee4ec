// SPDX-License-Identifier: GPL-3.0-or-later
// Proofs with points at infinity, which (0, 0) stands for. Whoever knows the secrets makes some that hold: α·β + γ·ic + c·δ = 0 needs no
// A or no B. An honest prover never makes such points; the verifiers must answer alike all the same.
import { SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import type { Proof } from '../../../../keepers/zkml/prove/proof.ts'
import { loadCurve } from '../../../../keepers/zkml/setup/curve-memory.ts'
import type { G1Point, G2Point, VerificationKey } from '../../../../keepers/zkml/verifier/verification-key.ts'

export type InfinityCases = {
  readonly key: VerificationKey
  readonly publicSignals: readonly bigint[]
  readonly cases: readonly { readonly name: string; readonly proof: Proof; readonly holds: boolean }[]
}

export async function infinityCases(): Promise<InfinityCases> {
  const { G1, G2, Fr } = await loadCurve()
  const inG1 = (k: bigint) => G1.toObject(G1.toAffine(G1.timesFr(G1.g, Fr.e(k)))).slice(0, 2) as unknown as G1Point
  const inG2 = (k: bigint) => G2.toObject(G2.toAffine(G2.timesFr(G2.g, Fr.e(k)))).slice(0, 2) as unknown as G2Point
  const [alpha, beta, gamma, ic, signal] = [5n, 7n, 11n, [13n, 17n], 19n] as const
  const key: VerificationKey = {
    publicSignals: 1,
    ...{ alpha: inG1(alpha), beta: inG2(beta), gamma: inG2(gamma), delta: inG2(1n), ic: ic.map(inG1) },
  }
  const right = alpha * beta + gamma * (ic[0] + signal * ic[1])
  const balancing = inG1(SCALAR_FIELD - right)
  const noA = [0n, 0n] as const
  const noB = [noA, noA] as const
  return {
    key,
    publicSignals: [signal],
    cases: [
      { name: 'A at infinity', proof: { a: noA, b: inG2(3n), c: balancing }, holds: true },
      { name: 'B at infinity', proof: { a: inG1(3n), b: noB, c: balancing }, holds: true },
      { name: 'A and B at infinity', proof: { a: noA, b: noB, c: balancing }, holds: true },
      { name: 'C at infinity', proof: { a: inG1(right), b: inG2(1n), c: noA }, holds: true },
      { name: 'A and C at infinity', proof: { a: noA, b: inG2(3n), c: noA }, holds: false },
      { name: 'all at infinity', proof: { a: noA, b: noB, c: noA }, holds: false },
      { name: 'A with x = 0 off the curve', proof: { a: [0n, 1n], b: inG2(3n), c: balancing }, holds: false },
      { name: 'B half zero', proof: { a: inG1(3n), b: [noA, [1n, 0n]], c: balancing }, holds: false },
    ],
  }
}
