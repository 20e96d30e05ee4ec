// SPDX-License-Identifier: GPL-3.0-or-later
// Thousands of changes to proofs in two rounds, their signals and their keys: none holds.
import { expect } from 'chai'
import { BASE_FIELD, SCALAR_FIELD } from '../../keepers/zkml/bn254.ts'
import { openTwoRound } from '../../keepers/zkml/prove/two-round.ts'
import type { TwoRoundProof, TwoRoundProofWithSignals } from '../../keepers/zkml/prove/two-round-proof.ts'
import { verifyTwoRound } from '../../keepers/zkml/prove/two-round-verify.ts'
import { loadCurve } from '../../keepers/zkml/setup/curve-memory.ts'
import type { G1Point, G2Point } from '../../keepers/zkml/verifier/verification-key.ts'
import { keyFor, type TestKey } from '../keepers/zkml/two-round/keys.ts'
import { honest, rangeCircuit } from '../keepers/zkml/two-round/range-circuit.ts'

for (const challenges of [1, 2] as const) {
  describe(`changes to proofs in two rounds, challenges: ${challenges}`, function () {
    this.timeout(300_000)
    let test: TestKey
    let good: TwoRoundProofWithSignals

    before(async () => {
      const circuit = rangeCircuit(challenges)
      test = await keyFor(circuit)
      const prover = await openTwoRound(test.zkey, { threads: 1 })
      good = await prover.prove(honest(circuit, 77, SCALAR_FIELD - 3n))
      await prover.close()
      expect(await verifyTwoRound(test.key, good.proof, good.publicSignals)).to.equal(true)
    })

    it('every bit of every coordinate', async () => {
      const { proof, publicSignals } = good
      let count = 0
      for (let bit = 0n; bit < 256n; bit++) {
        const flip = (value: bigint) => value ^ (1n << bit)
        const changed: TwoRoundProof[] = (['a', 'commitment', 'c'] as const).flatMap((part) => {
          const [x, y] = proof[part]
          return [
            { ...proof, [part]: [flip(x), y] },
            { ...proof, [part]: [x, flip(y)] },
          ]
        })
        for (let i = 0; i < 4; i++) {
          const b = proof.b.map((pair) => [...pair]) as [[bigint, bigint], [bigint, bigint]]
          b[i >> 1]![i & 1] = flip(b[i >> 1]![i & 1]!)
          changed.push({ ...proof, b })
        }
        for (const bad of changed) {
          expect(await verifyTwoRound(test.key, bad, publicSignals)).to.equal(false)
          count++
        }
      }
      expect(count).to.equal(2560)
    })

    it('every second bit of every signal', async () => {
      for (const [i, signal] of good.publicSignals.entries()) {
        for (let bit = 0n; bit < 256n; bit += 2n) {
          const signals = good.publicSignals.with(i, signal ^ (1n << bit))
          expect(await verifyTwoRound(test.key, good.proof, signals), `signal ${i}, bit ${bit}`).to.equal(false)
        }
      }
    })

    it('points that stay on the curve: multiples, and neighbours', async () => {
      const { G1, G2 } = await loadCurve()
      const move = ([x, y]: G1Point, k: bigint, add: boolean): G1Point => {
        const point = G1.fromObject([x, y, 1n])
        const result = add ? G1.add(point, G1.timesScalar(G1.g, k)) : G1.timesScalar(point, k)
        return G1.toObject(G1.toAffine(result)).slice(0, 2) as unknown as G1Point
      }
      const move2 = ([x, y]: G2Point, k: bigint, add: boolean): G2Point => {
        const point = G2.fromObject([x, y, [1n, 0n]])
        const result = add ? G2.add(point, G2.timesScalar(G2.g, k)) : G2.timesScalar(point, k)
        return G2.toObject(G2.toAffine(result)).slice(0, 2) as unknown as G2Point
      }
      const { key } = test
      const { proof, publicSignals } = good
      for (let k = 2n; k < 40n; k++) {
        for (const add of [false, true]) {
          for (const part of ['a', 'commitment', 'c'] as const) {
            const bad = { ...proof, [part]: move(proof[part], k, add) }
            expect(await verifyTwoRound(key, bad, publicSignals), `${part} ${k}`).to.equal(false)
          }
          expect(await verifyTwoRound(key, { ...proof, b: move2(proof.b, k, add) }, publicSignals)).to.equal(false)
          for (const part of ['beta', 'gamma', 'deltaFirst', 'deltaSecond'] as const) {
            const bad = { ...key, [part]: move2(key[part], k, add) }
            expect(await verifyTwoRound(bad, proof, publicSignals), `${part} ${k}`).to.equal(false)
          }
          const at = Number(k) % key.ic.length
          const bad = { ...key, ic: key.ic.with(at, move(key.ic[at]!, k, add)) }
          expect(await verifyTwoRound(bad, proof, publicSignals), `ic ${at}`).to.equal(false)
          expect(await verifyTwoRound({ ...key, alpha: move(key.alpha, k, add) }, proof, publicSignals)).to.equal(false)
        }
      }
    })

    it('the negatives of all pairs of points but those that cancel', async () => {
      const { proof, publicSignals } = good
      const negative = ([x, y]: G1Point): G1Point => [x, BASE_FIELD - y]
      for (let mask = 1; mask < 8; mask++) {
        const bad = {
          ...proof,
          a: mask & 1 ? negative(proof.a) : proof.a,
          commitment: mask & 2 ? negative(proof.commitment) : proof.commitment,
          c: mask & 4 ? negative(proof.c) : proof.c,
        }
        expect(await verifyTwoRound(test.key, bad, publicSignals), `${mask}`).to.equal(false)
      }
      // −A with −B is the same product.
      const b = proof.b.map((pair, i) =>
        i === 0 ? pair : pair.map((value) => BASE_FIELD - value),
      ) as unknown as G2Point
      expect(await verifyTwoRound(test.key, { ...proof, a: negative(proof.a), b }, publicSignals)).to.equal(true)
    })
  })
}
