// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { createMarkets } from '../consumers/market.ts'
import { createDao, DAY, role, TIMELOCK_DELAY } from './dao.ts'

/** A DAO with a guardian contract that may cancel; the timelock speaks for itself. */
async function createGuardian() {
  const dao = await createDao()
  const { ethers, networkHelpers, timelock } = dao
  const guardian = await ethers.deployContract('Guardian', [timelock])
  const address = await timelock.getAddress()
  await networkHelpers.impersonateAccount(address)
  await networkHelpers.setBalance(address, 10n ** 20n)
  const self = await ethers.getSigner(address)
  await timelock.connect(self).grantRole(role('CANCELLER_ROLE', ethers), guardian)
  const term = (await networkHelpers.time.latest()) + 90 * DAY
  await guardian.connect(self).appoint(dao.minority, term)
  return { ...dao, guardian, self, term }
}

describe('Guardian', () => {
  it('is appointed by the timelock for a term, renewed and dismissed', async () => {
    const { guardian, ethers, networkHelpers, self, term, minority, stranger } = await createGuardian()
    for (const attempt of [
      () => guardian.connect(stranger).appoint(stranger, term),
      () => guardian.connect(minority).dismiss(minority),
    ]) {
      await expect(attempt()).to.be.revertedWithCustomError(guardian, 'NotTimelock')
    }
    const dao = guardian.connect(self)
    await expect(dao.appoint(ethers.ZeroAddress, term)).to.be.revertedWithCustomError(guardian, 'ZeroAddress')
    const now = await networkHelpers.time.latest()
    for (const until of [now, now + 181 * DAY]) {
      await expect(dao.appoint(stranger, until)).to.be.revertedWithCustomError(guardian, 'TermInvalid')
    }
    await expect(dao.appoint(minority, term + DAY))
      .to.emit(guardian, 'GuardianAppointed')
      .withArgs(minority.address, term + DAY)
    expect(await guardian.termOf(minority)).to.equal(term + DAY)
    await expect(dao.dismiss(minority)).to.emit(guardian, 'GuardianDismissed').withArgs(minority.address)
    expect(await guardian.termOf(minority)).to.equal(0n)
    await expect(ethers.deployContract('Guardian', [ethers.ZeroAddress])).to.be.revertedWithCustomError(
      guardian,
      'ZeroAddress',
    )
  })

  it('pauses intake, freezes a market and revokes a circuit, until its term is over', async () => {
    const { ethers, networkHelpers, dao, user, stranger, verifiers, market, reading, open, tell, submit } =
      await createMarkets()
    const guardian = await ethers.deployContract('Guardian', [dao])
    for (const contract of [verifiers, market]) await contract.grantRole(await contract.GUARDIAN_ROLE(), guardian)
    const now = await networkHelpers.time.latest()
    const term = now + 30 * DAY
    await guardian.connect(dao).appoint(user, term)
    const [first, second] = [await open(), await open()]
    for (const id of [first, second]) await submit(await tell(id))
    const acts = (by: typeof user) => {
      const mine = guardian.connect(by)
      return [
        () => mine.freezeMarket(market, second),
        () => mine.pauseIntake(verifiers, now + DAY),
        () => mine.revokeCircuit(verifiers, reading.id),
      ]
    }
    for (const act of acts(stranger)) {
      await expect(act()).to.be.revertedWithCustomError(guardian, 'NotGuardian').withArgs(stranger.address, 0)
    }
    await guardian.connect(user).freezeMarket(market, first)
    expect(await market.statusOf(first)).to.equal(3n)
    for (const act of acts(user)) await act()
    expect(await verifiers.intakePausedUntil()).to.equal(BigInt(now + DAY))
    expect(await verifiers.isRevoked(reading.id)).to.equal(true)
    await networkHelpers.time.increaseTo(term)
    for (const act of acts(user)) {
      await expect(act()).to.be.revertedWithCustomError(guardian, 'NotGuardian').withArgs(user.address, term)
    }
  })

  it('cancels what waits in the timelock, but not its own dismissal', async () => {
    const { guardian, ethers, governor, timelock, token, holder, minority, stranger, networkHelpers } =
      await createGuardian()
    const queue = async (target: { getAddress(): Promise<string> }, data: string, description: string) => {
      const call = [[await target.getAddress()], [0n], [data]] as const
      const id = await governor.getProposalId([...call[0]], [0], [data], ethers.id(description))
      await governor.connect(holder).propose([...call[0]], [0], [data], description)
      await networkHelpers.time.increase(DAY + 1)
      await governor.connect(holder).castVote(id, 1)
      await networkHelpers.time.increaseTo((await governor.proposalDeadline(id)) + 1n)
      await governor['queue(uint256)'](id)
      const salt = (BigInt(await governor.getAddress()) << 96n) ^ BigInt(ethers.id(description))
      return { id, operation: [[...call[0]], [0n], [data], ethers.ZeroHash, ethers.toBeHex(salt, 32)] as const }
    }
    const mint = token.interface.encodeFunctionData('mint', [stranger.address, 10n ** 30n])
    const bad = await queue(token, mint, 'A gift to a stranger')
    const [targets, values, payloads, predecessor, salt] = bad.operation
    const cancel = (by: typeof stranger) =>
      guardian.connect(by).cancel([...targets], [...values], [...payloads], predecessor, salt)
    await expect(cancel(stranger)).to.be.revertedWithCustomError(guardian, 'NotGuardian')
    await expect(cancel(minority)).to.emit(guardian, 'OperationCancelled')
    expect(await governor.state(bad.id)).to.equal(2n)
    await expect(cancel(minority)).to.be.revertedWithCustomError(timelock, 'TimelockUnexpectedOperationState')

    const dismissal = guardian.interface.encodeFunctionData('dismiss', [minority.address])
    const own = await queue(guardian, dismissal, 'Dismiss the guardian')
    const [to, value, data, none, other] = own.operation
    await expect(
      guardian.connect(minority).cancel([...to], [...value], [...data], none, other),
    ).to.be.revertedWithCustomError(guardian, 'OwnAffair')
    await networkHelpers.time.increase(TIMELOCK_DELAY)
    await governor['execute(uint256)'](own.id)
    expect(await guardian.termOf(minority)).to.equal(0n)
  })
})
