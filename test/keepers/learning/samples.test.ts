// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { openSamples, type SampleForm, type SampleSource } from '../../../keepers/learning/index.ts'
import { idx } from './idx-writer.ts'
import { refuses } from './refusal.ts'

const TABLE = { features: ['a', 'b'], label: 'kind', scale: [1, 2].map((mean) => ({ mean, deviation: 2 })) }
const NAMES = ['no', 'yes']

describe('learning: samples of one party', () => {
  let folder: string
  const at = (name: string): string => join(folder, name)
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-samples-'))
    await mkdir(at('idx'))
    await writeFile(at('idx/train-images-idx3-ubyte'), idx([3, 2, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]))
    await writeFile(at('idx/train-labels-idx1-ubyte'), idx([3], [0, 2, 1]))
    // Nothing says yes: the classes are those that the parties agreed on, not those found here.
    await writeFile(at('mine.csv'), 'kind,b,a\nno,2,1\nno,4,5\n')
    await writeFile(at('test.csv'), 'a,b,kind\n3,2,yes\n')
    for (const name of NAMES) {
      await mkdir(at(`images/${name}`), { recursive: true })
      await writeFile(at(`images/${name}/x.pgm`), Buffer.from(`P5 2 1 255\n${name === 'no' ? 'ab' : 'cd'}`, 'latin1'))
    }
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('reads a folder of IDX files with no test pair, under the classes agreed on', async () => {
    const form = { inputShape: [2, 2, 1], classes: 5 }
    const { train, test, announcement } = await openSamples({ kind: 'idx', path: at('idx') }, form)
    expect(train.count).to.equal(3)
    expect(train.classes).to.equal(5)
    expect(test).to.equal(null)
    expect(announcement).to.equal('data: idx idx, 3 samples')
  })

  it('reads the columns of the agreed table, in its order and scaling, from files that order them otherwise', async () => {
    const form = { inputShape: [2], classes: NAMES }
    const source: SampleSource = { kind: 'csv', path: at('mine.csv'), test: at('test.csv'), table: TABLE }
    const { train, test, announcement } = await openSamples(source, form)
    expect([...train.inputs]).to.deep.equal([0, 0, 2, 1])
    expect([...train.labels]).to.deep.equal([0, 0])
    expect(train.classes).to.equal(2)
    expect([...test!.labels]).to.deep.equal([1])
    expect(announcement).to.equal('data: csv mine.csv, 2 + 1 samples')
  })

  it('reads folders of pictures, numbered by the agreed order of classes', async () => {
    const form = { inputShape: [1, 2, 1], classes: ['yes', 'no', 'unsure'] }
    const { train } = await openSamples({ kind: 'images', path: at('images') }, form)
    expect([...train.labels]).to.deep.equal([0, 1])
    expect(Buffer.from(train.inputs as Uint8Array).toString()).to.equal('cdab')
    expect(train.classes).to.equal(3)
  })

  const csv: SampleSource = { kind: 'csv', path: 'mine.csv', table: TABLE }
  const cases: [string, SampleSource, SampleForm, string, RegExp][] = [
    [
      'samples of another shape',
      { kind: 'idx', path: 'idx' },
      { inputShape: [28, 28, 1], classes: 3 },
      'BAD_DATA',
      /2×2×1, the model takes 28×28×1/,
    ],
    [
      'labels beyond the classes',
      { kind: 'idx', path: 'idx' },
      { inputShape: [2, 2, 1], classes: 2 },
      'BAD_DATA',
      /label 2 of sample 1/,
    ],
    [
      'a class that nobody knows',
      csv,
      { inputShape: [2], classes: ['yes', 'maybe'] },
      'BAD_DATA',
      /mine\.csv:2: label "no" is not one of/,
    ],
    [
      'one of several labels that nobody knows',
      { ...csv, table: { ...TABLE, separator: '|' } },
      { inputShape: [2], classes: ['yes', 'maybe'] },
      'BAD_DATA',
      /mine\.csv:2: label "no" is not one of yes, maybe/,
    ],
    [
      'a folder of pictures of a class that nobody knows',
      { kind: 'images', path: 'images' },
      { inputShape: [1, 2, 1], classes: ['yes', 'unsure'] },
      'BAD_DATA',
      /images: folder no is not a known class; the classes are yes, unsure/,
    ],
    [
      'classes without names for a table',
      csv,
      { inputShape: [2], classes: 2 },
      'BAD_PARAMETERS',
      /csv needs the names/,
    ],
    [
      'a column that is not there',
      { ...csv, table: { ...TABLE, label: 'sort' } },
      { inputShape: [2], classes: NAMES },
      'BAD_DATA',
      /no column 'sort'/,
    ],
    [
      'a file that is not there',
      { ...csv, path: 'none.csv' },
      { inputShape: [2], classes: NAMES },
      'DATA_NOT_FOUND',
      /none\.csv: ENOENT/,
    ],
    [
      'a folder that is a file',
      { kind: 'images', path: 'mine.csv' },
      { inputShape: [2], classes: NAMES },
      'DATA_NOT_FOUND',
      /mine\.csv: ENOTDIR/,
    ],
    [
      'a folder without IDX files',
      { kind: 'idx', path: 'images' },
      { inputShape: [2], classes: 2 },
      'DATA_NOT_FOUND',
      /train-images-idx3-ubyte/,
    ],
  ]
  for (const [what, source, form, code, message] of cases) {
    it(`refuses ${what}`, () => refuses(() => openSamples({ ...source, path: at(source.path!) }, form), code, message))
  }
})
