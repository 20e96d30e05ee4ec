// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { deployHostile, MOOD } from './hostile.ts'
import { createMarkets, INVALID, STATUS } from './market.ts'

const THREE = { outcomes: 3, classMap: '0x000102ff' }

describe('PredictionMarket tokens', () => {
  it('split into one of each outcome and merge back, before and after the end', async () => {
    const { market, token, user, ethers, open, finish, ids } = await createMarkets()
    const id = await open(THREE)
    await expect(market.connect(user).split(id, 30n)).to.changeTokenBalances(ethers, token, [user, market], [-30n, 30n])
    for (const position of ids(id, 3)) expect(await market.balanceOf(user, position)).to.equal(30n)
    expect(await market.potOf(id)).to.deep.equal([30n, 90n])
    await expect(market.connect(user).merge(id, 10n)).to.emit(market, 'SetsMerged').withArgs(id, user.address, 10n, 10n)
    await finish(id)
    await expect(market.connect(user).merge(id, 5n)).to.changeTokenBalance(ethers, token, user, 5n)
    await expect(market.connect(user).redeem(id)).to.emit(market, 'Redeemed').withArgs(id, user.address, 45n, 15n)
    expect(await market.potOf(id)).to.deep.equal([0n, 0n])
  })

  it('are split while the market trades only', async () => {
    const { market, user, open, tell, submit } = await createMarkets()
    const id = await open()
    await submit(await tell(id))
    await expect(market.connect(user).split(id, 1n))
      .to.be.revertedWithCustomError(market, 'UnexpectedStatus')
      .withArgs(id, STATUS.pending, 1n << STATUS.trading)
  })

  it('refuse nothing, and more than there is', async () => {
    const { market, token, user, prover, open } = await createMarkets()
    const id = await open()
    await expect(market.connect(user).split(id, 0n)).to.be.revertedWithCustomError(market, 'ZeroAmount')
    await expect(market.connect(user).merge(id, 0n)).to.be.revertedWithCustomError(market, 'ZeroAmount')
    await market.connect(prover).split(id, 5n)
    await expect(market.connect(user).merge(id, 1n)).to.be.revertedWithCustomError(market, 'ERC1155InsufficientBalance')
    const balance = await token.balanceOf(user)
    await expect(market.connect(user).split(id, balance + 1n)).to.be.revertedWithCustomError(
      token,
      'ERC20InsufficientAllowance',
    )
    await expect(market.connect(user).split(id, 2n ** 128n)).to.be.revertedWithCustomError(
      market,
      'SafeCastOverflowedUintDowncast',
    )
    await expect(market.connect(user).split(id, 2n ** 128n - 6n)).to.be.revertedWithCustomError(
      market,
      'SafeCastOverflowedUintDowncast',
    )
  })

  it('are redeemed after the end only, and by who has some', async () => {
    const { market, user, stranger, open, finish } = await createMarkets()
    const id = await open()
    await market.connect(user).split(id, 1n)
    await expect(market.connect(user).redeem(id))
      .to.be.revertedWithCustomError(market, 'UnexpectedStatus')
      .withArgs(id, STATUS.trading, (1n << STATUS.final) | (1n << STATUS.invalid))
    await finish(id)
    await expect(market.connect(stranger).redeem(id))
      .to.be.revertedWithCustomError(market, 'NothingToRedeem')
      .withArgs(id, stranger.address)
  })

  it('of an expired market pay an equal split, and the last to leave gets the dust', async () => {
    const { market, token, user, prover, stranger, owner, networkHelpers, ethers, open, ids } = await createMarkets()
    const id = await open(THREE)
    const [first, second, third] = ids(id, 3) as [bigint, bigint, bigint]
    await market.connect(user).split(id, 10n)
    for (const [to, position] of [
      [prover, first],
      [stranger, second],
      [owner, third],
    ] as const) {
      await market.connect(user).safeTransferFrom(user, to, position, 10n, '0x')
    }
    const { deadline } = await market.questionOf(id)
    await networkHelpers.time.increaseTo(deadline + 1n)
    for (const [who, paid] of [
      [prover, 3n],
      [stranger, 3n],
      [owner, 4n],
    ] as const) {
      await expect(market.connect(who).redeem(id)).to.changeTokenBalance(ethers, token, who, paid)
    }
    expect(await token.balanceOf(market)).to.equal(0n)
  })

  it('leave no dust either when the last to leave merges', async () => {
    const { market, token, user, prover, networkHelpers, ethers, open, ids } = await createMarkets()
    const id = await open()
    await market.connect(user).split(id, 3n)
    await market.connect(user).safeBatchTransferFrom(user, prover, ids(id), [1n, 2n], '0x')
    const { deadline } = await market.questionOf(id)
    await networkHelpers.time.increaseTo(deadline + 1n)
    await expect(market.connect(prover).redeem(id)).to.changeTokenBalance(ethers, token, prover, 1n)
    expect(await market.potOf(id)).to.deep.equal([2n, 3n])
    await market.connect(user).safeTransferFrom(user, prover, ids(id)[0]!, 1n, '0x')
    await expect(market.connect(prover).redeem(id)).to.changeTokenBalance(ethers, token, prover, 0n)
    await expect(market.connect(user).merge(id, 1n)).to.changeTokenBalance(ethers, token, user, 2n)
    expect(await market.potOf(id)).to.deep.equal([0n, 0n])
  })

  it('keep the markets’ pots apart', async () => {
    const { market, token, user, prover, ethers, open, finish } = await createMarkets()
    const [first, second] = [await open(), await open()]
    await market.connect(user).split(first, 7n)
    await market.connect(prover).split(second, 11n)
    await finish(first, 2)
    expect((await market.resolutionOf(first)).outcome).to.equal(INVALID)
    await expect(market.connect(user).redeem(first)).to.changeTokenBalance(ethers, token, user, 7n)
    await expect(market.connect(user).redeem(second)).to.be.revertedWithCustomError(market, 'UnexpectedStatus')
    expect(await market.potOf(second)).to.deep.equal([11n, 22n])
  })
})

describe('PredictionMarket among hostile contracts', () => {
  it('refuses collateral that takes a fee or moves nothing', async () => {
    const { market, user, dao, open } = await createMarkets()
    for (const [name, found] of [
      ['FeeToken', 99n],
      ['LazyToken', 0n],
    ] as const) {
      const bad = await deployHostile(name, dao)
      await bad.mint(user.address, 1000n)
      await bad.approveAs(user.address, await market.getAddress())
      const id = await open({ collateral: await bad.getAddress() })
      await expect(market.connect(user).split(id, 100n))
        .to.be.revertedWithCustomError(market, 'CollateralMismatch')
        .withArgs(100n, found)
      expect(await market.potOf(id)).to.deep.equal([0n, 0n])
    }
  })

  it('counts nothing twice when the collateral calls back', async () => {
    const { market, user, dao, open } = await createMarkets()
    const bad = await deployHostile('CallbackToken', dao)
    const address = await market.getAddress()
    const collateral = await bad.getAddress()
    const id = await open({ collateral })
    for (const account of [user.address, collateral]) {
      await bad.mint(account, 1000n)
      await bad.approveAs(account, address)
    }
    for (const data of [
      market.interface.encodeFunctionData('split', [id, 50n]),
      market.interface.encodeFunctionData('merge', [id, 1n]),
      market.interface.encodeFunctionData('redeem', [id]),
    ]) {
      await bad.arm(address, data)
      await market.connect(user).split(id, 10n)
      expect([await bad.called(), await bad.succeeded()]).to.deep.equal([true, false])
    }
    expect(await market.potOf(id)).to.deep.equal([30n, 60n])
    expect(await bad.balanceOf(address)).to.equal(30n)
  })

  it('lets frozen collateral stop its own market only', async () => {
    const { market, token, user, dao, ethers, open, finish } = await createMarkets()
    const bad = await deployHostile('FrozenToken', dao)
    await bad.mint(user.address, 1000n)
    await bad.approveAs(user.address, await market.getAddress())
    const [frozen, sound] = [await open({ collateral: await bad.getAddress() }), await open()]
    await market.connect(user).split(frozen, 10n)
    await market.connect(user).split(sound, 10n)
    await bad.freeze()
    await finish(frozen)
    await finish(sound)
    await expect(market.connect(user).redeem(frozen)).to.be.revertedWith('frozen')
    expect(await market.potOf(frozen)).to.deep.equal([10n, 20n])
    await expect(market.connect(user).redeem(sound)).to.changeTokenBalance(ethers, token, user, 10n)
  })

  it('lets receivers that revert, lie or burn gas harm only themselves', async () => {
    const { market, token, user, dao, open } = await createMarkets()
    const id = await open()
    await market.connect(user).split(id, 10n)
    const receiver = await deployHostile('Receiver', dao)
    const [address, target] = [await receiver.getAddress(), await market.getAddress()]
    await token.connect(user).transfer(address, 100n)
    await receiver.run(await token.getAddress(), token.interface.encodeFunctionData('approve', [target, 100n]))
    const split = market.interface.encodeFunctionData('split', [id, 5n])
    for (const mood of [MOOD.reverting, MOOD.wrongAnswer, MOOD.gluttonous]) {
      await receiver.set(mood, target, '0x')
      let failed = false
      await receiver.run(target, split, { gasLimit: 1_000_000 }).catch(() => (failed = true))
      expect(failed, `mood ${mood}`).to.equal(true)
      expect(await market.potOf(id)).to.deep.equal([10n, 20n])
    }
    await receiver.set(MOOD.content, target, '0x')
    await receiver.run(target, split)
    expect(await market.potOf(id)).to.deep.equal([15n, 30n])
    await market.connect(user).merge(id, 10n)
  })

  it('lets receivers that re-enter change nothing', async () => {
    const { market, token, user, dao, open } = await createMarkets()
    const id = await open()
    const receiver = await deployHostile('Receiver', dao)
    const [address, target] = [await receiver.getAddress(), await market.getAddress()]
    await token.connect(user).transfer(address, 100n)
    await receiver.run(await token.getAddress(), token.interface.encodeFunctionData('approve', [target, 100n]))
    for (const data of [
      market.interface.encodeFunctionData('merge', [id, 5n]),
      market.interface.encodeFunctionData('split', [id, 5n]),
    ]) {
      await receiver.set(MOOD.reentering, target, data)
      await receiver.run(target, market.interface.encodeFunctionData('split', [id, 5n]))
      expect(await receiver.succeeded()).to.equal(false)
    }
    expect(await market.potOf(id)).to.deep.equal([10n, 20n])
    expect(await token.balanceOf(market)).to.equal(10n)
  })
})
