// SPDX-License-Identifier: GPL-3.0-or-later
// Gas of what the registry does for many keepers in one transaction.

import { expect } from 'chai'
import { createRegistry, EVIDENCE, expectBalanced, REASON, STAKE } from './keepers.ts'

/** Most members that one transaction slashes: all that were drafted of 256. */
const DRAFTED = 171
/** What a slash in a transaction of its own pays beyond one of many: the transaction, and slots that are cold once only (the
 * service's status, and the two sums that every slash writes). */
const TRANSACTION = 21_000
const SHARED = 11_500
/** And what the service does about it: who sits there, what is taken, the call and an event. */
const CALLER = 8_000

describe('requests to unbond, in gas', () => {
  it('are looked through within bounds: 171 slashes of all four fit into a transaction of 2^24 gas', async () => {
    const s = await createRegistry()
    const { ownerRegistry, serviceRegistry, registry, owner } = s
    await serviceRegistry.engage(owner, STAKE)
    await serviceRegistry.disengage(owner)
    for (let i = 0; i < 4; i++) await ownerRegistry.requestUnbonding(STAKE / 4n)
    // The first of them fills the slots of the sums.
    await serviceRegistry.slash(owner, 1n, REASON, EVIDENCE)
    const sent = await serviceRegistry.slash(owner, STAKE, REASON, EVIDENCE)
    const alone = Number((await sent.wait())!.gasUsed)
    expect(DRAFTED * (alone - TRANSACTION - SHARED + CALLER)).to.be.lessThan(2 ** 24)
    expect((await registry.unbondingOf(owner)).map(({ amount }) => amount)).to.deep.equal(Array(4).fill(0n))
    await expectBalanced(s)
  })
})
