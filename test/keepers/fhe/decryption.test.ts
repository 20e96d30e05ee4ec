// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import {
  type Aggregate,
  aggregate,
  decodeAggregate,
  MemoryShareGuard,
  openEngine,
  partialDecrypt,
} from '../../../keepers/fhe/index.ts'
import { ceremony, ROUND, testPlan } from './ceremony.ts'
import { refuses } from './rejection.ts'
import { openRound, polynomialOf, type Round, shareRequest, sumOf } from './round.ts'
import { flipped } from './tampering.ts'

const ACTIVE = [0, 2, 4]

describe('fhe partial decryption', () => {
  let round: Round
  before(async () => {
    round = await openRound()
  })
  after(() => round.engine.close())
  const expected = (sender = 0) => ({ context: ROUND, sender, collectiveKeyHash: round.keys.collectiveKey.hash })

  it('refuses what is not the attested sum of enough updates with our own among them', async () => {
    const ask =
      (options: Parameters<typeof shareRequest>[3], self = 0, active = ACTIVE) =>
      () =>
        partialDecrypt(round.engine, shareRequest(round, self, active, options))
    await refuses('not-attested', ask({ policy: { attestedHash: new Uint8Array(32) } }))
    await refuses('too-few-contributors', ask({ policy: { minContributors: 6 } }))
    await refuses('too-few-contributors', ask({ policy: { minContributors: Number.NaN } }))
    const without = await sumOf(round, round.updates.slice(1))
    await refuses('own-update-missing', ask({ aggregate: without }))
    await ask({ aggregate: without, policy: { ownUpdate: 'abstained' } })()
    await refuses('not-in-active-set', ask({}, 1))
    await refuses('too-few-shares', ask({}, 0, [0, 2]))
    await refuses('wrong-active-set', ask({}, 0, [0, 2, 2]))
    await refuses('wrong-active-set', ask({}, 0, [0, 2, 5]))
    await refuses('wrong-round', ask({ context: { ...ROUND, round: 8 } }))
    await refuses('wrong-epoch', ask({ context: { ...ROUND, epoch: 4 } }))
    const forged: Aggregate = { ...round.sum }
    await refuses('invalid-argument', ask({ aggregate: forged }))
  })

  it('refuses with the key share of another epoch', async () => {
    const other = await ceremony(round.engine, [0])
    const request = { ...shareRequest(round, 0, ACTIVE), secretShare: other.shares.get(0)! }
    await refuses('wrong-key', () => partialDecrypt(round.engine, request))
  })

  it('refuses a second sum of a round, with other ciphertexts: the difference of the two would be one update', async () => {
    const guard = new MemoryShareGuard()
    await partialDecrypt(round.engine, shareRequest(round, 2, ACTIVE, { guard }))
    const without = await sumOf(round, round.updates.slice(1))
    await refuses('share-already-given', () =>
      partialDecrypt(round.engine, shareRequest(round, 2, ACTIVE, { guard, aggregate: without })),
    )
  })

  it('gives identical bytes for the same request, and refuses another active set or another sum of the same c1', async () => {
    const guard = new MemoryShareGuard()
    const first = await partialDecrypt(round.engine, shareRequest(round, 2, ACTIVE, { guard }))
    const second = await partialDecrypt(round.engine, shareRequest(round, 2, [4, 0, 2], { guard }))
    expect(Buffer.compare(first, second)).to.equal(0)
    await refuses('share-already-given', () =>
      partialDecrypt(round.engine, shareRequest(round, 2, [0, 1, 2], { guard })),
    )
    // The same c1 under another c0 is another aggregate.
    const { polynomial } = round.plan.bytes
    const altered = decodeAggregate(round.engine, flipped(round.sum.bytes, -polynomial - 8), expected())
    expect(altered.c1Hashes).to.deep.equal(round.sum.c1Hashes)
    await refuses('share-already-given', () =>
      partialDecrypt(round.engine, shareRequest(round, 2, ACTIVE, { guard, aggregate: altered })),
    )
    // Another member’s guard knows nothing of it, and its share is its own.
    const other = await partialDecrypt(round.engine, shareRequest(round, 0, ACTIVE))
    expect(Buffer.compare(polynomialOf(round, other), polynomialOf(round, first))).to.not.equal(0)
  })

  it('records nothing when any ciphertext is refused, and claims before it computes', async () => {
    const guard = new MemoryShareGuard()
    const [a, b, c] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte))
    guard.claim({ c1Hashes: [b!], requestHash: a! })
    await refuses('share-already-given', () => guard.claim({ c1Hashes: [a!, b!], requestHash: b! }))
    guard.claim({ c1Hashes: [a!], requestHash: c! })
    let claims = 0
    const stubborn = {
      claim() {
        claims++
        throw new Error('the disk is full')
      },
    }
    const request = { ...shareRequest(round, 0, ACTIVE), guard: stubborn }
    let message = ''
    await partialDecrypt(round.engine, request).catch((error: Error) => {
      message = error.message
    })
    expect([claims, message]).to.deep.equal([1, 'the disk is full'])
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
    const context = { context: ROUND, collectiveKeyHash: again.keys.collectiveKey.hash }
    await refuses('wrong-key', () => aggregate(again.engine, { ...context, updates: round.updates }))
    await refuses('wrong-key', () => decodeAggregate(again.engine, round.sum.bytes, context))
    await again.engine.close()
  })

  it('an aggregate of one plan is refused by an engine of another', async () => {
    const other = await openEngine(testPlan(5, 4, { scaleBits: 'widest' }))
    const request = shareRequest(round, 0, [0, 1, 2, 4])
    await refuses('wrong-plan', () => partialDecrypt(other, request))
    await other.close()
  })
})
