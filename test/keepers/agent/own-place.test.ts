// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { fromOwnPlace } from '../../../keepers/agent/steps/own-place.ts'

describe('the order in which a keeper asks others', () => {
  const members = [9, 200, 3, 0, 255].map((seat) => ({ seat }))
  const order = (self: number | null) => fromOwnPlace(members, self).map(({ seat }) => seat)

  it('begins after its own seat and goes round, itself last', () => {
    expect(order(9)).to.deep.equal([200, 255, 0, 3, 9])
    expect(order(255)).to.deep.equal([0, 3, 9, 200, 255])
    expect(order(100)).to.deep.equal([200, 255, 0, 3, 9])
    expect(order(null)).to.deep.equal([9, 200, 3, 0, 255])
  })

  it('has each two of sixteen ask each other first from one side alone, eight at a time', () => {
    const seats = Array.from({ length: 16 }, (_, seat) => ({ seat }))
    const first = seats.map(({ seat }) => fromOwnPlace(seats, seat).slice(0, 8).map((other) => other.seat)) // biome-ignore format: one line
    const both = seats.flatMap(({ seat }) => first[seat]!.filter((other) => first[other]!.includes(seat)))
    // Only those on opposite sides of the table: eight pairs, of 120.
    expect(both.length).to.equal(16)
  })
})
