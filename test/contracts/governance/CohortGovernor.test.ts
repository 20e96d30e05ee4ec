// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { proposalIdOf } from '../../../keepers/chain/dao/proposal-id.ts'
import { createDao, DAY, type Dao, pass, SETTINGS, SUPPLY, TIMELOCK_DELAY } from './dao.ts'

/** OpenZeppelin's IGovernor.ProposalState. */
const STATE = { pending: 0n, active: 1n, canceled: 2n, defeated: 3n, succeeded: 4n, queued: 5n, executed: 7n }

async function proposeMint(dao: Dao, description = 'mint') {
  const { governor, token, holder, stranger, ethers } = dao
  const targets = [await token.getAddress()]
  const data = [token.interface.encodeFunctionData('mint', [stranger.address, 5n])]
  await governor.connect(holder).propose(targets, [0], data, description)
  return await governor.getProposalId(targets, [0], data, ethers.id(description))
}

describe('CohortGovernor', () => {
  it('takes its settings in seconds and its votes from the token', async () => {
    const { governor, token, timelock, networkHelpers } = await createDao()
    expect(await governor.votingDelay()).to.equal(SETTINGS.votingDelay)
    expect(await governor.votingPeriod()).to.equal(SETTINGS.votingPeriod)
    expect(await governor.proposalThreshold()).to.equal(SETTINGS.proposalThreshold)
    expect(await governor.lateQuorumVoteExtension()).to.equal(SETTINGS.voteExtension)
    expect(await governor.CLOCK_MODE()).to.equal('mode=timestamp')
    expect(await governor.token()).to.equal(await token.getAddress())
    expect(await governor.timelock()).to.equal(await timelock.getAddress())
    await networkHelpers.time.increase(10)
    expect(await governor.quorum((await networkHelpers.time.latest()) - 1)).to.equal(SUPPLY / 10n)
  })

  it('carries a proposal from proposal to execution, each step by whoever cares', async () => {
    const dao = await createDao()
    const { governor, token, holder, minority, stranger, networkHelpers } = dao
    const id = await proposeMint(dao)
    expect(await governor.proposalCount()).to.equal(1)
    expect((await governor.proposalDetailsAt(0)).proposalId).to.equal(id)
    expect(await governor.proposalNeedsQueuing(id)).to.equal(true)
    expect(await governor.state(id)).to.equal(STATE.pending)
    await networkHelpers.time.increase(SETTINGS.votingDelay + 1)
    expect(await governor.state(id)).to.equal(STATE.active)
    await governor.connect(holder).castVote(id, 1)
    await governor.connect(minority).castVote(id, 0)
    await networkHelpers.time.increaseTo((await governor.proposalDeadline(id)) + 1n)
    expect(await governor.state(id)).to.equal(STATE.succeeded)
    await governor.connect(stranger)['queue(uint256)'](id)
    expect(await governor.state(id)).to.equal(STATE.queued)
    await expect(governor['execute(uint256)'](id)).to.revert(dao.ethers)
    await networkHelpers.time.increase(TIMELOCK_DELAY)
    await governor.connect(stranger)['execute(uint256)'](id)
    expect(await governor.state(id)).to.equal(STATE.executed)
    expect(await token.balanceOf(stranger)).to.equal(5n)
  })

  it('defeats proposals without a quorum or a majority', async () => {
    const dao = await createDao()
    const { governor, holder, minority, networkHelpers } = dao
    const ignored = await proposeMint(dao, 'nobody votes')
    const refused = await proposeMint(dao, 'most refuse')
    await networkHelpers.time.increase(SETTINGS.votingDelay + 1)
    await governor.connect(minority).castVote(refused, 1)
    await governor.connect(holder).castVote(refused, 0)
    await networkHelpers.time.increase(SETTINGS.votingPeriod + SETTINGS.voteExtension)
    expect(await governor.state(ignored)).to.equal(STATE.defeated)
    expect(await governor.state(refused)).to.equal(STATE.defeated)
    await expect(governor['queue(uint256)'](refused)).to.be.revertedWithCustomError(
      governor,
      'GovernorUnexpectedProposalState',
    )
  })

  it('refuses a proposer without votes', async () => {
    const { governor, token, stranger } = await createDao()
    await expect(governor.connect(stranger).propose([token], [0], ['0x'], 'x'))
      .to.be.revertedWithCustomError(governor, 'GovernorInsufficientProposerVotes')
      .withArgs(stranger.address, 0n, SETTINGS.proposalThreshold)
  })

  it('lets the proposer cancel while the proposal is pending', async () => {
    const dao = await createDao()
    const { governor, holder } = dao
    const id = await proposeMint(dao)
    await governor.connect(holder)['cancel(uint256)'](id)
    expect(await governor.state(id)).to.equal(STATE.canceled)
  })

  it('extends the vote when the quorum comes late, once', async () => {
    const dao = await createDao()
    const { governor, holder, minority, networkHelpers } = dao
    const id = await proposeMint(dao)
    const deadline = await governor.proposalDeadline(id)
    await networkHelpers.time.increaseTo(deadline - 60n)
    await governor.connect(holder).castVote(id, 1)
    const extended = BigInt(await networkHelpers.time.latest()) + BigInt(SETTINGS.voteExtension)
    expect(await governor.proposalDeadline(id)).to.equal(extended)
    await networkHelpers.time.increaseTo(extended - 60n)
    await governor.connect(minority).castVote(id, 0)
    expect(await governor.proposalDeadline(id)).to.equal(extended)
  })

  it('bounds the extension by the voting period and by a week', async () => {
    const dao = await createDao()
    const { governor, ethers } = dao
    await expect(
      ethers.deployContract('CohortGovernor', [
        dao.token,
        dao.keepers,
        dao.pools,
        dao.timelock,
        { ...SETTINGS, votingPeriod: DAY, voteExtension: DAY + 1 },
      ]),
    )
      .to.be.revertedWithCustomError(governor, 'GovernorPreventLateQuorumVoteExtensionTooLarge')
      .withArgs(DAY + 1, DAY)
    await expect(
      ethers.deployContract('CohortGovernor', [
        dao.token,
        dao.keepers,
        dao.pools,
        dao.timelock,
        { ...SETTINGS, votingPeriod: 30 * DAY, voteExtension: 8 * DAY },
      ]),
    )
      .to.be.revertedWithCustomError(governor, 'GovernorPreventLateQuorumVoteExtensionTooLarge')
      .withArgs(8 * DAY, 7 * DAY)
    const longest = await createDao({ votingPeriod: DAY, voteExtension: DAY })
    expect(await longest.governor.lateQuorumVoteExtension()).to.equal(DAY)
  })

  it('changes its own settings by a proposal, and by nothing else', async () => {
    const dao = await createDao()
    const { governor, holder } = dao
    await expect(governor.connect(holder).setVotingPeriod(60))
      .to.be.revertedWithCustomError(governor, 'GovernorOnlyExecutor')
      .withArgs(holder.address)
    await pass(
      dao,
      { target: governor, data: governor.interface.encodeFunctionData('setVotingPeriod', [9 * DAY]) },
      'vote for nine days',
    )
    expect(await governor.votingPeriod()).to.equal(9 * DAY)
  })

  it('cancels a queued proposal in the timelock when the timelock says so', async () => {
    const dao = await createDao()
    const { governor, timelock, holder, networkHelpers, ethers } = dao
    const id = await proposeMint(dao)
    await networkHelpers.time.increase(SETTINGS.votingDelay + 1)
    await governor.connect(holder).castVote(id, 1)
    await networkHelpers.time.increaseTo((await governor.proposalDeadline(id)) + 1n)
    await governor['queue(uint256)'](id)
    const [targets, values, calldatas, descriptionHash] = await governor.proposalDetails(id)
    expect(proposalIdOf([[...targets], [...values], [...calldatas], descriptionHash])).to.equal(id)
    const salt = ethers.toBeHex((BigInt(await governor.getAddress()) << 96n) ^ BigInt(descriptionHash), 32)
    const operation = await timelock.hashOperationBatch(
      [...targets],
      [...values],
      [...calldatas],
      ethers.ZeroHash,
      salt,
    )
    expect(await timelock.isOperationPending(operation)).to.equal(true)
    await networkHelpers.impersonateAccount(await governor.getAddress())
    await networkHelpers.setBalance(await governor.getAddress(), 10n ** 18n)
    await timelock.connect(await ethers.getSigner(await governor.getAddress())).cancel(operation)
    expect(await governor.state(id)).to.equal(STATE.canceled)
  })
})
