// SPDX-License-Identifier: GPL-3.0-or-later
// Policies, announcements, recovery: what an account can do without a model.
import { expect } from 'chai'
import { type FunctionFragment, Interface, ZeroAddress } from 'ethers'
import { FORM, OUTPUT } from '../inference/output-schema.ts'
import { BASIS, createGuard, DAY, type Guard, HOUR, MINUTE, OPERATION, ORIGIN } from './guard.ts'

const WEEK = 7 * DAY
const SAFE = new Interface([
  'function swapOwner(address,address,address)',
  'function addOwnerWithThreshold(address,uint256)',
  'function removeOwner(address,address,uint256)',
  'function changeThreshold(uint256)',
  'function setGuard(address)',
  'function setModuleGuard(address)',
  'function disableModule(address,address)',
])

async function configured(): Promise<Guard> {
  const world = await createGuard()
  await world.configure()
  return world
}

describe('SpendingGuard policies', () => {
  it('are set at once the first time, and change after the delay', async () => {
    const { guard, policy, user, now, networkHelpers } = await configured()
    const account = guard.connect(user)
    await expect(account.setPolicy(policy({ delay: HOUR }))).to.emit(guard, 'PolicyChanged')
    const [inForce, pending, effectiveAt] = await guard.policyOf(user)
    expect(inForce.delay).to.equal(BigInt(2 * DAY))
    expect(pending.delay).to.equal(BigInt(HOUR))
    expect(effectiveAt).to.equal(BigInt((await now()) + 2 * DAY))
    await networkHelpers.time.increaseTo(effectiveAt)
    expect((await guard.policyOf(user)).inForce.delay).to.equal(BigInt(HOUR))
    expect((await guard.policyOf(user)).effectiveAt).to.equal(0n)
    await account.setPolicy(policy({ window: 2 * DAY }))
    expect((await guard.policyOf(user)).inForce.delay).to.equal(BigInt(HOUR))
    await networkHelpers.time.increase(HOUR)
    expect((await guard.policyOf(user)).inForce.window).to.equal(BigInt(2 * DAY))
  })

  it('can be kept from changing, while there is time', async () => {
    const { guard, policy, user, networkHelpers } = await configured()
    const account = guard.connect(user)
    await account.setPolicy(policy({ delay: HOUR }))
    await expect(account.cancelPolicy()).to.emit(guard, 'PolicyChangeCancelled').withArgs(user.address)
    await expect(account.cancelPolicy())
      .to.be.revertedWithCustomError(guard, 'NothingPending')
      .withArgs(user.address, ZeroAddress)
    await networkHelpers.time.increase(3 * DAY)
    expect((await guard.policyOf(user)).inForce.delay).to.equal(BigInt(2 * DAY))
  })

  it('that make no sense are refused, saying which field and why', async () => {
    const { guard, hub, fair, owner, policy, user, addJudge, described, service } = await createGuard()
    const account = guard.connect(user)
    const cases: [object, number, number, number, number][] = [
      [{ window: HOUR - 1 }, 0, HOUR - 1, HOUR, 30 * DAY],
      [{ window: 30 * DAY + 1 }, 0, 30 * DAY + 1, HOUR, 30 * DAY],
      [{ verdictSeconds: MINUTE - 1 }, 1, MINUTE - 1, MINUTE, DAY],
      [{ verdictSeconds: DAY + 1 }, 1, DAY + 1, MINUTE, DAY],
      [{ delay: HOUR - 1 }, 2, HOUR - 1, HOUR, 30 * DAY],
      [{ delay: 30 * DAY + 1 }, 2, 30 * DAY + 1, HOUR, 30 * DAY],
    ]
    for (const [changes, ...args] of cases) {
      await expect(account.setPolicy(policy(changes)))
        .to.be.revertedWithCustomError(guard, 'SecondsInvalid')
        .withArgs(...args)
    }
    await expect(account.setPolicy(policy({ margins: false, minMargin: 3 })))
      .to.be.revertedWithCustomError(guard, 'MarginNotStated')
      .withArgs(3)
    await expect(account.setPolicy(policy({ margins: false, minMargin: 0 })))
      .to.be.revertedWithCustomError(guard, 'MarginsMismatch')
      .withArgs(fair.id, false, FORM.labelAndMargin)
    const plain = await addJudge(1n)
    await expect(account.setPolicy(policy({ modelId: plain.id })))
      .to.be.revertedWithCustomError(guard, 'MarginsMismatch')
      .withArgs(plain.id, true, FORM.label)
    await hub.registerModel(described(), service, 0, OUTPUT.score)
    await expect(account.setPolicy(policy({ modelId: await hub.modelCount() })))
      .to.be.revertedWithCustomError(guard, 'OutputNotALabel')
      .withArgs(FORM.score)
    await expect(account.setPolicy(policy({ modelId: 99 })))
      .to.be.revertedWithCustomError(hub, 'ModelNotFound')
      .withArgs(99)
    await hub.connect(owner).deprecateModel(fair.id)
    await expect(account.setPolicy(policy())).to.be.revertedWithCustomError(guard, 'ModelDeprecated').withArgs(fair.id)
    expect(await guard.isInitialized(user)).to.equal(false)
  })

  it('are needed to spend, but not to configure or to recover', async () => {
    const { guard, spend, check, user, hashOf } = await createGuard()
    await expect(check(spend({ value: 1n })))
      .to.be.revertedWithCustomError(guard, 'NotConfigured')
      .withArgs(user.address)
    await expect(guard.connect(user).announce(await hashOf(spend())))
      .to.be.revertedWithCustomError(guard, 'NotConfigured')
      .withArgs(user.address)
    const own = { to: await guard.getAddress(), value: 0n, data: '0x1234' }
    await check(spend(own))
    for (const other of [{ value: 1n }, { operation: OPERATION.delegateCall }]) {
      await expect(check(spend({ ...own, ...other }))).to.be.revertedWithCustomError(guard, 'NotConfigured')
    }
  })
})

describe('SpendingGuard announcements', () => {
  it('let a transaction pass after the delay, once, foreign code too', async () => {
    const { guard, spend, check, hashOf, user, now, networkHelpers, stranger } = await configured()
    for (const given of [spend(), spend({ operation: OPERATION.delegateCall, value: 0n, data: '0xab' })]) {
      const refusal = given.operation === OPERATION.call ? 'VerdictMissing' : 'DelegateCallRefused'
      const hash = await hashOf(given)
      const executableAt = (await now()) + 1 + 2 * DAY
      await expect(guard.connect(user).announce(hash))
        .to.emit(guard, 'SpendAnnounced')
        .withArgs(user.address, hash, executableAt, executableAt + WEEK)
      const standing = [...(await guard.announcementOf(user, hash))]
      expect(standing).to.deep.equal([BigInt(executableAt), BigInt(executableAt + WEEK)])
      await expect(guard.connect(user).announce(hash))
        .to.be.revertedWithCustomError(guard, 'AlreadyAnnounced')
        .withArgs(hash, executableAt)
      await networkHelpers.time.increaseTo(executableAt - 2)
      await expect(check(given)).to.be.revertedWithCustomError(guard, refusal)
      await networkHelpers.time.increaseTo(executableAt)
      await expect(check(given))
        .to.emit(guard, 'SpendPassed')
        .withArgs(user.address, ZeroAddress, stranger.address, given.value, hash, BASIS.announcement)
      await expect(check(given)).to.be.revertedWithCustomError(guard, refusal)
    }
  })

  it('can be cancelled, and lapse after a week', async () => {
    const { guard, spend, check, hashOf, user, networkHelpers } = await configured()
    const hash = await hashOf(spend())
    const account = guard.connect(user)
    await account.announce(hash)
    await expect(account.cancelAnnouncement(hash)).to.emit(guard, 'AnnouncementCancelled').withArgs(user.address, hash)
    for (let i = 0; i < 2; i++) {
      await expect(account.cancelAnnouncement(hash)).to.be.revertedWithCustomError(guard, 'NotAnnounced').withArgs(hash)
      await account.announce(hash)
      await networkHelpers.time.increase(2 * DAY + WEEK + 1)
    }
    await expect(check(spend())).to.be.revertedWithCustomError(guard, 'VerdictMissing')
    await account.announce(hash)
  })

  it('are for the account that made them', async () => {
    const { guard, spend, check, configure, hashOf, owner, networkHelpers } = await configured()
    await configure(owner)
    await guard.connect(owner).announce(await hashOf(spend()))
    await networkHelpers.time.increase(2 * DAY)
    await expect(check(spend())).to.be.revertedWithCustomError(guard, 'VerdictMissing')
    await expect(check(spend(), owner)).to.be.revertedWithCustomError(guard, 'VerdictMissing')
  })
})

describe('SpendingGuard recovery', () => {
  it('is never blocked: owners, guards, modules, and the empty call that uses up a nonce', async () => {
    const { guard, spend, check, user, owner } = await createGuard()
    const own = { to: user.address, value: 0n }
    for (const origin of [ORIGIN.owners, ORIGIN.module]) {
      await expect(check(spend({ ...own, origin }))).to.not.emit(guard, 'SpendPassed')
      for (const { name, inputs } of SAFE.fragments as readonly FunctionFragment[]) {
        const data = SAFE.encodeFunctionData(
          name,
          inputs.map(({ type }) => (type === 'address' ? owner.address : 1n)),
        )
        await expect(check(spend({ ...own, data, origin })), name).to.not.emit(guard, 'SpendPassed')
        for (const other of [{ to: owner.address, value: 1n }, { operation: OPERATION.delegateCall }]) {
          const attempt = check(spend({ ...own, data, origin, ...other }))
          await expect(attempt, name).to.be.revertedWithCustomError(guard, 'NotConfigured')
        }
      }
    }
  })

  it('comes, as every other transaction, without a gas refund, which would pass every limit', async () => {
    const { guard, spend, check, user } = await configured()
    for (const given of [spend({ value: 1n }), spend({ to: user.address, value: 0n })]) {
      await expect(check(given, user, 5n))
        .to.be.revertedWithCustomError(guard, 'RefundRefused')
        .withArgs(user.address, 5, ZeroAddress)
    }
  })
})
