// SPDX-License-Identifier: GPL-3.0-or-later
// Members of each epoch drawn among candidates: who is admitted, when, and by which seed.

import { expect } from 'chai'
import { encodeBytes32String } from 'ethers'
import { sortitionAt } from '../../../keepers/chain/index.ts'
import { BOND, type Player } from './fixture.ts'
import { generateKey, passDeadline, stateOf } from './play.ts'
import { CANDIDATES, drawing, orderOf, random, SIZE, seat, settle, TERMS, takeSeat, wholeEpoch } from './sortition.ts'

const field = encodeBytes32String

describe('the draw of members', () => {
  it('admits exactly as many candidates as there are seats, in the order of a Fisher–Yates shuffle', async () => {
    const world = await drawing()
    const { service, sortition, players } = world
    await settle(world, random(1))
    const order = await orderOf(world)
    const [first, rest] = [order.slice(0, SIZE), order.slice(SIZE)]
    expect(await sortition.drawn(SIZE)).to.deep.equal(first.map(({ owner }) => owner.address))
    expect(await sortition.drawn(100)).to.deep.equal(order.map(({ owner }) => owner.address))
    for (const [rank, { owner }] of order.entries()) expect((await sortition.look(owner)).rank).to.equal(BigInt(rank))
    for (const player of rest) {
      await expect(takeSeat(world, player)).to.be.revertedWithCustomError(service, 'NotAdmitted')
    }
    await seat(world, first)
    expect(await stateOf(world)).to.equal('KeyCommit')
    for (const player of players) {
      expect(await service.isSeated(player.owner)).to.equal(first.includes(player))
    }
  })

  it('is another one for each epoch, and nobody has a seat without it', async () => {
    const world = await drawing()
    const { service, sortition, players } = world
    for (const player of players) {
      await expect(takeSeat(world, player)).to.be.revertedWithCustomError(service, 'NotAdmitted')
    }
    const members: string[] = []
    for (const label of [1, 2]) {
      await settle(world, random(label))
      const drawn = (await orderOf(world)).slice(0, SIZE)
      members.push(
        drawn
          .map(({ owner }) => owner.address)
          .sort()
          .join(),
      )
      await wholeEpoch(world, drawn)
      expect(await service.seats()).to.deep.equal([0n, 0n])
      // The draw is over: those it named have no seat for the next epoch.
      for (const player of drawn) {
        await expect(takeSeat(world, player)).to.be.revertedWithCustomError(service, 'NotAdmitted')
      }
    }
    expect(members[0]).not.to.equal(members[1])
    expect((await sortition.lastDraw()).number).to.equal(2n)
  })

  it('takes the beacon’s randomness of a later block, and a block’s hash where there is none', async () => {
    const world = await drawing()
    const { sortition, networkHelpers, ethers } = world
    const opened = (await (await sortition.openDraw()).wait())!
    const { seedBlock } = await sortition.lastDraw()
    expect(seedBlock).to.equal(BigInt(opened.blockNumber + TERMS.delay))
    await expect(sortition.settleDraw()).to.be.revertedWithCustomError(sortition, 'SeedTooEarly')
    await networkHelpers.mine(TERMS.delay)
    const { chainId } = await ethers.provider.getNetwork()
    const seedOf = (randomness: bigint) =>
      ethers.keccak256(
        ethers.AbiCoder.defaultAbiCoder().encode(
          ['uint256', 'address', 'uint32', 'uint256'],
          [chainId, sortition.target, 1, randomness],
        ),
      )
    const before = await networkHelpers.takeSnapshot()
    await networkHelpers.setPrevRandao(random(7))
    await expect(sortition.settleDraw())
      .to.emit(sortition, 'DrawSettled')
      .withArgs(1, seedOf(random(7)))
    await expect(sortition.settleDraw()).to.be.revertedWithCustomError(sortition, 'NothingToSettle').withArgs(1)
    // Arbitrum answers 1.
    for (const late of [0, 300]) {
      await before.restore()
      if (late > 0) await networkHelpers.mine(late)
      await networkHelpers.setPrevRandao(1n)
      const last = await ethers.provider.getBlockNumber()
      const wanted = last - ((last - (Number(seedBlock) & 255)) & 255)
      const { hash } = (await ethers.provider.getBlock(wanted))!
      await expect(sortition.settleDraw())
        .to.emit(sortition, 'DrawSettled')
        .withArgs(1, seedOf(BigInt(hash!)))
    }
  })

  it('lets the next in the order come when the drawn do not, as many as there are seats left', async () => {
    const world = await drawing()
    const { service, sortition, networkHelpers } = world
    await settle(world, random(3))
    const order = await orderOf(world)
    const enter = (rank: number) => takeSeat(world, order[rank]!)
    const isRefused = (rank: number) => expect(enter(rank)).to.be.revertedWithCustomError(service, 'NotAdmitted')
    await enter(0)
    await enter(2)
    await enter(4)
    const { since } = await sortition.lastDraw()
    const until = since + BigInt(TERMS.patience)
    await expect(sortition.extendDraw()).to.be.revertedWithCustomError(sortition, 'NothingToExtend').withArgs(1, until)
    await networkHelpers.time.increaseTo(until)
    await isRefused(SIZE)
    expect((await sortition.look(order[0]!.owner)).canExtend).to.equal(true)
    await expect(sortition.extendDraw())
      .to.emit(sortition, 'DrawExtended')
      .withArgs(1, SIZE + 2)
    expect((await sortition.look(order[0]!.owner)).canExtend).to.equal(false)
    await isRefused(SIZE + 2)
    await enter(SIZE + 1)
    // Somebody of the first may still come.
    await enter(1)
    expect(await stateOf(world)).to.equal('KeyCommit')
    await expect(sortition.extendDraw()).to.be.revertedWithCustomError(sortition, 'NotRegistering')
  })

  it('is repeated only when everybody could have come, and for the seats that are left', async () => {
    const world = await drawing()
    const { service, sortition, networkHelpers } = world
    await settle(world, random(3))
    const order = await orderOf(world)
    const wait = () => networkHelpers.time.increase(TERMS.patience)
    for (const reach of [10, CANDIDATES]) {
      await wait()
      await expect(sortition.openDraw()).to.be.revertedWithCustomError(sortition, 'DrawLive').withArgs(1)
      await expect(sortition.extendDraw()).to.emit(sortition, 'DrawExtended').withArgs(1, reach)
    }
    const [last] = order.slice(-1)
    await takeSeat(world, last!)
    // Whoever was drawn first is bound until everybody could have come.
    const first = order[0]!
    await expect(sortition.connect(first.owner).delist(first.owner)).to.be.revertedWithCustomError(
      sortition,
      'DrawLive',
    )
    expect((await sortition.look(first.owner)).canOpen).to.equal(false)
    await wait()
    expect((await sortition.look(first.owner)).canOpen).to.equal(true)
    await expect(sortition.extendDraw()).to.be.revertedWithCustomError(sortition, 'NothingToExtend')
    await settle(world, random(4))
    expect((await sortition.lastDraw()).size).to.equal(BigInt(SIZE - 1))
    const again = (await orderOf(world)).slice(SIZE - 1).find((player) => player !== last)!
    await expect(takeSeat(world, again)).to.be.revertedWithCustomError(service, 'NotAdmitted')
    await wait()
    await sortition.extendDraw()
    for (let waves = 0; waves < 2; waves++) {
      await wait()
      await sortition.extendDraw().catch(() => undefined)
    }
    await sortition.connect(first.owner).delist(first.owner)
  })

  it('gives the drawn their whole time: it is not settled shortly before registration closes', async () => {
    const world = await drawing()
    const { sortition, service, networkHelpers } = world
    await sortition.openDraw()
    const { end } = await service.clock()
    await networkHelpers.time.increaseTo(Number(end) - TERMS.patience + 1)
    await networkHelpers.mine(2)
    await expect(sortition.settleDraw()).to.be.revertedWithCustomError(sortition, 'SettledTooLate')
    expect((await sortition.look(world.players[0]!.owner)).canSettle).to.equal(false)
    await networkHelpers.time.increaseTo(end)
    expect((await sortition.look(world.players[0]!.owner)).canSettle).to.equal(true)
    await sortition.settleDraw()
  })

  it('is opened only while members register, among enough candidates, for seats that are free', async () => {
    const world = await drawing({ enlist: 5 })
    const { sortition, players } = world
    await expect(sortition.openDraw())
      .to.be.revertedWithCustomError(sortition, 'TooFewCandidates')
      .withArgs(5, TERMS.minCandidates)
    await expect(sortition.settleDraw()).to.be.revertedWithCustomError(sortition, 'NothingToSettle').withArgs(0)
    expect(await sortition.drawn(3)).to.deep.equal([])
    await sortition.connect(players[5]!.operator).enlist(players[5]!.owner)
    await settle(world, random(6))
    await expect(sortition.openDraw()).to.be.revertedWithCustomError(sortition, 'DrawLive').withArgs(1)
    const drawn = (await orderOf(world)).slice(0, SIZE)
    await seat(world, drawn)
    await expect(sortition.openDraw()).to.be.revertedWithCustomError(sortition, 'NotRegistering').withArgs(1)
    await generateKey(world, drawn)
    await passDeadline(world)
    await sortition.openDraw()
    expect((await sortition.lastDraw()).number).to.equal(2n)
  })

  it('is not opened where registration is too short for it ever to be settled', async () => {
    const world = await drawing()
    const { sortition, service, players, parameters } = world
    const admission = await sortition.getAddress()
    await service.setParameters({ ...parameters, admission, partySeats: 1, registrationWindow: TERMS.patience - 1 })
    await expect(sortition.openDraw())
      .to.be.revertedWithCustomError(sortition, 'TermOutOfRange')
      .withArgs(encodeBytes32String('patience'), TERMS.patience, 1, TERMS.patience - 1)
    expect((await sortition.look(players[0]!.owner)).canOpen).to.equal(false)
  })

  it('finds no seat to draw for where the DAO has taken the free ones away', async () => {
    const world = await drawing()
    const { sortition, service, networkHelpers } = world
    await settle(world, random(6))
    for (const player of (await orderOf(world)).slice(0, 4)) await takeSeat(world, player)
    const admission = await sortition.getAddress()
    await service.setParameters({ ...world.parameters, admission, partySeats: 1, maxKeepers: 4 })
    await networkHelpers.time.increase(TERMS.patience)
    await expect(sortition.extendDraw()).to.be.revertedWithCustomError(sortition, 'NoFreeSeats').withArgs(4)
  })

  it('holds a bond from enlisting on, and frees it when a candidate leaves that is not drawn', async () => {
    const world = await drawing()
    const { sortition, registry, players, stranger } = world
    const [player] = players as [Player]
    expect(await registry.bondOf(sortition, player.owner)).to.deep.equal([TERMS.bond, 2n ** 64n - 1n])
    await expect(sortition.connect(player.operator).enlist(player.owner))
      .to.be.revertedWithCustomError(sortition, 'AlreadyEnlisted')
      .withArgs(player.owner.address)
    for (const name of ['enlist', 'delist'] as const) {
      await expect(sortition.connect(stranger)[name](player.owner)).to.be.revertedWithCustomError(
        sortition,
        'NotKeeper',
      )
    }
    await settle(world, random(8))
    const order = await orderOf(world)
    await expect(sortition.connect(order[0]!.owner).delist(order[0]!.owner))
      .to.be.revertedWithCustomError(sortition, 'DrawLive')
      .withArgs(1)
    const leaver = order[SIZE]!
    await expect(sortition.connect(leaver.owner).delist(leaver.owner)).to.emit(sortition, 'Delisted')
    await expect(sortition.connect(leaver.owner).delist(leaver.owner))
      .to.be.revertedWithCustomError(sortition, 'NotEnlisted')
      .withArgs(leaver.owner.address)
    expect((await registry.keeperOf(leaver.owner)).bonded).to.equal(0n)
    expect(await sortition.candidateCount()).to.equal(BigInt(CANDIDATES - 1))
    // Whoever has moved into its place keeps its own rank.
    for (const [rank, { owner }] of order.entries()) {
      if (rank !== SIZE) expect((await sortition.look(owner)).rank).to.equal(BigInt(rank))
    }
    await seat(world, order.slice(0, SIZE))
    expect((await registry.keeperOf(order[0]!.owner)).bonded).to.equal(TERMS.bond + BOND)
    await generateKey(world, order.slice(0, SIZE))
    await sortition.connect(order[0]!.owner).delist(order[0]!.owner)
    expect((await registry.keeperOf(order[0]!.owner)).bonded).to.equal(BOND)
  })

  it('speaks for its own service only, and is known by its interface', async () => {
    const world = await drawing()
    const { sortition, stranger, players, ethers, factory, registry, service } = world
    expect(await sortition.SERVICE()).to.equal(await service.getAddress())
    await settle(world, random(9))
    const [drawn] = await orderOf(world)
    expect((await sortition.admit(service, drawn!.owner))[0]).to.equal(true)
    expect((await sortition.admit(stranger, drawn!.owner))[0]).to.equal(false)
    expect((await sortition.admit(service, stranger))[0]).to.equal(false)
    expect(await sortition.terms()).to.deep.equal(Object.values(TERMS).map((value) => BigInt(value)))
    expect(await sortition.candidateAt(0)).to.equal(players[0]!.owner.address)
    expect(await sortitionAt(await sortition.getAddress(), ethers.provider)).not.to.equal(null)
    const list = await ethers.deployContract('AllowListAdmission', [world.admin])
    for (const other of [list, registry]) {
      expect(await sortitionAt(await other.getAddress(), ethers.provider)).to.equal(null)
    }
    for (const [name, value, min, max] of [
      ['bond', 0n, 1n, 2n ** 96n - 1n],
      ['absencePenalty', TERMS.bond + 1n, 0n, TERMS.bond],
      ['minCandidates', 1n, 2n, 2n ** 32n - 1n],
      ['patience', 0n, 1n, 365n * 86_400n],
      ['delay', 129n, 1n, 128n],
    ] as const) {
      await expect(ethers.deployContract('SortitionAdmission', [factory, 0, registry, { ...TERMS, [name]: value }]))
        .to.be.revertedWithCustomError(sortition, 'TermOutOfRange')
        .withArgs(field(name), value, min, max)
    }
  })
})
