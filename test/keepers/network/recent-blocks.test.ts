// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { RecentBlocks } from '../../../keepers/network/recent-blocks.ts'

describe('blocks that were served last', () => {
  it('are at most 4 MiB, the least used forgotten first, and none larger than a quarter of that', () => {
    const blocks = new RecentBlocks()
    const half = (fill: number) => new Uint8Array(1 << 19).fill(fill)
    for (let i = 0; i < 8; i++) blocks.put(`b${i}`, half(i))
    expect(blocks.get('b0')![0]).to.equal(0)
    blocks.put('b8', half(8))
    expect(blocks.get('b1')).to.equal(null)
    expect(blocks.get('b0')![0]).to.equal(0)
    expect(blocks.get('b8')![0]).to.equal(8)
    blocks.put('large', new Uint8Array((1 << 20) + 1))
    expect(blocks.get('large')).to.equal(null)
  })
})
