// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { ContractFactory, ZeroAddress } from 'ethers'
import { compile } from '../../../scripts/solc.ts'
import { createMarket, MIN_BOND, SETTLE_SECONDS, UNBONDING_SECONDS } from './prover-market.ts'

describe('ProverMarket bonds', () => {
  it('need a treasury', async () => {
    const { ethers, verifiers, market } = await createMarket()
    await expect(
      ethers.deployContract('ProverMarket', [verifiers, ZeroAddress, 1, 1, SETTLE_SECONDS]),
    ).to.be.revertedWithCustomError(market, 'ZeroTreasury')
  })

  it('are paid in, unbond after a delay and are withdrawn', async () => {
    const { market, stranger, ethers, networkHelpers } = await createMarket()
    const mine = market.connect(stranger)
    await expect(mine.bond({ value: 0 })).to.be.revertedWithCustomError(market, 'AmountInvalid')
    await networkHelpers.setBalance(stranger.address, 1n << 100n)
    await expect(mine.bond({ value: 1n << 96n }))
      .to.be.revertedWithCustomError(market, 'AmountInvalid')
      .withArgs(1n << 96n, (1n << 96n) - 1n)
    await expect(mine.bond({ value: 50n }))
      .to.emit(market, 'Bonded')
      .withArgs(stranger.address, 50, 50)
    await expect(mine.unbond(51)).to.be.revertedWithCustomError(market, 'AmountInvalid').withArgs(51, 50)
    await expect(mine.unbond(0)).to.be.revertedWithCustomError(market, 'AmountInvalid').withArgs(0, 50)
    await expect(mine.withdrawBond()).to.be.revertedWithCustomError(market, 'NothingToWithdraw')
    await mine.unbond(20)
    await networkHelpers.time.increase(UNBONDING_SECONDS - 10)
    await mine.unbond(5)
    const { free, unbonding, unbondsAt } = await market.bondOf(stranger)
    expect([free, unbonding]).to.deep.equal([25n, 25n])
    await networkHelpers.time.increaseTo(unbondsAt - 2n)
    await expect(mine.withdrawBond())
      .to.be.revertedWithCustomError(market, 'StillUnbonding')
      .withArgs(stranger.address, unbondsAt)
    await networkHelpers.time.increaseTo(unbondsAt)
    await mine.withdrawBond()
    expect((await market.bondOf(stranger)).unbonding).to.equal(0n)
    await expect(mine.withdraw(stranger, stranger)).to.changeEtherBalances(ethers, [market, stranger], [-25n, 25n])
  })

  it('cannot be taken out while they are reserved', async () => {
    const { market, alice, post } = await createMarket()
    await post()
    await market.connect(alice).claim(1, 0, 0)
    await expect(market.connect(alice).unbond(10n * MIN_BOND))
      .to.be.revertedWithCustomError(market, 'AmountInvalid')
      .withArgs(10n * MIN_BOND, 9n * MIN_BOND)
    await market.connect(alice).unbond(9n * MIN_BOND)
    await expect(market.connect(alice).claim(1, 1, 0))
      .to.be.revertedWithCustomError(market, 'BondTooLow')
      .withArgs(alice.address, 0, MIN_BOND)
  })

  it('and payments go to nobody but the account, and only what it has', async () => {
    const { market, poster, stranger, post, ethers } = await createMarket()
    await post()
    await market.connect(poster).cancel(1)
    const amount = await market.balanceOf(poster)
    await expect(market.connect(stranger).withdraw(poster, stranger))
      .to.be.revertedWithCustomError(market, 'NotAccountHolder')
      .withArgs(poster.address, stranger.address)
    await expect(market.connect(poster).withdraw(poster, ZeroAddress))
      .to.be.revertedWithCustomError(market, 'ZeroRecipient')
      .withArgs(poster.address)
    await expect(market.connect(poster).withdraw(poster, market))
      .to.be.revertedWithCustomError(market, 'TransferFailed')
      .withArgs(await market.getAddress(), amount)
    await expect(market.connect(stranger).withdraw(poster, poster)).to.changeEtherBalances(
      ethers,
      [market, poster],
      [-amount, amount],
    )
    await expect(market.withdraw(poster, poster)).to.be.revertedWithCustomError(market, 'NothingToWithdraw')
  })

  it('stay whole when a receiver reverts or re-enters', async () => {
    const { market, dao, networkHelpers, ethers, poster, post } = await createMarket()
    const contracts = compile(
      `// SPDX-License-Identifier: MIT
      pragma solidity ^0.8.28;
      interface IMarket {
        function bond() external payable; function unbond(uint96) external; function withdrawBond() external;
        function withdraw(address, address payable) external;
      }
      contract Greedy {
        IMarket immutable MARKET;
        uint256 public entered;
        constructor(IMarket market) payable { MARKET = market; market.bond{value: msg.value}(); }
        function leave(uint96 amount) external { MARKET.unbond(amount); }
        function collect() external { MARKET.withdrawBond(); MARKET.withdraw(address(this), payable(address(this))); }
        receive() external payable virtual {
          ++entered;
          try MARKET.withdraw(address(this), payable(address(this))) { entered += 100; } catch {}
          try MARKET.withdrawBond() { entered += 100; } catch {}
        }
      }
      contract Sulking is Greedy {
        constructor(IMarket market) payable Greedy(market) {}
        receive() external payable override { revert("no"); }
      }`,
      { quick: true },
    )
    await post()
    const deployed = []
    for (const name of ['Greedy', 'Sulking']) {
      const { abi, bytecode } = contracts[name]!
      const receiver = await new ContractFactory(abi, bytecode, dao).deploy(market, { value: 100n })
      await receiver.getFunction('leave')(100n)
      deployed.push(receiver)
    }
    await networkHelpers.time.increase(UNBONDING_SECONDS)
    const [greedy, sulking] = deployed
    await greedy!.getFunction('collect')()
    expect(await ethers.provider.getBalance(greedy!)).to.equal(100n)
    expect(await greedy!.getFunction('entered')()).to.equal(1n)
    await expect(sulking!.getFunction('collect')()).to.be.revertedWithCustomError(market, 'TransferFailed')
    expect((await market.bondOf(sulking!)).unbonding).to.equal(100n)
    await market
      .connect(poster)
      .cancel(1)
      .catch(() => undefined)
    expect((await market.getJob(1)).status > 0n).to.equal(true)
  })
})
