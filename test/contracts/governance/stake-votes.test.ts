// SPDX-License-Identifier: GPL-3.0-or-later
// Stake in the DAO's votes: it proposes, votes and counts for the quorum as the same tokens do that are not at stake.

import { expect } from 'chai'
import { id } from 'ethers'
import { consentOf } from '../registry/keepers.ts'
import { createDao, DAY, type Dao, SETTINGS, SUPPLY, UNBONDING } from './dao.ts'

const MULTIADDR = '0x047f000001060fa1'

/** Everything that `owner` has is at stake. */
async function stakeAll({ token, keepers, stranger }: Dao, owner: Dao['holder']): Promise<bigint> {
  const all = await token.balanceOf(owner)
  await token.connect(owner).approve(keepers, all)
  const consent = await consentOf(keepers, owner, stranger)
  await keepers.connect(owner).register(stranger, id('x25519'), MULTIADDR, all, consent)
  return all
}

async function propose(dao: Dao, by: Dao['holder']): Promise<bigint> {
  const { governor, token, stranger, networkHelpers, ethers } = dao
  const call = token.interface.encodeFunctionData('mint', [stranger.address, 5n])
  const args = [[await token.getAddress()], [0], [call]] as [string[], number[], string[]]
  await governor.connect(by).propose(...args, 'a proposal')
  await networkHelpers.time.increase(SETTINGS.votingDelay + 1)
  return await governor.getProposalId(...args, ethers.id('a proposal'))
}

describe('stake in the DAO', () => {
  it('proposes, votes with all its weight, and reaches the quorum of the whole supply', async () => {
    const dao = await createDao({ proposalThreshold: SUPPLY / 2n })
    const { governor, holder, token, networkHelpers } = dao
    const before = await governor.quorum((await networkHelpers.time.latest()) - 1)
    const all = await stakeAll(dao, holder)
    expect(await token.getVotes(holder)).to.equal(0n)
    await networkHelpers.time.increase(10)
    expect(await governor.quorum((await networkHelpers.time.latest()) - 1)).to.equal(before)
    const proposal = await propose(dao, holder)
    await governor.connect(holder).castVote(proposal, 1)
    expect((await governor.proposalVotes(proposal)).forVotes).to.equal(all)
    await networkHelpers.time.increaseTo((await governor.proposalDeadline(proposal)) + 1n)
    expect(await governor.state(proposal)).to.equal(4n)
  })

  it('votes as it stood when the vote began: moved afterwards, it votes nowhere else', async () => {
    const dao = await createDao()
    const { governor, holder, minority, keepers, token, networkHelpers } = dao
    const proposal = await propose(dao, holder)
    // The holder's tokens have their vote; staked for another now, they have none there, in this vote.
    const all = await stakeAll(dao, holder)
    await keepers.connect(holder).delegate(minority)
    await governor.connect(minority).castVote(proposal, 0)
    await governor.connect(holder).castVote(proposal, 1)
    const { forVotes, againstVotes } = await governor.proposalVotes(proposal)
    expect([forVotes, againstVotes]).to.deep.equal([all, SUPPLY - all])
    expect(forVotes + againstVotes).to.equal(SUPPLY)
    await networkHelpers.time.increase(10 * DAY)
    expect(await governor.getVotes(minority, (await networkHelpers.time.latest()) - 1)).to.equal(SUPPLY)
    expect(await token.getVotes(minority)).to.equal(SUPPLY - all)
  })

  it('is gone when it was withdrawn, and the token votes again', async () => {
    const dao = await createDao()
    const { governor, holder, keepers, networkHelpers } = dao
    const all = await stakeAll(dao, holder)
    await keepers.connect(holder).requestUnbonding(all)
    await networkHelpers.time.increase(UNBONDING)
    const votes = async () => governor.getVotes(holder, (await networkHelpers.time.latest()) - 1)
    expect(await votes()).to.equal(all)
    await keepers.connect(holder).withdraw(holder)
    await networkHelpers.time.increase(10)
    expect([await keepers.getVotes(holder), await votes()]).to.deep.equal([0n, all])
  })

  it('of many on one keeper votes for each by its shares, when the voter names the pools', async () => {
    const dao = await createDao()
    const { governor, holder, minority, stranger, deployer, keepers, pools, token, networkHelpers, ethers } = dao
    const made = async () => {
      const address = await pools.connect(stranger).createPool.staticCall(0)
      await pools.connect(stranger).createPool(0)
      return await ethers.getContractAt('StakePool', address)
    }
    const [pool, other] = [await made(), await made()]
    const agent = (await ethers.getSigners())[9]!
    const consent = await consentOf(keepers, { address: await pool.getAddress() }, agent)
    await pool.connect(stranger).open(agent, id('x25519'), MULTIADDR, consent)
    const share = SUPPLY / 5n
    await token.connect(minority).approve(pool, share)
    await pool.connect(minority).deposit(minority, share, 0)
    await token.connect(holder).approve(pool, share)
    await pool.connect(holder).deposit(holder, share, 0)
    await networkHelpers.time.increase(10)
    const proposal = await propose(dao, holder)
    const [low, high] = [await pool.getAddress(), await other.getAddress()].sort((a, b) =>
      BigInt(a) < BigInt(b) ? -1 : 1,
    )
    const named = (...list: unknown[]) => ethers.AbiCoder.defaultAbiCoder().encode(['address[]'], [list])
    for (const [list, index] of [
      [[high, low], 1],
      [[low, low], 1],
      [[await keepers.getAddress()], 0],
    ] as const) {
      await expect(governor.connect(minority).castVoteWithReasonAndParams(proposal, 1, '', named(...list)))
        .to.be.revertedWithCustomError(governor, 'PoolsInvalid')
        .withArgs(index, list[index])
    }
    await governor.connect(minority).castVoteWithReasonAndParams(proposal, 1, '', named(low, high))
    expect((await governor.proposalVotes(proposal)).forVotes).to.be.closeTo(share, 1n)
    // Who names none votes with what is not in a pool.
    await governor.connect(holder).castVote(proposal, 0)
    expect((await governor.proposalVotes(proposal)).againstVotes).to.equal((SUPPLY * 3n) / 5n)
    const { minStake, unbondingDelay, jailDelay, treasury } = await keepers.settings()
    const settings = { minStake, unbondingDelay, jailDelay, treasury }
    const registry = await ethers.deployContract('KeeperRegistry', [token, deployer, settings])
    const foreign = await ethers.deployContract('StakePoolFactory', [registry])
    await expect(ethers.deployContract('CohortGovernor', [token, keepers, foreign, dao.timelock, SETTINGS]))
      .to.be.revertedWithCustomError(governor, 'PoolsOfOtherRegistry')
      .withArgs(await registry.getAddress(), await keepers.getAddress())
  })

  it('is of the token that votes, or the governor is not made', async () => {
    const { ethers, keepers, pools, timelock, deployer } = await createDao()
    const other = await ethers.deployContract('CohortToken', [deployer, [deployer], [1n]])
    await expect(ethers.deployContract('CohortGovernor', [other, keepers, pools, timelock, SETTINGS]))
      .to.be.revertedWithCustomError(await ethers.getContractFactory('CohortGovernor'), 'StakesOfOtherToken')
      .withArgs(await keepers.stakeToken(), await other.getAddress())
  })
})
