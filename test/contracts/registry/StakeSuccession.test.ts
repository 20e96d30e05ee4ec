// SPDX-License-Identifier: GPL-3.0-or-later
// Stake that moves to the registry that the DAO named, and everything that must not move with it, or before its time.
import { expect } from 'chai'
import { ZeroAddress } from 'ethers'
import { compile } from '../../../scripts/solc.ts'
import { COH } from '../rounds/units.ts'
import {
  consentOf,
  createRegistry,
  DELAY,
  EVIDENCE,
  expectBalanced,
  JAIL,
  KEY,
  MULTIADDR,
  REASON,
  type Setup,
  STAKE,
} from './keepers.ts'

const BOND = STAKE / 2n

/** Successors that do not do with the stake what a registry does. */
const AWKWARD = `
  // SPDX-License-Identifier: MIT
  pragma solidity ^0.8.28;
  interface Token { function transferFrom(address from, address to, uint256 amount) external; }
  contract Successor {
    struct Keeper { address operator; uint128 stake; uint128 bonded; uint128 unbonding; uint64 unlocksAt; uint64 jailedUntil; bytes32 key; bytes multiaddr; }
    address public stakeToken;
    uint128 staked;
    constructor(address token) { stakeToken = token; }
    function keeperOf(address) external view returns (Keeper memory k) { k.stake = staked; }
    function take(uint256 amount) internal { Token(stakeToken).transferFrom(msg.sender, address(this), amount); }
    function stake(address, uint256 amount) external virtual { take(amount); staked += uint128(amount); }
  }
  contract TakesHalf is Successor {
    constructor(address token) Successor(token) {}
    function stake(address, uint256 amount) external override { take(amount / 2); staked += uint128(amount); }
  }
  contract TakesNothing is Successor {
    constructor(address token) Successor(token) {}
    function stake(address, uint256) external override {}
  }
  contract CreditsNothing is Successor {
    constructor(address token) Successor(token) {}
    function stake(address, uint256 amount) external override { take(amount); }
  }
`

async function createSuccession() {
  const s = await createRegistry()
  const { ethers, token, admin, owner, registry, settings } = s
  const next = await ethers.deployContract('KeeperRegistry', [token, admin, settings])
  const joinNext = async () =>
    await next.connect(owner).register(s.operator, KEY, MULTIADDR, 0n, await consentOf(next, owner, s.operator))
  await registry.nameStakeSuccessor(next)
  return { ...s, next, joinNext }
}

const leave = async (s: Setup): Promise<void> => {
  await s.serviceRegistry.engage(s.owner, BOND)
  await s.serviceRegistry.disengage(s.owner)
}

describe('stake that follows a successor', () => {
  it('moves into the owner’s keeper there by one call, with its votes, and never through its hands', async () => {
    const s = await createSuccession()
    const { registry, next, ownerRegistry, owner, token, joinNext } = s
    await joinNext()
    await ownerRegistry.delegate(owner)
    const held = await token.balanceOf(owner)
    expect(await registry.movableStake(owner)).to.equal(STAKE)
    await expect(ownerRegistry.followSuccessor(next, STAKE - COH))
      .to.emit(registry, 'StakeMoved')
      .withArgs(owner, next, STAKE - COH)
    expect((await registry.keeperOf(owner)).stake).to.equal(COH)
    expect((await next.keeperOf(owner)).stake).to.equal(STAKE - COH)
    expect(await token.balanceOf(next)).to.equal(STAKE - COH)
    expect(await token.balanceOf(owner)).to.equal(held)
    expect(await registry.getVotes(owner)).to.equal(COH)
    // There it is locked as any stake is.
    await expect(next.connect(owner).withdraw(owner)).to.be.revertedWithCustomError(next, 'NothingUnbonding')
    await next.connect(owner).requestUnbonding(COH)
    await expect(next.connect(owner).withdraw(owner)).to.be.revertedWithCustomError(next, 'StillUnbonding')
    await expectBalanced(s)
  })

  it('cannot be moved away from a slash: not a bond, and nothing while the tail of one is open', async () => {
    const s = await createSuccession()
    const { registry, ownerRegistry, serviceRegistry, owner, joinNext, pass, networkHelpers } = s
    await joinNext()
    await serviceRegistry.engage(owner, BOND)
    await expect(ownerRegistry.followSuccessor(s.next, STAKE - BOND + 1n))
      .to.be.revertedWithCustomError(registry, 'InsufficientFreeStake')
      .withArgs(owner, STAKE - BOND, STAKE - BOND + 1n)
    // What is not bonded may go; the service takes the whole bond all the same.
    await ownerRegistry.followSuccessor(s.next, STAKE - BOND)
    await serviceRegistry.disengage(owner)
    const [, until] = await registry.bondOf(s.service, owner)
    expect(await registry.movableStake(owner)).to.equal(0n)
    await expect(ownerRegistry.followSuccessor(s.next, 1n)).to.be.revertedWithCustomError(registry, 'StillSlashable')
    await networkHelpers.time.increaseTo(until - 2n)
    await expect(ownerRegistry.followSuccessor(s.next, 1n)).to.be.revertedWithCustomError(registry, 'StillSlashable')
    expect(await serviceRegistry.slash.staticCall(owner, BOND, REASON, EVIDENCE)).to.equal(BOND)
    await pass(DELAY)
    expect(await registry.movableStake(owner)).to.equal(BOND)
    await ownerRegistry.followSuccessor(s.next, BOND)
    await expectBalanced(s)
  })

  it('leaves a slash in the tail all that it could take before', async () => {
    const s = await createSuccession()
    const { ownerRegistry, serviceRegistry, registry, owner, joinNext } = s
    await joinNext()
    await leave(s)
    for (const amount of [1n, BOND, STAKE]) {
      await expect(ownerRegistry.followSuccessor(s.next, amount)).to.be.revertedWithCustomError(
        registry,
        'StillSlashable',
      )
    }
    await serviceRegistry.slash(owner, BOND, REASON, EVIDENCE)
    expect(await registry.slashedBalance()).to.equal(BOND)
    await expectBalanced(s)
  })

  it('waits for the tail as it was promised, though the delay is shortened meanwhile', async () => {
    const s = await createSuccession()
    const { registry, ownerRegistry, settings, joinNext, pass } = s
    await joinNext()
    await leave(s)
    await registry.setSettings({ ...settings, unbondingDelay: 1n })
    await pass(DELAY / 2n)
    await expect(ownerRegistry.followSuccessor(s.next, 1n)).to.be.revertedWithCustomError(registry, 'StillSlashable')
  })

  it('is no way out of jail, nor faster out of unbonding', async () => {
    const s = await createSuccession()
    const { registry, ownerRegistry, serviceRegistry, owner, joinNext, pass } = s
    await joinNext()
    await ownerRegistry.requestUnbonding(STAKE - COH)
    await expect(ownerRegistry.followSuccessor(s.next, STAKE)).to.be.revertedWithCustomError(
      registry,
      'InsufficientFreeStake',
    )
    await serviceRegistry.jail(owner)
    expect(await registry.movableStake(owner)).to.equal(0n)
    await expect(ownerRegistry.followSuccessor(s.next, COH)).to.be.revertedWithCustomError(registry, 'KeeperJailed')
    await pass(JAIL)
    await ownerRegistry.unjail()
    await ownerRegistry.followSuccessor(s.next, COH)
    expect((await registry.keeperOf(owner)).unbonding).to.equal(STAKE - COH)
  })

  it('needs a name by the DAO, a keeper there, an amount, and the owner', async () => {
    const s = await createSuccession()
    const { registry, next, ownerRegistry, operator, owner, stranger, token, ethers, joinNext } = s
    await expect(ownerRegistry.followSuccessor(next, COH)).to.be.revertedWithCustomError(next, 'UnknownKeeper')
    expect((await registry.keeperOf(owner)).stake).to.equal(STAKE)
    expect(await token.allowance(registry, next)).to.equal(0n)
    await joinNext()
    await expect(ownerRegistry.followSuccessor(next, 0n)).to.be.revertedWithCustomError(registry, 'ZeroAmount')
    for (const other of [operator, stranger]) {
      await expect(registry.connect(other).followSuccessor(next, COH)).to.be.revertedWithCustomError(
        registry,
        'UnknownKeeper',
      )
    }
    await expect(registry.connect(owner).nameStakeSuccessor(next)).to.be.revertedWithCustomError(
      registry,
      'AccessControlUnauthorizedAccount',
    )
    const foreign = await ethers.deployContract('CohortToken', [owner, [owner], [COH]])
    const elsewhere = await ethers.deployContract('KeeperRegistry', [foreign, owner, s.settings])
    for (const wrong of [stranger, registry, elsewhere]) {
      await expect(registry.nameStakeSuccessor(wrong)).to.be.revertedWithCustomError(registry, 'StakeSuccessorInvalid')
    }
    // Named between the owner's signature and the block.
    const later = await ethers.deployContract('KeeperRegistry', [token, owner, s.settings])
    await registry.nameStakeSuccessor(later)
    await expect(ownerRegistry.followSuccessor(next, COH))
      .to.be.revertedWithCustomError(registry, 'AnotherSuccessor')
      .withArgs(next, later)
    await registry.nameStakeSuccessor(ZeroAddress)
    await expect(ownerRegistry.followSuccessor(next, COH)).to.be.revertedWithCustomError(registry, 'NoStakeSuccessor')
  })

  for (const name of ['TakesHalf', 'TakesNothing', 'CreditsNothing']) {
    it(`stays where it is when the successor is not what it should be (${name})`, async () => {
      const s = await createSuccession()
      const { ethers, registry, ownerRegistry, owner, token } = s
      const { abi, bytecode } = compile(AWKWARD, { quick: true })[name]!
      const awkward = await (await ethers.getContractFactory(abi as never[], bytecode)).deploy(token)
      await registry.nameStakeSuccessor(awkward)
      await expect(ownerRegistry.followSuccessor(awkward, COH)).to.be.revertedWithCustomError(
        registry,
        'StakeNotReceived',
      )
      expect((await registry.keeperOf(owner)).stake).to.equal(STAKE)
      await expectBalanced(s)
    })
  }
})
