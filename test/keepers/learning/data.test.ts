// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { defaultCacheDir } from '../../../keepers/learning/data/mnist.ts'
import {
  datasetFromIdx,
  loadDigits,
  loadMnist,
  MNIST_FILES,
  parseCsv,
  parseIdx,
  proceduralDigits,
} from '../../../keepers/learning/index.ts'
import { idx } from './idx-writer.ts'
import { refuses } from './refusal.ts'

const picture = (name: string, bytes: Uint8Array) => ({ name, bytes })

describe('learning: IDX files', () => {
  const images = idx([3, 2, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255])
  const labels = idx([3], [0, 2, 1])

  it('reads images and labels, gzipped or not', () => {
    for (const pack of [(bytes: Uint8Array) => bytes, (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes))]) {
      const data = datasetFromIdx(picture('i', pack(images)), picture('l', pack(labels)), { name: 'tiny' })
      expect(data.inputShape).to.deep.equal([2, 2, 1])
      expect(data.classes).to.equal(3)
      expect([...data.labels]).to.deep.equal([0, 2, 1])
      expect(data.inputs[11]! * data.scale).to.equal(1)
    }
  })

  const cases: [string, () => unknown, RegExp][] = [
    ['a truncated header', () => parseIdx(images.subarray(0, 10), 'f'), /f: the header of 3 dimensions is truncated/],
    ['truncated data', () => parseIdx(images.subarray(0, 20), 'f'), /4 bytes of data, but 3×2×2 needs 12/],
    ['data too long', () => parseIdx(Buffer.concat([images, Buffer.alloc(1)]), 'f'), /13 bytes of data/],
    ['a wrong magic', () => parseIdx(new TextEncoder().encode('PNG...'), 'f'), /f: magic 0x504e472e is not IDX/],
    ['another element type', () => parseIdx(Uint8Array.from([0, 0, 13, 1, 0, 0, 0, 0]), 'f'), /element type 0x0d/],
    ['a damaged gzip stream', () => parseIdx(gzipSync(images).subarray(0, 15), 'f'), /f: damaged gzip/],
    [
      'counts that differ',
      () => datasetFromIdx(picture('imgs', images), picture('labs', idx([2], [0, 1])), { name: 'x' }),
      /imgs holds 3 images but labs holds 2 labels/,
    ],
    [
      'labels where images should be',
      () => datasetFromIdx(picture('imgs', labels), picture('labs', labels), { name: 'x' }),
      /imgs: 1 dimensions; images need 3 or 4/,
    ],
    [
      'a label out of range',
      () => datasetFromIdx(picture('imgs', images), picture('labs', labels), { name: 'x', classes: 2 }),
      /label 2 of sample 1 is not in 0\.\.1/,
    ],
    [
      'no images',
      () => datasetFromIdx(picture('i', idx([0, 2, 2], [])), picture('l', idx([0], [])), { name: 'x' }),
      /no images/,
    ],
  ]
  for (const [what, body, message] of cases) it(`refuses ${what}`, () => refuses(body, 'BAD_DATA', message))
})

describe('learning: MNIST and its substitutes', function () {
  this.timeout(20_000)
  let directory: string
  let server: Server | undefined
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cohort-mnist-'))
  })
  after(async () => {
    server?.close()
    await rm(directory, { recursive: true, force: true })
  })

  async function writeSet(target: string): Promise<void> {
    await mkdir(target, { recursive: true })
    await writeFile(join(target, 'train-images-idx3-ubyte'), idx([4, 2, 2], new Uint8Array(16)))
    await writeFile(join(target, 'train-labels-idx1-ubyte.gz'), gzipSync(idx([4], [0, 1, 2, 1])))
    await writeFile(join(target, 't10k-images-idx3-ubyte'), idx([2, 2, 2], new Uint8Array(8)))
    await writeFile(join(target, 't10k-labels-idx1-ubyte'), idx([2], [2, 0]))
  }

  /** The four files, gzipped, by name; from wherever a user may have put them. Null when they are nowhere. */
  async function realFiles(): Promise<Map<string, Buffer> | null> {
    for (const place of [join(import.meta.dirname, '../../../../shared/data/mnist'), defaultCacheDir()]) {
      const read = async (name: string): Promise<[string, Buffer]> => {
        const packed = await readFile(join(place, `${name}.gz`)).catch(() => null)
        return [`${name}.gz`, packed ?? gzipSync(await readFile(join(place, name)), { level: 1 })]
      }
      const files = await Promise.all(Object.keys(MNIST_FILES).map(read)).catch(() => null)
      if (files !== null) return new Map(files)
    }
    return null
  }

  it('opens a directory with the four files, and says it is not MNIST', async () => {
    await writeSet(join(directory, 'own'))
    const { train, test } = await loadMnist({ dir: join(directory, 'own') })
    expect(train.count).to.equal(4)
    expect(test.classes).to.equal(3)
    expect(train.origin).to.equal('idx')
  })

  it('names the missing file', () =>
    refuses(() => loadMnist({ dir: join(directory, 'none') }), 'DATA_NOT_FOUND', /neither train-images-idx3-ubyte nor/))

  it('never keeps a download with a wrong hash', async () => {
    server = createServer((_request, response) => response.end(gzipSync(idx([1, 2, 2], [1, 2, 3, 4]))))
    await new Promise<void>((ready) => server!.listen(0, '127.0.0.1', ready))
    const mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const cacheDir = join(directory, 'cache')
    await refuses(
      () => loadMnist({ cacheDir, mirrors: [mirror], searchDirs: [] }),
      'DOWNLOAD_FAILED',
      /no mirror gave train-images.*SHA-256 is .* expected ba891046/,
    )
    expect(await readdir(cacheDir)).to.deep.equal([])
    await refuses(() => loadMnist({ cacheDir, searchDirs: [], offline: true }), 'DATA_NOT_FOUND', /no MNIST in .*cache/)
  })

  it('downloads the real files through a mirror once, and finds them in the cache afterwards', async function () {
    const files = await realFiles()
    if (files === null) this.skip() // needs the real files to serve
    let requests = 0
    const mirror = createServer((request, response) => {
      requests++
      const file = files.get(request.url!.slice(1))
      response.writeHead(file === undefined ? 404 : 200).end(file)
    })
    await new Promise<void>((ready) => mirror.listen(0, '127.0.0.1', ready))
    const cacheDir = join(directory, 'real')
    const url = `http://127.0.0.1:${(mirror.address() as AddressInfo).port}/`
    try {
      const fetched = await loadMnist({ cacheDir, searchDirs: [], mirrors: ['http://127.0.0.1:9/', url] })
      expect(fetched.train.count).to.equal(60_000)
      expect(fetched.test.origin).to.equal('mnist')
      expect(requests).to.equal(4)
      expect((await loadMnist({ cacheDir, searchDirs: [], offline: true })).test.count).to.equal(10_000)
    } finally {
      mirror.close()
      mirror.closeAllConnections()
    }
  })

  it('without files and network it makes digits itself, and says so', async () => {
    const data = await loadDigits({
      cacheDir: join(directory, 'empty'),
      searchDirs: [],
      offline: true,
      train: 30,
      test: 10,
    })
    expect(data.train.origin).to.equal('procedural')
    expect(data.announcement).to.match(/PROCEDURAL digits .* NOT MNIST: no MNIST in/)
  })

  it('never silently replaces a requested directory', () =>
    refuses(() => loadDigits({ dir: join(directory, 'none') }), 'DATA_NOT_FOUND', /holds neither/))

  it('opens what COHORT_MNIST names, or nothing, unless the caller names another', async () => {
    const before = process.env.COHORT_MNIST
    await writeSet(join(directory, 'told'))
    try {
      process.env.COHORT_MNIST = join(directory, 'told')
      expect((await loadDigits()).train.count).to.equal(4)
      process.env.COHORT_MNIST = join(directory, 'none')
      await refuses(() => loadDigits(), 'DATA_NOT_FOUND', /holds neither/)
      expect((await loadDigits({ dir: join(directory, 'told') })).train.count).to.equal(4)
    } finally {
      if (before === undefined) delete process.env.COHORT_MNIST
      else process.env.COHORT_MNIST = before
    }
  })

  it('procedural digits: the same seed draws the same bytes, another seed others', () => {
    const draw = (seed: number) => proceduralDigits({ seed, train: 200, test: 50 })
    const [a, b, c] = [draw(1), draw(1), draw(2)]
    expect(Buffer.from(a.train.inputs).equals(Buffer.from(b.train.inputs))).to.equal(true)
    expect(Buffer.from(a.train.inputs).equals(Buffer.from(c.train.inputs))).to.equal(false)
    expect(a.train.origin).to.equal('procedural')
    expect([...a.train.labels].filter((label) => label === 7)).to.have.length(20)
    const ink = Uint8Array.from(a.train.inputs).reduce((sum, value) => sum + value, 0) / a.train.inputs.length
    expect(ink).to.be.within(10, 80)
  })
})

describe('learning: CSV', () => {
  const schema = { features: ['a', 'b'], label: 'kind' }

  it('reads quoted fields, CRLF, a byte order mark and columns in any order', () => {
    const text = '\ufeffkind,b,extra,a\r\n"x, ""y""",2,,1\r\nz,4,"line\nbreak",3\r\n\r\n'
    const data = parseCsv(text, schema)
    expect([...data.inputs]).to.deep.equal([1, 2, 3, 4])
    expect(data.classNames).to.deep.equal(['x, "y"', 'z'])
    expect([...data.labels]).to.deep.equal([0, 1])
  })

  it('scales with the statistics of the schema', () => {
    const scale = [
      { mean: 1, deviation: 2 },
      { mean: 0, deviation: 10 },
    ]
    expect([...parseCsv('a,b,kind\n3,5,p\n1,0,q\n', { ...schema, scale }).inputs]).to.deep.equal([1, 0.5, 0, 0])
  })

  it('gives an ordinal category its place in the order, scaled, and a one-hot one a number for each value', () => {
    const ordinal = {
      ...schema,
      categories: {
        a: { values: ['low', 'middle', 'high'], as: 'ordinal' as const },
        b: { values: ['red', 'blue'], as: 'one-hot' as const },
      },
      scale: [
        { mean: 1, deviation: 0.5 },
        { mean: 0, deviation: 1 },
      ],
    }
    const data = parseCsv('a,b,kind\nhigh,red,p\nlow,blue,q\nmiddle,blue,q\n', ordinal)
    expect([...data.inputs]).to.deep.equal([2, 1, 0, -2, 0, 1, 0, 0, 1])
    expect(() => parseCsv('a,b,kind\nhighest,red,p\n', ordinal)).to.throw(
      /csv:2: column 'a' is "highest", not one of low/,
    )
  })

  const cases: [string, string, object, RegExp][] = [
    ['NaN', 'a,b,kind\n1,2,p\n1,NaN,q\n', {}, /csv:3: column 'b' is "NaN", not a finite number/],
    ['an empty field', 'a,b,kind\n1,,p\n', {}, /csv:2: column 'b' is empty/],
    ['words among numbers', 'a,b,kind\n1,two,p\n', {}, /column 'b' is "two"/],
    ['a short row', 'a,b,kind\n1,2\n', {}, /csv:2: 2 fields, the header has 3/],
    ['a missing column', 'a,kind\n1,p\n', {}, /no column 'b'; the columns are a, kind/],
    ['an unknown label', 'a,b,kind\n1,2,r\n', { classes: ['p', 'q'] }, /csv:2: label "r" is not one of p, q/],
    ['an open quote', 'a,b,kind\n1,"2,p\n', {}, /csv:2: a quoted field is never closed/],
    ['no rows', 'a,b,kind\n', {}, /no rows below the header/],
    ['an empty file', '', {}, /empty; the first line must name the columns/],
    ['a shape that does not fit', 'a,b,kind\n1,2,p\n', { inputShape: [3] }, /2 features do not make a sample of \[3\]/],
  ]
  for (const [what, text, extra, message] of cases) {
    it(`refuses ${what}`, () => refuses(() => parseCsv(text, { ...schema, ...extra }), 'BAD_DATA', message))
  }
})
