// SPDX-License-Identifier: GPL-3.0-or-later
// What the guard adds to a transaction, against snapshots/spending-guard.json. To accept new figures:
//   COHORT_UPDATE_SNAPSHOTS=1 npx hardhat test test/contracts/consumers/guard.gas.test.ts
import { codeSizes, compareSnapshot, type Figures, gasOf } from '../governance/gas-snapshot.ts'
import { createGuard, DAY, LIMIT } from './guard.ts'

describe('gas of a guarded transaction', () => {
  it('is at most 2 % above the snapshot', async () => {
    const { guard, configure, policy, spend, tokenSpend, check, prove, submit, hashOf, user, owner, networkHelpers } =
      await createGuard()
    await configure()
    const figures: Figures = {}
    figures['set a policy'] = await gasOf(guard.connect(owner).setPolicy(policy()))
    figures['set a limit'] = await gasOf(guard.connect(owner).setLimit(owner, LIMIT))
    figures['check the first spend'] = await gasOf(check(spend({ value: 1n })))
    figures['check a spend within the limit'] = await gasOf(check(spend({ value: 1n })))
    figures['check a token transfer'] = await gasOf(check(tokenSpend('transfer', [owner.address, 1n])))
    figures['check what moves nothing'] = await gasOf(check(spend({ value: 0n, data: '0x12345678' })))
    const large = spend()
    figures['submit a verdict'] = await gasOf(submit(large, await prove(large)))
    figures['check with a verdict'] = await gasOf(check(large))
    figures.announce = await gasOf(guard.connect(user).announce(await hashOf(large)))
    await networkHelpers.time.increase(2 * DAY)
    figures['check with an announcement'] = await gasOf(check(large))
    compareSnapshot('spending-guard', { gas: figures, bytes: await codeSizes(['SpendingGuard']) })
  })
})
