// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { addNoiseShare, clientPrivacySpent } from '../../../keepers/learning/index.ts'
import {
  clip,
  entryBound,
  noiseDeviation,
  type RoundTerms,
  stalenessWeight,
  USUAL_TERMS,
  weighed,
} from '../../../keepers/versions/index.ts'

const PRIVACY = { noiseMultiplier: 1, contributors: 4, colluders: 0, delta: 1e-6 }
const TERMS: RoundTerms = { ...USUAL_TERMS, clipBound: 64, clipNorm: 2 }
const PRIVATE: RoundTerms = { ...TERMS, privacy: PRIVACY }
const norm = (vector: Float32Array) => Math.hypot(...vector)
/** An update that is three times as long as may be, as training left it, and clipped. */
const trained = () => Float32Array.from({ length: 9 }, (_, i) => (i % 2 === 0 ? 2 : -2))
const clipped = () => clip(trained(), new Float32Array(9), entryBound(TERMS), TERMS.clipNorm).update

describe('an update that is behind', () => {
  it('counts 1/√(1 + τ), as fresh ones count 1', () => {
    expect([0, 1, 3, 8].map(stalenessWeight)).to.deep.equal([1, 1 / Math.sqrt(2), 0.5, 1 / 3])
    for (const staleness of [0, 1, 3, 7]) {
      const fresh = clipped()
      const update = weighed(clipped(), { staleness, terms: TERMS })
      update.forEach((value, i) => {
        expect(value).to.be.closeTo(fresh[i]! / Math.sqrt(1 + staleness), 1e-6)
      })
      expect(norm(update)).to.be.at.most(TERMS.clipNorm + 1e-6)
    }
  })

  it('is weighted after it is clipped: the other way round a long one would count as if it were fresh', () => {
    const staleness = 3
    const late = weighed(clipped(), { staleness, terms: TERMS })
    expect(norm(late)).to.be.closeTo(0.5 * TERMS.clipNorm, 1e-6)
    const weightedFirst = trained().map((value) => value * stalenessWeight(staleness))
    const { update } = clip(weightedFirst, new Float32Array(9), entryBound(TERMS), TERMS.clipNorm)
    expect(norm(update)).to.be.closeTo(TERMS.clipNorm, 1e-6)
  })

  it('gets the whole noise of a member, in the parameters alone', () => {
    const update = weighed(new Float32Array(9), { staleness: 3, terms: PRIVATE, length: 6 }, () => 1)
    const deviation = Math.fround(noiseDeviation(PRIVATE))
    expect([...update]).to.deep.equal([...new Array(6).fill(deviation), 0, 0, 0])
  })

  it('would spend more privacy than the ledger counts if the noise were weighted, too', () => {
    const staleness = 3
    const sum = (one: () => Float32Array) => {
      // All members are equally late; a normal source of ones stands for the deviation.
      const each = Array.from({ length: PRIVACY.contributors }, one)
      return Math.sqrt(each.reduce((total, [value]) => total + value! ** 2, 0))
    }
    const multiplier = (deviation: number) => deviation / TERMS.clipNorm
    const right = multiplier(sum(() => weighed(new Float32Array(1), { staleness, terms: PRIVATE }, () => 1)))
    const wrong = multiplier(
      sum(() => {
        const update = new Float32Array(1)
        addNoiseShare(update, noiseDeviation(PRIVATE), () => 1)
        return update.map((value) => value * stalenessWeight(staleness))
      }),
    )
    const epsilon = (noiseMultiplier: number) =>
      clientPrivacySpent({ ...PRIVACY, noiseMultiplier }, [PRIVACY.contributors]).epsilon!
    const counted = epsilon(PRIVACY.noiseMultiplier)
    expect(epsilon(right)).to.be.closeTo(counted, 1e-6 * counted)
    expect(epsilon(wrong)).to.be.greaterThan(2 * counted)
  })
})
