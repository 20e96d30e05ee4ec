// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { sectionsOf } from '../../../keepers/zkml/sections.ts'

const FORMAT = { type: 'toys', version: 3 }

/** A file of sections as `id, content`. */
function file(sections: readonly (readonly [number, string])[], { type = 'toys', version = 3 } = {}): Buffer {
  const word = (value: number) => Buffer.from(Uint32Array.of(value).buffer)
  const frame = [Buffer.from(type), word(version), word(sections.length)]
  for (const [id, text] of sections) frame.push(word(id), word(text.length), word(0), Buffer.from(text))
  return Buffer.concat(frame)
}

describe('files of sections', () => {
  const read = (bytes: Uint8Array) =>
    sectionsOf(
      bytes,
      FORMAT,
      (what) => new RangeError(what),
      (what) => new TypeError(what),
    )

  it('are read by number, in any order, without a copy', () => {
    // Behind other bytes of the same buffer, as in a pool of Node's.
    const whole = Buffer.concat([
      Buffer.from('before'),
      file([
        [7, 'seven'],
        [2, ''],
        [1, 'one'],
      ]),
    ])
    const sections = read(whole.subarray(6))
    expect([...sections].map(([id, bytes]) => [id, Buffer.from(bytes).toString()])).to.deep.equal([
      [7, 'seven'],
      [2, ''],
      [1, 'one'],
    ])
    expect(sections.get(1)!.buffer).to.equal(whole.buffer)
  })

  const cases: [string, Uint8Array, RegExp][] = [
    ['nothing', Buffer.alloc(0), /^0 bytes are no toys file$/],
    ['another type', file([], { type: 'zkey' }), /letters toys/],
    ['a header that is cut off', file([[1, 'one']]).subarray(0, 20), /ends inside a section header/],
    [
      'fewer sections than stated',
      file([
        [1, 'one'],
        [2, 'two'],
      ]).subarray(0, 27),
      /ends inside a section header/,
    ],
    ['a section that is cut off', file([[1, 'one']]).subarray(0, 26), /section 1 states 3 bytes, the file ends before/],
    [
      'a section of 2^64 − 1 bytes',
      Buffer.concat([file([[1, '']]).subarray(0, 16), Buffer.alloc(8, 255)]),
      /ends before/,
    ],
    [
      'a section that occurs twice',
      file([
        [1, 'one'],
        [1, 'two'],
      ]),
      /section 1 occurs twice/,
    ],
  ]
  for (const [what, bytes, message] of cases) {
    it(`refuse ${what}`, () => {
      expect(() => read(bytes)).to.throw(RangeError, message)
    })
  }

  it('distinguish an unsupported version from a damaged file', () => {
    expect(() => read(file([], { version: 4 }))).to.throw(TypeError, /format version 4, only 3 is read/)
  })
})
