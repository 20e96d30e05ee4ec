// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import {
  aggregate,
  combine,
  decodeAggregate,
  MemoryOnceGuard,
  openEngine,
  partialDecrypt,
} from '../../../keepers/fhe/index.ts'
import { ceremony, ROUND, testPlan } from './ceremony.ts'
import { refuses } from './rejection.ts'
import { encryptOf, openRound, polynomialOf, type Round, shareRequest, sharesOf, sumOf } from './round.ts'

const ACTIVE = [0, 2, 4]

describe('fhe partial decryption', () => {
  let round: Round
  before(async () => {
    round = await openRound()
  })
  after(() => round.engine.close())

  it('refuses a sum of too few, without our own update, or for an active set that cannot be', async () => {
    const ask =
      (options: Parameters<typeof shareRequest>[3], self = 0, active = ACTIVE) =>
      () =>
        partialDecrypt(round.engine, shareRequest(round, self, active, options))
    await refuses('too-few-contributors', ask({ policy: { minContributors: 6 } }))
    await refuses('too-few-contributors', ask({ policy: { minContributors: Number.NaN } }))
    await refuses('too-few-contributors', ask({ contributors: [], policy: { minContributors: 0 } }))
    await refuses('own-update-missing', ask({ contributors: [1, 2, 3, 4] }))
    await ask({ contributors: [1, 2, 3, 4], policy: { ownUpdate: 'abstained' } })()
    await refuses('wrong-contributors', ask({ contributors: [0, 1, 5] }))
    await refuses('wrong-contributors', ask({ contributors: [0, 1, 1] }))
    await refuses('not-in-active-set', ask({}, 1))
    await refuses('too-few-shares', ask({}, 0, [0, 2]))
    await refuses('wrong-active-set', ask({}, 0, [0, 2, 2]))
    await refuses('wrong-active-set', ask({}, 0, [0, 2, 5]))
    await refuses('wrong-epoch', ask({ context: { ...ROUND, epoch: 4 } }))
    await refuses('wrong-chain', ask({ context: { ...ROUND, chainId: 4n } }))
    await refuses('wrong-service', ask({ context: { ...ROUND, service: `0x${'12'.repeat(20)}` } }))
  })

  it('refuses a second sum of a round: the difference of the two would be one update', async () => {
    const guard = new MemoryOnceGuard()
    await partialDecrypt(round.engine, shareRequest(round, 2, ACTIVE, { guard }))
    for (const contributors of [
      [1, 2, 3, 4],
      [0, 2],
    ]) {
      await refuses('share-already-given', () =>
        partialDecrypt(round.engine, shareRequest(round, 2, ACTIVE, { guard, contributors })),
      )
    }
  })

  it('gives identical bytes for the same request, and refuses another active set', async () => {
    const guard = new MemoryOnceGuard()
    const first = await partialDecrypt(round.engine, shareRequest(round, 2, ACTIVE, { guard }))
    const second = await partialDecrypt(round.engine, shareRequest(round, 2, [4, 0, 2], { guard }))
    expect(Buffer.compare(first, second)).to.equal(0)
    await refuses('share-already-given', () =>
      partialDecrypt(round.engine, shareRequest(round, 2, [0, 1, 2], { guard })),
    )
    await refuses('share-already-given', () =>
      partialDecrypt(round.engine, shareRequest(round, 2, [0, 1, 2, 4], { guard })),
    )
    // Another round is another matter, and so is another member: each has noise of its own.
    const later = await partialDecrypt(
      round.engine,
      shareRequest(round, 2, ACTIVE, { guard, context: { ...ROUND, round: 8 } }),
    )
    const other = await partialDecrypt(round.engine, shareRequest(round, 0, ACTIVE, { guard }))
    for (const share of [later, other]) {
      expect(Buffer.compare(polynomialOf(round, share), polynomialOf(round, first))).to.not.equal(0)
    }
  })

  it('claims before it computes, and gives nothing when the claim cannot be recorded', async () => {
    const claims: string[] = []
    const stubborn = {
      claim({ act }: { act: string }): boolean {
        claims.push(act)
        throw new Error('the disk is full')
      },
    }
    const failed = await partialDecrypt(round.engine, { ...shareRequest(round, 0, ACTIVE), guard: stubborn }).catch(
      (error: Error) => error.message,
    )
    expect(failed).to.equal('the disk is full')
    const neither = await encryptOf(round, 0, round.vectors[0]!, ROUND, stubborn).catch((error: Error) => error.message)
    expect(neither).to.equal('the disk is full')
    const padded = {
      claim({ act }: { act: string }): boolean {
        return act === 'pad' || stubborn.claim({ act })
      },
    }
    const nor = await encryptOf(round, 0, round.vectors[0]!, ROUND, padded).catch((error: Error) => error.message)
    expect(nor).to.equal('the disk is full')
    expect(claims).to.deep.equal(['share', 'pad', 'encryption'])
  })

  it('shares of different sums do not combine, although each is well-formed', async () => {
    const [a] = await sharesOf(round, ACTIVE)
    const [, b, c] = await sharesOf(round, ACTIVE, { contributors: [0, 2, 4] })
    const sum = await sumOf(
      round,
      [0, 2, 4].map((sender) => round.updates[sender]!),
    )
    const request = {
      context: ROUND,
      aggregate: sum,
      totalWeight: sum.contributors.length,
      activeSet: ACTIVE,
      shares: [a!, b!, c!],
    }
    await refuses('wrong-contributors', () => combine(round.engine, request))
  })
})

describe('fhe between epochs', () => {
  let round: Round
  before(async () => {
    round = await openRound()
  })
  after(() => round.engine.close())

  it('nothing of one key fits another, even in the same place', async () => {
    const again = await openRound()
    const context = { context: ROUND, keyHash: again.keys.keyHash }
    await refuses('wrong-key', () => aggregate(again.engine, { ...context, updates: round.updates }))
    await refuses('wrong-key', () => decodeAggregate(again.engine, round.sum.bytes, context))
    const [share] = await sharesOf(again, ACTIVE)
    const shares = [share!, ...(await sharesOf(round, ACTIVE)).slice(1)]
    const request = {
      context: ROUND,
      aggregate: round.sum,
      totalWeight: round.sum.contributors.length,
      activeSet: ACTIVE,
      shares,
    }
    await refuses('wrong-key', () => combine(round.engine, request))
    await again.engine.close()
  })

  it('an aggregate of one plan is refused by an engine of another', async () => {
    const other = await openEngine(testPlan(5, 4, { scaleBits: 'widest' }))
    const keys = await ceremony(other, [0])
    const request = {
      context: ROUND,
      aggregate: round.sum,
      totalWeight: round.sum.contributors.length,
      activeSet: [0, 1, 2, 4],
      shares: [],
    }
    await refuses('wrong-plan', () => combine(other, request))
    expect(Buffer.compare(keys.keyHash, round.keys.keyHash)).to.not.equal(0)
    await other.close()
  })
})
