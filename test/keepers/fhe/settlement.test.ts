// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { absentScalar, claimedScalar, type Plan, settleCheck, type UpdateClaim } from '../../../keepers/fhe/index.ts'
import { testPlan } from './ceremony.ts'
import { refuses } from './rejection.ts'

/** (9, 5): with all nine posting, two liars can be told from the truth. */
const MEMBERS = 9
const THRESHOLD = 5

describe('fhe settlement of disputes', () => {
  const plan: Plan = testPlan(MEMBERS, THRESHOLD, { scaleBits: 'widest' })
  const everyone = Array.from({ length: MEMBERS }, (_, j) => j)
  /** Any polynomials will do: only their degree counts. */
  function claimOf(sender: number): UpdateClaim {
    const below = (p: bigint) => BigInt(`0x${randomBytes(16).toString('hex')}`) % p
    const columns = [0, 1, 2, 3].map((column) =>
      Array.from({ length: THRESHOLD }, () => below(plan.set.primes[column % 2]!)),
    )
    const differences = Array.from({ length: THRESHOLD }, (_, k) => columns.map((column) => column[k]!))
    return { sender, digest: new Uint8Array(32), differences, bytes: new Uint8Array(0) }
  }
  const claims = [claimOf(0), claimOf(3), claimOf(7)]
  const other = claimOf(3)
  /** Members' posts when the truth about update 3 is another polynomial, or when they claim so. */
  function posts(members: readonly number[], denying: readonly number[], truth = claims): Map<number, Uint8Array> {
    return new Map(
      members.map((j) => [
        j,
        new Uint8Array(
          Buffer.concat(
            truth.map((claim) => claimedScalar(plan, claim.sender === 3 && denying.includes(j) ? other : claim, j)),
          ),
        ),
      ]),
    )
  }
  const settle = (posted: ReadonlyMap<number, Uint8Array>, disputes = [{ accuser: 8, accused: 3 }]) =>
    settleCheck(plan, { claims, posted, disputes })

  it('an uncontradicted update stands, and its accuser is convicted', () => {
    expect(settle(posts(everyone, []))).to.deep.equal({ standing: [0, 3, 7], leftOut: [], convicted: [8] })
    expect(settle(posts(everyone, []), []).convicted).to.deep.equal([])
  })

  it('⌊(m − t)/2⌋ liars cannot throw an honest update out, and are convicted', () => {
    expect(settle(posts(everyone, [2, 8]))).to.deep.equal({ standing: [0, 3, 7], leftOut: [], convicted: [2, 8] })
    // With fewer posts fewer liars can be told apart.
    const seven = [0, 1, 2, 3, 4, 5, 8]
    expect(settle(posts(seven, [8])).leftOut).to.deep.equal([])
    expect(settle(posts([0, 1, 2, 3, 4, 5], [])).standing).to.deep.equal([0, 3, 7])
  })

  it('one more liar can: the bound is tight', () => {
    expect(settle(posts(everyone, [2, 6, 8]))).to.deep.equal({ standing: [0, 7], leftOut: [3], convicted: [3] })
    expect(settle(posts([0, 1, 2, 3, 4, 5, 8], [4, 8])).leftOut).to.deep.equal([3])
  })

  it('a false H bent to fit t − 1 members’ points is thrown out, with ⌊(m − t)/2⌋ liars backing it', () => {
    // The honest see another polynomial, except at four points; two liars post values of the false one.
    const backing = [0, 1, 2, 3, 4, 5]
    const denying = everyone.filter((j) => !backing.includes(j))
    expect(settle(posts(everyone, denying))).to.deep.equal({ standing: [0, 7], leftOut: [3], convicted: [3] })
    // A third liar would save it, and have the honest convicted: n − liars must stay above the bound.
    const saved = settle(posts(everyone, [7, 8]))
    expect(saved.convicted).to.deep.equal([7, 8])
  })

  it('posts of a wrong length contradict everything; silent members are not counted', () => {
    const posted = posts(everyone, [])
    posted.set(4, posted.get(4)!.subarray(1))
    expect(settle(posted, []).convicted).to.deep.equal([4])
    posted.delete(4)
    expect(settle(posted, []).convicted).to.deep.equal([])
  })

  it('gives no verdict when fewer than t posted, and refuses strangers', async () => {
    const error = await refuses('too-few-scalars', () => settle(posts([0, 1, 2, 3], [])))
    expect([error.detail.found, error.detail.needed]).to.deep.equal([4, 5])
    const posted = posts(everyone, [])
    posted.set(9, posted.get(0)!)
    await refuses('invalid-argument', () => settle(posted))
  })

  describe('where liars can be more than the posts correct', () => {
    const cases = [
      { members: 4, threshold: 3 },
      { members: 7, threshold: 4 },
      { members: 16, threshold: 9 },
    ]
    for (const { members, threshold } of cases) {
      it(`convicts no honest member of ${members} (t = ${threshold}), whatever fewer than a third post`, () => {
        const small = testPlan(members, threshold, { scaleBits: 'widest', roundsPerKey: 1 })
        const liars = Math.floor((members - 1) / 3)
        const values = (seed: number) =>
          Array.from({ length: threshold }, (_, k) =>
            [0, 1, 2, 3].map((column) => BigInt(seed * 1000 + 10 * k + column)),
          )
        const claim = (sender: number, seed: number): UpdateClaim => ({
          sender,
          digest: new Uint8Array(32),
          differences: values(seed),
          bytes: new Uint8Array(0),
        })
        const [honest, rubbish] = [claim(1, 1), claim(1, 2)]
        const settleWith = (says: (j: number) => Uint8Array) =>
          settleCheck(small, {
            claims: [honest],
            posted: new Map(Array.from({ length: members }, (_, j) => [j, says(j)])),
            disputes: [{ accuser: members - 1, accused: 1 }],
          })
        const isLiar = (j: number, count: number): boolean => j >= members - count
        for (let count = 0; count <= liars; count++) {
          // An honest update that liars contradict.
          const denied = settleWith((j) => claimedScalar(small, isLiar(j, count) ? rubbish : honest, j))
          expect(
            denied.convicted.every((j) => isLiar(j, Math.max(1, count))),
            `${count} contradict`,
          ).to.equal(true)
          // A false one that liars, and t − 1 of the honest, find right: those who contradict it are honest, all but the accuser.
          const bent = threshold - 1
          const backed = settleWith((j) => claimedScalar(small, j < bent || isLiar(j, count) ? honest : rubbish, j))
          const innocent = Array.from({ length: members - count - bent }, (_, k) => bent + k)
          for (const j of innocent) expect(backed.convicted, `${count} back it`).to.not.include(j)
        }
      })
    }

    /** All post; the members of `without` post that they lack update 3. */
    const postsWithout = (without: readonly number[], denying: readonly number[] = []) => {
      const posted = posts(everyone, denying)
      for (const j of without) {
        const scalars = posted.get(j)!.slice()
        scalars.set(absentScalar(plan), plan.bytes.checkScalar)
        posted.set(j, scalars)
      }
      return posted
    }

    it('a member that denies having the update neither vouches for it nor convicts anybody', () => {
      // Seven agree: enough for the update, and to convict the accuser on.
      expect(settle(postsWithout([1, 2])).standing).to.deep.equal([0, 3, 7])
      // Six: too few for either.
      expect(settle(postsWithout([1, 2, 4]))).to.deep.equal({ standing: [0, 7], leftOut: [3], convicted: [] })
    })

    it('an update served to nobody while members posted falls', () => {
      // Its sender and the accuser are in it together: they post its values, or as little as the others.
      for (const backing of [[], [3], [3, 8]]) {
        const posted = postsWithout(everyone.filter((j) => !backing.includes(j)))
        expect(settle(posted)).to.deep.equal({ standing: [0, 7], leftOut: [3], convicted: [] })
      }
    })

    it('an update that fits the points of only t − 1 members, and is served to them alone, falls', () => {
      const backing = [0, 1, 2, 4, 3, 8]
      const posted = postsWithout(everyone.filter((j) => !backing.includes(j)))
      expect(settle(posted)).to.deep.equal({ standing: [0, 7], leftOut: [3], convicted: [] })
    })

    it('members without any of the updates count as silent', async () => {
      const posted = posts(everyone, [])
      const none = new Uint8Array(plan.bytes.checkScalar * claims.length).fill(0xff)
      for (const j of [1, 2, 4]) posted.set(j, none)
      expect(settle(posted).standing).to.deep.equal([0, 3, 7])
      for (const j of [0, 5]) posted.set(j, none)
      await refuses('too-few-scalars', () => settle(posted))
    })
  })
})
