// SPDX-License-Identifier: GPL-3.0-or-later
// Stake on its way out, one request after the other, and stake that comes in otherwise: by permit, from rewards.

import { expect } from 'chai'
import { MaxUint256, Signature } from 'ethers'
import { COH } from '../rounds/units.ts'
import { createRegistry, DELAY, EVIDENCE, expectBalanced, keeper, REASON, type Setup, STAKE } from './keepers.ts'

const amounts = async ({ registry, owner }: Setup): Promise<bigint[]> =>
  (await registry.unbondingOf(owner)).map(({ amount }) => amount)

describe('requests to unbond', () => {
  let s: Setup
  beforeEach(async () => {
    s = await createRegistry()
  })
  afterEach(() => expectBalanced(s))

  it('unlock one by one: a further request delays no earlier one', async () => {
    const { ownerRegistry, registry, owner, stranger, token, pass, now } = s
    await ownerRegistry.requestUnbonding(30n)
    const first = (await now()) + DELAY
    await pass(DELAY / 2n)
    await ownerRegistry.requestUnbonding(12n)
    const second = (await now()) + DELAY
    expect((await registry.unbondingOf(owner)).map(({ unlocksAt }) => unlocksAt)).to.deep.equal([first, second])
    const { unbonding, unlocksAt } = await keeper(s)
    expect([unbonding, unlocksAt]).to.deep.equal([42n, second])
    await pass(DELAY / 2n)
    await ownerRegistry.withdraw(stranger)
    expect(await token.balanceOf(stranger)).to.equal(30n)
    await expect(ownerRegistry.withdraw(stranger))
      .to.be.revertedWithCustomError(registry, 'StillUnbonding')
      .withArgs(owner.address, second, (await now()) + 1n)
    await pass(DELAY)
    await ownerRegistry.withdraw(stranger)
    expect(await token.balanceOf(stranger)).to.equal(42n)
    expect(await amounts(s)).to.deep.equal([])
  })

  it('are four at most: the fifth joins the newest, and round they go', async () => {
    const { ownerRegistry, pass, owner, token } = s
    for (let i = 1n; i <= 4n; i++) await ownerRegistry.requestUnbonding(i)
    await ownerRegistry.requestUnbonding(100n)
    expect(await amounts(s)).to.deep.equal([1n, 2n, 3n, 104n])
    const list = await s.registry.unbondingOf(owner)
    // The first three keep their moment; the newest starts anew.
    await pass(list[2]!.unlocksAt - BigInt(await s.networkHelpers.time.latest()) - 1n)
    const before = await token.balanceOf(owner)
    await ownerRegistry.withdraw(owner)
    expect((await token.balanceOf(owner)) - before).to.equal(6n)
    for (let i = 1n; i <= 3n; i++) await ownerRegistry.requestUnbonding(10n + i)
    expect(await amounts(s)).to.deep.equal([104n, 11n, 12n, 13n])
    await pass(2n * DELAY)
    await ownerRegistry.withdraw(owner)
    expect((await keeper(s)).unbonding).to.equal(0n)
  })

  it('are slashed while they are locked, the soonest to unlock first, and not once they are unlocked', async () => {
    const { ownerRegistry, serviceRegistry, registry, owner, service, pass } = s
    await serviceRegistry.engage(owner, STAKE)
    await serviceRegistry.disengage(owner)
    const [, until] = await registry.bondOf(service, owner)
    for (const amount of [10n, 20n, 70n]) await ownerRegistry.requestUnbonding(amount * COH)
    await serviceRegistry.slash(owner, 15n * COH, REASON, EVIDENCE)
    expect(await amounts(s)).to.deep.equal([0n, 15n * COH, 70n * COH])
    // The tail of the bond is over with the first request at the latest: nothing slips out before it.
    for (const { unlocksAt } of await registry.unbondingOf(owner)) expect(unlocksAt).to.be.greaterThanOrEqual(until)
    await pass(2n * DELAY)
    await serviceRegistry.slash(owner, 15n * COH, REASON, EVIDENCE)
    expect(await amounts(s)).to.deep.equal([0n, 15n * COH, 70n * COH])
    await ownerRegistry.withdraw(owner)
    expect(await amounts(s)).to.deep.equal([])
  })

  it('give what stake no longer covers of a bond, when another service has slashed it', async () => {
    const { ownerRegistry, serviceRegistry, registry, owner, other } = s
    await serviceRegistry.engage(owner, 80n * COH)
    await serviceRegistry.disengage(owner)
    await registry.connect(other).engage(owner, 50n * COH)
    await ownerRegistry.requestUnbonding(50n * COH)
    // The service that was left takes what is unbonding, then stake that is bonded to the other.
    await serviceRegistry.slash(owner, 70n * COH, REASON, EVIDENCE)
    const { stake, unbonding } = await keeper(s)
    expect([stake, unbonding]).to.deep.equal([30n * COH, 0n])
    await registry.connect(other).slash(owner, 50n * COH, REASON, EVIDENCE)
    expect((await keeper(s)).stake).to.equal(0n)
    expect(await registry.slashedBalance()).to.equal(100n * COH)
  })
})

describe('stake', () => {
  it('comes by a permit, which nobody can spoil by using it first', async () => {
    const s = await createRegistry()
    const { ethers, token, registry, owner, admin, stranger } = s
    await token.connect(owner).approve(registry, 0n)
    const { chainId } = await ethers.provider.getNetwork()
    const permit = async (amount: bigint) => {
      const domain = { name: 'Cohort', version: '1', chainId, verifyingContract: await token.getAddress() }
      const types = {
        Permit: [
          { name: 'owner', type: 'address' },
          { name: 'spender', type: 'address' },
          { name: 'value', type: 'uint256' },
          { name: 'nonce', type: 'uint256' },
          { name: 'deadline', type: 'uint256' },
        ],
      }
      const message = {
        ...{ owner: owner.address, spender: await registry.getAddress(), value: amount },
        ...{ nonce: await token.nonces(owner), deadline: MaxUint256 },
      }
      return Signature.from(await owner.signTypedData(domain, types, message))
    }
    const first = await permit(COH)
    await registry.connect(owner).stakeWithPermit(owner, COH, MaxUint256, first.v, first.r, first.s)
    expect((await keeper(s)).stake).to.equal(STAKE + COH)
    // Seen in the mempool and used: the allowance is there, the staking goes on.
    const second = await permit(2n * COH)
    await token.connect(stranger).permit(owner, registry, 2n * COH, MaxUint256, second.v, second.r, second.s)
    await registry.connect(owner).stakeWithPermit(owner, 2n * COH, MaxUint256, second.v, second.r, second.s)
    expect((await keeper(s)).stake).to.equal(STAKE + 3n * COH)
    // A permit of the owner's moves nothing for somebody else.
    const third = await permit(COH)
    await expect(
      registry.connect(stranger).stakeWithPermit(owner, COH, MaxUint256, third.v, third.r, third.s),
    ).to.be.revertedWithCustomError(token, 'ERC20InsufficientAllowance')
    await expect(
      registry.connect(admin).stakeWithPermit(owner, 0n, MaxUint256, third.v, third.r, third.s),
    ).to.be.revertedWithCustomError(registry, 'ZeroAmount')
    await expectBalanced(s)
  })

  it('grows by rewards, without a transfer', async () => {
    const s = await createRegistry()
    const { registry, serviceRegistry, ownerRegistry, owner, service, token, stranger } = s
    await registry.fund(service, 10n * COH)
    await serviceRegistry.allocate(10n * COH, 1n)
    await serviceRegistry.credit(owner, 4n * COH)
    const before = await token.balanceOf(registry)
    await expect(ownerRegistry.restakeRewards())
      .to.emit(registry, 'RewardRestaked')
      .withArgs(owner.address, 4n * COH)
      .and.to.emit(registry, 'Staked')
      .withArgs(owner.address, owner.address, 4n * COH)
    expect(await token.balanceOf(registry)).to.equal(before)
    expect([(await keeper(s)).stake, await registry.rewardsOf(owner)]).to.deep.equal([STAKE + 4n * COH, 0n])
    await expect(ownerRegistry.restakeRewards()).to.be.revertedWithCustomError(registry, 'NoRewards')
    await expect(registry.connect(stranger).restakeRewards()).to.be.revertedWithCustomError(registry, 'UnknownKeeper')
    await expectBalanced(s)
  })
})
