// SPDX-License-Identifier: GPL-3.0-or-later
// Who may take a seat: the keeper's own opt-in, and the admission contract of a service, if it has one.

import { expect } from 'chai'
import { encodeBytes32String, id, ZeroAddress, ZeroHash } from 'ethers'
import { BOND, createWorld, type Player, type World } from './fixture.ts'
import { joinAll, stateOf } from './play.ts'

const field = encodeBytes32String
const [LAB, CLINIC] = [id('a laboratory'), id('a clinic')]

/** A service of five keepers that asks `admission`. */
async function asking(admission: { getAddress(): Promise<string> } | string, partySeats = 2, world?: World) {
  const found = world ?? (await createWorld())
  const address = typeof admission === 'string' ? admission : await admission.getAddress()
  await found.service.setParameters({ ...found.parameters, admission: address, partySeats })
  return found
}

const join = (world: World, player: Player) => world.service.connect(player.operator).join(player.owner)

describe('the admission to a service', () => {
  it('is open to everybody without a contract, and has a cap only with one', async () => {
    const world = await createWorld()
    const { service, parameters, equal, stranger } = world
    expect(parameters.admission).to.equal(ZeroAddress)
    for (const [admission, partySeats, max] of [
      [ZeroAddress, 1, 0],
      [await equal.getAddress(), 0, 256],
      [await equal.getAddress(), 257, 256],
    ] as const) {
      await expect(service.setParameters({ ...parameters, admission, partySeats }))
        .to.be.revertedWithCustomError(service, 'ParameterOutOfRange')
        .withArgs(field('partySeats'), partySeats, max === 0 ? 0 : 1, max)
    }
    await expect(service.setParameters({ ...parameters, admission: stranger.address, partySeats: 1 }))
      .to.be.revertedWithCustomError(service, 'AdmissionWithoutCode')
      .withArgs(stranger.address)
    await joinAll(world)
    expect(await service.partyOf(world.players[0]!.owner)).to.equal(ZeroHash)
  })

  it('admits keepers on a list; a keeper taken off it keeps its seat and gets no other', async () => {
    const world = await createWorld()
    const list = await world.ethers.deployContract('AllowListAdmission', [world.admin])
    await asking(list, 2, world)
    const { service, players, stranger } = world
    const [first, second] = players as [Player, Player]
    await expect(join(world, first))
      .to.be.revertedWithCustomError(service, 'NotAdmitted')
      .withArgs(first.owner.address, await list.getAddress())
    await expect(list.list(first.owner, LAB)).to.emit(list, 'Listed').withArgs(first.owner.address, LAB)
    await join(world, first)
    expect(await service.partyOf(first.owner)).to.equal(LAB)
    await expect(join(world, second)).to.be.revertedWithCustomError(service, 'NotAdmitted')
    await expect(list.unlist(first.owner)).to.emit(list, 'Unlisted').withArgs(first.owner.address)
    expect(await service.seats()).to.deep.equal([1n, 0n])
    await service.connect(first.owner).leave(0)
    await expect(join(world, first)).to.be.revertedWithCustomError(service, 'NotAdmitted')
    await expect(list.unlist(first.owner))
      .to.be.revertedWithCustomError(list, 'NotListed')
      .withArgs(first.owner.address)
    await expect(list.list(ZeroAddress, LAB))
      .to.be.revertedWithCustomError(list, 'ZeroAddress')
      .withArgs(field('keeper'))
    for (const call of [
      () => list.connect(stranger).list(first.owner, LAB),
      () => list.connect(stranger).unlist(first.owner),
    ]) {
      await expect(call()).to.be.revertedWithCustomError(list, 'AccessControlUnauthorizedAccount')
    }
    await expect(world.ethers.deployContract('AllowListAdmission', [ZeroAddress])).to.be.revertedWithCustomError(
      list,
      'ZeroAddress',
    )
  })

  it('gives one party no more seats than its cap, counting those that it has now', async () => {
    const world = await createWorld()
    const list = await world.ethers.deployContract('AllowListAdmission', [world.admin])
    await asking(list, 2, world)
    const { service, players } = world
    const [a, b, c, d, e] = players as [Player, Player, Player, Player, Player]
    for (const player of [a, b, c]) await list.list(player.owner, LAB)
    for (const player of [d, e]) await list.list(player.owner, CLINIC)
    await join(world, a)
    await join(world, b)
    await expect(join(world, c)).to.be.revertedWithCustomError(service, 'PartyFull').withArgs(LAB, 2, 2)
    // Its seat goes to somebody of another party: the first party's bitmap still has it, which must not count.
    await service.connect(a.owner).leave(0)
    await join(world, d)
    expect(await service.seatOf(d.operator)).to.equal(0n)
    await join(world, c)
    await expect(join(world, a)).to.be.revertedWithCustomError(service, 'PartyFull').withArgs(LAB, 2, 2)
    // A keeper that now belongs to another party still counts for the party for which it took its seat.
    await list.list(b.owner, CLINIC)
    await expect(join(world, a)).to.be.revertedWithCustomError(service, 'PartyFull')
    await service.connect(b.owner).leave(1)
    await join(world, b)
    await expect(join(world, e)).to.be.revertedWithCustomError(service, 'PartyFull').withArgs(CLINIC, 2, 2)
    await join(world, a)
    expect(await Promise.all(players.map(({ owner }) => service.partyOf(owner)))).to.deep.equal([
      ...[LAB, CLINIC, LAB, CLINIC, ZeroHash],
    ])
  })

  it('admits nobody when the contract reverts, burns gas, or gives an invalid answer', async () => {
    const world = await createWorld()
    const { service, players, ethers } = world
    const at = '0x00000000000000000000000000000000000a0a0a'
    const cases = {
      reverts: '0x5f5ffd',
      'burns all its gas': '0x5b5f56',
      'answers nothing': '0x00',
      'answers one word': '0x60015f5260205ff3',
      // MSTORE(0, 2), and 64 bytes of answer.
      'answers with something other than a truth value': '0x60025f5260405ff3',
      'says no': '0x60405ff3',
      'reverts with what looks like a yes': '0x60015f5260405ffd',
    }
    for (const [name, code] of Object.entries(cases)) {
      await ethers.provider.send('hardhat_setCode', [at, code])
      await asking(at, 1, world)
      await expect(join(world, players[0]!), name).to.be.revertedWithCustomError(service, 'NotAdmitted')
    }
    // 64 KiB of answer; two words are read.
    await ethers.provider.send('hardhat_setCode', [at, '0x60015f52620100005ff3'])
    await join(world, players[0]!)
    expect(await service.seats()).to.deep.equal([1n, 0n])
  })

  it('never stops a round: members stay and the service goes on, whatever the contract does', async () => {
    const world = await createWorld({ players: 3 })
    const list = await world.ethers.deployContract('AllowListAdmission', [world.admin])
    await asking(list, 3, world)
    for (const { owner } of world.players) await list.list(owner, LAB)
    await joinAll(world)
    await world.ethers.provider.send('hardhat_setCode', [await list.getAddress(), '0x5b5f56'])
    expect(await stateOf(world)).to.equal('KeyCommit')
    for (const { operator, seat } of world.players) {
      const commitment = await world.service.keyCommitment(1, seat, '0x01', ZeroHash)
      const { crsSeed } = await world.service.epochInfo()
      await world.service.connect(operator).commitKey(1, crsSeed, commitment)
    }
    expect(await stateOf(world)).to.equal('KeyReveal')
  })

  it('admits holders of a token while they hold it', async () => {
    const world = await createWorld()
    const { ethers, token, service, players } = world
    const [player] = players as [Player]
    const held = await token.balanceOf(player.owner)
    const admission = await ethers.deployContract('TokenAdmission', [token, held])
    await asking(admission, 1, world)
    await token.connect(player.owner).transfer(world.stranger, 1n)
    await expect(join(world, player)).to.be.revertedWithCustomError(service, 'NotAdmitted')
    await token.connect(world.stranger).transfer(player.owner, 1n)
    await join(world, player)
    expect(BigInt(await service.partyOf(player.owner))).to.equal(BigInt(player.owner.address))
    await expect(ethers.deployContract('TokenAdmission', [world.stranger, 1n])).to.be.revertedWithCustomError(
      admission,
      'TokenWithoutCode',
    )
    await expect(ethers.deployContract('TokenAdmission', [token, 0n])).to.be.revertedWithCustomError(
      admission,
      'ZeroBalance',
    )
  })

  it('admits keepers with an issuer’s signature for this service, in time, unless it was taken back', async () => {
    const world = await createWorld()
    const { ethers, service, players, admin: issuer, stranger, networkHelpers } = world
    const [player] = players as [Player]
    const admission = await ethers.deployContract('AttestationAdmission', [issuer])
    await asking(admission, 1, world)
    const { chainId } = await ethers.provider.getNetwork()
    const domain = {
      ...{ name: 'Cohort AttestationAdmission', version: '1', chainId },
      verifyingContract: await admission.getAddress(),
    }
    const types = {
      Attestation: [
        { name: 'service', type: 'address' },
        { name: 'keeper', type: 'address' },
        { name: 'party', type: 'bytes32' },
        { name: 'until', type: 'uint64' },
        { name: 'number', type: 'uint64' },
      ],
    }
    const now = await networkHelpers.time.latest()
    const good = {
      ...{ service: await service.getAddress(), keeper: player.owner.address, party: LAB },
      ...{ until: now + 1000, number: 1 },
    }
    const sign = (changes: object, by = issuer) => by.signTypedData(domain, types, { ...good, ...changes })
    const present = async (changes: object = {}, signature?: string) =>
      await admission.connect(stranger).present({ ...good, ...changes }, signature ?? (await sign(changes)))

    await expect(present({}, await sign({}, stranger))).to.be.revertedWithCustomError(admission, 'AttestationInvalid')
    // A signature for another service, keeper or party is invalid here.
    for (const other of [{ service: stranger.address }, { keeper: stranger.address }, { party: CLINIC }]) {
      await expect(present({}, await sign(other))).to.be.revertedWithCustomError(admission, 'AttestationInvalid')
    }
    await present({ service: stranger.address })
    await expect(join(world, player)).to.be.revertedWithCustomError(service, 'NotAdmitted')
    await expect(present()).to.emit(admission, 'Presented')
    await expect(present()).to.be.revertedWithCustomError(admission, 'AttestationSuperseded').withArgs(1, 1)
    await join(world, player)
    expect(await service.partyOf(player.owner)).to.equal(LAB)
    await service.connect(player.owner).leave(0)
    await expect(admission.connect(stranger).withdraw(good.service, good.keeper, 1))
      .to.be.revertedWithCustomError(admission, 'NotIssuer')
      .withArgs(stranger.address)
    // The issuer takes it back, and with it one that it had signed and nobody had brought yet.
    await admission.withdraw(good.service, good.keeper, 2)
    await expect(admission.withdraw(good.service, good.keeper, 1)).to.be.revertedWithCustomError(
      admission,
      'AttestationSuperseded',
    )
    await expect(join(world, player)).to.be.revertedWithCustomError(service, 'NotAdmitted')
    await expect(present({ number: 2 }))
      .to.be.revertedWithCustomError(admission, 'AttestationSuperseded')
      .withArgs(2, 2)
    await present({ number: 3 })
    await networkHelpers.time.increaseTo(good.until + 1)
    await expect(join(world, player)).to.be.revertedWithCustomError(service, 'NotAdmitted')
    await expect(present({ number: 4 })).to.be.revertedWithCustomError(admission, 'AttestationExpired')
    await expect(ethers.deployContract('AttestationAdmission', [ZeroAddress])).to.be.revertedWithCustomError(
      admission,
      'ZeroAddress',
    )
  })
})

describe('a keeper’s opt-in', () => {
  it('keeps services that somebody registers from its stake', async () => {
    const world = await createWorld()
    const { registry, admin, players, stranger } = world
    const [player] = players as [Player]
    // An attacker with the registrar's role makes itself a service.
    await registry.grantRole(await registry.REGISTRAR_ROLE(), admin)
    await registry.registerService(stranger)
    const thief = registry.connect(stranger)
    await expect(thief.engage(player.owner, BOND))
      .to.be.revertedWithCustomError(registry, 'NotOptedIn')
      .withArgs(player.owner.address, stranger.address)
    await expect(thief.setOptIn(player.owner, stranger, true)).to.be.revertedWithCustomError(registry, 'NotKeeper')
    expect(await registry.isOptedIn(stranger, player.owner)).to.equal(false)
    // The operator's key frees stake, and binds none.
    await expect(registry.connect(player.operator).setOptIn(player.owner, stranger, true))
      .to.be.revertedWithCustomError(registry, 'NotKeeper')
      .withArgs(player.operator.address, player.owner.address)
    await expect(registry.connect(player.owner).setOptIn(player.owner, stranger, true))
      .to.emit(registry, 'OptInChanged')
      .withArgs(player.owner.address, stranger.address, true)
    await thief.engage(player.owner, BOND)
  })

  it('accepts services only, and changes future bonds, not present ones', async () => {
    const world = await createWorld()
    const { registry, service, players, stranger } = world
    const [player] = players as [Player]
    const own = registry.connect(player.owner)
    await expect(own.setOptIn(player.owner, stranger, true))
      .to.be.revertedWithCustomError(registry, 'NotAService')
      .withArgs(stranger.address)
    await expect(own.setOptIn(player.owner, service, true)).to.be.revertedWithCustomError(registry, 'OptInUnchanged')
    await join(world, player)
    const before = await registry.bondOf(service, player.owner)
    await own.setOptIn(player.owner, service, false)
    expect(await registry.bondOf(service, player.owner)).to.deep.equal(before)
    await world.service.setParameters({ ...world.parameters, bond: BOND + 1n })
    await expect(service.connect(player.owner).topUp(0)).to.be.revertedWithCustomError(registry, 'NotOptedIn')
    await service.connect(player.owner).leave(0)
    await expect(join(world, player)).to.be.revertedWithCustomError(registry, 'NotOptedIn')
    await own.setOptIn(player.owner, service, true)
    await join(world, player)
  })
})
