// SPDX-License-Identifier: GPL-3.0-or-later
// What a candidate could do if a rule of the draw were missing. Each attack is also made on the contract as it is.

import { expect } from 'chai'
import { ZeroAddress } from 'ethers'
import { compile } from '../../../scripts/solc.ts'
import type { Player } from './fixture.ts'
import { commitKey, completeRound, generateKey, passDeadline } from './play.ts'
import { CANDIDATES, type Drawing, drawing, orderOf, random, SIZE, seat, settle, TERMS, takeSeat } from './sortition.ts'
import { type Change, compiled, deployedCode } from './without.ts'

const FILE = 'contracts/rounds/admission/SortitionAdmission.sol'

/** Puts changed code in the place of the contract that draws. */
async function change(world: Drawing, from: string, to: string): Promise<void> {
  const { networkHelpers, factory, registry, sortition } = world
  const one: Change = { file: FILE, from, to }
  const changed = compiled(FILE, 'SortitionAdmission', null, [one])
  await networkHelpers.setCode(
    await sortition.getAddress(),
    await deployedCode(world, changed, factory, 0, registry, TERMS),
  )
}

describe('without the rules of the draw', function () {
  this.timeout(120_000)

  /** Whether somebody that leaves can take an honest candidate's drawn place from it. */
  const moving = async (changes: (world: Drawing) => Promise<void>): Promise<boolean> => {
    const world = await drawing()
    await changes(world)
    const last = world.players[CANDIDATES - 1]!
    for (let label = 1; ; label++) {
      const before = await world.networkHelpers.takeSnapshot()
      await settle(world, random(label))
      const order = await orderOf(world)
      if (order.indexOf(last) < SIZE) {
        const attacker = order.slice(SIZE).find((player) => player !== last)!
        await world.sortition.connect(attacker.operator).delist(attacker.owner)
        return await takeSeat(world, last).then(
          () => false,
          () => true,
        )
      }
      await before.restore()
    }
  }

  it('a candidate that leaves moves an honest one out of the draw', async () => {
    expect(await moving(async () => undefined)).to.equal(false)
    const rule = 'candidate.movedAfter == d.number ? candidate.placeBefore : candidate.place;'
    expect(await moving((world) => change(world, rule, 'candidate.place;'))).to.equal(true)
  })

  /** Whether a drawn candidate that did not come is missing from the list by which keepers report absences, since an accomplice left. */
  const unlisted = async (changes: (world: Drawing) => Promise<void>): Promise<boolean> => {
    const world = await drawing()
    await changes(world)
    const last = world.players[CANDIDATES - 1]!
    for (let label = 1; ; label++) {
      const before = await world.networkHelpers.takeSnapshot()
      await settle(world, random(label))
      const order = await orderOf(world)
      if (order.indexOf(last) < SIZE) {
        const accomplice = order.slice(SIZE).find((player) => player !== last)!
        await world.sortition.connect(accomplice.operator).delist(accomplice.owner)
        const drawn = order.slice(0, SIZE).map(({ owner }) => owner.address)
        const listed = await world.sortition.drawn(SIZE)
        expect(drawn).to.include.members(listed.filter((keeper) => keeper !== ZeroAddress))
        return !listed.includes(last.owner.address)
      }
      await before.restore()
    }
  }

  it('a drawn candidate hides its absence behind an accomplice that leaves', async () => {
    expect(await unlisted(async () => undefined)).to.equal(false)
    const rule = 'if (moved.enlistedAfter < number) _heldBy[number][moved.place] = last;'
    expect(await unlisted((world) => change(world, rule, ''))).to.equal(true)
  })

  /** Draws that an attacker makes until one suits it: it undoes every other. */
  const picking = async (world: Drawing, mine: Player): Promise<boolean> => {
    const { Picky } = compile(
      `pragma solidity ^0.8.28;
      interface Sortition {
        function openDraw() external;
        function settleDraw() external;
        function drawn(uint256) external view returns (address[] memory);
      }
      contract Picky {
        function pick(Sortition sortition, address mine) external {
          sortition.openDraw();
          sortition.settleDraw();
          require(sortition.drawn(1)[0] == mine, "another time");
        }
      }`,
      { quick: true },
    )
    const { ethers, networkHelpers, stranger, sortition } = world
    const picky = await new ethers.ContractFactory(Picky!.abi, Picky!.bytecode, stranger).deploy()
    for (let block = 0; block < 100; block++) {
      await networkHelpers.setPrevRandao(random(block))
      const tried: Promise<{ wait(): Promise<unknown> }> = picky.getFunction('pick')(sortition, mine.owner, {
        gasLimit: 2_000_000,
      })
      const isDone = tried.then((sent) => sent.wait()).then(Boolean, () => false)
      if (await isDone) return true
    }
    return false
  }

  it('a draw that is opened and settled at once is repeated until it suits somebody', async () => {
    const world = await drawing()
    expect(await picking(world, world.players[2]!)).to.equal(false)
    await change(world, 'if (block.number <= d.seedBlock) revert SeedTooEarly(block.number, d.seedBlock);', '')
    expect(await picking(world, world.players[2]!)).to.equal(true)
  })

  /** Seats that four liars of twelve hold after some epochs in which honest members leave and liars stay if they can. */
  const lingering = async (oneEpochSeats: boolean): Promise<number> => {
    const world = await drawing({ parameters: { oneEpochSeats, decryptionsPerEpoch: 1 } })
    const { service, players } = world
    const liars = players.slice(0, 4)
    const holds = (player: Player) => service.isSeated(player.owner)
    for (let epoch = 0; epoch < 4; epoch++) {
      await settle(world, random(epoch))
      const size = Number((await world.sortition.lastDraw()).size)
      const order = await orderOf(world)
      const members: Player[] = []
      for (const player of players) {
        if (await holds(player)) members.push(player)
        else player.seat = -1
      }
      const fresh = order.slice(0, size).filter((player) => !members.includes(player))
      await seat(world, fresh)
      await generateKey(world, [...members, ...fresh])
      await completeRound(world, [...members, ...fresh])
      for (const player of [...members, ...fresh]) {
        if (!liars.includes(player) && !oneEpochSeats) await service.connect(player.operator).leave(player.seat)
      }
      await passDeadline(world)
      await service.poke()
    }
    return (await Promise.all(liars.map(holds))).filter(Boolean).length
  }

  it('seats that last let a minority of the candidates gather what decrypts', async () => {
    expect(await lingering(true)).to.equal(0)
    // The threshold of five is three.
    expect(await lingering(false)).to.be.greaterThanOrEqual(3)
  })

  /** Whether a drawn candidate that does no work can hide behind a seat that it takes when the epoch has begun. */
  const hiding = async (changes: (world: Drawing) => Promise<void>): Promise<boolean> => {
    const world = await drawing()
    await changes(world)
    await settle(world, random(4))
    const order = await orderOf(world)
    await seat(world, order.slice(0, 4))
    await takeSeat(world, order[4]!).catch(() => undefined)
    await generateKey(world, order.slice(0, 4))
    return await world.sortition.reportAbsence(order[4]!.owner).then(
      () => false,
      () => true,
    )
  }

  it('a drawn candidate takes a seat too late for the work and in time not to be absent', async () => {
    expect(await hiding(async () => undefined)).to.equal(false)
    const rule = 'current != ILearningServiceTypes.State.Registration || !_isLive(d, round)'
    expect(await hiding((world) => change(world, rule, '!_isLive(d, round)'))).to.equal(true)
  })

  /** Whether a newcomer pays for the absence of the candidate that was at its place before. */
  const inheriting = async (changes: (world: Drawing) => Promise<void>): Promise<boolean> => {
    const world = await drawing({ enlist: CANDIDATES - 1 })
    await changes(world)
    const { sortition, players } = world
    const last = players[CANDIDATES - 2]!
    for (let label = 1; ; label++) {
      const before = await world.networkHelpers.takeSnapshot()
      await settle(world, random(label))
      const drawn = (await orderOf(world)).slice(0, SIZE)
      if (drawn.includes(last)) {
        const members = drawn.filter((player) => player !== last)
        await seat(world, members)
        await generateKey(world, members)
        await sortition.reportAbsence(last.owner)
        const newcomer = players[CANDIDATES - 1]!
        await sortition.connect(newcomer.operator).enlist(newcomer.owner)
        return await sortition.reportAbsence(newcomer.owner).then(
          () => true,
          () => false,
        )
      }
      await before.restore()
    }
  }

  it('a newcomer pays for somebody else’s absence', async () => {
    expect(await inheriting(async () => undefined)).to.equal(false)
    const rule = 'if (candidate.enlistedAfter >= d.number) return 0;'
    expect(await inheriting((world) => change(world, rule, ''))).to.equal(true)
  })

  it('candidates that leave once they are drawn pay nothing', async () => {
    const leaves = async (world: Drawing) => {
      await settle(world, random(4))
      const [drawn] = await orderOf(world)
      return await world.sortition
        .connect(drawn!.operator)
        .delist(drawn!.owner)
        .then(
          () => true,
          () => false,
        )
    }
    expect(await leaves(await drawing())).to.equal(false)
    const world = await drawing()
    await change(world, 'if (bound && !_isExhausted(d) && _parametersHash() == _agreed) revert DrawLive(d.number);', '')
    expect(await leaves(world)).to.equal(true)
  })

  it('candidates that know the randomness of the next block leave before the draw is settled, and pay nothing', async () => {
    const leaves = async (world: Drawing) => {
      const { sortition, players, stranger } = world
      await sortition.connect(stranger).openDraw()
      const [player] = players as [Player]
      return await sortition
        .connect(player.operator)
        .delist(player.owner)
        .then(
          () => true,
          () => false,
        )
    }
    expect(await leaves(await drawing())).to.equal(false)
    const world = await drawing()
    await change(world, 'd.since == 0 ? _placeIn(d, keeper) != 0 :', 'd.since == 0 ? false :')
    expect(await leaves(world)).to.equal(true)
  })

  it('a member excuses the absent by its silence in key generation', async () => {
    /** Whether the absent one is reported before the others have waited for the silent one in vain. */
    const reported = async (world: Drawing) => {
      await settle(world, random(4))
      const order = await orderOf(world)
      await seat(world, order.slice(0, 4))
      for (const player of order.slice(0, 3)) await commitKey(world, player)
      return await world.sortition.reportAbsence(order[4]!.owner).then(
        () => true,
        () => false,
      )
    }
    expect(await reported(await drawing())).to.equal(true)
    const world = await drawing()
    const rule = 'current != ILearningServiceTypes.State.Registration && epoch'
    await change(world, rule, 'current >= ILearningServiceTypes.State.Training && epoch')
    expect(await reported(world)).to.equal(false)
  })

  /** Whether a drawn candidate pays that the DAO has kept out, in one way or another. */
  const keptOut = async (world: Drawing, keep: (player: Player) => Promise<unknown>): Promise<boolean> => {
    await settle(world, random(4))
    const order = await orderOf(world)
    await keep(order[4]!)
    await seat(world, order.slice(0, 4))
    await expect(takeSeat(world, order[4]!)).to.revert(world.ethers)
    return await world.sortition.reportAbsence(order[4]!.owner).then(
      () => true,
      () => false,
    )
  }

  it('the DAO takes a drawn candidate’s seat away, and the candidate pays for its absence', async () => {
    const rule = '&& _parametersHash() == _agreed && !SERVICE.isBanned(keeper)'
    const fewer = (world: Drawing) => async () =>
      await world.service.setParameters({
        ...{ ...world.parameters, maxKeepers: 4, partySeats: 1 },
        admission: await world.sortition.getAddress(),
      })
    const banned = (world: Drawing) => async (player: Player) => await world.service.ban(player.owner)
    for (const way of [fewer, banned]) {
      const world = await drawing()
      expect(await keptOut(world, way(world))).to.equal(false)
      const changed = await drawing()
      await change(changed, rule, '')
      expect(await keptOut(changed, way(changed))).to.equal(true)
    }
  })
})
