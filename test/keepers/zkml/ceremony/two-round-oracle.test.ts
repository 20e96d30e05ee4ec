// SPDX-License-Identifier: GPL-3.0-or-later
// Why every step's points are checked, and not the last step's alone. A list of points can have a place that no proof needs. Whoever puts a
// point of their choice there gets it back divided by an honest contributor's factor, and can put the place in order again.
import { rm } from 'node:fs/promises'
import { expect } from 'chai'
import { SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import { contribute } from '../../../../keepers/zkml/ceremony/ceremony.ts'
import { fromFileForm, toFileForm } from '../../../../keepers/zkml/ceremony/two-round/encoding.ts'
import { readLagrangePoints } from '../../../../keepers/zkml/ceremony/two-round/lagrange.ts'
import { advance } from '../../../../keepers/zkml/ceremony/two-round/points.ts'
import { readStepPoints } from '../../../../keepers/zkml/ceremony/two-round/points-file.ts'
import { beaconFactors } from '../../../../keepers/zkml/ceremony/two-round/record.ts'
import { pointsPath } from '../../../../keepers/zkml/ceremony/two-round/steps.ts'
import { verifyCeremony } from '../../../../keepers/zkml/ceremony/verify.ts'
import { inverse } from '../../../../keepers/zkml/kernel/kernel.ts'
import { verifyTwoRound } from '../../../../keepers/zkml/prove/two-round-verify.ts'
import { loadCurve } from '../../../../keepers/zkml/setup/curve-memory.ts'
import { parseTwoRoundZkey } from '../../../../keepers/zkml/setup/two-round-zkey.ts'
import { challengesOf, twoRoundKeyHash } from '../../../../keepers/zkml/verifier/two-round-key.ts'
import { forge } from '../two-round/dishonest.ts'
import { firstValues, rangeCircuit, secondValues, type Values } from '../two-round/range-circuit.ts'
import { addBeacon, addForgedStep, contribution, draw, uncheckedKey } from './two-round-mallory.ts'
import { BEACON, CeremonyStage, failure, POWER } from './two-round-stage.ts'

describe('a contributor who uses an honest one', function () {
  this.timeout(60_000)
  let stage: CeremonyStage

  /** One wire of the first round is in no constraint: its place in the list is at infinity. */
  before(async () => {
    const circuit = rangeCircuit(1)
    stage = await CeremonyStage.open({ ...circuit, first: [...circuit.first, 'spare'] })
  })
  after(() => rm(stage.home, { recursive: true, force: true }))

  const divided = async (point: Uint8Array, ...factors: bigint[]) => {
    const { G1 } = await loadCurve()
    const divisor = factors.reduce((product, factor) => (product * factor) % SCALAR_FIELD)
    return toFileForm('G1', G1.timesScalar(await fromFileForm('G1', point), inverse(divisor, SCALAR_FIELD)))
  }

  it('forges with the last key, which is in order; the steps between are not', async () => {
    const folder = await stage.begin('ceremony')
    const [ada, first, last] = [draw(), draw(), draw()]
    await contribution(stage, folder, 'Ada', ada)
    // A row of the quadratic program over δ₁: with it, that row need not hold.
    const { tau } = await readLagrangePoints(stage.ptau(), POWER, ['tau'])
    const bait = await divided(tau.slice(0, 64), ada[0], first[0])
    const spare = (list: Uint8Array, point: Uint8Array) => {
      const copy = list.slice()
      copy.set(point, list.byteLength - 64)
      return copy
    }
    await addForgedStep(stage, folder, {
      factors: first,
      async points(before) {
        const after = await advance(before, first)
        return { ...after, commitment: spare(after.commitment, bait) }
      },
    })
    await contribute({ folder, name: 'Clara' })
    const stolen = (await readStepPoints(pointsPath(folder, 3))).commitment.slice(-64)
    await addForgedStep(stage, folder, {
      factors: last,
      async points(before) {
        const after = await advance(before, last)
        return { ...after, commitment: spare(after.commitment, new Uint8Array(64)) }
      },
    })
    await addBeacon(stage, folder)

    const { zkey, key } = await uncheckedKey(stage, folder)
    const { steps } = await stage.transcript(folder)
    const [beacon] = await beaconFactors(BEACON, steps[3]!.contributionHash)
    const armed = zkey.slice()
    parseTwoRoundZkey(armed).sections.commitment.set(
      await divided(stolen, last[0], beacon),
      64 * (stage.rounds.firstRound - 1),
    )
    // input = secret² + context is off by five.
    const honest = firstValues(17)
    const values: Values = { ...honest, input: honest.input! + 5n, spare: SCALAR_FIELD - 5n }
    const signals = stage.circuit.publicSignals.map((wire) => values[wire]!)
    const holdsWith = async (provingKey: Uint8Array) => {
      const proof = await forge({ zkey: provingKey, key }, stage.circuit, {
        committed: values,
        finish(commitment) {
          const [x] = challengesOf(twoRoundKeyHash(key), 1, commitment, signals)
          return { ...values, x: x!, ...secondValues(values, [x!]) }
        },
      })
      return verifyTwoRound(key, proof, signals)
    }
    expect(await holdsWith(armed)).to.equal(true)
    expect(await holdsWith(zkey)).to.equal(false)

    expect(await stage.faults(folder)).to.deep.equal(['2 commitment', '3 commitment'])
    expect((await failure(verifyCeremony(stage.files(folder)))).message).to.match(
      /step 2 \(Mallory\): the points of the first/,
    )
  })
})
