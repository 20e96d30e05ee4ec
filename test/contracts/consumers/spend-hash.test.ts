// SPDX-License-Identifier: GPL-3.0-or-later
// The console computes the hash of a payment itself: this is the contract's.
import { expect } from 'chai'
import { spendHashOf } from '../../../web/src/guards/spend.ts'
import { createGuard } from './guard.ts'

describe('SpendingGuard: the hash of a payment', () => {
  it('is the one that the console computes', async () => {
    const { guard, user, prover } = await createGuard()
    const place = { chainId: 31337, guard: await guard.getAddress() }
    for (const value of [0n, 10n ** 17n, 2n ** 255n]) {
      const asked = await guard.spendHashOf(user.address, {
        to: prover.address,
        value,
        data: '0x',
        operation: 0,
        origin: 0,
      })
      expect(spendHashOf(place, user.address, { to: prover.address, value })).to.equal(asked)
    }
  })
})
