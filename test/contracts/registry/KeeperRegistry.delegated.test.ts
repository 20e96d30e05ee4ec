// SPDX-License-Identifier: GPL-3.0-or-later
// An operator key whose account has delegated code (EIP-7702): it is still a key, and signs for itself.

import { expect } from 'chai'
import { concat, Wallet } from 'ethers'
import { COH } from '../rounds/units.ts'
import { consentOf, createRegistry, KEY, MULTIADDR } from './keepers.ts'

/** What EIP-7702 puts in place of code before the address that is delegated to. */
const DESIGNATOR = '0xef0100'

describe('an operator with delegated code', () => {
  it('consents by its key, whatever the code says, and no other key consents for it', async () => {
    const { ethers, registry, token, admin, stranger, second } = await createRegistry()
    const operator = Wallet.createRandom()
    // A contract that knows nothing of ERC-1271: asked, it reverts.
    await ethers.provider.send('hardhat_setCode', [operator.address, concat([DESIGNATOR, await token.getAddress()])])
    expect((await ethers.provider.getCode(operator.address)).slice(0, 8)).to.equal(DESIGNATOR)
    await token.transfer(second, 10n * COH)
    const mine = registry.connect(second)
    const forged = await stranger.signMessage('not a consent')
    await expect(mine.register(operator.address, KEY, MULTIADDR, 0n, forged)).to.be.revertedWithCustomError(
      registry,
      'ConsentInvalid',
    )
    const others = await consentOf(registry, admin, operator)
    await expect(mine.register(operator.address, KEY, MULTIADDR, 0n, others)).to.be.revertedWithCustomError(
      registry,
      'ConsentInvalid',
    )
    await mine.register(operator.address, KEY, MULTIADDR, 0n, await consentOf(registry, second, operator))
    expect(await registry.ownerOfOperator(operator.address)).to.equal(second.address)
    expect(await registry.consentNonce(operator.address)).to.equal(1n)
  })
})
