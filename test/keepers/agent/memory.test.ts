// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { dropBytes, RoundGarbage } from '../../../keepers/agent/memory.ts'

describe('memory of large blobs', () => {
  const MIB = 1 << 20

  it('is given back at once', () => {
    const bytes = new Uint8Array(MIB)
    dropBytes(bytes)
    expect(bytes.length).to.equal(0)
    expect(bytes.buffer.detached).to.equal(true)
  })

  it('is left alone where others may read it: small arrays, and parts of larger ones', () => {
    const small = new Uint8Array(MIB - 1)
    const part = new Uint8Array(2 * MIB).subarray(MIB)
    for (const bytes of [small, part]) {
      const { length } = bytes
      dropBytes(bytes)
      expect(bytes.length).to.equal(length)
    }
  })
})

describe('garbage of rounds', () => {
  it('is collected when there is much of it, and after eight rounds', () => {
    let bytes = 100 << 20
    let collected = 0
    const garbage = new RoundGarbage(
      () => bytes,
      () => void collected++,
    )
    const roundAfter = (more: number): number => {
      bytes += more
      garbage.round()
      return collected
    }
    expect(roundAfter(0)).to.equal(1)
    expect([roundAfter(8 << 20), roundAfter(8 << 20), roundAfter(8 << 20)]).to.deep.equal([1, 1, 2])
    expect(Array.from({ length: 9 }, () => roundAfter(0))).to.deep.equal([2, 2, 2, 2, 2, 2, 2, 3, 3])
    bytes -= 50 << 20
    expect(roundAfter(0)).to.equal(3)
  })
})
