// SPDX-License-Identifier: GPL-3.0-or-later
// Members that sit out in turn, and members that take all the room without samples that there is, in every round.
import { expect } from 'chai'
import { isCrowded, sittingIn } from '../../../keepers/agent/steps/rota.ts'
import { mustTakePart } from '../../../keepers/agent/steps/sitting-out.ts'
import { finish, NONE, strikesOf } from './empty.ts'
import type { Player } from './fixture.ts'
import { commitUpdate, numbers, passDeadline, revealUpdate, stateOf, training } from './play.ts'

/** With seven members the update quorum is five, so two may have no samples. */
const PLAYERS = 7
const HOGS = 2
const ROUNDS = 6

describe('members that sit out in turn beside members that take all the room', function () {
  this.timeout(240_000)

  /** @returns lost rounds of {@link ROUNDS}, and strikes that honest members got in them */
  const play = async (rule: { readonly takesPart: typeof mustTakePart; readonly crowded: typeof isCrowded }) => {
    const world = await training({ players: PLAYERS, parameters: { maxStrikes: 3 } })
    const { players, service } = world
    const { crsSeed } = await service.epochInfo()
    const turns = { seats: players.map(({ seat }) => seat), updateQuorum: 5, buffer: 0, perRound: 1, crsSeed }
    const refused = new Map<Player, number>()
    let [lost, strikes, last] = [0, 0, [] as number[]]
    for (let played = 0; played < ROUNDS; played++) {
      const { round, epoch } = await numbers(world)
      const due = sittingIn(turns, round)
      const hogs = players.slice(0, HOGS)
      const resting: Player[] = []
      const had = new Map<Player, number>()
      for (const player of players.slice(HOGS)) {
        had.set(player, await strikesOf(world, player))
        if (!due.includes(player.seat) || rule.crowded(turns, round, last)) continue
        if (!rule.takesPart({ strikes: had.get(player)!, refused: refused.get(player) ?? null, epoch }))
          resting.push(player)
      }
      const declared = (player: Player) => (hogs.includes(player) || resting.includes(player) ? NONE : {})
      for (const player of players) await commitUpdate(world, player, declared(player))
      last = hogs.map(({ seat }) => seat)
      for (const player of players) {
        const reveal = revealUpdate(world, player, declared(player))
        if (!resting.includes(player)) await reveal
        else {
          await expect(reveal).to.be.revertedWithCustomError(service, 'NoRoomWithoutSamples')
          refused.set(player, epoch)
        }
      }
      if (resting.length === 0) {
        await finish(world)
        continue
      }
      // Four updates are too few of seven members: nobody decrypts their sum.
      lost += 1
      for (let state = await stateOf(world); state === 'Reveal' || state === 'Aggregate'; ) {
        await passDeadline(world)
        state = await stateOf(world)
      }
      await service.poke()
      for (const [player, before] of had) strikes += Math.max(0, (await strikesOf(world, player)) - before)
    }
    return { lost, strikes }
  }

  it('lose one round at most: who has seen it does not sit out', async () => {
    const { lost, strikes } = await play({ takesPart: mustTakePart, crowded: isCrowded })
    expect(lost).to.be.within(0, 1)
    expect(strikes).to.equal(lost)
  })

  it('would lose most rounds, and get the strikes for them, if they sat out whatever happened', async () => {
    const { lost, strikes } = await play({ takesPart: () => false, crowded: () => false })
    // Of seven turns two are the others' own, and rounds of those are completed.
    expect(lost).to.be.within(2, ROUNDS)
    expect(strikes).to.equal(lost)
  })
})
