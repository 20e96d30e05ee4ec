// SPDX-License-Identifier: GPL-3.0-or-later
// Random play of the money (play.ts), and the same play where one payment is wrong: it has to be noticed.
import { expect } from 'chai'
import { createClaims } from './claims.ts'
import { play } from './play.ts'
import { changeClaims } from './without.ts'

/** A longer run: COHORT_INVARIANT_CALLS=2000 npx hardhat test test/contracts/claims/money.test.ts */
const STEPS = Number(process.env.COHORT_INVARIANT_CALLS ?? 140)

/** Payments that go wrong: paid twice, to the wrong account, or more than is there. Each is compiled: only `npm test -- plays` has them all. */
const MISTAKES: readonly [what: string, from: string, to: string, file?: string][] = [
  ['the bond of a claim that fell is paid to each challenger', 'if (claim.status == Status.Fallen) return;', ''],
  ['a settled challenge is settled again', 'challenge.settled = true;\n        if (refunded)', 'if (refunded)'],
  [
    'a failed challenge pays its own challenger',
    '_forfeit(challenge.bond, claim.claimant)',
    '_forfeit(challenge.bond, challenge.challenger)',
  ],
  ['the treasury’s quarter is paid to the winner, too', '_credit(winner, paid);', '_credit(winner, bond);'],
  ['a released bond is released again', 'claim.status = Status.Released;', '', 'ClaimRegistry.sol'],
  [
    'whoever releases a bond gets it',
    '_credit(claim.claimant, claim.bond);',
    '_credit(msg.sender, claim.bond);',
    'ClaimRegistry.sol',
  ],
]

describe('ClaimRegistry money', () => {
  it('goes where the rules say, over random claims, challenges, refutations, settlements, releases and withdrawals', async function () {
    this.timeout(process.env.COHORT_INVARIANT_CALLS ? 0 : 120_000)
    const done = await play(await createClaims(), STEPS)
    for (const [name, times] of Object.entries(done)) expect(times, `${name} never worked`).to.be.above(0)
  })

  const tried = process.env.COHORT_INVARIANT_CALLS ? MISTAKES : MISTAKES.slice(0, 1)
  for (const [what, from, to, file = 'ClaimChallenges.sol'] of tried) {
    it(`the play notices when ${what}`, async function () {
      this.timeout(120_000)
      const world = await createClaims()
      await changeClaims(world, { file, from, to })
      const noticed = await play(world, STEPS).then(
        () => 'nothing',
        (error: Error) => error.name,
      )
      expect(noticed).to.equal('AssertionError')
    })
  }
})
