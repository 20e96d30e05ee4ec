// SPDX-License-Identifier: GPL-3.0-or-later
import { keccak_256 } from '@noble/hashes/sha3.js'
import { expect } from 'chai'
import { openTwoRound } from '../../../../keepers/zkml/prove/two-round.ts'
import type { TwoRoundProof } from '../../../../keepers/zkml/prove/two-round-proof.ts'
import { pairingHolds, verifyTwoRound, verifyTwoRoundBatch } from '../../../../keepers/zkml/prove/two-round-verify.ts'
import { drawTwoRoundSecrets } from '../../../../keepers/zkml/setup/secrets.ts'
import { challengesOf, twoRoundKeyHash } from '../../../../keepers/zkml/verifier/two-round-key.ts'
import type { G1Point } from '../../../../keepers/zkml/verifier/verification-key.ts'
import { forge } from './dishonest.ts'
import { challengesFor, F, FALSE_SECRET, holds, multiplicityFor, named, refused, signalsOf } from './forging.ts'
import { keyFor, type TestKey, uncheckedKeyFor } from './keys.ts'
import {
  firstValues,
  honest,
  moved,
  type NamedCircuit,
  ROWS,
  rangeCircuit,
  secondValues,
  type Values,
} from './range-circuit.ts'

describe('forgeries against Groth16 in two rounds', () => {
  const circuit = rangeCircuit()
  let test: TestKey

  before(async () => {
    test = await keyFor(circuit)
  })

  describe('what the challenge must come after', () => {
    it('a multiplicity in the second round proves any number to be a byte; no key is made for that', async () => {
      const bad = moved(circuit, 'm3')
      const open = await uncheckedKeyFor(bad)
      const proof = await forge(open, bad, {
        committed: FALSE_SECRET,
        finish(commitment) {
          const [x] = challengesFor(open, bad, FALSE_SECRET, commitment)
          const first = { ...FALSE_SECRET, m3: multiplicityFor(FALSE_SECRET, x!) }
          return { ...first, x: x!, ...secondValues(first, [x!]) }
        },
      })
      expect(await holds(open, bad, proof, FALSE_SECRET)).to.equal(true)
      await refused(bad, /second round is not determined/)
    })

    it('a multiplicity changed after the challenge is not the one that C₁ holds', async () => {
      const proof = await forge(test, circuit, {
        committed: FALSE_SECRET,
        finish(commitment) {
          const [x] = challengesFor(test, circuit, FALSE_SECRET, commitment)
          const first = { ...FALSE_SECRET, m3: multiplicityFor(FALSE_SECRET, x!) }
          return { ...first, x: x!, ...secondValues(first, [x!]) }
        },
      })
      expect(await holds(test, circuit, proof, FALSE_SECRET)).to.equal(false)
    })

    it('limbs in the second round prove any number to be a byte; no key is made for that', async () => {
      // Without the squares, which would tie the limbs to a public signal.
      const looked: NamedCircuit = {
        ...circuit,
        first: circuit.first.filter((wire) => !wire.endsWith('²')),
        constraints: circuit.constraints.filter(
          (sides) => !sides.some((side) => Object.keys(side).some((wire) => wire.endsWith('²'))),
        ),
      }
      const bad = moved(looked, 'low', 'high')
      const open = await uncheckedKeyFor(bad)
      const committed = { ...FALSE_SECRET, m0: 0n, m5: 1n, m6: 1n }
      let proof: TwoRoundProof | null = null
      // Two limbs with a given sum of inverses are the roots of a quadratic, which has some for every second challenge.
      for (let tries = 0; proof === null && tries < 40; tries++) {
        proof = await forge(open, bad, {
          committed,
          finish(commitment) {
            const [x] = challengesFor(open, bad, committed, commitment)
            const limbs = limbsFor(x!, 1000n, F.add(F.inv(x! - 5n), F.inv(x! - 6n)))
            if (limbs === null) throw new RangeError('no roots')
            const first = { ...committed, ...limbs }
            return { ...first, x: x!, ...secondValues(first, [x!]) }
          },
        }).catch((error: unknown) => {
          if (error instanceof RangeError) return null
          throw error
        })
      }
      expect(await holds(open, bad, proof!, committed)).to.equal(true)
      await refused(bad, /second round is not determined/)
    })

    it('a lookup that no sum takes in proves nothing; no key is made for that', async () => {
      const constraints = circuit.constraints.map(([a, b, c]) => {
        const { '1/(x−low)': term, ...rest } = a as Record<string, number>
        return term !== undefined && Object.keys(rest).length > 2 ? ([rest, b, c] as const) : ([a, b, c] as const)
      })
      const bad = { ...circuit, constraints }
      const open = await uncheckedKeyFor(bad)
      const first = { ...FALSE_SECRET, m0: 1n }
      const proof = await forge(open, bad, {
        committed: first,
        finish(commitment) {
          const [x] = challengesFor(open, bad, first, commitment)
          return { ...first, x: x!, ...secondValues(first, [x!]) }
        },
      })
      expect(await holds(open, bad, proof, first)).to.equal(true)
      await refused(bad, /bears on no identity/)
    })
  })

  describe('where the challenge comes from', () => {
    it('a challenge that the prover chooses, or that calldata gives, proves anything; no verifier takes one', async () => {
      const x = 123_456_789n
      const first = { ...FALSE_SECRET, m3: multiplicityFor(FALSE_SECRET, x) }
      const proof = await forge(test, circuit, {
        committed: first,
        finish: () => ({ ...first, x, ...secondValues(first, [x]) }),
      })
      const signals = signalsOf(circuit, first)
      expect(await pairingHolds(test.key, proof, [...signals, x])).to.equal(true)
      expect(await verifyTwoRound(test.key, proof, signals)).to.equal(false)
    })

    it('a hash of C₁ alone lets the prover choose public signals after the challenge', async () => {
      // The public output itself is looked up.
      const looked: NamedCircuit = {
        ...circuit,
        first: circuit.first.filter((wire) => !['low', 'high'].includes(wire) && !wire.endsWith('²')),
        second: ['1/(x−output)', ...circuit.second.filter((wire) => wire.startsWith('m'))],
        constraints: [
          [{ secret: 1 }, { secret: 1 }, { input: 1, context: -1 }],
          [{ model: 1, one: -7 }, { one: 1 }, {}],
          [{ '1/(x−output)': 1 }, { x: 1, output: -1 }, { one: 1 }],
          ...circuit.constraints.filter(
            ([a]) => Object.keys(a).length === 1 && Object.keys(a)[0]!.startsWith('m') && Object.keys(a)[0] !== 'model',
          ),
          [
            {
              '1/(x−output)': 1,
              ...Object.fromEntries(Array.from({ length: ROWS }, (_, t) => [`m${t}/(x−${t})`, -1])),
            },
            { one: 1 },
            {},
          ],
        ],
      }
      const key = await keyFor(looked)
      const committed = { ...firstValues(0), model: 7n, m5: 2n, m0: 0n }
      const attack = async (challengeOf: (commitment: G1Point) => bigint) => {
        let signals: bigint[] = []
        let challenge = 0n
        const proof = await forge(key, looked, {
          committed,
          finish(commitment) {
            challenge = challengeOf(commitment)
            // 1/(x − output) = 2/(x − 5)
            const output = F.sub(challenge, F.div(challenge - 5n, 2n))
            const first = { ...committed, output }
            signals = signalsOf(looked, first)
            return {
              ...first,
              x: challenge,
              ...secondValues({ ...first, low: 0n, high: 0n }, [challenge]),
              '1/(x−output)': F.inv(challenge - output),
            }
          },
        })
        return { proof, signals, challenge }
      }
      const weak = await attack((commitment) => hashOf(commitment))
      expect(weak.signals[2]! > 15n).to.equal(true)
      expect(await pairingHolds(key.key, weak.proof, [...weak.signals, hashOf(weak.proof.commitment)])).to.equal(true)
      expect(await verifyTwoRound(key.key, weak.proof, weak.signals)).to.equal(false)
      // With the challenge of the statement that was planned, the statement that fits it has another one.
      const strong = await attack((commitment) => challengesFor(key, looked, committed, commitment)[0]!)
      expect(await pairingHolds(key.key, strong.proof, [...strong.signals, strong.challenge])).to.equal(true)
      expect(await verifyTwoRound(key.key, strong.proof, strong.signals)).to.equal(false)
    })

    it('one challenge for two statements lets the second be made up after it; each proof of a batch has its own', async () => {
      const prover = await openTwoRound(test.zkey, { threads: 1 })
      const before = await prover.prove(honest(circuit, 20))
      await prover.close()
      const [x] = challengesOf(twoRoundKeyHash(test.key), 1, before.proof.commitment, before.publicSignals)
      const first = { ...FALSE_SECRET, m3: multiplicityFor(FALSE_SECRET, x!) }
      const proof = await forge(test, circuit, {
        committed: first,
        finish: () => ({ ...first, x: x!, ...secondValues(first, [x!]) }),
      })
      const publicSignals = signalsOf(circuit, first)
      expect(await pairingHolds(test.key, before.proof, [...before.publicSignals, x!])).to.equal(true)
      expect(await pairingHolds(test.key, proof, [...publicSignals, x!])).to.equal(true)
      expect(await verifyTwoRoundBatch(test.key, [before, { proof, publicSignals }])).to.equal(false)
      expect(await verifyTwoRound(test.key, { ...proof, commitment: before.proof.commitment }, publicSignals)).to.equal(
        false,
      )
    })

    it('a second commitment could be chosen after the first’s challenge; a proof has one, and both challenges come from it', async () => {
      const pairs = rangeCircuit(2)
      const key = await keyFor(pairs)
      // Row 3 is (3, 9). With y known before the commitment, (low, square) is any pair with low + y·square = 3 + 9·y.
      const y = 987_654_321n
      const low = 11n
      const square = F.div(F.sub(3n + 9n * y, low), y)
      const first = { ...firstValues(11), 'low²': square, output: square, m11: 0n, m3: 1n }
      const proofWith = (yOf: (given: readonly bigint[]) => bigint) =>
        forge(key, pairs, {
          committed: first,
          finish(commitment) {
            const given = challengesFor(key, pairs, first, commitment)
            const both = [given[0]!, yOf(given)]
            return { ...first, ...named(pairs, both), ...secondValues(first, both) }
          },
        })
      const early = await proofWith(() => y)
      const signals = signalsOf(pairs, first)
      const [x] = challengesFor(key, pairs, first, early.commitment)
      expect(await pairingHolds(key.key, early, [...signals, x!, y])).to.equal(true)
      expect(await holds(key, pairs, early, first)).to.equal(false)
      expect(await holds(key, pairs, await proofWith(([, late]) => late!), first)).to.equal(false)
    })
  })

  describe('what the set-up must keep apart', () => {
    it('one δ for both rounds lets C₂ hold what C₁ should; the set-up draws two', async () => {
      const attack = (key: TestKey) =>
        forge(key, circuit, {
          committed: FALSE_SECRET,
          finish(commitment) {
            const [x] = challengesFor(key, circuit, FALSE_SECRET, commitment)
            multiplicity = multiplicityFor(FALSE_SECRET, x!)
            const first = { ...FALSE_SECRET, m3: multiplicity }
            return { ...first, x: x!, ...secondValues(first, [x!]) }
          },
          get addedToC() {
            return { m3: multiplicity }
          },
        })
      let multiplicity = 0n
      const same = await uncheckedKeyFor(circuit, () => {
        const secrets = drawTwoRoundSecrets()
        return { ...secrets, deltaFirst: secrets.delta }
      })
      expect(await holds(same, circuit, await attack(same), FALSE_SECRET)).to.equal(true)
      expect(await holds(test, circuit, await attack(test), FALSE_SECRET)).to.equal(false)
      const fresh = drawTwoRoundSecrets()
      expect(new Set(Object.values(fresh).map(String)).size).to.equal(6)
    })
  })
})

/** keccak256(C₁) >> 8: what public code has been seen to use. */
function hashOf([x, y]: G1Point): bigint {
  const bytes = Buffer.from([x, y].map((value) => value.toString(16).padStart(64, '0')).join(''), 'hex')
  return BigInt(`0x${Buffer.from(keccak_256(bytes)).toString('hex')}`) >> 8n
}

/** low + 16·high = secret and 1/(x − low) + 1/(x − high) = sum, or null. With b = x − high and k = 17x − secret, where
 *  x − low = k − 16·b: 16·sum·b² − (15 + sum·k)·b + k = 0. */
function limbsFor(x: bigint, secret: bigint, sum: bigint): Values | null {
  const k = F.create(17n * x - secret)
  const [a, b] = [F.mul(16n, sum), F.neg(F.add(15n, F.mul(sum, k)))]
  const discriminant = F.sub(F.mul(b, b), F.mul(F.mul(4n, a), k))
  try {
    const root = F.div(F.sub(F.sqrt(discriminant), b), F.mul(2n, a))
    const high = F.sub(x, root)
    return { low: F.sub(secret, F.mul(16n, high)), high }
  } catch {
    return null
  }
}
