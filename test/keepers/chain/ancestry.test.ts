// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { Ancestry } from '../../../keepers/chain/ancestry.ts'

const block = (number: number, branch = 'a', parent = branch) => ({
  number,
  hash: `${branch}${number}`,
  parentHash: `${parent}${number - 1}`,
})

describe('ancestry of the head', () => {
  let ancestry: Ancestry
  const has = (number: number, branch = 'a') => ancestry.has(block(number, branch))
  beforeEach(() => {
    ancestry = new Ancestry()
  })

  it('knows nothing before a head was seen', () => {
    expect(has(0)).to.equal(null)
  })

  it('has the heads that were seen one after the other, and the parent of the first', () => {
    for (const number of [5, 6, 7]) ancestry.add(block(number))
    expect([3, 4, 5, 6, 7, 8].map((number) => has(number))).to.deep.equal([null, true, true, true, true, null])
    expect(has(6, 'b')).to.equal(false)
  })

  it('does not vouch for blocks below heads that it has not seen', () => {
    ancestry.add(block(5))
    ancestry.add(block(8))
    expect([5, 6, 7, 8].map((number) => has(number))).to.deep.equal([null, null, true, true])
  })

  it('drops a branch that a head of another one leaves', () => {
    for (const number of [5, 6, 7]) ancestry.add(block(number))
    ancestry.add(block(8, 'b'))
    expect(has(7)).to.equal(false)
    expect(has(7, 'b')).to.equal(true)
    expect(has(6)).to.equal(null)
  })

  it('drops a branch that a head of the same height replaces', () => {
    for (const number of [5, 6, 7]) ancestry.add(block(number))
    ancestry.add(block(7, 'b', 'a'))
    expect(has(7)).to.equal(false)
    expect(has(6)).to.equal(true)
  })

  it('goes back with an endpoint that is behind, and on again', () => {
    for (const number of [5, 6, 7]) ancestry.add(block(number))
    ancestry.add(block(6))
    expect([5, 6, 7].map((number) => has(number))).to.deep.equal([true, true, null])
    ancestry.add(block(7, 'b', 'a'))
    expect([has(6), has(7), has(7, 'b')]).to.deep.equal([true, false, true])
  })

  it('remembers as many blocks as a keeper may wait for, and no more', () => {
    for (let number = 0; number < 1_000; number++) ancestry.add(block(number))
    expect(has(999 - 64)).to.equal(true)
    expect(has(999 - 200)).to.equal(null)
  })
})
