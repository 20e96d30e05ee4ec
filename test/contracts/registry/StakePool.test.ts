// SPDX-License-Identifier: GPL-3.0-or-later
// Delegated stake: others' tokens on one keeper, through a pool that is the keeper's owner.

import { expect } from 'chai'
import { MaxUint256 } from 'ethers'
import { COH } from '../rounds/units.ts'
import { consentOf, DELAY, KEY, MULTIADDR } from './keepers.ts'
import { COMMISSION, createPool, VIRTUAL } from './pools.ts'

const NOTICE = 14n * 24n * 3600n

describe('StakePool', () => {
  it('stakes for its keeper what delegators bring, and gives it back after the unbonding delay', async () => {
    const { pool, registry, token, alice, bob, exit, pass } = await createPool()
    await pool.connect(alice).deposit(alice, 60n * COH, 0)
    await pool.connect(bob).deposit(bob, 30n * COH, 0)
    expect((await registry.keeperOf(pool)).stake).to.equal(90n * COH)
    expect(await pool.sharesOf(alice)).to.equal(60n * COH * VIRTUAL)
    const batch = await pool.fillingBatch()
    await pool.connect(alice).requestExit(await pool.sharesOf(alice))
    await pool.submitExits(batch)
    await pool.settleExits()
    await expect(pool.claimExit(batch, alice)).to.be.revertedWithCustomError(pool, 'BatchNotPaid').withArgs(batch)
    await pass(DELAY / 4n + 1n)
    expect(await exit(bob)).to.equal(30n * COH)
    await pool.claimExit(batch, alice)
    expect(await token.balanceOf(alice)).to.equal(100n * COH)
    expect([await pool.totalShares(), await pool.assets()]).to.deep.equal([0n, 0n])
    await expect(pool.claimExit(batch, alice)).to.be.revertedWithCustomError(pool, 'NothingToClaim')
  })

  it('shares a slash among all, those on their way out included', async () => {
    const { pool, registry, service, alice, bob, carol, slash, pass, token } = await createPool()
    for (const account of [alice, bob, carol]) await pool.connect(account).deposit(account, 100n * COH, 0)
    await registry.connect(service).engage(pool, 60n * COH)
    const batch = await pool.fillingBatch()
    await pool.connect(alice).requestExit(await pool.sharesOf(alice))
    await pool.submitExits(batch)
    // The bond lies in the stake of those who stay; the loss is everybody's.
    await slash(60n * COH)
    await pass(DELAY)
    await pool.settleExits()
    await pool.claimExit(batch, alice)
    expect(await token.balanceOf(alice)).to.be.closeTo(80n * COH, 1000n)
    expect(await pool.assets()).to.be.closeTo(160n * COH, 1000n)
    // What was too much for the batch works on.
    expect((await registry.keeperOf(pool)).stake).to.equal(await pool.assets())
  })

  it('shares rewards among those who stay, less the commission', async () => {
    const { pool, token, owner, alice, bob, reward } = await createPool()
    await pool.connect(alice).deposit(alice, 75n * COH, 0)
    await pool.connect(bob).deposit(bob, 25n * COH, 0)
    await reward(40n * COH)
    await pool.harvest()
    expect(await pool.rewardsOf(owner)).to.equal(4n * COH)
    expect(await pool.rewardsOf(alice)).to.be.closeTo(27n * COH, 1n)
    // Who joins later, and who is leaving, gets nothing of what comes then or came before.
    await pool.connect(bob).requestExit(await pool.sharesOf(bob))
    await reward(10n * COH)
    await pool.claimRewards(alice)
    await pool.claimRewards(bob)
    expect(await token.balanceOf(alice)).to.be.closeTo((25n + 27n + 9n) * COH, 2n)
    expect(await token.balanceOf(bob)).to.be.closeTo((75n + 9n) * COH, 2n)
    await expect(pool.claimRewards(bob)).to.be.revertedWithCustomError(pool, 'NothingToClaim')
    const before = await token.balanceOf(owner)
    await pool.claimRewards(owner)
    expect((await token.balanceOf(owner)) - before).to.equal(5n * COH)
    expect(await token.balanceOf(pool)).to.be.lessThan(10n)
  })

  it('lowers its commission at once, and raises it only after notice, for what comes then', async () => {
    const { pool, owner, alice, stranger, reward, pass } = await createPool()
    await pool.connect(alice).deposit(alice, 10n * COH, 0)
    await expect(pool.connect(stranger).setCommission(0)).to.be.revertedWithCustomError(pool, 'NotManager')
    await expect(pool.connect(owner).setCommission(5001))
      .to.be.revertedWithCustomError(pool, 'CommissionTooHigh')
      .withArgs(5001, 5000)
    await expect(pool.connect(owner).raiseCommission()).to.be.revertedWithCustomError(pool, 'NoRise')
    await pool.connect(owner).setCommission(5000)
    expect(await pool.commissionBps()).to.equal(COMMISSION)
    await expect(pool.connect(owner).raiseCommission()).to.be.revertedWithCustomError(pool, 'NoticeRunning')
    await pass(NOTICE)
    await reward(10n * COH)
    await pool.connect(owner).raiseCommission()
    expect(await pool.rewardsOf(owner), 'of what came before').to.equal(COH)
    await reward(10n * COH)
    await pool.harvest()
    expect(await pool.rewardsOf(owner)).to.equal(6n * COH)
    await pool.connect(owner).setCommission(0)
    expect(await pool.commissionBps()).to.equal(0n)
    // A rise that was announced before is no rise any more.
    await expect(pool.connect(owner).raiseCommission()).to.be.revertedWithCustomError(pool, 'NoRise')
  })

  it('lets nobody inflate a share: a gift costs a million times what it can take', async () => {
    const { pool, registry, token, alice, bob, exit, admin } = await createPool()
    await pool.connect(alice).deposit(alice, 1n, 0)
    await token.connect(admin).approve(registry, MaxUint256)
    // The gift, to make the next depositor's shares round to nothing.
    await registry.connect(admin).stake(pool, 100n * COH)
    await pool.connect(bob).deposit(bob, 10n * COH, 1)
    expect(await exit(bob)).to.be.closeTo(10n * COH, COH / 1000n)
    expect(await exit(alice), 'what the first depositor can take of it').to.be.lessThan(51n * COH)
    await expect(pool.connect(bob).deposit(bob, 1n, MaxUint256)).to.be.revertedWithCustomError(pool, 'TooFewShares')
  })

  it('votes for its delegators, each by its shares, less what was slashed, and for nobody else', async () => {
    const { pool, registry, service, alice, bob, slash, networkHelpers, pass } = await createPool()
    await pool.connect(alice).deposit(alice, 60n * COH, 0)
    await pool.connect(bob).deposit(bob, 20n * COH, 0)
    expect([await pool.getVotes(alice), await pool.getVotes(bob)]).to.deep.equal([60n * COH, 20n * COH])
    const before = await networkHelpers.time.latest()
    await registry.connect(service).engage(pool, 40n * COH)
    await slash(40n * COH)
    expect([await pool.getVotes(alice), await pool.getVotes(bob)]).to.deep.equal([30n * COH, 10n * COH])
    expect(await pool.getPastVotes(alice, before)).to.equal(60n * COH)
    await pool.connect(bob).delegate(alice)
    expect([await pool.getVotes(alice), await pool.getVotes(bob)]).to.deep.equal([40n * COH, 0n])
    // Who leaves votes no more, paid or not, claimed or not; its stake votes for nobody else.
    await pool.connect(alice).requestExit(await pool.sharesOf(alice))
    expect(await pool.getVotes(alice)).to.be.closeTo(10n * COH, 1000n)
    // The bond of the service is over, and its tail.
    await registry.connect(service).disengage(pool)
    await pass(DELAY)
    await pool.submitExits(0)
    await pass(DELAY)
    await pool.settleExits()
    expect(await pool.getVotes(alice), 'paid, not claimed').to.be.closeTo(10n * COH, 1000n)
    await pool.claimExit(0, alice)
    expect(await pool.getVotes(alice)).to.be.closeTo(10n * COH, 1000n)
  })

  it('follows eight services at most, and forgets those that it has left', async () => {
    const { pool, registry, owner, agent, ethers, service } = await createPool()
    const more = (await ethers.getSigners()).slice(20 - 8)
    for (const account of more) await registry.registerService(account)
    for (const account of more.slice(0, 7)) await pool.connect(owner).optIn(account)
    await expect(pool.connect(owner).optIn(more[7]!)).to.be.revertedWithCustomError(pool, 'TooManyServices').withArgs(8)
    await registry.connect(agent).setOptIn(pool, service, false)
    await pool.connect(owner).optIn(more[7]!)
  })

  it('takes no stake when it is ruined, and pays what there is', async () => {
    const { pool, registry, service, alice, bob, slash, exit } = await createPool()
    await pool.connect(alice).deposit(alice, 100n * COH, 0)
    await registry.connect(service).engage(pool, 100n * COH)
    await slash(100n * COH)
    await expect(pool.connect(bob).deposit(bob, COH, 0)).to.be.revertedWithCustomError(pool, 'PoolRuined')
    expect(await exit(alice)).to.equal(0n)
    await pool.connect(bob).deposit(bob, COH, 0)
  })

  it('obeys its manager in what is the manager’s, and is opened once', async () => {
    const { pool, factory, registry, owner, stranger, alice, agent, open, address, ethers, service } =
      await createPool()
    await expect(open()).to.be.revertedWithCustomError(registry, 'AlreadyRegistered')
    await expect(pool.initialise(stranger, 0)).to.be.revertedWithCustomError(pool, 'AlreadyOpened')
    const code = await ethers.getContractAt('StakePool', await factory.IMPLEMENTATION())
    await expect(code.initialise(stranger, 0)).to.be.revertedWithCustomError(pool, 'AlreadyOpened')
    await expect(factory.createPool(5001)).to.be.revertedWithCustomError(pool, 'CommissionTooHigh')
    expect([await factory.isPool(address), await factory.isPool(stranger)]).to.deep.equal([true, false])
    const consent = await consentOf(registry, { address }, alice)
    for (const attempt of [
      () => pool.connect(stranger).setOperator(alice, consent),
      () => pool.connect(stranger).unjail(),
      () => pool.connect(stranger).optIn(service),
      () => pool.connect(stranger).offerManagement(stranger),
      () => pool.connect(stranger).open(alice, KEY, MULTIADDR, consent),
    ]) {
      await expect(attempt())
        .to.be.revertedWithCustomError(pool, 'NotManager')
        .withArgs(stranger.address, owner.address)
    }
    await pool.connect(owner).setOperator(alice, consent)
    expect(await registry.operatorOf(pool)).to.equal(alice.address)
    expect(await registry.ownerOfOperator(agent)).to.equal(ethers.ZeroAddress)
    await expect(pool.connect(owner).unjail()).to.be.revertedWithCustomError(registry, 'NotJailed')
    await pool.connect(owner).offerManagement(stranger)
    await expect(pool.connect(alice).acceptManagement()).to.be.revertedWithCustomError(pool, 'NotPendingManager')
    await pool.connect(stranger).acceptManagement()
    expect(await pool.manager()).to.equal(stranger.address)
    await expect(pool.connect(alice).deposit(alice, 0, 0)).to.be.revertedWithCustomError(pool, 'ZeroAmount')
    await expect(pool.connect(alice).deposit(ethers.ZeroAddress, 1, 0)).to.be.revertedWithCustomError(
      pool,
      'ZeroAddress',
    )
    await expect(pool.connect(alice).requestExit(0)).to.be.revertedWithCustomError(pool, 'ZeroAmount')
    await expect(pool.connect(alice).requestExit(1)).to.be.revertedWithCustomError(pool, 'SharesTooFew')
    await expect(ethers.deployContract('StakePoolFactory', [ethers.ZeroAddress])).to.be.revertedWithCustomError(
      factory,
      'ZeroAddress',
    )
  })
})
