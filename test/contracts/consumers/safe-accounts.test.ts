// SPDX-License-Identifier: GPL-3.0-or-later
// The guard under a Safe 1.5.0 as it is published.
import { expect } from 'chai'
import { id, ZeroAddress, zeroPadValue } from 'ethers'
import { createGuard, DAY, ERC20, LIMIT, OPERATION, ORIGIN } from './guard.ts'
import { deployDrainer } from './modular.ts'
import {
  announceFrom,
  type BatchCall,
  deployMultiSend,
  deploySafe,
  encodeMultiSend,
  encodeMultiSendBytes,
  packCalls,
} from './safe.ts'

describe('A Safe with the guard', () => {
  async function guarded() {
    const world = await createGuard()
    const { guard, dao, owner, asset, policy, token, user } = world
    const safe = await deploySafe([dao, owner])
    const { address } = safe
    await dao.sendTransaction({ to: address, value: 10n ** 18n })
    await token.connect(user).transfer(address, 10n ** 20n)
    const to = await guard.getAddress()
    const { interface: abi } = guard
    await safe.execute({ to, data: abi.encodeFunctionData('setLimit', [ZeroAddress, LIMIT]) })
    await safe.execute({ to, data: abi.encodeFunctionData('setLimit', [asset, LIMIT]) })
    await safe.execute({ to, data: abi.encodeFunctionData('setPolicy', [policy()]) })
    await safe.execute({ to: address, data: safe.interface.encodeFunctionData('setGuard', [to]) })
    await safe.execute({ to: address, data: safe.interface.encodeFunctionData('setModuleGuard', [to]) })
    const announce = (hash: string) => safe.execute({ to, data: abi.encodeFunctionData('announce', [hash]) })
    return { ...world, safe, address, announce }
  }

  it('finds the interface ids that it asks for', async () => {
    const { guard } = await createGuard()
    for (const id of ['0xe6d7a83a', '0x58401ed8', '0x01ffc9a7']) {
      expect(await guard.supportsInterface(id), id).to.equal(true)
    }
    expect(await guard.supportsInterface('0xffffffff')).to.equal(false)
  })

  it('spends within its limits, above them with a verdict, and is refused otherwise', async () => {
    const { safe, guard, stranger, judge, spend, asset, address, ethers, token } = await guarded()
    const to = stranger.address
    await expect(safe.execute({ to, value: LIMIT })).to.changeEtherBalances(
      ethers,
      [address, stranger],
      [-LIMIT, LIMIT],
    )
    await expect(safe.execute({ to, value: 1n })).to.be.revertedWithCustomError(guard, 'VerdictMissing')
    const transfer = ERC20.encodeFunctionData('transfer', [to, LIMIT + 1n])
    await expect(safe.execute({ to: asset, data: transfer })).to.be.revertedWithCustomError(guard, 'VerdictMissing')
    await judge(spend({ to: asset, value: 0n, data: transfer }), { account: address })
    await safe.execute({ to: asset, data: transfer })
    expect(await token.balanceOf(to)).to.equal(LIMIT + 1n)
  })

  it('holds its modules to the same limits, and to the remaining amount while they are paid', async () => {
    const { safe, guard, address, dao, ethers, judge, spend, networkHelpers, hashOf, announce } = await guarded()
    const drainer = await deployDrainer(dao, address)
    const enable = { to: address, data: safe.interface.encodeFunctionData('enableModule', [drainer.address]) }
    await expect(safe.execute(enable)).to.be.revertedWithCustomError(guard, 'VerdictMissing')
    await judge(spend({ ...enable, value: 0n }), { account: address })
    await safe.execute(enable)

    await expect(drainer.drain(LIMIT + 1n, OPERATION.call)).to.be.revertedWithCustomError(guard, 'VerdictMissing')
    await expect(drainer.drain(0n, OPERATION.delegateCall)).to.be.revertedWithCustomError(guard, 'DelegateCallRefused')
    // The module asks for as much again while it is paid 600, and gets nothing.
    await drainer.drain(600n, OPERATION.call)
    expect(await ethers.provider.getBalance(drainer.address)).to.equal(600n)

    const large = spend({ to: drainer.address, value: 2n * LIMIT, origin: ORIGIN.module })
    await announce(await hashOf(large, address))
    await networkHelpers.time.increase(2 * DAY)
    await drainer.drain(2n * LIMIT, OPERATION.call)
    expect(await ethers.provider.getBalance(drainer.address)).to.equal(600n + 2n * LIMIT)
    expect(await drainer.refused()).to.equal(2n)
  })

  it('recovers whatever becomes of the model, and gets rid of the guard', async () => {
    const { safe, address, hub, owner, fair, stranger, dao, user } = await guarded()
    await hub.connect(owner).deprecateModel(fair.id)
    const encode = (name: string, args: readonly unknown[]) => safe.interface.encodeFunctionData(name, args)
    await safe.execute({ to: address, data: encode('addOwnerWithThreshold', [stranger.address, 2]) })
    await safe.execute({ to: address, data: encode('swapOwner', [stranger.address, dao.address, user.address]) })
    expect(await safe.owners()).to.have.members([stranger.address, user.address, owner.address])
    safe.signers.splice(0, 1, stranger)
    await safe.execute({ to: address, data: encode('setGuard', [ZeroAddress]) })
    await safe.execute({ to: stranger.address, value: 5n * LIMIT })
  })

  it('executes foreign code only when it was announced, and pays no refund', async () => {
    const { safe, guard, address, spend, hashOf, networkHelpers, dao, ethers, announce } = await guarded()
    const drainer = await deployDrainer(dao, address)
    const code = { to: drainer.address, data: drainer.interface.encodeFunctionData('touch'), operation: 1 }
    await expect(safe.execute(code)).to.be.revertedWithCustomError(guard, 'DelegateCallRefused')
    await announce(await hashOf(spend({ ...code, value: 0n }), address))
    await networkHelpers.time.increase(2 * DAY)
    await safe.execute(code)
    expect(await ethers.provider.getStorage(address, id('touched'))).to.equal(zeroPadValue('0x01', 32))
    await expect(safe.execute({ to: address, gasPrice: 1n })).to.be.revertedWithCustomError(guard, 'RefundRefused')
  })
})

describe('A Safe’s batch', () => {
  async function batched() {
    const world = await createGuard()
    const { dao, owner, guard, policy, asset, token, user } = world
    const safe = await deploySafe([dao, owner])
    await dao.sendTransaction({ to: safe.address, value: 10n ** 18n })
    await token.connect(user).transfer(safe.address, 10n ** 20n)
    const to = await guard.getAddress()
    const { interface: abi } = guard
    await safe.execute({ to, data: abi.encodeFunctionData('setLimit', [ZeroAddress, LIMIT]) })
    await safe.execute({ to, data: abi.encodeFunctionData('setLimit', [asset, LIMIT]) })
    await safe.execute({ to, data: abi.encodeFunctionData('setPolicy', [policy()]) })
    await safe.execute({ to: safe.address, data: safe.interface.encodeFunctionData('setGuard', [to]) })
    const multiSend = await deployMultiSend(dao)
    const batch = (...calls: BatchCall[]) => ({ to: multiSend, data: encodeMultiSend(calls), operation: 1 })
    return { ...world, safe, batch, announce: (hash: string) => announceFrom(safe, to, abi, hash) }
  }

  it('is held to the limits call by call', async () => {
    const { safe, guard, batch, stranger, asset, ethers, token } = await batched()
    const pay = (value: bigint) => ({ to: stranger.address, value })
    const transfer = (amount: bigint) => ({
      to: asset,
      data: ERC20.encodeFunctionData('transfer', [stranger.address, amount]),
    })
    await expect(safe.execute(batch(pay(400n), transfer(LIMIT), pay(600n)))).to.changeEtherBalances(
      ethers,
      [safe.address, stranger],
      [-LIMIT, LIMIT],
    )
    expect(await token.balanceOf(stranger)).to.equal(LIMIT)
    await expect(safe.execute(batch(pay(0n), transfer(1n)))).to.be.revertedWithCustomError(guard, 'VerdictMissing')
  })

  it('passes with a verdict for one call, which comes first', async () => {
    const { safe, batch, stranger, judge, spend, ethers } = await batched()
    const large = { to: stranger.address, value: LIMIT + 1n }
    await judge(spend(large), { account: safe.address })
    await expect(safe.execute(batch(large, { to: stranger.address, value: 9n }))).to.changeEtherBalance(
      ethers,
      stranger,
      LIMIT + 10n,
    )
  })

  it('passes as a whole when it was announced', async () => {
    const { safe, batch, stranger, spend, hashOf, announce, networkHelpers, ethers } = await batched()
    const whole = batch({ to: stranger.address, value: 3n * LIMIT }, { to: stranger.address, value: 4n * LIMIT })
    await announce(await hashOf(spend({ ...whole, value: 0n }), safe.address))
    await networkHelpers.time.increase(2 * DAY)
    await expect(safe.execute(whole)).to.changeEtherBalance(ethers, stranger, 7n * LIMIT)
  })

  it('is refused when it breaks off, calls no one, or delegates', async () => {
    const { safe, guard, batch, stranger } = await batched()
    const whole = batch({ to: stranger.address, value: 1n })
    const list = packCalls([{ to: stranger.address, value: 1n }])
    for (const [bytes, error] of [
      [list.slice(0, -2), 'MalformedExecution'],
      [`${list}${'00'.repeat(40)}`, 'MalformedExecution'],
    ] as const) {
      const broken = { ...whole, data: encodeMultiSendBytes(bytes) }
      await expect(safe.execute(broken)).to.be.revertedWithCustomError(guard, error)
    }
    for (const call of [{ to: ZeroAddress }, { to: stranger.address, operation: 1 }]) {
      await expect(safe.execute(batch(call)))
        .to.be.revertedWithCustomError(guard, 'BatchEntryUnsupported')
        .withArgs(0)
    }
    const copy = { ...whole, to: stranger.address }
    await expect(safe.execute(copy)).to.be.revertedWithCustomError(guard, 'DelegateCallRefused')
  })
})

describe('A Safe’s signatures', () => {
  it('count for messages that it announced, after the delay and for a week', async () => {
    const { guard, dao, owner, policy, networkHelpers, ethers } = await createGuard()
    const safe = await deploySafe([dao, owner])
    const handler = await ethers.deployContract('AnnouncedSignatures', [guard])
    const to = await guard.getAddress()
    const setHandler = safe.interface.encodeFunctionData('setFallbackHandler', [await handler.getAddress()])
    await safe.execute({ to: safe.address, data: setHandler })
    await safe.execute({ to, data: guard.interface.encodeFunctionData('setPolicy', [policy()]) })
    const hash = id('a permit')
    const signature = await safe.signMessage(hash)
    const asked = await ethers.getContractAt('AnnouncedSignatures', safe.address)
    const announcement = await handler.announcementFor(safe.address, hash)
    const ask = () => asked.isValidSignature(hash, signature)
    await expect(ask())
      .to.be.revertedWithCustomError(handler, 'MessageNotAnnounced')
      .withArgs(safe.address, hash, announcement)
    await announceFrom(safe, to, guard.interface, announcement)
    await networkHelpers.time.increase(2 * DAY - 10)
    await expect(ask()).to.be.revertedWithCustomError(handler, 'MessageNotAnnounced')
    await networkHelpers.time.increase(10)
    expect(await ask()).to.equal('0x1626ba7e')
    await expect(asked.isValidSignature(hash, signature.replace(/.{10}$/, '0000000000'))).to.revert(ethers)
    await expect(asked.isValidSignature(hash, '0x')).to.be.revertedWithCustomError(handler, 'MessageNotSigned')
    await networkHelpers.time.increase(7 * DAY + 1)
    await expect(ask()).to.be.revertedWithCustomError(handler, 'MessageNotAnnounced')
  })

  it('need a guard, and tokens come in as before', async () => {
    const { guard, ethers } = await createGuard()
    const handler = await ethers.deployContract('AnnouncedSignatures', [guard])
    await expect(ethers.deployContract('AnnouncedSignatures', [ZeroAddress])).to.be.revertedWithCustomError(
      handler,
      'ZeroGuard',
    )
    for (const [interfaceId, supported] of [
      ['0x1626ba7e', true],
      ['0x150b7a02', true],
      ['0x4e2312e0', true],
      ['0x01ffc9a7', true],
      ['0xffffffff', false],
    ] as const) {
      expect(await handler.supportsInterface(interfaceId), interfaceId).to.equal(supported)
    }
  })
})
