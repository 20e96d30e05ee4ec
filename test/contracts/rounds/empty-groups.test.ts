// SPDX-License-Identifier: GPL-3.0-or-later
// Keepers that leave groups of layers to others, and members that take all the room without samples that there is.
import { expect } from 'chai'
import { mustTakePart } from '../../../keepers/agent/steps/sitting-out.ts'
import { finish, NONE, strikesOf } from './empty.ts'
import { commitUpdate, numbers, passDeadline, revealUpdate, stateOf, training } from './play.ts'

/** With seven members the update quorum is five, so two may have no samples. */
const PLAYERS = 7
/** The honest keeper trains one group of four: in three rounds of four it would sit out. */
const GROUPS = 4

describe('a keeper of one layer group beside members that take all the room', function () {
  this.timeout(240_000)

  const play = async (takesPart: typeof mustTakePart) => {
    const world = await training({ players: PLAYERS, parameters: { maxStrikes: 2 } })
    const { players, service, registry } = world
    const honest = players.at(-1)!
    const hogs = players.slice(0, 2)
    let refused: number | null = null
    for (let i = 0; i < 2 * GROUPS; i++) {
      const round = Number((await numbers(world)).round)
      const strikes = await strikesOf(world, honest)
      const sitsOut = round % GROUPS !== 1 && !takesPart({ strikes, refused, round })
      const empty = new Set([...hogs, ...(sitsOut ? [honest] : [])])
      const declared = (player: (typeof players)[number]) => (empty.has(player) ? NONE : {})
      for (const player of players) await commitUpdate(world, player, declared(player))
      if ((await stateOf(world)) === 'Training') await passDeadline(world)
      for (const player of players) {
        const reveal = revealUpdate(world, player, declared(player))
        if (player !== honest || !sitsOut) await reveal
        else {
          await expect(reveal).to.be.revertedWithCustomError(service, 'NoRoomWithoutSamples')
          refused = round
        }
      }
      if ((await stateOf(world)) === 'Reveal') await passDeadline(world)
      await finish(world)
      if (await registry.isJailed(honest.owner)) return i + 1
    }
    return null
  }

  it('keeps its seat, for it takes part while it has a strike', async () => {
    expect(await play(mustTakePart)).to.equal(null)
  })

  it('would lose it if it sat out whatever happened', async () => {
    expect(await play(() => false)).to.be.within(2, GROUPS)
  })
})
