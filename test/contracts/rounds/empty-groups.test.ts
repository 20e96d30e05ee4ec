// SPDX-License-Identifier: GPL-3.0-or-later
// Keepers that leave groups of layers to others, and members that take all the room without samples that there is.
import { expect } from 'chai'
import { mustTakePart } from '../../../keepers/agent/steps/sitting-out.ts'
import { finish, NONE, strikesOf } from './empty.ts'
import type { Player } from './fixture.ts'
import { commitUpdate, numbers, passDeadline, revealUpdate, stateOf, training } from './play.ts'

/** With seven members the update quorum is five, so two may have no samples. */
const PLAYERS = 7
/** The honest keeper trains one group of four: in three rounds of four it would sit out. */
const GROUPS = 4

describe('a keeper of one layer group beside members that take all the room', function () {
  this.timeout(240_000)

  /** Two turns of all groups. @returns lost rounds, and the round after which the honest keeper is jailed, or null */
  const play = async (takesPart: typeof mustTakePart) => {
    const world = await training({ players: PLAYERS, parameters: { maxStrikes: 2 } })
    const { players, service, registry } = world
    const honest = players.at(-1)!
    const hogs = players.slice(0, 2)
    let refused: number | null = null
    let lost = 0
    for (let played = 1; played <= 2 * GROUPS; played++) {
      const { round, epoch } = await numbers(world)
      const strikes = await strikesOf(world, honest)
      const sitsOut = round % GROUPS !== 1 && !takesPart({ strikes, refused, epoch })
      const empty = new Set([...hogs, ...(sitsOut ? [honest] : [])])
      const declared = (player: Player) => (empty.has(player) ? NONE : {})
      for (const player of players) await commitUpdate(world, player, declared(player))
      for (const player of players) {
        const reveal = revealUpdate(world, player, declared(player))
        if (!sitsOut || player !== honest) await reveal
        else {
          await expect(reveal).to.be.revertedWithCustomError(service, 'NoRoomWithoutSamples')
          refused = epoch
        }
      }
      if (sitsOut) {
        // Four updates are too few of seven members: nobody decrypts their sum.
        lost += 1
        for (let state = await stateOf(world); state === 'Reveal' || state === 'Aggregate'; ) {
          await passDeadline(world)
          state = await stateOf(world)
        }
        await service.poke()
      } else await finish(world)
      if (await registry.isJailed(honest.owner)) return { lost, jailed: played }
    }
    return { lost, jailed: null }
  }

  it('keeps its seat, and the service loses one round: it takes part after a refusal', async () => {
    expect(await play(mustTakePart)).to.deep.equal({ lost: 1, jailed: null })
  })

  it('would lose it if it sat out whatever happened', async () => {
    expect((await play(() => false)).jailed).to.equal(3)
  })
})
