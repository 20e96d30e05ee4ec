// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { Core } from '../../../keepers/fhe/core.ts'
import { type Combined, checkDecryptionShare, combine, partialDecrypt } from '../../../keepers/fhe/index.ts'
import { roundSeed } from '../../../keepers/fhe/round-polynomial.ts'
import { garbage, ownSecret, polynomialOfCoefficients } from './arithmetic.ts'
import { ROUND } from './ceremony.ts'
import { refuses } from './rejection.ts'
import {
  encryptOf,
  forgedUpdate,
  narrowed,
  openRound,
  partOfMessage,
  type Round,
  shareRequest,
  sharesOf,
  sumOf,
  WIDER,
} from './round.ts'
import { AT, flipped, HEADER_REFUSALS } from './tampering.ts'

const ACTIVE = [0, 2, 4]

describe('fhe combination', () => {
  let round: Round
  let shares: Uint8Array[]
  before(async () => {
    round = await openRound(WIDER)
    shares = await sharesOf(round, ACTIVE)
  })
  after(() => round.engine.close())

  const combineWith = (list: readonly Uint8Array[], activeSet = ACTIVE, sum = round.sum, context = ROUND) =>
    combine(round.engine, { context, aggregate: sum, totalWeight: sum.contributors.length, activeSet, shares: list })
  const replaced = (share: Uint8Array) => [share, shares[1]!, shares[2]!]

  it('takes shares in any order, from an async source', async () => {
    const source = async function* () {
      for (const share of [shares[2]!, shares[0]!, shares[1]!]) yield share
    }
    const request = {
      context: ROUND,
      aggregate: round.sum,
      totalWeight: round.sum.contributors.length,
      activeSet: ACTIVE,
    }
    const { mean } = await combine(round.engine, { ...request, shares: source() })
    const wanted = round.vectors.reduce((sum, vector) => sum + vector[3]!, 0) / round.vectors.length
    expect(mean[3]).to.be.closeTo(wanted, round.plan.precision.meanError)
  })

  for (const [at, code] of HEADER_REFUSALS) {
    const wanted = code === 'wrong-sender' ? 'not-in-active-set' : code
    it(`refuses a share with another field at ${at}: ${wanted}`, () =>
      refuses(wanted, () => combineWith(replaced(flipped(shares[0]!, at)))))
  }

  it('refuses a share for another sum, and a replayed one of another round', async () => {
    const contributors = [0, 1, 2, 3]
    const foreign = await partialDecrypt(round.engine, shareRequest(round, 0, ACTIVE, { contributors }))
    await refuses('wrong-contributors', () => combineWith(replaced(foreign)))

    const later = { ...ROUND, round: 8 }
    const bytes = await encryptOf(round, 0, round.vectors[0]!, later)
    const sum = await sumOf(round, [{ sender: 0, bytes }], later)
    await refuses('wrong-round', () => combineWith(shares, ACTIVE, sum, later))
    await refuses('wrong-round', () => combineWith(shares, ACTIVE, sum))
  })

  it('refuses a share for another active set, another epoch, another key', async () => {
    const other = await partialDecrypt(round.engine, shareRequest(round, 0, [0, 1, 2]))
    await refuses('wrong-active-set', () => combineWith(replaced(other)))
    await refuses('wrong-epoch', () => combineWith(replaced(flipped(shares[0]!, AT.epoch))))
    await refuses('wrong-key', () => combineWith(replaced(flipped(shares[0]!, 84))))
  })

  it('refuses a missing, repeated, uninvited, truncated or overlong share', async () => {
    await refuses('too-few-shares', () => combineWith(shares.slice(0, 2)))
    await refuses('too-few-shares', () => combineWith(shares, [0, 2]))
    await refuses('duplicate-sender', () => combineWith([shares[0]!, shares[0]!, shares[2]!]))
    const uninvited = await partialDecrypt(round.engine, shareRequest(round, 1, [0, 1, 2]))
    await refuses('not-in-active-set', () => combineWith(replaced(uninvited)))
    await refuses('truncated', () => combineWith(replaced(shares[0]!.subarray(0, -1))))
    await refuses('truncated', () => combineWith(replaced(new Uint8Array(3))))
    await refuses('trailing-bytes', () => combineWith(replaced(Buffer.concat([shares[0]!, Buffer.alloc(1)]))))
  })

  it('refuses a coefficient of q or more, and names the sender', async () => {
    const bad = shares[0]!.slice()
    bad.fill(0xff, bad.length - round.plan.wire.width)
    const error = await refuses('coefficient-out-of-range', () => combineWith(replaced(bad)))
    expect(error.detail.sender).to.equal(0)
    const check = (bytes: Uint8Array) =>
      checkDecryptionShare(round.engine, bytes, {
        context: ROUND,
        keyHash: round.keys.keyHash,
        contributors: round.sum.contributors,
        activeSet: ACTIVE,
        sender: 0,
      })
    check(shares[0]!)
    await refuses('coefficient-out-of-range', () => check(bad))
  })

  it('refuses a garbage share, because of its coefficients', async () => {
    const bad = shares[0]!.slice()
    partOfMessage(round, bad).set(narrowed(round, garbage(round.engine.kernel)))
    const error = await refuses('integrity-failed', () => combineWith(replaced(bad)))
    expect(error.detail.check).to.equal('coefficients')
    partOfMessage(round, bad).fill(0)
    await refuses('integrity-failed', () => combineWith(replaced(bad)))
  })

  for (const [what, place, value] of [
    ['nothing wrong', 5, 7],
    ['something in the padding', 1000, 1],
    ['no weight', 0, 0],
    ['a negative weight', 0, -8],
    ['more weight than senders', 0, 9],
  ] as const) {
    it(`an update with ${what} combines: the declared weight is what counts`, async () => {
      const values = new Float64Array(8192)
      values[0] = 8
      values[place] = value
      const { mean, weight, report } = await combineForged(values)
      for (const [i, found] of mean.entries()) {
        expect(found).to.be.closeTo(i === place - 1 ? value : 0, round.plan.precision.sumError)
      }
      expect(weight).to.be.closeTo(values[0]! / 8, round.plan.precision.sumError)
      expect(report.maxPadding > report.noiseLimit).to.equal(place === 1000)
      expect(report.maxCoefficient).to.be.below(report.coefficientLimit)
    })
  }

  it('an update with a mean beyond the clip bound is refused, by the declared weight', async () => {
    const values = new Float64Array(8192)
    values[5] = 9
    const error = await refuses('integrity-failed', () => combineForged(values))
    expect(error.detail.check).to.equal('means within the clip bound')
    for (const totalWeight of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const request = { context: ROUND, aggregate: round.sum, activeSet: ACTIVE, shares, totalWeight }
      const refused = await refuses('invalid-argument', () => combine(round.engine, request))
      expect(refused.detail.field).to.equal('totalWeight')
    }
  })

  /** Combines a round with one update: an honest encryption of values that no honest member would send. */
  async function combineForged(values: Float64Array): Promise<Combined> {
    const { plan, keys } = round
    const core = await Core.open(plan)
    const c0 = new Uint8Array(plan.wire.width * plan.carried)
    core.openProduct({
      secret: polynomialOfCoefficients(core.kernel, ownSecret(core.kernel, keys.memberKeys.get(0)!)),
      factors: core.kernel.primes.slice(0, 2).map((p) => p - 1n),
      noiseSeed: new Uint8Array(32).fill(3),
      roundSeed: roundSeed(plan.hash, keys.keyHash, ROUND),
    })
    core.encrypt(0, values, c0)
    core[Symbol.dispose]()
    const sum = await sumOf(round, [forgedUpdate(round, 0, [c0])])
    const policy = { minContributors: 1, ownUpdate: 'abstained' as const }
    return combineWith(await sharesOf(round, ACTIVE, { contributors: [0], policy }), ACTIVE, sum)
  }
})
