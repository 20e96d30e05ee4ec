// SPDX-License-Identifier: GPL-3.0-or-later
// Stake votes for its owner: as much as it is, at every moment, and no token twice.

import { expect } from 'chai'
import { ZeroAddress } from 'ethers'
import { randomFrom } from '../invariants/random.ts'
import { COH } from '../rounds/units.ts'
import { createRegistry, DELAY, EVIDENCE, REASON, type Setup, STAKE } from './keepers.ts'

describe('votes of stake', () => {
  let s: Setup
  beforeEach(async () => {
    s = await createRegistry()
  })

  it('are the owner’s from the start, through bond and unbonding, less what is slashed, until it is withdrawn', async () => {
    const { registry, serviceRegistry, ownerRegistry, owner, pass, now } = s
    const counted: [bigint, bigint][] = []
    const note = async (): Promise<void> => {
      counted.push([await now(), await registry.getVotes(owner)])
      await pass(10n)
    }
    await note()
    await serviceRegistry.engage(owner, STAKE)
    await note()
    await serviceRegistry.slash(owner, 5n * COH, REASON, EVIDENCE)
    await note()
    await serviceRegistry.disengage(owner)
    await ownerRegistry.requestUnbonding(50n * COH)
    await note()
    await serviceRegistry.slash(owner, 10n * COH, REASON, EVIDENCE)
    await note()
    await pass(DELAY)
    await ownerRegistry.withdraw(owner)
    await note()
    await registry.stake(owner, 7n * COH)
    await note()
    expect(counted.map(([, votes]) => votes / COH)).to.deep.equal([100n, 100n, 95n, 95n, 85n, 45n, 52n])
    for (const [at, votes] of counted) expect(await registry.getPastVotes(owner, at)).to.equal(votes)
    expect(await registry.getPastVotes(owner, 1n)).to.equal(0n)
  })

  it('go to the delegate that the owner names, at once and for later stake, and come back', async () => {
    const { registry, ownerRegistry, owner, operator, stranger } = s
    await expect(ownerRegistry.delegate(stranger))
      .to.emit(registry, 'DelegateChanged')
      .withArgs(owner.address, owner.address, stranger.address)
      .and.to.emit(registry, 'DelegateVotesChanged')
      .withArgs(owner.address, STAKE, 0n)
    await registry.stake(owner, COH)
    expect([await registry.getVotes(owner), await registry.getVotes(stranger)]).to.deep.equal([0n, STAKE + COH])
    expect(await registry.delegates(owner)).to.equal(stranger.address)
    // The operator's key, which a machine holds, decides about no vote of the owner's.
    await registry.connect(operator).delegate(operator)
    expect(await registry.getVotes(operator)).to.equal(0n)
    await ownerRegistry.delegate(ZeroAddress)
    expect([await registry.getVotes(owner), await registry.getVotes(stranger)]).to.deep.equal([STAKE + COH, 0n])
    await expect(ownerRegistry.delegate(owner)).not.to.emit(registry, 'DelegateVotesChanged')
  })

  it('are never votes of the token as well: no token ever votes twice', async () => {
    const { registry, ownerRegistry, token, owner, pass } = s
    await token.connect(owner).delegate(owner)
    const all = (await token.balanceOf(owner)) + STAKE
    const both = async (): Promise<bigint> => {
      const at = await s.now()
      await pass(1n)
      return (await token.getPastVotes(owner, at)) + (await registry.getPastVotes(owner, at))
    }
    expect(await both()).to.equal(all)
    await registry.connect(owner).stake(owner, 100n * COH)
    expect(await both()).to.equal(all)
    await ownerRegistry.requestUnbonding(100n * COH)
    expect(await both()).to.equal(all)
    await pass(DELAY)
    await ownerRegistry.withdraw(owner)
    expect(await both()).to.equal(all)
    expect(await token.delegates(registry)).to.equal(ZeroAddress)
  })

  it('cannot be read for the present, because they can still change', async () => {
    const { registry, owner, now } = s
    const at = await now()
    await expect(registry.getPastVotes(owner, at + 1n))
      .to.be.revertedWithCustomError(registry, 'ERC5805FutureLookup')
      .withArgs(at + 1n, at)
    await expect(registry.getPastVotes(owner, 2n ** 255n)).to.be.revertedWithCustomError(
      registry,
      'ERC5805FutureLookup',
    )
    expect(await registry.CLOCK_MODE()).to.equal('mode=timestamp')
    expect(await registry.clock()).to.equal(at)
  })

  it('equal staked plus unbonding tokens after any actions in any order', async () => {
    const { registry, serviceRegistry, ownerRegistry, owner, stranger, second } = s
    const random = randomFrom(41)
    const pick = (n: number): number => Math.floor(random() * n)
    const moves = [
      () => registry.stake(owner, BigInt(1 + pick(1000))),
      () => ownerRegistry.requestUnbonding(BigInt(1 + pick(2000))),
      () => ownerRegistry.withdraw(owner),
      () => serviceRegistry.engage(owner, BigInt(1 + pick(5000))),
      () => serviceRegistry.disengage(owner),
      () => serviceRegistry.slash(owner, BigInt(pick(1500)), REASON, EVIDENCE),
      () => ownerRegistry.delegate([owner, stranger, second][pick(3)]!),
      () => s.pass(BigInt(1 + pick(Number(DELAY)))),
    ]
    for (let i = 0; i < 250; i++) {
      await moves[pick(moves.length)]!().catch(() => undefined)
      const { stake, unbonding } = await registry.keeperOf(owner)
      const voting = await registry.delegates(owner)
      expect(await registry.getVotes(voting), `${i}`).to.equal(stake + unbonding)
      for (const account of [owner, stranger, second]) {
        if (account.address !== voting) expect(await registry.getVotes(account), `${i}`).to.equal(0n)
      }
    }
    const at = await s.now()
    await s.pass(1n)
    expect(await registry.getPastVotes(await registry.delegates(owner), at)).to.be.greaterThan(0n)
  })
})
