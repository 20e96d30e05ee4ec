// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { openTwoRound } from '../../../../keepers/zkml/prove/two-round.ts'
import { packValues } from '../../../../keepers/zkml/prove/two-round-witness.ts'
import type { G1Point } from '../../../../keepers/zkml/verifier/verification-key.ts'
import { commitmentsOf, difference, forge } from './dishonest.ts'
import { challengesFor, holds } from './forging.ts'
import { keyFor, type TestKey } from './keys.ts'
import { firstValues, honest, rangeCircuit, secondValues } from './range-circuit.ts'

describe('what a proof in two rounds hides', () => {
  const circuit = rangeCircuit()
  let test: TestKey

  before(async () => {
    test = await keyFor(circuit)
  })

  const guesses = Array.from({ length: 256 }, (_, secret) => firstValues(secret))

  it('without κ whoever has the key recognises the secret from C₁; with κ not', async () => {
    const commitments = await commitmentsOf(test, circuit, guesses)
    const found = (point: G1Point) => commitments.findIndex(([x]) => x === point[0])
    const finish = (commitment: G1Point) => {
      const first = firstValues(173)
      const [x] = challengesFor(test, circuit, first, commitment)
      return { ...first, x: x!, ...secondValues(first, [x!]) }
    }
    const bare = await forge(test, circuit, { committed: firstValues(173), finish, kappa: 0n })
    expect(await holds(test, circuit, bare, firstValues(173))).to.equal(true)
    expect(found(bare.commitment)).to.equal(173)
    const prover = await openTwoRound(test.zkey, { threads: 1 })
    for (let i = 0; i < 3; i++) {
      expect(found((await prover.prove(honest(circuit, 173))).proof.commitment)).to.equal(-1)
    }
    await prover.close()
  })

  it('one seed for two inputs gives their difference away; every proof draws its own', async () => {
    const known = 100
    const repeated = await openTwoRound(test.zkey, { threads: 1 }, () => packValues([4242n]))
    const fresh = await openTwoRound(test.zkey, { threads: 1 })
    const commitments = await commitmentsOf(test, circuit, guesses)
    const recover = async (prover: typeof fresh) => {
      const [one, two] = [await prover.prove(honest(circuit, known)), await prover.prove(honest(circuit, 231))]
      const [x] = await difference(two.proof.commitment, one.proof.commitment)
      for (const [secret, guess] of commitments.entries()) {
        if (secret !== known && (await difference(guess, commitments[known]!))[0] === x) return secret
      }
      return null
    }
    expect(await recover(repeated)).to.equal(231)
    expect(await recover(fresh)).to.equal(null)
    await repeated.close()
    await fresh.close()
  })
})
