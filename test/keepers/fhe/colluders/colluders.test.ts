// SPDX-License-Identifier: GPL-3.0-or-later
// t − 1 members who stay out of the draft, and the honest shares of it. Without masks these are several readings of one
// value; the attack must work on such shares, or its failure on masked ones would mean nothing. (16, 9) is in test/slow.
import { expect } from 'chai'
import { add, coefficients, inverseMod, polynomialOfCoefficients, product, subtract } from '../arithmetic.ts'
import { ROUND } from '../ceremony.ts'
import { residuesOf } from './attack.ts'
import { modulo, readingsOf, type Seating, seating } from './seating.ts'
import { Stage } from './stage.ts'
import { expectKnownPlaintextVerdicts, expectUnknownPlaintextVerdicts } from './verdict.ts'

/** Points from 1, as in the table of the README. */
const KNOWN: readonly [string, Seating][] = [
  ['(5, 3), both colluders undrafted', seating(5, [2, 4], [1, 3, 5])],
  ['(7, 4), all three undrafted', seating(7, [3, 5, 6], [1, 2, 4, 7])],
  ['(7, 4), one of three drafted', seating(7, [3, 5, 6], [1, 4, 6, 7])],
]
const LARGE = seating(13, [4, 5, 6, 9, 10, 12], [1, 2, 3, 7, 8, 11, 13])

describe('fhe against t − 1 colluders and the shares of a round', function () {
  this.timeout(120_000)

  for (const [name, seats] of KNOWN) {
    it(`plaintext known, ${name}: Σ s_i whole without masks, nothing with them`, async () => {
      await using stage = await Stage.open(seats, 128)
      await expectKnownPlaintextVerdicts(stage)
    })
  }

  it('plaintext unknown, (13, 7): one member’s secret and update without masks, nothing with them', async () => {
    await expectUnknownPlaintextVerdicts(() => Stage.open(LARGE, 68, 3 * 4095))
  })

  describe('one masked share, in the eyes of the colluders', () => {
    let stage: Stage
    before(async () => {
      stage = await Stage.open(KNOWN[1]![1], 128)
    })
    after(() => stage[Symbol.asyncDispose]())

    /** Each share less all that the colluders know and less μ_j·(a·s_S): the part that hides it. */
    async function hidden(how: 'masked' | 'unmasked', contributors = stage.honest): Promise<Uint8Array[]> {
      const { kernel } = stage.core
      const seen = (await stage.observe(how, contributors))[0]!
      const { honest, c, denominator } = readingsOf(seen.colluders, seen.activeSet)
      const s = polynomialOfCoefficients(kernel, stage.secret(contributors))
      const rest = residuesOf(kernel, seen)
      const primes = kernel.primes.slice(0, kernel.dataPrimeCount)
      return honest.map((j, at) => {
        const mu = primes.map((p) => modulo(c[at]! * inverseMod(modulo(denominator, p), p), p))
        return subtract(kernel, rest.get(j)!, product(kernel, seen.a, s, mu))
      })
    }

    it('is uniform, whatever the honest members put in; without masks it is flooding', async () => {
      const two = stage.honest.slice(0, 2)
      for (const contributors of [stage.honest, two]) {
        for (const share of await hidden('masked', contributors)) {
          expect(chiSquare(stage, share), '255 degrees of freedom').to.be.within(140, 400)
        }
      }
      // The measure sees a difference of two masked shares of one member, too, as uniform; and small noise as it is.
      const [first, second] = [await hidden('masked'), await hidden('masked', two)]
      for (const [i, share] of first.entries()) {
        expect(chiSquare(stage, subtract(stage.core.kernel, share, second[i]!))).to.be.within(140, 400)
      }
      for (const share of await hidden('unmasked')) expect(largest(stage, share)).to.be.below(floodingReach(stage))
      for (const share of first) expect(largest(stage, share)).to.be.above(115)
    })

    it('all of them together leave the flooding, and no part of them does', async () => {
      const shares = await hidden('masked')
      const sum = (some: readonly Uint8Array[]) => some.reduce((all, share) => add(stage.core.kernel, all, share))
      expect(largest(stage, sum(shares))).to.be.below(floodingReach(stage) + Math.log2(shares.length))
      for (let left = 0; left < shares.length; left++) {
        const some = shares.filter((_, i) => i !== left)
        expect(largest(stage, sum(some))).to.be.above(115)
        expect(chiSquare(stage, sum(some))).to.be.within(140, 400)
      }
    })

    it('two honest members who were shown different drafts give shares that add up to nothing', async () => {
      const { kernel } = stage.core
      const other = stage.honest.filter((member) => member !== stage.victim)
      const [one, two] = [await hidden('masked'), await hidden('masked', other)]
      // The first member answers for one sum, the others for the other sum.
      for (const mixed of [
        [one[0]!, ...two.slice(1)],
        [two[0]!, ...one.slice(1)],
      ]) {
        const sum = mixed.reduce((all, share) => add(kernel, all, share))
        expect(largest(stage, sum)).to.be.above(115)
        expect(chiSquare(stage, sum)).to.be.within(140, 400)
      }
      // The same sum in another round, or with one draft of the round before, is as far away.
      const [later] = await stage.observe('masked', stage.honest, { ...ROUND, round: ROUND.round + 1 })
      const strange = [...later!.shares.values()][0]!
      expect(chiSquare(stage, add(kernel, strange, one[1]!))).to.be.within(140, 400)
    })
  })
})

/** Of the coefficients, in 256 bins over Q: 255 degrees of freedom, so 255 ± 23 when they are uniform. */
function chiSquare(stage: Stage, polynomial: Uint8Array): number {
  const { kernel } = stage.core
  const Q = kernel.primes.slice(0, kernel.dataPrimeCount).reduce((all, p) => all * p, 1n)
  const bins = new Array<number>(256).fill(0)
  for (const value of coefficients(kernel, polynomial)) bins[Number((256n * modulo(value, Q)) / Q)]!++
  const expected = kernel.degree / 256
  return bins.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

/** log2 of the largest coefficient. */
function largest(stage: Stage, polynomial: Uint8Array): number {
  return Math.max(...coefficients(stage.core.kernel, polynomial).map((value) => Math.log2(Math.abs(Number(value)))))
}

/** log2 of the bound on one member's flooding. */
function floodingReach(stage: Stage): number {
  return Math.log2(1.5) + stage.round.plan.flooding.uniformBits
}
