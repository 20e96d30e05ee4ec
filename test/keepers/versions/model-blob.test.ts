// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { decodeModel, encodeModel, modelBytes, VersionError } from '../../../keepers/versions/index.ts'

describe('blob of a model', () => {
  it('round-trips to the bit and refuses other lengths and values that are not finite', () => {
    const weights = Float32Array.of(1.5, -0, 1e-40, -3.25)
    const bytes = encodeModel(weights)
    expect(bytes.length).to.equal(modelBytes(4, 0))
    expect(Buffer.from(decodeModel(bytes, 4).buffer).equals(Buffer.from(weights.buffer))).to.equal(true)
    expect(() => decodeModel(bytes, 5)).to.throw(/4 weights/)
    expect(() => decodeModel(bytes.slice(0, -1), 4)).to.throw(VersionError)
    expect(() => decodeModel(Buffer.concat([bytes, Buffer.alloc(1)]), 4)).to.throw(VersionError)
    expect(() => decodeModel(encodeModel(Float32Array.of(Number.NaN)), 1)).to.throw(/weight 0 is NaN/)
  })
})
