// SPDX-License-Identifier: GPL-3.0-or-later
// Files as they come from other programs, and files that are wrong: read alike, or refused with the place and what would do.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateRawSync, crc32 as sumOf } from 'node:zlib'
import { expect } from 'chai'
import { loadCsv, loadImageFolder, loadTensors, tableText } from '../../../keepers/learning/index.ts'
import { readSample } from '../../../keepers/services/index.ts'
import { inferTable } from '../../../keepers/services/table.ts'
import { inferTensor } from '../../../keepers/services/tensor.ts'
import { runHere } from '../../commands/run-here.ts'
import { refuses } from '../learning/refusal.ts'

/** Sixty rows of two measures and a kind. */
const rows = (end = '\n', divider = ',', head = ['a', 'b', 'kind']): string =>
  [head, ...Array.from({ length: 60 }, (_, i) => [i % 7, (i * 3) % 11, i % 2 === 0 ? 'up' : 'down'])]
    .map((fields) => fields.join(divider))
    .join(end) + end

describe('the text of a table', () => {
  const read = (text: string | Uint8Array) =>
    inferTable(tableText(typeof text === 'string' ? Buffer.from(text) : text, 't.csv'), 't.csv')

  it('is the same with any end of lines, a mark of UTF-8, any divider, and spaces around names', () => {
    const { input, task } = read(rows())
    for (const [what, text] of Object.entries({
      CRLF: rows('\r\n'),
      CR: rows('\r'),
      'a mark': `\ufeff${rows('\r\n')}`,
      'a mark before a quoted name': `\ufeff${rows().replace('a,', '"a",')}`,
      'spaces around names': rows().replace('a,b,kind', 'a, b , kind'),
      'spaces around labels': rows().replaceAll(',up', ', up '),
    })) {
      expect(read(text), what).to.deep.include({ input, task, rows: 60 })
    }
    for (const delimiter of [';', '\t']) {
      expect(read(rows('\n', delimiter)).input).to.deep.equal({ ...input, delimiter })
    }
    expect(read(rows('\n', ',', ['"a;b;c;d"', 'b', 'kind'])).input).to.deep.include({ delimiter: ',' })
  })

  it('has line breaks in quoted names and fields', () => {
    const { input } = read(rows('\n', ',', ['"a\nof two lines"', 'b', 'kind']))
    expect(input).to.have.deep.property('features', ['a\nof two lines', 'b'])
  })

  const wrong: readonly (readonly [what: string, text: string | Uint8Array, message: RegExp])[] = [
    ['no lines', '\n\n', /^t\.csv: empty; the first line must name the columns/],
    [
      'bytes of another encoding',
      Buffer.from(rows().replace('up', 'h\xfcbsch'), 'latin1'),
      /^t\.csv:2: not text in UTF-8/,
    ],
    [
      'a half of a character',
      Buffer.concat([Buffer.from(rows()), Buffer.of(0xed, 0xa0, 0x80)]),
      /^t\.csv:62: not text/,
    ],
    ['UTF-16', Buffer.from(`\ufeff${rows()}`, 'utf16le'), /text in UTF-16: save it as UTF-8/],
    [
      'UTF-16 without its mark',
      Buffer.from(rows(), 'utf16le'),
      /^t\.csv:1: a NUL character: not text, or text in UTF-16/,
    ],
    ['NUL', rows().replace('up', 'u\0p'), /^t\.csv:2: a NUL character/],
    ['a spreadsheet', Buffer.from('PK\x03\x04\x14'), /a ZIP archive, as spreadsheets are: save the sheet as CSV/],
    ['text after a quoted field', `${rows()}1,2,"up"s\n`, /^t\.csv:62: "s" after the end of a quoted field.*doubled/],
    ['an open quote', `${rows()}1,2,"up\n3,4,down\n`, /^t\.csv:62: a quoted field is never closed/],
    ['a column without a name', rows().replace('b', ''), /column 2 has no name: give it one in the first line/],
    ['a column twice', rows().replace('b', 'a '), /column 'a' is there twice: rename one/],
    ['a number of another base', `${rows()}0x10,2,up\n`, /line 62: column 'a' is '0x10', not a number: correct it/],
    ['a number too large', `${rows()}-1e39,2,up\n`, /line 62: column 'a' is '-1e39', beyond what a 32-bit float holds/],
    ['infinity', `${rows()}1,inf,up\n`, /line 62: column 'b' is 'inf', not a number/],
    ['no label', `${rows()}1,2, \n`, /line 62: column 'kind' is empty: every sample needs its label/],
    ['a gap for a label', `${rows()}1,2,NA\n`, /line 62: column 'kind' is 'NA', which stands for nothing/],
    [
      'one class',
      rows().replaceAll('down', 'up'),
      /column 'kind' has one value only \('up'\).*choose another --target/,
    ],
  ]
  for (const [what, text, message] of wrong) {
    it(`is refused with ${what}`, () => refuses(() => read(text), 'BAD_DATA', message))
  }
})

describe('files of samples', function () {
  this.timeout(60_000)
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-bad-files-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const file = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }

  it('of rows are refused where a member`s have what a model cannot take', async () => {
    const { input, task } = inferTable(rows(), 't.csv')
    if (input.kind !== 'table' || task.kind !== 'classification') throw new Error('a table of classes')
    const { features, scale, label, delimiter } = input
    const schema = { features, scale, label, delimiter, classes: task.classes }
    const load = (text: string) => () => loadCsv(file('own.csv', text), schema)
    const own = rows()
    await refuses(load(`${own}1e300,2,up\n`), 'BAD_DATA', /own\.csv:62: column 'a' is "1e300", beyond what a 32-bit/)
    await refuses(load(`${own}1,2,sideways\n`), 'BAD_DATA', /own\.csv:62: label "sideways" is not one of down, up/)
    await refuses(load(own.replace('kind', 'sort')), 'BAD_DATA', /no column 'kind'; the columns are a, b, sort/)
    await refuses(load(rows('\n', ',', ['a', 'b', 'kind,a'])), 'BAD_DATA', /column 'a' is there twice, as 1 and 4/)
    const { labels } = await load(`\ufeff${own.replaceAll('\n', '\r')}`)()
    expect(labels.length).to.equal(60)
  })

  it('of pictures are refused with one that is of another kind, which would be missing from its class', async () => {
    const picture = Buffer.concat([Buffer.from('P5\n2 2\n255\n'), Buffer.of(1, 2, 3, 4)])
    for (const name of ['cat', 'dog']) {
      mkdirSync(join(folder, name))
      file(`${name}/1.pgm`, picture)
      file(`${name}/Thumbs.db`, 'x')
    }
    expect((await loadImageFolder(folder)).count).to.equal(2)
    const photo = file('dog/2.JPG', Uint8Array.of(0xff, 0xd8))
    await refuses(() => loadImageFolder(folder), 'BAD_DATA', /dog\/2\.JPG: PNG, PGM and PPM are read: convert/)
    rmSync(photo)
    file('dog/3.pgm', 'P5\n10000 10000\n255\n')
    await refuses(() => loadImageFolder(folder), 'BAD_DATA', /3\.pgm: picture of 10000×10000; sides must be 1 to 4096/)
  })

  it('of arrays are refused where they unpack to more than is read', async () => {
    const path = file('b.npz', zeros([2 ** 13 + 1, 2 ** 14]))
    await refuses(() => inferTensor(path), 'BAD_DATA', /'x' has 134,234,112 values, at most 134,217,728: a part of the/)
    const scale = [{ mean: 0, deviation: 1, min: 0, max: 1 }]
    const terms = { array: 'x', label: 'y', numbers: 'integer', scale, answers: { classes: ['a', 'b'] } } as const
    await refuses(
      () => loadTensors(path, { ...terms, scale: [...scale] }, [2 ** 14]),
      'BAD_DATA',
      /'x' has 134,234,112 values, at most 134,217,728/,
    )
  })

  it('end a command with 65 and one line, and nothing is written', async () => {
    const cases: readonly (readonly [name: string, content: string | Uint8Array, message: RegExp])[] = [
      ['twice.csv', rows().replace('b', 'a'), /column 'a' is there twice/],
      ['few.csv', rows().split('\n').slice(0, 20).join('\n'), /few\.csv: \d+ samples; at least 50 are needed/],
      ['broken.npz', 'hello', /broken\.npz: not an \.npz file/],
      ['long.safetensors', Buffer.from('ffffffffffffff3f7b7d', 'hex'), /long\.safetensors: its header is said to be/],
    ]
    for (const [name, content, message] of cases) {
      const out = join(folder, 'made.json')
      const { code, stderr } = await runHere(['service', 'new', '--data', file(name, content), '--out', out])
      expect([code, stderr.trim().split('\n').length], stderr).to.deep.equal([65, 1])
      expect(stderr).to.match(message)
      expect(readdirSync(folder)).to.include(name).and.not.to.include('made.json')
      expect(existsSync(out)).to.equal(false)
    }
    await refuses(() => readSample(folder), 'BAD_DATA', /0 class folders; at least 2 are needed/)
  })
})

/** An .npz file with an array of zeros, which packs a thousandfold, under the names `x` and `y`. */
function zeros(shape: readonly number[]): Uint8Array {
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(', ')}), }\n`
  const start = Buffer.alloc(10)
  start.write('\x93NUMPY\x01\x00', 'latin1')
  start.writeUInt16LE(header.length, 8)
  const count = shape.reduce((product, side) => product * side, 1)
  const bytes = Buffer.concat([start, Buffer.from(header), Buffer.alloc(count)])
  const packed = deflateRawSync(bytes, { level: 1 })
  const name = Buffer.from('x.npy')
  const [local, central, end] = [Buffer.alloc(30), Buffer.alloc(46), Buffer.alloc(22)]
  for (const [buffer, magic, at] of [
    [local, 0x04034b50, 8],
    [central, 0x02014b50, 10],
  ] as const) {
    buffer.writeUInt32LE(magic, 0)
    buffer.writeUInt16LE(8, at)
    buffer.writeUInt32LE(sumOf(bytes), at + 6)
    buffer.writeUInt32LE(packed.length, at + 10)
    buffer.writeUInt32LE(bytes.length, at + 14)
    buffer.writeUInt16LE(name.length, at + 18)
  }
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(2, 10)
  end.writeUInt32LE(2 * (central.length + name.length), 12)
  end.writeUInt32LE(local.length + name.length + packed.length, 16)
  return Buffer.concat([local, name, packed, central, name, central, Buffer.from('y.npy'), end])
}
