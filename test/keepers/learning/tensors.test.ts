// SPDX-License-Identifier: GPL-3.0-or-later
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { deflateRawSync } from 'node:zlib'
import { expect } from 'chai'
import { openArrays } from '../../../keepers/learning/data/arrays.ts'
import { checkPacked, HEADER_BYTES, parseNpy } from '../../../keepers/learning/data/npy.ts'
import {
  contradictionInTensor,
  loadTensors,
  type TensorAnswers,
  type TensorTerms,
} from '../../../keepers/learning/data/tensors.ts'
import { readZip } from '../../../keepers/learning/data/zip.ts'
import { encodeSafetensors, type Tensor } from '../../../keepers/learning/external/safetensors.ts'
import { npy, npzOf } from './npy-writer.ts'
import { refuses } from './refusal.ts'

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))
const EIGHTHS = Array.from({ length: 24 }, (_, i) => i / 8)

const all = async (path: string, name: string): Promise<number[]> => {
  const { shape, number } = await (await openArrays(path)).array(name)
  return Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => number(i))
}

describe('learning: arrays of files', () => {
  it('are what NumPy saved, in every type, byte order and order of axes', async () => {
    const file = await openArrays(fixture('arrays.npz'))
    expect((await file.array('plain')).shape).to.deep.equal([4, 3, 2])
    for (const name of ['plain', 'columns', 'half', 'big']) {
      expect(await all(fixture('arrays.npz'), name), name).to.deep.equal(EIGHTHS)
      expect((await file.array(name)).kind).to.equal('float')
    }
    expect(await all(fixture('arrays.npz'), 'bytes')).to.deep.equal(EIGHTHS.map((value) => 8 * value))
    expect(await all(fixture('arrays.npz'), 'long')).to.deep.equal(
      EIGHTHS.map((value) => (value === 0 ? 0 : -8 * value)),
    )
    expect(await all(fixture('arrays.npz'), 'truth')).to.deep.equal(EIGHTHS.map((value) => Number(value > 1)))
    expect((await file.array('scalar')).shape).to.deep.equal([])
    const texts = async (name: string) => [0, 1, 2, 3].map((await file.array(name)).text)
    expect(await texts('names')).to.deep.equal(['ja', 'nein', 'ja', 'vielleicht'])
    expect(await texts('ascii')).to.deep.equal(['a', 'bc', 'a', 'd'])
    expect(await all(fixture('stored.npz'), 'x')).to.deep.equal(EIGHTHS)
  })

  it('of Python objects, complex numbers and structures are refused with what would do, and never unpickled', async () => {
    const file = await openArrays(fixture('arrays.npz'))
    for (const [name, message] of [
      ['objects', /'objects': dtype 'object' holds Python objects, which are never unpickled: save .*astype/],
      ['complex', /'complex': dtype '<c8' is neither bool, nor integers, nor floats/],
      ['fields', /'fields': it has fields of several types/],
      ['nothing', /arrays\.npz: no array 'nothing'; it has plain, columns, half/],
    ] as const) {
      await refuses(() => file.array(name), 'BAD_DATA', message)
    }
  })

  it('are refused where a file is damaged, cut off, or unpacks to more than it says', async () => {
    const whole = readFileSync(fixture('arrays.npz'))
    for (const length of [0, 10, whole.length >> 1, whole.length - 1]) {
      expect(() => readZip(whole.subarray(0, length), 'a.npz'), String(length)).to.throw(
        /not an \.npz file, or cut off/,
      )
    }
    const bent = Buffer.from(whole)
    bent[100] = bent[100]! ^ 0x55
    expect(() => readZip(bent, 'a.npz').get('plain.npy')!.unpack()).to.throw(
      /"plain\.npy": (damaged|its checksum differs)/,
    )
    // The directory's size of the first entry: a lie about what it unpacks to.
    const directory = whole.readUInt32LE(whole.length - 22 + 16)
    const lying = Buffer.from(whole)
    lying.writeUInt32LE(50, directory + 24)
    expect(() => readZip(lying, 'a.npz').get('plain.npy')!.unpack()).to.throw(/"plain\.npy": damaged/)
    // The same length in the header of the array, which is looked at before the rest is unpacked.
    expect(() => checkPacked(readZip(lying, 'a.npz').get('plain.npy')!.head(HEADER_BYTES), 50, 'a')).to.throw(/cut off/)
    const twice = Buffer.from(whole)
    twice.write('plain.npy', twice.lastIndexOf('names.npy'))
    expect(() => readZip(twice, 'a.npz')).to.throw('a.npz: "plain.npy" is in it twice')
    const one = npy([2, 2], [1, 2, 3, 4])
    expect(() => parseNpy(one.subarray(0, one.length - 1), 'a.npy')).to.throw(
      /15 bytes of values, <f4 \[2,2\] takes 16/,
    )
    expect(() => parseNpy(one.subarray(0, 40), 'a.npy')).to.throw(/its header is cut off/)
    expect(() => parseNpy(Buffer.from('id,kind\n1,2\n'), 'a.npy')).to.throw(/not an \.npy array/)
    const vast = Buffer.from(one)
    vast.write(vast.toString('latin1').replace('(2, 2)', '(9e9)'), 'latin1')
    expect(() => parseNpy(vast, 'a.npy')).to.throw(/its header is not one that NumPy writes/)
  })

  it('are refused by their headers where they are too large, before there is memory for them', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'bomb-'))
    const path = join(directory, 'bomb.npz')
    const array = () => openArrays(path).then((file) => file.array('x'))
    const says = (count: number): Uint8Array => {
      const one = npy([1], [0], '|u1').toString('latin1')
      return Buffer.from(one.replace('(1,)', `(${count},)`).replace(/ {9}\n/, '\n'), 'latin1')
    }
    // The packed bytes break off after a thousand: whatever unpacks them all finds that, and not this.
    const cut = (head: Uint8Array): Uint8Array =>
      deflateRawSync(Buffer.concat([head, Buffer.alloc(2 ** 21)])).subarray(0, 1000)
    writeFileSync(path, npzOf('x.npy', cut(says(200_000_000)), 200_000_119))
    await refuses(array, 'BAD_DATA', /array 'x' has 200,000,000 values, at most 134,217,728/)
    // Short in its own header, long in the archive's.
    writeFileSync(path, npzOf('x.npy', cut(npy([4], [0, 0, 0, 0], '|u1')), 2_000_000_000))
    await refuses(array, 'BAD_DATA', /19999998\d\d bytes of values, \|u1 \[4\] takes 4/)
    rmSync(directory, { recursive: true })
  })

  it('are refused in JSON with a name that is there twice, of which readers take different ones', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'json-'))
    const path = join(directory, 'two.json')
    for (const text of ['{"x": [1], "y": [0], "x": [2]}', '{"x": [1], "\\u0078" : [2]}']) {
      writeFileSync(path, text)
      await refuses(() => openArrays(path), 'BAD_DATA', /two\.json: .*names "x" twice/)
    }
    // The same words in different objects, in texts and in lists are none.
    writeFileSync(path, '{"x": ["y", "y:", "\\\\", "{\\"x\\":1", "x"], "y": ["x", "x", "x", "x", "x"]}')
    expect((await openArrays(path)).names).to.deep.equal(['x', 'y'])
    rmSync(directory, { recursive: true })
  })

  /** An .npy file of one axis with this type, order and values. */
  const textArray = (descr: string, order: 'True' | 'False', count: string, values: Uint8Array): Uint8Array => {
    const header = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${count},), }\n`
    const head = Buffer.from([...Buffer.from('\x93NUMPY\x01\x00', 'latin1'), header.length & 255, header.length >> 8])
    return Buffer.concat([head, Buffer.from(header, 'latin1'), values])
  }

  it('that are texts are read in either order, and of any length', () => {
    for (const order of ['True', 'False'] as const) {
      const { text } = parseNpy(textArray('|S2', order, '3', Buffer.from('abcdef')), 'a.npy')
      expect([0, 1, 2].map(text), order).to.deep.equal(['ab', 'cd', 'ef'])
    }
    // More characters than a call takes arguments.
    const long = parseNpy(textArray('<U500000', 'False', '1', new Uint8Array(2e6)), 'a.npy')
    expect(long.text(0)).to.equal('')
  })
})

describe('learning: samples that are tensors', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-tensors-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const terms: TensorTerms = {
    ...{ array: 'x', label: 'y', numbers: 'float' },
    scale: [
      { mean: 1, deviation: 2, min: 0, max: 3 },
      { mean: 0, deviation: 1, min: -1, max: 3 },
    ],
  }
  const json = (name: string, x: unknown, y: unknown): string => {
    const path = join(mkdtempSync(join(folder, 'one-')), name)
    writeFileSync(path, JSON.stringify({ x, y }))
    return path
  }
  const load = (path: string, answers: TensorAnswers = { classes: ['0', '1'] }, more: Partial<TensorTerms> = {}) =>
    loadTensors(path, { ...terms, ...more, answers }, [2])

  it('are read alike from .npz, .npy, a folder, .safetensors and .json, each place scaled as agreed', async () => {
    const [x, y] = [
      [1, 2, 3, -1],
      [1, 0],
    ]
    const arrays = join(folder, 'arrays')
    mkdirSync(arrays)
    writeFileSync(join(arrays, 'x.npy'), npy([2, 2], x))
    writeFileSync(join(arrays, 'y.npy'), npy([2], y))
    const bytes = (values: number[]) => new Uint8Array(Float32Array.from(values).buffer)
    const tensors = new Map<string, Tensor>([
      ['x', { type: 'F32', shape: [2, 2], bytes: bytes(x) }],
      ['y', { type: 'U8', shape: [2], bytes: Uint8Array.from(y) }],
    ])
    writeFileSync(join(folder, 'a.safetensors'), encodeSafetensors(tensors))
    const paths = [
      arrays,
      join(arrays, 'x.npy'),
      join(folder, 'a.safetensors'),
      json(
        'a.json',
        [
          [1, 2],
          [3, -1],
        ],
        ['1', '0'],
      ),
    ]
    for (const path of paths) {
      const data = await load(path)
      expect([...data.inputs], path).to.deep.equal([0, 2, 1, -1])
      expect([...data.labels], path).to.deep.equal([1, 0])
      expect(data).to.deep.include({ origin: 'tensor', count: 2, classes: 2, inputShape: [2], scale: 1 })
    }
    copyFileSync(fixture('stored.npz'), join(folder, 's.npz'))
    const one = [{ mean: 0, deviation: 1, min: 0, max: 3 }]
    const cube = await loadTensors(
      join(folder, 's.npz'),
      { ...terms, scale: one, answers: { classes: ['0', '1'] } },
      [3, 2],
    )
    expect([...cube.inputs]).to.deep.equal(EIGHTHS)
    expect([...cube.labels]).to.deep.equal([0, 1, 0, 1])
  })

  it('have labels by name or by a column for each, amounts, or any number of labels', async () => {
    const two = [
      [1, 2],
      [3, -1],
    ]
    expect([
      ...(
        await load(
          json('b.json', two, [
            [0, 1],
            [1, 0],
          ]),
        )
      ).labels,
    ]).to.deep.equal([1, 0])
    const amounts = await load(json('c.json', two, [10, [14]].flat()), { target: { mean: 10, deviation: 2 } })
    expect([...amounts.targets!]).to.deep.equal([0, 2])
    const several = await load(
      json('d.json', two, [
        [1, 1],
        [0, 0],
      ]),
      { classes: ['hot', 'loud'], several: true },
    )
    expect([...several.targets!]).to.deep.equal([1, 1, 0, 0])
  })

  it('take no memory for texts of no bytes, of which a small file holds any number', async () => {
    const file = join(folder, 'empty.npy')
    const header = "{'descr': '<U0', 'fortran_order': False, 'shape': (1125899906842624, 2), }"
    const head = Buffer.from('\x93NUMPY\x01\x00\0\0', 'latin1')
    head.writeUInt16LE(header.length, 8)
    writeFileSync(file, Buffer.concat([head, Buffer.from(header, 'latin1')]))
    await refuses(
      () => load(file, { classes: ['a'] }, { array: 'empty' }),
      'BAD_DATA',
      /empty is of texts \(<U0\), takes numbers/,
    )
  })

  it('are agreed on in ranges that a 32-bit float holds once they are scaled', () => {
    const of = (entry: object) =>
      contradictionInTensor({ ...terms, scale: [{ mean: 0, deviation: 1, min: 0, max: 1, ...entry }] }, [2])
    expect(of({})).to.equal(null)
    expect(of({ max: 1e39 })).to.equal('scale.0: (1e+39 − 0) / 1 is beyond what a 32-bit float holds')
    expect(of({ deviation: 1e-60 })).to.match(/^scale\.0: .* is beyond/)
    expect(of({ mean: 1e300 })).to.match(/^scale\.0: .* is beyond/)
  })

  it('are refused by file, array and index, with what would do', async () => {
    const two = [
      [1, 2],
      [3, -1],
    ]
    const nan = join(folder, 'nan')
    mkdirSync(nan)
    writeFileSync(join(nan, 'x.npy'), npy([2, 2], [1, 2, Number.NaN, 0]))
    writeFileSync(join(nan, 'y.npy'), npy([2], [0, 1]))
    const cases: [string, RegExp, (TensorAnswers | undefined)?, Partial<TensorTerms>?][] = [
      [
        json(
          'e.json',
          [
            [1, 2, 3],
            [3, 1, 2],
          ],
          [0, 1],
        ),
        /e\.json: 'x' is an array of \[2,3\], takes \[samples, 2\]/,
      ],
      [json('e.json', [], []), /'x' is an array of \[0\], takes \[samples, 2\]/],
      [json('e.json', two, [0]), /e\.json: y has 1 labels for 2 samples/],
      [json('e.json', two, [0, 7]), /e\.json: y\[1\] is "7", not one of 0, 1/],
      [json('e.json', two, ['0', 'maybe']), /e\.json: y\[1\] is "maybe", not one of 0, 1/],
      [
        json('e.json', two, [
          [1, 1],
          [1, 0],
        ]),
        /e\.json: y\[0\] marks 2 classes, takes one/,
      ],
      [
        json('e.json', two, [
          [1, 2],
          [1, 0],
        ]),
        /e\.json: y\[0, 1\] is 2, takes 0 or 1/,
      ],
      [
        json('e.json', two, [
          [1, 0, 0],
          [0, 1, 0],
        ]),
        /e\.json: y is an array of \[2,3\], takes \[2\]/,
      ],
      [nan, /nan: x\[1, 0\] is NaN, not a finite number: leave the sample out, or fill it in/],
      [
        json(
          'e.json',
          [
            [1, 2],
            [3, 4],
          ],
          [0, 1],
        ),
        /e\.json: x\[1, 1\] is 4, takes -1 to 3 \(input\.scale\.1\)/,
      ],
      [
        json(
          'e.json',
          [
            [1, null],
            [3, 1],
          ],
          [0, 1],
        ),
        /array 'x': \[0\]\[1\] is null, not a number/,
      ],
      [json('e.json', [[1, 2], [3]], [0, 1]), /array 'x': \[1\] has 1 values, those before it 2/],
      [json('e.json', [['a', 'b']], [0]), /e\.json: x is of texts \(texts\), takes numbers/],
      [
        json('e.json', [[0.5, 1]], [0]),
        /x is of numbers, takes whole numbers: save the values as they were/,
        undefined,
        { numbers: 'integer' },
      ],
      [json('e.json', two, [1, 'x']), /array 'y': has numbers and texts/],
      [json('e.json', two, ['1', 'x']), /y\[0\] is "1", not a finite number/, { target: { mean: 0, deviation: 1 } }],
      [json('e.json', two, [0, 1]), /e\.json: no array 'z'; it has x, y/, undefined, { array: 'z' }],
      [fixture('make-arrays.py'), /make-arrays\.py: a tensor is read from \.npz, \.npy, \.safetensors, \.json/],
    ]
    for (const [path, message, answers, more] of cases) {
      await refuses(() => load(path, answers, more), 'BAD_DATA', message)
    }
    await refuses(() => load(join(folder, 'none.npz')), 'DATA_NOT_FOUND', /cannot read .*none\.npz: ENOENT/)
  })
})
