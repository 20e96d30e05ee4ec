// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { dropBytes } from '../../../keepers/agent/memory.ts'

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
