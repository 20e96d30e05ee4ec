// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { FheError } from '../../../keepers/fhe/errors.ts'
import { packedBytes, packSums, unpackSums } from '../../../keepers/fhe/packed-sums.ts'
import { sumWords } from '../../../keepers/fhe/wire-format.ts'

/** Sums of so many coefficients in whole words: random ones, the largest that there can be, and 0. */
function sumsOf(width: number, members: number, count: number): Uint8Array {
  const wire = { width, droppedBits: 0 }
  const word = 8 * sumWords(wire)
  const most = BigInt(members) * (2n ** BigInt(8 * width) - 1n)
  const sums = new Uint8Array(word * count)
  for (let i = 0; i < count; i++) {
    const random = BigInt(`0x${randomBytes(width + 2).toString('hex')}`) % (most + 1n)
    let left = i === 0 ? most : i === 1 ? 0n : random
    for (let byte = 0; byte < word; byte++, left >>= 8n) sums[word * i + byte] = Number(left & 0xffn)
  }
  return sums
}

describe('packed sums', () => {
  it('come back as they were, of any width and number of members, and take no more bits than such a sum has', () => {
    for (const width of [5, 6, 7, 15]) {
      for (const members of [6, 7, 8, 16, 17, 128, 129, 256]) {
        for (const count of [1, 2, 3, 77]) {
          const plan = { wire: { width, droppedBits: 0 }, members }
          const sums = sumsOf(width, members, count)
          const packed = packSums(plan, sums)
          expect(packed.length).to.equal(packedBytes(plan, count))
          expect(packed.length).to.equal(width * count + Math.ceil((Math.ceil(Math.log2(members)) * count) / 8))
          const back = new Uint8Array(sums.length).fill(0xaa)
          unpackSums(plan, packed, back)
          expect(Buffer.compare(back, sums), `${width} bytes, ${members} members, ${count} sums`).to.equal(0)
        }
      }
    }
  })

  it('are refused with bits after the last: equal sums have equal bytes', () => {
    const plan = { wire: { width: 6, droppedBits: 0 }, members: 7 }
    const packed = packSums(plan, sumsOf(6, 7, 3))
    const other = packed.slice()
    other[other.length - 1]! |= 0x80
    expect(() => unpackSums(plan, other, new Uint8Array(24)))
      .to.throw(FheError)
      .with.property('code', 'malformed-message')
  })
})
