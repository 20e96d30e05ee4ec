// SPDX-License-Identifier: GPL-3.0-or-later
// What anyone may do to a verdict that somebody else brought.
import { expect } from 'chai'
import { createGuard, MINUTE } from './guard.ts'

describe('SpendingGuard verdicts of others', () => {
  it('are not cut short by an older one for the same transaction in the same state', async () => {
    const { guard, configure, spend, check, prove, submit, hashOf, user, now, networkHelpers } = await createGuard()
    await configure()
    const given = spend()
    const start = await now()
    // Whoever likes makes this one, and keeps it.
    const old = await prove(given, { at: start })
    await networkHelpers.time.increaseTo(start + 9 * MINUTE)
    const fresh = await prove(given, { at: start + 9 * MINUTE })
    await submit(given, fresh)
    // Right before it expires it is brought, and takes the place of the account's own, which would serve nine minutes more.
    await networkHelpers.time.increaseTo(start + 10 * MINUTE - 2)
    await submit(given, old).catch(() => undefined)
    expect((await guard.verdictOf(user, await hashOf(given))).madeAt).to.equal(BigInt(fresh.at))
    await networkHelpers.time.increaseTo(start + 11 * MINUTE)
    await check(given)
  })
})
