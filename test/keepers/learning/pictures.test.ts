// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import { expect } from 'chai'
import { decodePicture } from '../../../keepers/learning/data/png.ts'
import { loadImageFolder, openData } from '../../../keepers/learning/index.ts'
import { refuses } from './refusal.ts'

function png(width: number, height: number, colour: number, rows: number[][], extra: [string, Buffer][] = []): Buffer {
  const chunk = (kind: string, body: Buffer) => {
    const named = Buffer.concat([Buffer.from(kind), body])
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(body.length)
    check.writeUInt32BE(crc32(named))
    return Buffer.concat([length, named, check])
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width)
  header.writeUInt32BE(height, 4)
  header.set([8, colour], 8)
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    ...extra.map(([kind, body]) => chunk(kind, body)),
    chunk('IDAT', deflateSync(Buffer.from(rows.flat()))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

describe('learning: pictures', () => {
  it('undoes all five PNG filters', () => {
    // The picture 10 20 30 / 12 24 36 / 5 6 7 / 9 9 9 / 1 2 4, one filter a row.
    const rows = [
      [0, 10, 20, 30],
      [1, 12, 12, 12],
      [2, 249, 238, 227],
      [3, 7, 2, 1],
      [4, 248, 1, 2],
    ]
    const { pixels, channels } = decodePicture(png(3, 5, 0, rows), 'p')
    expect(channels).to.equal(1)
    expect([...pixels]).to.deep.equal([10, 20, 30, 12, 24, 36, 5, 6, 7, 9, 9, 9, 1, 2, 4])
  })

  it('drops alpha and looks colours up in a palette', () => {
    expect([...decodePicture(png(1, 1, 6, [[0, 9, 8, 7, 255]]), 'p').pixels]).to.deep.equal([9, 8, 7])
    const palette: [string, Buffer][] = [['PLTE', Buffer.from([1, 2, 3, 4, 5, 6])]]
    expect([...decodePicture(png(2, 1, 3, [[0, 1, 0]], palette), 'p').pixels]).to.deep.equal([4, 5, 6, 1, 2, 3])
    expect([...decodePicture(Buffer.from('P5\n# note\n2 1\n255\nAB'), 'p').pixels]).to.deep.equal([65, 66])
  })

  const good = png(1, 1, 0, [[0, 1]])
  const flipped = Buffer.from(good)
  flipped[45]! ^= 1
  const cases: [string, Uint8Array, RegExp][] = [
    ['a truncated PNG', good.subarray(0, 40), /p: truncated PNG/],
    ['a damaged PNG', flipped, /the checksum of chunk IDAT is wrong/],
    ['rows that are missing', png(1, 2, 0, [[0, 1]]), /PNG data of 2 bytes, expected 4/],
    ['an unknown filter', png(1, 1, 0, [[7, 1]]), /row filter 7 does not exist/],
    ['a JPEG', Uint8Array.from([0xff, 0xd8, 0xff, 0xe0]), /neither PNG nor/],
  ]
  for (const [what, bytes, message] of cases) {
    it(`refuses ${what}`, () => refuses(() => decodePicture(bytes, 'p'), 'BAD_DATA', message))
  }

  it('opens folders of classes, and refuses pictures of different sizes', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'cohort-images-'))
    try {
      for (const part of ['train', 'test']) {
        for (const name of ['cat', 'dog']) {
          await mkdir(join(directory, part, name), { recursive: true })
          await writeFile(join(directory, part, name, '1.png'), png(2, 1, 0, [[0, 1, name.length]]))
        }
      }
      const { train, announcement } = await openData({ dir: directory })
      expect(train.inputShape).to.deep.equal([1, 2, 1])
      expect(train.classNames).to.deep.equal(['cat', 'dog'])
      expect(announcement).to.contain('2 + 2 samples')
      await writeFile(join(directory, 'train', 'dog', '2.png'), good)
      await refuses(
        () => loadImageFolder(join(directory, 'train')),
        'BAD_DATA',
        /2\.png is 1×1×1, the pictures before it 1×2×1/,
      )
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})
