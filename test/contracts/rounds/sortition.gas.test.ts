// SPDX-License-Identifier: GPL-3.0-or-later
// Gas of a draw among a thousand candidates.

import { expect } from 'chai'
import { AbiCoder, keccak256, toBeHex } from 'ethers'
import { codeSizes, compareSnapshot, type Figures, gasOf } from '../governance/gas-snapshot.ts'
import type { Player } from './fixture.ts'
import { generateKey, stateOf } from './play.ts'
import { type Drawing, drawing, random, SIZE, seat, shuffled, TERMS, takeSeat } from './sortition.ts'

/** Slot of the list of candidates, after the terms, the last draw and its hash of parameters. */
const CANDIDATES_SLOT = toBeHex(5)
const THOUSAND = 1000

describe('the gas of a draw', () => {
  /** Ranks of the twelve keepers if the first draw has this randomness. */
  const ranksOf = async ({ ethers, sortition, players }: Drawing, randomness: bigint): Promise<number[]> => {
    const { chainId } = await ethers.provider.getNetwork()
    const words = AbiCoder.defaultAbiCoder().encode(
      ['uint256', 'address', 'uint32', 'uint256'],
      [chainId, await sortition.getAddress(), 1, randomness],
    )
    const order = shuffled(keccak256(words), THOUSAND)
    return players.map((_, position) => order.indexOf(position))
  }
  /** A draw among a thousand in which one of the twelve has such a rank. */
  const drawnAt = async (isWanted: (rank: number) => boolean) => {
    const world = await drawing()
    const { sortition, networkHelpers, players } = world
    // The list is a thousand long, and the keepers of the test are its beginning.
    await networkHelpers.setStorageAt(await sortition.getAddress(), CANDIDATES_SLOT, THOUSAND)
    expect(await sortition.candidateCount()).to.equal(BigInt(THOUSAND))
    const openDraw = await gasOf(sortition.openDraw())
    await networkHelpers.mine(TERMS.delay)
    for (let label = 1; ; label++) {
      const ranks = await ranksOf(world, random(label))
      const position = ranks.findIndex(isWanted)
      if (position < 0) continue
      await networkHelpers.setPrevRandao(random(label))
      const settleDraw = await gasOf(sortition.settleDraw())
      const player = players[position]!
      expect((await sortition.look(player.owner)).rank).to.equal(BigInt(ranks[position]!))
      return { world, player, figures: { openDraw, settleDraw } }
    }
  }

  it('does not depend on the number of candidates, only on one’s own rank, up to the 256th', async () => {
    const early = await drawnAt((rank) => rank >= 0 && rank < SIZE)
    const asked = async ({ service, sortition }: Drawing, { owner }: Player): Promise<number> =>
      Number(await sortition.admit.estimateGas(service, owner)) - 21_000
    const figures: Figures = {
      ...early.figures,
      admit: await asked(early.world, early.player),
      join: await gasOf(takeSeat(early.world, early.player)),
    }
    const late = await drawnAt((rank) => rank >= 250 && rank < 256)
    for (let reach = SIZE; reach < 256; reach += SIZE) {
      await late.world.networkHelpers.time.increase(TERMS.patience)
      figures.extendDraw = await gasOf(late.world.sortition.extendDraw())
    }
    figures['admit.rank 256'] = await asked(late.world, late.player)
    // A service gives its admission contract 100,000.
    expect(figures['admit.rank 256']).to.be.lessThan(90_000)
    await late.world.service.poke()
    figures['join.rank 256'] = await gasOf(takeSeat(late.world, late.player))

    const few = await drawing()
    const { sortition, players } = few
    await sortition.connect(players[11]!.operator).delist(players[11]!.owner)
    figures.enlist = await gasOf(sortition.connect(players[11]!.operator).enlist(players[11]!.owner))
    figures.delist = await gasOf(sortition.connect(players[0]!.operator).delist(players[0]!.owner))
    await few.sortition.openDraw()
    await few.networkHelpers.mine(TERMS.delay)
    await few.networkHelpers.setPrevRandao(random(1))
    await few.sortition.settleDraw()
    const drawn = await few.sortition.drawn(SIZE)
    const members = drawn.map((address) => players.find(({ owner }) => owner.address === address)!) as Player[]
    await seat(few, members.slice(0, 4))
    await generateKey(few, members.slice(0, 4))
    expect(await stateOf(few)).to.equal('Training')
    figures.reportAbsence = await gasOf(few.sortition.reportAbsence(members[4]!.owner))
    compareSnapshot('sortition', { gas: figures, bytes: await codeSizes(['SortitionAdmission']) })
  })
})
