// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { bitmapOf, hasSeat, seatsOf } from '../../../keepers/chain/index.ts'

describe('seats', () => {
  it('go from bitmap to list and back, up to the 256th', () => {
    for (const seats of [[], [0], [255], [0, 3, 64, 200, 255]]) expect(seatsOf(bitmapOf(seats))).to.deep.equal(seats)
    expect(hasSeat(bitmapOf([7]), 7)).to.equal(true)
    expect(hasSeat(bitmapOf([7]), 8)).to.equal(false)
  })
})
