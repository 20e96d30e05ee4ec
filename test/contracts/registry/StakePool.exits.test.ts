// SPDX-License-Identifier: GPL-3.0-or-later
// The way out of a pool of stake: batches, what bonds hold, and what nobody can do to those who wait.

import { expect } from 'chai'
import { MaxUint256 } from 'ethers'
import { COH } from '../rounds/units.ts'
import { DELAY } from './keepers.ts'
import { createPool, VIRTUAL } from './pools.ts'

describe('StakePool, exits', () => {
  it('asks for the rest when more than its part was slashed out of a batch', async () => {
    const { pool, registry, service, alice, bob, slash, pass, token } = await createPool()
    for (const account of [alice, bob]) await pool.connect(account).deposit(account, 100n * COH, 0)
    await registry.connect(service).engage(pool, 40n * COH)
    await registry.connect(service).disengage(pool)
    const batch = await pool.fillingBatch()
    await pool.connect(alice).requestExit(await pool.sharesOf(alice))
    await pool.submitExits(batch)
    // After the bond ended it is taken from what unbonds first.
    await slash(40n * COH)
    await pass(DELAY)
    await pool.settleExits()
    expect((await pool.batchOf(batch)).left).to.be.greaterThan(0n)
    // What has come is hers; the rest follows.
    await pool.claimExit(batch, alice)
    expect(await token.balanceOf(alice)).to.be.closeTo(60n * COH, 1000n)
    await expect(pool.claimExit(batch, alice)).to.be.revertedWithCustomError(pool, 'BatchNotPaid')
    await pool.submitExits(batch)
    await pass(DELAY)
    await pool.settleExits()
    await pool.claimExit(batch, alice)
    expect(await token.balanceOf(alice)).to.be.closeTo(80n * COH, 1000n)
    expect(await pool.assets()).to.be.closeTo(80n * COH, 1000n)
  })

  it('pays a batch in time though somebody gives the pool a little, to leave it short', async () => {
    const { pool, registry, token, admin, alice, bob, pass } = await createPool()
    for (const account of [alice, bob]) await pool.connect(account).deposit(account, 50n * COH, 0)
    await pool.connect(alice).requestExit(await pool.sharesOf(alice))
    await pool.submitExits(0)
    await token.connect(admin).approve(registry, MaxUint256)
    await registry.connect(admin).stake(pool, COH)
    await pass(DELAY)
    await pool.settleExits()
    await pool.claimExit(0, alice)
    expect(await token.balanceOf(alice)).to.be.closeTo(100n * COH, 1000n)
  })

  it('gives a batch what is free, and its owners their parts of that: a large exit holds nobody up', async () => {
    const { pool, registry, service, alice, bob, pass, token } = await createPool()
    await pool.connect(alice).deposit(alice, 90n * COH, 0)
    await pool.connect(bob).deposit(bob, 10n * COH, 0)
    await registry.connect(service).engage(pool, 60n * COH)
    for (const account of [alice, bob]) await pool.connect(account).requestExit(await pool.sharesOf(account))
    await pool.submitExits(0)
    await pass(DELAY)
    await pool.settleExits()
    await pool.claimExit(0, bob)
    expect(await token.balanceOf(bob)).to.be.closeTo(94n * COH, 1000n)
    await expect(pool.claimExit(0, bob)).to.be.revertedWithCustomError(pool, 'BatchNotPaid')
    await expect(pool.submitExits(0)).to.be.revertedWithCustomError(pool, 'StakeHeldByBonds')
    await registry.connect(service).disengage(pool)
    await pool.submitExits(0)
    await pass(DELAY)
    await pool.settleExits()
    for (const account of [alice, bob]) await pool.claimExit(0, account)
    expect(await token.balanceOf(bob)).to.be.closeTo(100n * COH, 1000n)
    expect(await token.balanceOf(alice)).to.be.closeTo(100n * COH, 1000n)
  })

  it('makes batches one after the other, four in an unbonding delay', async () => {
    const { pool, alice, pass, now } = await createPool()
    await pool.connect(alice).deposit(alice, 100n * COH, 0)
    for (let i = 0n; i < 6n; i++) {
      await pool.connect(alice).requestExit(COH * VIRTUAL)
      await pool.submitExits(i)
      await expect(pool.submitExits(i)).to.be.revertedWithCustomError(pool, 'NothingToSubmit')
      await pool.connect(alice).requestExit(VIRTUAL)
      await expect(pool.submitExits(i + 1n)).to.be.revertedWithCustomError(pool, 'SubmittedTooEarly')
      expect((await pool.batchOf(i)).unlocksAt).to.be.closeTo((await now()) + DELAY, 5n)
      await pass(DELAY / 4n + 1n)
    }
  })

  it('leaves a service that holds what a batch waits for, whatever the manager says', async () => {
    const { pool, registry, service, owner, alice, stranger, pass, ethers, agent } = await createPool()
    await pool.connect(alice).deposit(alice, 100n * COH, 0)
    await registry.connect(service).engage(pool, 100n * COH)
    await pool.connect(alice).requestExit(await pool.sharesOf(alice))
    await expect(pool.submitExits(0)).to.be.revertedWithCustomError(pool, 'StakeHeldByBonds')
    await expect(pool.connect(stranger).release(service, 3)).to.be.revertedWithCustomError(pool, 'NobodyWaits')
    await expect(pool.connect(owner).release(stranger, 3))
      .to.be.revertedWithCustomError(pool, 'NotAService')
      .withArgs(stranger.address)
    await expect(pool.connect(stranger).disengageSuspended(service)).to.be.revertedWithCustomError(pool, 'NobodyWaits')
    await pass(DELAY)
    // The account that plays the service has no code: what counts is that the pool asks it to let go.
    await ethers.provider.send('hardhat_setCode', [service.address, '0x00'])
    await pool.connect(stranger).release(service, 3)
    expect(await registry.isOptedIn(service, pool)).to.equal(false)
    await ethers.provider.send('hardhat_setCode', [service.address, '0x'])
    await registry.connect(service).disengage(pool)
    await expect(registry.connect(agent).setOptIn(pool, service, true)).to.be.revertedWithCustomError(
      registry,
      'NotKeeper',
    )
    await expect(pool.connect(owner).optIn(service)).to.be.revertedWithCustomError(pool, 'ExitsWait')
    await pool.submitExits(0)
    // The manager needs no reason.
    await pool.connect(owner).optIn(service)
    await ethers.provider.send('hardhat_setCode', [service.address, '0x00'])
    await pool.connect(owner).release(service, 3)
    expect(await registry.isOptedIn(service, pool)).to.equal(false)
  })

  it('asks for what the oldest batch lacks with each batch that follows: nobody takes its turn with exits of a token', async () => {
    const { pool, registry, service, alice, bob, carol, pass, token } = await createPool()
    for (const account of [alice, bob]) await pool.connect(account).deposit(account, 50n * COH, 0)
    await registry.connect(service).engage(pool, 99n * COH)
    await pool.connect(alice).requestExit(await pool.sharesOf(alice))
    await pool.submitExits(0)
    await registry.connect(service).disengage(pool)
    // A quarter of a delay later somebody is faster than Alice, with an exit that is worth next to nothing; and so on.
    await pool.connect(carol).deposit(carol, COH, 0)
    for (let batch = 1n; batch < 5n; batch++) {
      await pass(DELAY / 4n + 1n)
      await pool.connect(carol).requestExit(VIRTUAL)
      await pool.submitExits(batch)
      await expect(pool.submitExits(0)).to.be.revertedWithCustomError(pool, 'NothingToSubmit')
    }
    // What Carol's first exit asked for on the way has come, a delay later.
    await pass(DELAY / 4n)
    await pool.settleExits()
    await pool.claimExit(0, alice)
    expect(await token.balanceOf(alice)).to.be.closeTo(100n * COH, 1000n)
  })

  it('pays a small exit behind a large one that bonds hold: a delay and a quarter after they end at most', async () => {
    const { pool, registry, service, alice, bob, stranger, pass, token, ethers, now } = await createPool()
    await pool.connect(alice).deposit(alice, 90n * COH, 0)
    await pool.connect(bob).deposit(bob, 10n * COH, 0)
    await registry.connect(service).engage(pool, 99n * COH)
    await pool.connect(alice).requestExit(await pool.sharesOf(alice))
    await pool.submitExits(0)
    await pass(DELAY / 4n + 1n)
    await pool.connect(bob).requestExit(await pool.sharesOf(bob))
    await expect(pool.submitExits(1)).to.be.revertedWithCustomError(pool, 'StakeHeldByBonds')
    // Nobody can keep the bonds: a delay after the large exit was due, anybody opts the pool out.
    await pass((3n * DELAY) / 4n)
    await ethers.provider.send('hardhat_setCode', [service.address, '0x00'])
    await pool.connect(stranger).release(service, 3)
    await ethers.provider.send('hardhat_setCode', [service.address, '0x'])
    await registry.connect(service).disengage(pool)
    const ended = await now()
    await pool.submitExits(1)
    await pass(DELAY)
    await pool.settleExits()
    expect(await pool.oldestBatch()).to.equal(2n)
    await pool.claimExit(0, alice)
    await pool.claimExit(1, bob)
    expect((await now()) - ended).to.be.lessThan((5n * DELAY) / 4n)
    expect(await token.balanceOf(alice)).to.be.closeTo(100n * COH, 1000n)
    expect(await token.balanceOf(bob)).to.be.closeTo(100n * COH, 1000n)
  })
})
