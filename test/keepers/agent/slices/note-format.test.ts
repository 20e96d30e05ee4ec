// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { decodeNote, encodeNote } from '../../../../keepers/agent/slices/note-format.ts'
import { cidFromBytes, cidFromDigest } from '../../../../keepers/network/index.ts'

/** A blob of several blocks. */
const long = cidFromBytes(Uint8Array.of(1, 0x70, 0x12, 32, ...randomBytes(32)))
const note = {
  of: cidFromDigest(randomBytes(32)),
  sums: { 0: cidFromDigest(randomBytes(32)), 47: long },
  lacks: [0, 255],
}

describe('a note about slices, as it travels', () => {
  it('comes back as it was, in 34 bytes and 34 for each sum', () => {
    expect(decodeNote(encodeNote(note))).to.deep.equal(note)
    expect(encodeNote({ ...note, lacks: [] }).length).to.equal(34 + 2 * 34)
    const empty = { of: note.of, sums: {}, lacks: [] }
    expect(decodeNote(encodeNote(empty))).to.deep.equal(empty)
  })

  it('is refused when it is cut short within a sum, of another version, says a slice twice, lacks more than there are, or names no hash', () => {
    const bytes = encodeNote(note)
    for (let length = 0; length < 34 + 2 * 34; length++)
      expect(decodeNote(bytes.subarray(0, length)), `${length}`).to.equal(null)
    const changed = (at: number, value: number) => bytes.map((byte, i) => (i === at ? value : byte))
    expect(decodeNote(changed(0, 2))).to.equal(null)
    expect(decodeNote(changed(34 + 34, 0))).to.equal(null)
    expect(decodeNote(changed(35, 0x80))).to.equal(null)
    expect(decodeNote(Uint8Array.from([...bytes, ...Array.from({ length: 255 }, () => 1)]))).to.equal(null)
    expect(decodeNote(Buffer.from(JSON.stringify(note)))).to.equal(null)
  })
})
