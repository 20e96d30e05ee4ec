// SPDX-License-Identifier: GPL-3.0-or-later
// The conditions that two rounds are sound and hide the witness under (docs/zkml-lookups.md), each broken on purpose: the attack works
// where the defence is off, and fails where it is on.
import { Field } from '@noble/curves/abstract/modular.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { expect } from 'chai'
import { SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import { openTwoRound } from '../../../../keepers/zkml/prove/two-round.ts'
import type { TwoRoundProof } from '../../../../keepers/zkml/prove/two-round-proof.ts'
import { pairingHolds, verifyTwoRound, verifyTwoRoundBatch } from '../../../../keepers/zkml/prove/two-round-verify.ts'
import { packValues } from '../../../../keepers/zkml/prove/two-round-witness.ts'
import { drawTwoRoundSecrets } from '../../../../keepers/zkml/setup/secrets.ts'
import { challengesOf, twoRoundKeyHash } from '../../../../keepers/zkml/verifier/two-round-key.ts'
import type { G1Point } from '../../../../keepers/zkml/verifier/verification-key.ts'
import { commitmentsOf, difference, forge } from './dishonest.ts'
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

const F = Field(SCALAR_FIELD)
const signalsOf = (circuit: NamedCircuit, values: Values) =>
  circuit.publicSignals.map((wire) => F.create(values[wire]!))
const challengesFor = ({ key }: TestKey, circuit: NamedCircuit, values: Values, commitment: G1Point) =>
  challengesOf(twoRoundKeyHash(key), circuit.challenges.length, commitment, signalsOf(circuit, values))
const named = (circuit: NamedCircuit, challenges: readonly bigint[]): Values =>
  Object.fromEntries(circuit.challenges.map((wire, i) => [wire, challenges[i]!]))
const holds = (test: TestKey, circuit: NamedCircuit, proof: TwoRoundProof, values: Values) =>
  verifyTwoRound(test.key, proof, signalsOf(circuit, values))
const refused = async (circuit: NamedCircuit, message: RegExp) => {
  const error = await keyFor(circuit).then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).to.have.property('code', 'r1cs-unsupported')
  expect(String(error)).to.match(message)
}

/** 1000 as its own low limb: everything holds but the lookup. */
const FALSE_SECRET: Values = {
  ...firstValues(0),
  secret: 1000n,
  low: 1000n,
  'low²': 1_000_000n,
  input: 1_000_000n,
  output: 1_000_000n,
}

/** The multiplicity of row 3 for which the sum holds at a challenge. */
function multiplicityFor(first: Values, challenge: bigint): bigint {
  const second = secondValues({ ...first, m3: 0n }, [challenge])
  let sum = F.add(second['1/(x−low)']!, second['1/(x−high)']!)
  for (let t = 0; t < ROWS; t++) sum = F.sub(sum, second[`m${t}/(x−${t})`]!)
  return F.mul(sum, challenge - 3n)
}

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

  describe('tables', () => {
    it('a pair in one column is another pair too; under a second challenge it is itself', async () => {
      // The limb 16 with the square −1 adds up to what row 0 does: 16 + 16·(−1) = 0.
      const first = { ...firstValues(0), secret: 16n, low: 16n, 'low²': -1n, input: 256n, output: -1n }
      const column = columnCircuit()
      const key = await keyFor(column)
      const [forged, separate] = [{ ...first, m0: 2n }, rangeCircuit(2)]
      const proof = await forge(key, column, {
        committed: forged,
        finish(commitment) {
          const [x] = challengesFor(key, column, forged, commitment)
          return { ...forged, x: x!, ...columnValues(forged, x!) }
        },
      })
      expect(await holds(key, column, proof, forged)).to.equal(true)
      const two = await keyFor(separate)
      const refusedProof = await forge(two, separate, {
        committed: forged,
        finish(commitment) {
          const given = challengesFor(two, separate, forged, commitment)
          return { ...forged, ...named(separate, given), ...secondValues(forged, given) }
        },
      })
      expect(await holds(two, separate, refusedProof, forged)).to.equal(false)
    })

    it('a row that occurs twice leaves the first round free; no key is made for that', async () => {
      const constraints = circuit.constraints.map((sides) =>
        'm9' in sides[2] ? ([sides[0], { x: 1, one: -3 }, sides[2]] as const) : sides,
      )
      const bad = { ...circuit, constraints }
      const open = await uncheckedKeyFor(bad)
      for (const split of [0n, 1n, 55n]) {
        const first = { ...firstValues(0x33), m3: split, m9: 2n - split }
        const proof = await forge(open, bad, {
          committed: first,
          finish(commitment) {
            const [x] = challengesFor(open, bad, first, commitment)
            const second = secondValues(first, [x!])
            return { ...first, x: x!, ...second, 'm9/(x−9)': F.div(first.m9, x! - 3n) }
          },
        })
        expect(await holds(open, bad, proof, first)).to.equal(true)
      }
      await refused(bad, /stand for the same row/)
    })
  })

  describe('what a proof hides', () => {
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

/** Both columns of the table of squares added up in one: t + 16·t². */
function columnCircuit(): NamedCircuit {
  const one = rangeCircuit()
  return {
    ...one,
    constraints: rangeCircuit(2)
      .constraints.filter(([a]) => !('y' in a))
      .map(([a, b, c]) => {
        const { y, 'y·low²': low, 'y·high²': high, ...rest } = b as Record<string, number>
        const merged: Record<string, number> = { ...rest }
        if (y !== undefined) merged.one = (merged.one ?? 0) + 16 * y
        if (low !== undefined) merged['low²'] = 16 * low
        if (high !== undefined) merged['high²'] = 16 * high
        return [a, merged, c] as const
      }),
  }
}

function columnValues(first: Values, x: bigint): Values {
  const values: Record<string, bigint> = {}
  for (const limb of ['low', 'high'])
    values[`1/(x−${limb})`] = F.inv(F.create(x - first[limb]! - 16n * first[`${limb}²`]!))
  for (let t = 0; t < ROWS; t++)
    values[`m${t}/(x−${t})`] = F.div(F.create(first[`m${t}`]!), F.create(x - BigInt(t + 16 * t * t)))
  return values
}
