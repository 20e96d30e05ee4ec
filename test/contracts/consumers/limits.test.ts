// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { ZeroAddress } from 'ethers'
import { randomFrom } from '../invariants/random.ts'
import { BASIS, createGuard, DAY, type Guard, LIMIT, ORIGIN } from './guard.ts'

async function configured(): Promise<Guard> {
  const world = await createGuard()
  await world.configure()
  return world
}

describe('SpendingGuard limits', () => {
  it('let an account spend so much in a window, and again in the next', async () => {
    const { guard, spend, check, user, networkHelpers, hashOf, stranger } = await configured()
    for (const value of [600n, 400n]) {
      const given = spend({ value })
      await expect(check(given))
        .to.emit(guard, 'SpendPassed')
        .withArgs(user.address, ZeroAddress, stranger.address, value, await hashOf(given), BASIS.withinLimit)
    }
    const one = spend({ value: 1n })
    await expect(check(one))
      .to.be.revertedWithCustomError(guard, 'VerdictMissing')
      .withArgs(await hashOf(one), ZeroAddress, 1, 0)
    await networkHelpers.time.increase(DAY)
    expect(await guard.availableOf(user, ZeroAddress)).to.equal(LIMIT)
    await check(spend({ value: LIMIT }))
  })

  it('hold for each account and asset by themselves', async () => {
    const { guard, asset, spend, tokenSpend, check, configure, owner, user, stranger } = await configured()
    await configure(owner)
    await check(spend({ value: LIMIT }))
    expect(await guard.availableOf(user, asset)).to.equal(LIMIT)
    expect(await guard.availableOf(owner, ZeroAddress)).to.equal(LIMIT)
    await check(tokenSpend('transfer', [stranger.address, LIMIT]))
    await check(spend({ value: LIMIT }), owner)
  })

  it('never let more leave in a window, whatever is tried', async () => {
    const { guard, spend, check, networkHelpers, now, user } = await configured()
    const random = randomFrom(7)
    let [start, used] = [0, 0n]
    const seen = { passed: 0, refused: 0, renewed: 0 }
    for (let i = 0; i < 120; i++) {
      if (random() < 0.1) await networkHelpers.time.increase(Math.floor(random() * DAY))
      const value = BigInt(Math.floor(random() * 500))
      const attempt = () => check(spend({ value, origin: random() < 0.5 ? ORIGIN.owners : ORIGIN.module }))
      const block = (await now()) + 1
      const renewed = start === 0 || block >= start + DAY
      const free = renewed ? LIMIT : LIMIT - used
      if (value === 0n) {
        await expect(attempt()).to.not.emit(guard, 'SpendPassed')
      } else if (value <= free) {
        await expect(attempt(), `${i}`).to.emit(guard, 'SpendPassed')
        if (renewed) [start, used] = [block, 0n]
        used += value
        seen[renewed ? 'renewed' : 'passed'] += 1
      } else {
        await expect(attempt(), `${i}`).to.be.revertedWithCustomError(guard, 'VerdictMissing')
        seen.refused += 1
      }
      if (start !== 0 && block < start + DAY) expect(await guard.availableOf(user, ZeroAddress)).to.equal(LIMIT - used)
    }
    for (const [what, count] of Object.entries(seen)) expect(count, what).to.be.greaterThan(3)
  })

  it('fall at once and rise after the delay', async () => {
    const { guard, asset, user, networkHelpers, now } = await configured()
    const account = guard.connect(user)
    const effectiveAt = (await now()) + 1 + 2 * DAY
    await expect(account.setLimit(asset, 10n * LIMIT))
      .to.emit(guard, 'LimitChanged')
      .withArgs(user.address, asset, true, 10n * LIMIT, effectiveAt)
    const rising = [...(await guard.limitOf(user, asset))]
    expect(rising).to.deep.equal([LIMIT, 10n * LIMIT, BigInt(effectiveAt), true, true])
    await networkHelpers.time.increaseTo(effectiveAt)
    expect([...(await guard.limitOf(user, asset))]).to.deep.equal([10n * LIMIT, 0n, 0n, true, false])
    await account.setLimit(asset, 20n * LIMIT)
    // Lowering takes the rise back.
    await account.setLimit(asset, LIMIT)
    expect([...(await guard.limitOf(user, asset))]).to.deep.equal([LIMIT, 0n, 0n, true, false])
    await networkHelpers.time.increase(3 * DAY)
    expect(await guard.availableOf(user, asset)).to.equal(LIMIT)
  })

  it('can be kept from rising, while there is time', async () => {
    const { guard, asset, user, networkHelpers } = await configured()
    const account = guard.connect(user)
    await account.setLimit(asset, 10n * LIMIT)
    await expect(account.cancelLimit(asset)).to.emit(guard, 'LimitChangeCancelled').withArgs(user.address, asset)
    await expect(account.cancelLimit(asset))
      .to.be.revertedWithCustomError(guard, 'NothingPending')
      .withArgs(user.address, asset)
    await networkHelpers.time.increase(3 * DAY)
    expect((await guard.limitOf(user, asset)).current).to.equal(LIMIT)
    await account.setLimit(asset, 10n * LIMIT)
    await networkHelpers.time.increase(2 * DAY)
    await expect(account.cancelLimit(asset)).to.be.revertedWithCustomError(guard, 'NothingPending')
    expect((await guard.limitOf(user, asset)).current).to.equal(10n * LIMIT)
  })

  it('are removed after the delay, but not from the native asset', async () => {
    const { guard, asset, user, stranger, tokenSpend, check, networkHelpers } = await configured()
    const account = guard.connect(user)
    await account.removeLimit(asset)
    const much = tokenSpend('transfer', [stranger.address, LIMIT + 1n])
    await expect(check(much)).to.be.revertedWithCustomError(guard, 'VerdictMissing')
    await networkHelpers.time.increase(2 * DAY)
    await expect(check(much)).to.not.emit(guard, 'SpendPassed')
    for (const attempt of [() => guard.availableOf(user, asset), () => account.removeLimit(asset)]) {
      await expect(attempt()).to.be.revertedWithCustomError(guard, 'NotGuarded').withArgs(user.address, asset)
    }
    await expect(account.removeLimit(ZeroAddress))
      .to.be.revertedWithCustomError(guard, 'NativeAlwaysGuarded')
      .withArgs(user.address)
    // Guarding it anew tightens, so it needs no delay.
    await account.setLimit(asset, 5n)
    await expect(check(much)).to.be.revertedWithCustomError(guard, 'VerdictMissing')
  })

  it('rise at once while there is no policy to protect', async () => {
    const { guard, user } = await createGuard()
    for (const limit of [5n, 9n]) await guard.connect(user).setLimit(ZeroAddress, limit)
    expect((await guard.limitOf(user, ZeroAddress)).current).to.equal(9n)
  })

  it('may use all 96 bits; a larger amount is above every limit', async () => {
    const { guard, spend, check, judge, user, networkHelpers } = await configured()
    const highest = 2n ** 96n - 1n
    await guard.connect(user).setLimit(ZeroAddress, highest)
    await networkHelpers.time.increase(2 * DAY)
    const huge = spend({ value: 2n ** 96n })
    await expect(check(huge)).to.be.revertedWithCustomError(guard, 'VerdictMissing')
    await judge(huge)
    await check(huge)
    await check(spend({ value: highest }))
    await expect(check(spend({ value: 1n }))).to.be.revertedWithCustomError(guard, 'VerdictMissing')
  })
})
