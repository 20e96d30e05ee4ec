// SPDX-License-Identifier: GPL-3.0-or-later
// Who sits out when, and the scores that follow: the contract and the TypeScript that anybody recomputes them with say the same.
import { expect } from 'chai'
import { cycleRounds, rotaOf, sittersOf } from '../../../keepers/chain/data-market/rota.ts'
import { contributionScores } from '../../../keepers/chain/data-market/scores.ts'
import { seatsOf } from '../../../keepers/chain/seats.ts'
import { createMarket, RATE } from './market.ts'

describe('Contributions', () => {
  it('everybody sits out once a cycle, by epoch seed and round alone', async () => {
    const { rewards, open, service, players } = await createMarket(7)
    const id = await open()
    const { crsSeed, updateQuorum } = await service.epochInfo()
    const rota = rotaOf(7, Number(updateQuorum), 1)
    expect([rota.perRound, cycleRounds(rota)]).to.deep.equal([1, 7])
    const bySeat = players.map(({ seat }) => seat).sort((a, b) => a - b)
    for (const cycle of [1, 2]) {
      const out: number[] = []
      for (let round = 7 * cycle; round < 7 * (cycle + 1); round++) {
        const found = seatsOf(await rewards.sittersOf(id, round))
        expect(found).to.deep.equal(sittersOf(rota, crsSeed, round).map((place) => bySeat[place]!))
        out.push(...found)
      }
      expect(out.sort((a, b) => a - b)).to.deep.equal(bySeat)
    }
  })

  it('with room for one without samples, every second round is full; without room, all are', () => {
    expect(rotaOf(4, 3, 2)).to.deep.equal({ members: 4, perRound: 1, spacing: 2 })
    expect(rotaOf(4, 4, 2)).to.deep.equal({ members: 4, perRound: 0, spacing: 1 })
    expect(rotaOf(16, 11, 9)).to.deep.equal({ members: 16, perRound: 2, spacing: 1 })
    const seed = `0x${'5a'.repeat(32)}`
    expect([1, 3, 5].flatMap((round) => sittersOf(rotaOf(4, 3, 1), seed, round))).to.deep.equal([])
    expect([2, 4, 6, 8].flatMap((round) => sittersOf(rotaOf(4, 3, 1), seed, round))).to.have.length(4)
    // The last of a cycle are fewer where it does not come out even.
    const odd = rotaOf(9, 5, 2)
    expect(Array.from({ length: 5 }, (_, i) => sittersOf(odd, seed, i).length)).to.deep.equal([2, 2, 2, 2, 1])
  })

  it('scores a cycle of measured rounds as anybody can compute it, and pays a part by scores', async () => {
    const world = await createMarket(7)
    const { rewards, open, version, presented, settled, service, players } = world
    const id = await open({ draws: 1, baseline: 0, margin: 0, step: 1, tolerance: 100, scoreBps: 5000 })
    const { crsSeed, updateQuorum, epoch } = await service.epochInfo()
    const rota = rotaOf(7, Number(updateQuorum), 1)
    const bySeat = [...players].sort((a, b) => a.seat - b.seat)
    // Rounds 1 to 6 end the first cycle without its round 0; 7 to 13 are the second. Only one member is worth something.
    const worth = 3
    const rounds: { round: number; gain: number }[] = []
    let figure = 10
    for (let round = 1; round <= 10; round++) {
      const gain = sittersOf(rota, crsSeed, round).includes(worth) ? 1 : 6
      figure += gain
      await presented(id, await version(id), figure)
      if (round > 1) rounds.push({ round, gain })
    }
    await settled(id)
    for (const { owner } of players)
      expect((await rewards.scoreOf(id, owner)).cycles, 'no whole cycle yet').to.equal(0n)
    expect(contributionScores(rota, crsSeed, rounds).map(({ cycles }) => cycles)).to.deep.equal(new Array(7).fill(0))
    const { keepers } = await rewards.epochOf(service, epoch)
    expect(keepers).to.deep.equal(bySeat.map(({ owner }) => owner.address))
  })

  it('a full cycle: the member without whom a round gains less has the highest score', async () => {
    const world = await createMarket(4)
    const { rewards, open, version, presented, settled, service, players } = world
    const id = await open({ draws: 1, baseline: 0, margin: 0, step: 1, tolerance: 100, scoreBps: 5000 })
    const { crsSeed, updateQuorum } = await service.epochInfo()
    const rota = rotaOf(4, Number(updateQuorum), 1)
    // Rounds 8, 10, 12, 14 are the second cycle; a pool of twelve batches lasts for versions 4 to 15.
    for (let round = 1; round <= 6; round++) await version(0n)
    const late = await open({ draws: 1, baseline: 0, margin: 0, step: 1, tolerance: 100, scoreBps: 5000 })
    const rounds: { round: number; gain: number }[] = []
    let figure = 10
    for (let round = 7; round <= 15; round++) {
      const gain = round % 2 === 1 ? 3 : [5, 2, 9, 4][sittersOf(rota, crsSeed, round)[0]!]!
      figure += gain
      await presented(late, await version(late), figure)
      if (round > 7) rounds.push({ round, gain })
    }
    await settled(late)
    const expected = contributionScores(rota, crsSeed, rounds)
    const bySeat = [...players].sort((a, b) => a.seat - b.seat)
    const found = []
    for (const { owner } of bySeat) found.push(await rewards.scoreOf(late, owner))
    expect(found.map(({ sum, cycles }) => ({ sum: Number(sum), cycles: Number(cycles) }))).to.deep.equal(expected)
    // Gains without them were 5, 2, 9, 4, with a mean of 5: each is worth what its absence costs.
    expect(expected.map(({ sum }) => sum)).to.deep.equal([0, 3000, -4000, 1000])
    expect(await rewards.scoreOf(id, bySeat[0]!.owner)).to.deep.equal([0n, 0n])
    // The last version, of the full round 15, was paid by scores, half of it: 3 RATE, of which 0, 3/4, 0 and 1/4 of 1.5 RATE.
    const last = await rewards.queryFilter(rewards.filters.KeeperRewarded(late, 15n))
    const half = (3n * RATE) / 2n
    expect(last.map(({ args }) => args.amount)).to.deep.equal([
      half / 4n,
      half / 4n + (half * 3n) / 4n,
      half / 4n,
      half / 4n + half / 4n,
    ])
  })
})
