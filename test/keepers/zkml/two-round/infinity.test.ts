// SPDX-License-Identifier: GPL-3.0-or-later
// Two rounds know no point at infinity: the contract has no word for one in C₁ or C₂ and refuses zeros in A and B. Whoever knows the secrets
// makes proofs of which the equation holds all the same, and off-chain they must be refused alike.
import { expect } from 'chai'
import { SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import type { TwoRoundProof } from '../../../../keepers/zkml/prove/two-round-proof.ts'
import { verifyTwoRound, verifyTwoRoundBatch } from '../../../../keepers/zkml/prove/two-round-verify.ts'
import { loadCurve } from '../../../../keepers/zkml/setup/curve-memory.ts'
import { challengesOf, type TwoRoundKey, twoRoundKeyHash } from '../../../../keepers/zkml/verifier/two-round-key.ts'
import type { G1Point, G2Point } from '../../../../keepers/zkml/verifier/verification-key.ts'

describe('proofs in two rounds with points at infinity', () => {
  it('do not hold, though the equation does', async () => {
    const { G1, G2, Fr } = await loadCurve()
    const element = (k: bigint) => Fr.e(((k % SCALAR_FIELD) + SCALAR_FIELD) % SCALAR_FIELD)
    const at1 = (k: bigint) => G1.toObject(G1.toAffine(G1.timesFr(G1.g, element(k)))).slice(0, 2) as unknown as G1Point
    const at2 = (k: bigint) => G2.toObject(G2.toAffine(G2.timesFr(G2.g, element(k)))).slice(0, 2) as unknown as G2Point
    const [alpha, beta, gamma, deltaFirst, signal] = [5n, 7n, 11n, 2n, 19n]
    const ic = [13n, 17n, 23n] as const
    const key: TwoRoundKey = {
      shape: { publicSignals: 1, challenges: 1, firstRound: 1 },
      ...{ alpha: at1(alpha), beta: at2(beta), gamma: at2(gamma), deltaFirst: at2(deltaFirst), deltaSecond: at2(1n) },
      ic: ic.map(at1),
    }
    /** What A · B has to be beyond C₂: αβ + γ · Σ + C₁ · δ₁. */
    const right = (commitment: G1Point, first: bigint) => {
      const [challenge] = challengesOf(twoRoundKeyHash(key), 1, commitment, [signal]) as [bigint]
      return alpha * beta + gamma * (ic[0] + signal * ic[1] + challenge * ic[2]) + first * deltaFirst
    }
    const none = [0n, 0n] as const
    const c1 = at1(3n)
    const sum = right(c1, 3n)
    const cases: readonly (readonly [string, TwoRoundProof, boolean])[] = [
      ['none', { a: at1(4n), b: at2(9n), commitment: c1, c: at1(36n - sum) }, true],
      ['A', { a: none, b: at2(9n), commitment: c1, c: at1(-sum) }, false],
      ['B', { a: at1(4n), b: [none, none], commitment: c1, c: at1(-sum) }, false],
      ['C₁', { a: at1(4n), b: at2(9n), commitment: none, c: at1(36n - right(none, 0n)) }, false],
      ['C₂', { a: at1(sum), b: at2(1n), commitment: c1, c: none }, false],
    ]
    for (const [name, proof, holds] of cases) {
      expect(await verifyTwoRound(key, proof, [signal]), name).to.equal(holds)
      expect(await verifyTwoRoundBatch(key, [{ proof, publicSignals: [signal] }]), `batch: ${name}`).to.equal(holds)
    }
  })
})
