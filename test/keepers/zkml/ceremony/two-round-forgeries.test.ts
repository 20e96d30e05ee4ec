// SPDX-License-Identifier: GPL-3.0-or-later
// Attacks on a ceremony in two rounds. `faults` runs every check of every step: an attack with one fault alone would be accepted if that
// check were switched off. docs/ceremony.md says what each is for.
import { rm } from 'node:fs/promises'
import { expect } from 'chai'
import { SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import { fromFileForm, toFileForm } from '../../../../keepers/zkml/ceremony/two-round/encoding.ts'
import { advance } from '../../../../keepers/zkml/ceremony/two-round/points.ts'
import {
  readStepPoints,
  type StepPoints,
  writeStepPoints,
} from '../../../../keepers/zkml/ceremony/two-round/points-file.ts'
import {
  beaconFactors,
  circuitHashOf,
  type Factors,
  recordOf,
} from '../../../../keepers/zkml/ceremony/two-round/record.ts'
import { pointsPath } from '../../../../keepers/zkml/ceremony/two-round/steps.ts'
import { verifyCeremony } from '../../../../keepers/zkml/ceremony/verify.ts'
import { verifyTwoRound } from '../../../../keepers/zkml/prove/two-round-verify.ts'
import { loadCurve } from '../../../../keepers/zkml/setup/curve-memory.ts'
import { sha256File } from '../../../../keepers/zkml/setup/metadata.ts'
import { pointOutsideSubgroup } from '../outside-subgroup.ts'
import {
  addBeacon,
  addForgedStep,
  contribution,
  draw,
  type ForgedStep,
  forgeWithDelta,
  uncheckedKey,
} from './two-round-mallory.ts'
import { BEACON, CeremonyStage, failure } from './two-round-stage.ts'

/** Public signals that no prover has a witness for. */
const ANYTHING = [1n, 2n, 3n, 4n]

describe('attacks on a ceremony for Groth16 in two rounds', function () {
  this.timeout(60_000)
  let stage: CeremonyStage
  /** Ada and Blaise have contributed; Mallory is next. */
  let folder: string
  const known = [draw(), draw()] as const

  before(async () => {
    stage = await CeremonyStage.open()
    folder = await stage.begin('ceremony')
    await contribution(stage, folder, 'Ada', known[0])
    await contribution(stage, folder, 'Blaise', known[1])
  })
  after(() => rm(stage.home, { recursive: true, force: true }))

  const forged = async (forgery: ForgedStep): Promise<string> => {
    const target = await stage.copyOf(folder)
    await addForgedStep(stage, target, forgery)
    return target
  }
  const faultsOf = async (forgery: ForgedStep) => stage.faults(await forged(forgery))

  it('fail for their attack: a step made in the same way that keeps the rules has no fault', async () => {
    const factors = draw()
    expect(await faultsOf({ factors, points: (before) => advance(before, factors) })).to.deep.equal([])
  })

  describe('on the points', () => {
    const part = (bytes: Uint8Array, index: number) => bytes.slice(64 * index, 64 * index + 64)
    const withPoint = (bytes: Uint8Array, index: number, point: Uint8Array) => {
      const copy = bytes.slice()
      copy.set(point, 64 * index)
      return copy
    }
    type Change = (bytes: Uint8Array, before: Uint8Array) => Uint8Array | Promise<Uint8Array>

    for (const list of ['commitment', 'c', 'h'] as const) {
      const altered = (change: Change) => {
        const factors = draw()
        return faultsOf({
          factors,
          async points(before) {
            const after = await advance(before, factors)
            return { ...after, [list]: await change(after[list], before[list]) }
          },
        })
      }
      const changes: [string, Change][] = [
        ['exchanged', (bytes) => withPoint(withPoint(bytes, 0, part(bytes, 2)), 2, part(bytes, 0))],
        ['at infinity', (bytes) => withPoint(bytes, 0, new Uint8Array(64))],
        ['without the factor, one of them', (bytes, before) => withPoint(bytes, 3, part(before, 3))],
        ['without the factor, all of them', (_, before) => before],
        [
          'scaled',
          async (bytes) => {
            const { G1 } = await loadCurve()
            const twice = G1.timesScalar(await fromFileForm('G1', part(bytes, 1)), 2n)
            return withPoint(bytes, 1, await toFileForm('G1', twice))
          },
        ],
      ]
      it(`of ${list}: ${changes.map(([what]) => what).join('; ')}; off the curve`, async () => {
        for (const [what, change] of changes) expect(await altered(change), what).to.deep.equal([`3 ${list}`])
        const off = await altered((bytes) => bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte)))
        expect(off).to.deep.equal(['3 curve'])
      })

      it(`of ${list} off the curve: no secret touches them`, async () => {
        const factors = draw()
        const target = await forged({
          factors,
          async points(before) {
            const after = await advance(before, factors)
            return { ...after, [list]: after[list].map((byte, i) => (i === 0 ? byte ^ 1 : byte)) }
          },
        })
        const error = await failure(contribution(stage, target, 'Clara', draw()))
        expect(error).to.include({ code: 'invalid-contribution' })
        expect(error.message).to.match(/step 3 \(Mallory\): a point is not on the curve/)
      })
    }

    it('of each round over the other’s factor', async () => {
      const factors = draw()
      const faults = await faultsOf({
        factors,
        async points(before) {
          const { deltas } = await advance(before, factors)
          return { ...(await advance(before, [factors[1], factors[0]])), deltas }
        },
      })
      expect(faults).to.deep.equal(['3 commitment', '3 c', '3 h'])
    })

    it('of another circuit, from the beginning', async () => {
      const target = await stage.begin('other')
      const initial = await readStepPoints(pointsPath(target, 0))
      await writeStepPoints(pointsPath(target, 0), { ...initial, c: withPoint(initial.c, 0, part(initial.c, 1)) })
      const pointsSha256 = await sha256File(pointsPath(target, 0))
      const { circuit, powersOfTau } = await stage.transcript(target)
      const circuitHash = circuitHashOf({ ...circuit, shape: circuit, ptauBlake2b: powersOfTau.blake2b, pointsSha256 })
      await stage.edit(target, (t) => Object.assign(t, { circuitHash, initialPointsSha256: pointsSha256 }))
      expect(await stage.faults(target)).to.deep.equal(['0 c'])
    })
  })

  describe('on the secrets', () => {
    /** Leaves out what Ada and Blaise did to δ₂: what remains is Mallory's alone. */
    const withoutOthers = async (mine: Factors): Promise<ForgedStep> => {
      const initial = await readStepPoints(pointsPath(folder, 0))
      return {
        factors: mine,
        async points(before) {
          const [kept, own] = [await advance(before, mine), await advance(initial, mine)]
          return { ...kept, deltas: [kept.deltas[0], own.deltas[1]], c: own.c, h: own.h }
        },
      }
    }

    it('a last contributor who begins anew forges; only the proof of knowledge stands in the way', async () => {
      const mine = draw()
      const target = await forged(await withoutOthers(mine))
      // No honest contributor goes on from there.
      const next = await failure(contribution(stage, target, 'Clara', draw()))
      expect(next.message).to.match(/step 3 \(Mallory\): nothing proves .* go on from the folder as it was/)
      await addBeacon(stage, target)
      expect(await stage.faults(target)).to.deep.equal(['3 knowledge-2'])
      expect((await failure(verifyCeremony(stage.files(target)))).message).to.match(
        /step 3 \(Mallory\): nothing proves that the factor of δ₂ was known/,
      )
      const { zkey, key } = await uncheckedKey(stage, target)
      const { steps } = await stage.transcript(target)
      const beacon = await beaconFactors(BEACON, steps[2]!.contributionHash)
      const delta = (mine[1] * beacon[1]) % SCALAR_FIELD
      expect(await verifyTwoRound(key, await forgeWithDelta(zkey, key, delta, ANYTHING), ANYTHING)).to.equal(true)
    })

    it('who knows every factor forges; who lacks one does not, in the same way', async () => {
      const target = await stage.copyOf(folder)
      const clara = draw()
      await contribution(stage, target, 'Clara', clara)
      await addBeacon(stage, target)
      expect(await stage.faults(target)).to.deep.equal([])
      const { zkey, key } = await uncheckedKey(stage, target)
      const { steps } = await stage.transcript(target)
      const beacon = await beaconFactors(BEACON, steps[2]!.contributionHash)
      const all = [...known, clara, beacon].map((factors) => factors[1])
      const product = (values: bigint[]) => values.reduce((a, b) => (a * b) % SCALAR_FIELD)
      const proof = await forgeWithDelta(zkey, key, product(all), ANYTHING)
      expect(await verifyTwoRound(key, proof, ANYTHING)).to.equal(true)
      for (const missing of all.keys()) {
        const rest = product(all.filter((_, i) => i !== missing))
        const attempt = await forgeWithDelta(zkey, key, rest, ANYTHING)
        expect(await verifyTwoRound(key, attempt, ANYTHING), `without factor ${missing}`).to.equal(false)
      }
    })

    it('a δ that differs between the groups', async () => {
      for (const [index, check] of [
        [0, 'ratio-1'],
        [1, 'ratio-2'],
      ] as const) {
        const factors = draw()
        const faults = await faultsOf({
          factors,
          async points(before) {
            const after = await advance(before, factors)
            const deltas = [...after.deltas] as [StepPoints['deltas'][0], StepPoints['deltas'][1]]
            deltas[index] = { ...deltas[index], g1: before.deltas[index].g1 }
            return { ...after, deltas }
          },
        })
        expect(faults).to.deep.equal([`3 ${check}`])
      }
    })

    it('a factor that changes nothing, and one factor for both', async () => {
      const [a] = draw()
      for (const [factors, check] of [
        [[1n, a], 'idle'],
        [[a, 1n], 'idle'],
        [[a, a], 'same-factor'],
      ] as const) {
        expect(await faultsOf({ factors, points: (before) => advance(before, factors) })).to.deep.equal([`3 ${check}`])
      }
    })

    it('proofs of other factors, of another step, under another name', async () => {
      const factors = draw()
      const points = (before: StepPoints) => advance(before, factors)
      expect(await faultsOf({ factors: [draw()[0], factors[1]], points })).to.deep.equal(['3 knowledge-1'])
      expect(await faultsOf({ factors: [factors[0], draw()[1]], points })).to.deep.equal(['3 knowledge-2'])
      const blaise = (await stage.transcript(folder)).steps[1]!
      const moved = await faultsOf({
        factors,
        points,
        record: (step) => ({
          ...step,
          deltas: [
            { ...step.deltas[0], proof: blaise.deltas[0].proof },
            { ...step.deltas[1], proof: blaise.deltas[1].proof },
          ],
        }),
      })
      expect(moved).to.deep.equal(['3 knowledge-1', '3 knowledge-2'])
      const renamed = await faultsOf({ factors, points, record: (step) => ({ ...step, name: 'Eve' }) })
      expect(renamed).to.deep.equal(['3 knowledge-1', '3 knowledge-2'])
    })

    it('a δ outside the group of order r, at infinity, or off its curve', async () => {
      const factors = draw()
      const points = (before: StepPoints) => advance(before, factors)
      const word = (value: bigint) => value.toString(16).padStart(64, '0')
      const outside = `0x${pointOutsideSubgroup().flat().map(word).join('')}`
      const inG1 = (g1: string) => (step: any) => ({ ...step, deltas: [{ ...step.deltas[0], g1 }, step.deltas[1]] })
      const inG2 = (g2: string) => (step: any) => ({ ...step, deltas: [step.deltas[0], { ...step.deltas[1], g2 }] })
      for (const record of [
        inG2(outside),
        inG2(`0x${'00'.repeat(128)}`),
        inG2(`0x${'00'.repeat(127)}01`),
        inG1(`0x${'00'.repeat(64)}`),
        inG1(`0x${'ff'.repeat(64)}`),
        inG1(`0x${word(1n)}${word(1n)}`),
      ]) {
        expect(await faultsOf({ factors, points, record })).to.deep.equal(['3 group'])
      }
    })

    it('a file with other δ than the transcript’s', async () => {
      const factors = draw()
      const other = await advance(await readStepPoints(pointsPath(folder, 2)), draw())
      const said = await advance(await readStepPoints(pointsPath(folder, 2)), factors)
      const honest = await Promise.all(said.deltas.map(recordOf))
      // The list's points are over the transcript's δ; the file's header, from which a key would be made, has others.
      const target = await forged({ points: async () => ({ ...said, deltas: other.deltas }) })
      const faults = await stage.faults(target)
      expect(faults).to.include('3 knowledge-1')
      await stage.edit(target, (t) => {
        for (const i of [0, 1]) Object.assign(t.steps[2].deltas[i], honest[i])
      })
      expect(await stage.faults(target)).to.include('3 deltas')
    })
  })
})
