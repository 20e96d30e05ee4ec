// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { isCrowded, sittingIn } from '../../../keepers/agent/steps/rota.ts'

describe('whose turn it is to sit out', () => {
  const turns = {
    seats: [0, 2, 3, 5, 8, 9, 11],
    updateQuorum: 5,
    buffer: 0,
    perRound: 1,
    crsSeed: `0x${'17'.repeat(32)}`,
  }

  it('is one of seven members in each round, everybody once a cycle, by seats', () => {
    const cycle = Array.from({ length: 7 }, (_, i) => sittingIn(turns, 7 + i))
    expect(cycle.map(({ length }) => length)).to.deep.equal(Array(7).fill(1))
    expect(cycle.flat().sort((a, b) => a - b)).to.deep.equal(turns.seats)
  })

  it('is nobody’s who would find no room: members without samples have it that do not sit out', () => {
    const [now, before] = [sittingIn(turns, 9)[0]!, sittingIn(turns, 8)[0]!]
    const other = turns.seats.find((seat) => seat !== now && seat !== before)!
    expect(isCrowded(turns, 9, [])).to.equal(false)
    expect(isCrowded(turns, 9, [before])).to.equal(false)
    expect(isCrowded(turns, 9, [other])).to.equal(true)
    // Where there is room for one more.
    expect(isCrowded({ ...turns, updateQuorum: 4 }, 9, [other])).to.equal(false)
    // A buffer of six leaves as little as a member less.
    expect(isCrowded({ ...turns, updateQuorum: 4, buffer: 6 }, 9, [other])).to.equal(true)
    expect(isCrowded({ ...turns, buffer: 6 }, 9, [])).to.equal(true)
  })

  it('leaves every second round full where there is room for one alone', () => {
    const four = { ...turns, seats: [0, 1, 2, 3], updateQuorum: 3 }
    expect([sittingIn(four, 9).length, sittingIn(four, 10).length]).to.deep.equal([0, 1])
    const other = four.seats.find((seat) => !sittingIn(four, 10).includes(seat))!
    expect([isCrowded(four, 10, []), isCrowded(four, 10, [other])]).to.deep.equal([false, true])
  })
})
