// SPDX-License-Identifier: GPL-3.0-or-later
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Part, partOf, piecesOf, readPart } from '../../../keepers/zkml/parts.ts'
import { finiteOf } from '../../../keepers/zkml/prove/multiexp.ts'
import { sectionsOf } from '../../../keepers/zkml/sections.ts'

describe('parts of a file', () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) % 251)
  let folder: string
  let path: string
  let descriptor: number

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-parts-'))
    path = join(folder, 'key')
    await writeFile(path, bytes)
    descriptor = openSync(path, 'r')
  })

  afterEach(async () => {
    closeSync(descriptor)
    await rm(folder, { recursive: true })
  })

  const gathered = (part: Part, size: number) => Array.from(piecesOf(part, size), (piece) => [...piece.bytes]).flat()

  it('are the bytes that the same part has in memory, read at once or in pieces of any size', () => {
    const file: Part = { descriptor, at: 0, byteLength: 1000 }
    for (const [at, length] of [
      [0, 1000],
      [3, 900],
      [999, 1],
      [500, 0],
    ] as const) {
      const [onDisk, inMemory] = [partOf(file, at, length), partOf(bytes, at, length)]
      expect([...readPart(onDisk)]).to.deep.equal([...inMemory])
      for (const size of [1, 7, 64, 899, 900, 901, 5000]) {
        expect(gathered(onDisk, size), `${at} ${length} ${size}`).to.deep.equal([...inMemory])
        expect(gathered(inMemory, size)).to.deep.equal([...inMemory])
      }
    }
    expect([...readPart(partOf(partOf(file, 10, 100), 5, 20), 2, 4)]).to.deep.equal([...bytes.subarray(17, 19)])
  })

  it('are refused where the file has become shorter', async () => {
    await truncate(path, 600)
    const file: Part = { descriptor, at: 0, byteLength: 1000 }
    expect(() => readPart(file)).to.throw(RangeError, /ends before/)
    expect(() => gathered(file, 300)).to.throw(RangeError, /ends before/)
  })

  it('show the sections of a file, and no section that ends behind it', async () => {
    const frame = Buffer.alloc(36)
    frame.write('toys')
    for (const [at, word] of [
      [4, 1],
      [8, 1],
      [12, 5],
      [16, 12],
    ] as const)
      frame.writeUInt32LE(word, at)
    await writeFile(path, frame)
    const read = (byteLength: number) =>
      sectionsOf({ descriptor, at: 0, byteLength }, { type: 'toys', version: 1 }, (what) => new RangeError(what))
    expect(read(36).get(5)).to.deep.equal({ descriptor, at: 24, byteLength: 12 })
    expect(() => read(35)).to.throw(RangeError, /section 5 states 12 bytes/)
    expect(() => read(20)).to.throw(RangeError, /inside a section header/)
  })

  it('name the points that are not at infinity, across pieces', () => {
    const points = new Uint8Array(64 * 10_000)
    for (const i of [1, 4095, 4096, 9999]) points[64 * i + (i % 64)] = 1
    expect([...finiteOf(points, 64)]).to.deep.equal([1, 4095, 4096, 9999])
  })
})
