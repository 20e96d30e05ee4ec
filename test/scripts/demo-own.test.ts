// SPDX-License-Identifier: GPL-3.0-or-later
// What `npm run demo -- --manifest FILE --data PATH` deals to its keepers and holds back, for each kind of samples.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { partitionIid } from '../../keepers/learning/index.ts'
import { chooseArchitecture, draftService, readSample, type SampleOptions } from '../../keepers/services/index.ts'
import { encodeManifest, samplesOf } from '../../keepers/versions/index.ts'
import { parseOptions } from '../../scripts/demo/options.ts'
import { subjectOf } from '../../scripts/demo/subject.ts'

const KEEPERS = 4
const CLASSES = ['cat', 'dog'] as const

describe('the demo of a service of one`s own', function () {
  this.timeout(120_000)
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-own-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  async function subjectFor(data: string, options: SampleOptions = {}) {
    const sample = await readSample(data, options)
    const spec = await chooseArchitecture(undefined, sample)
    const size = { rounds: 1, keepers: KEEPERS, decryptionsPerEpoch: 100 }
    const { manifest } = await draftService({ name: 'own', spec, sample, ...size })
    const file = join(folder, 'manifest.json')
    writeFileSync(file, encodeManifest(manifest))
    return subjectOf(parseOptions(['--manifest', file, '--data', data])!, join(folder, 'demo'), () => undefined)
  }

  it('deals an equal part of arrays to each keeper, and asks about one that nobody has', async () => {
    const data = join(folder, 'waves.json')
    const signals = Array.from({ length: 100 }, (_, i) => [[i % 9], [(i * 7) % 13], [i / 3]])
    const states = signals.map((_, i) => (i % 3 === 0 ? 'up' : 'down'))
    writeFileSync(data, JSON.stringify({ signals, states }))
    const subject = await subjectFor(data, { array: 'signals', target: 'states' })
    const values = Array.from({ length: KEEPERS }, (_, index) => subject.values(index, KEEPERS))
    expect(values.map((each) => each['data.shard'])).to.deep.equal(
      values.map((_, index) => ({ kind: 'iid', parts: KEEPERS + 1, index, seed: 1 })),
    )
    expect(values[0]).to.include({ 'data.source': 'tensor', 'data.path': data })
    const { train: all } = await samplesOf(subject.manifest, { kind: 'tensor', path: data })
    const { train: held } = await samplesOf(subject.manifest, { kind: 'tensor', path: String(values[0]!['data.test']) })
    const rows = partitionIid(all, { parts: KEEPERS + 1, seed: 1 }).shards[KEEPERS]!
    const size = all.inputs.length / all.count
    expect([...held.inputs]).to.deep.equal(
      [...rows].flatMap((row) => [...all.inputs.subarray(row * size, (row + 1) * size)]),
    )
    expect([...held.labels]).to.deep.equal([...rows].map((row) => all.labels[row]))
    const { input, label } = await subject.asked()
    expect(input).to.deep.equal([...held.inputs.subarray(0, size)])
    expect(label).to.equal(held.labels[0])
  })

  it('holds one picture in five back from folders of classes', async () => {
    const data = join(folder, 'pets')
    for (const [label, name] of CLASSES.entries()) {
      mkdirSync(join(data, name), { recursive: true })
      for (let i = 0; i < 30; i++) {
        const pixels = Uint8Array.from({ length: 64 }, (_, at) => 40 + 120 * label + ((i * at) % 50))
        writeFileSync(join(data, name, `${10 + i}.pgm`), Buffer.concat([Buffer.from('P5\n8 8\n255\n'), pixels]))
      }
    }
    const subject = await subjectFor(data)
    const values = subject.values(1, KEEPERS)
    expect(values).to.include({ 'data.source': 'images' })
    const names = (part: string): string[] => readdirSync(join(String(values[part]), 'dog'))
    expect(names('data.test')).to.deep.equal(['10', '15', '20', '25', '30', '35'].map((name) => `${name}.pgm`))
    expect(names('data.path').length).to.equal(24)
    expect(names('data.path').filter((name) => names('data.test').includes(name))).to.deep.equal([])
    const { input, label } = await subject.asked()
    expect([input.length, label]).to.deep.equal([64, 0])
  })

  it('deals whole rows of a table, with line breaks and quotes in their fields', async () => {
    const data = join(folder, 'notes.csv')
    const note = (i: number): string => (i % 2 === 0 ? '"good,\n""fine"""' : 'bad')
    const lines = Array.from({ length: 60 }, (_, i) => `${note(i)},${i % 2 === 0 ? 'up' : 'down'}`)
    writeFileSync(data, `note,kind\n${lines.join('\n')}\n`)
    const subject = await subjectFor(data, { text: 'note' })
    const files = Array.from({ length: KEEPERS }, (_, index) => String(subject.values(index, KEEPERS)['data.path']))
    const counts = await Promise.all(
      files.map(async (path) => (await samplesOf(subject.manifest, { kind: 'csv', path })).train.count),
    )
    expect(counts).to.deep.equal([12, 12, 12, 12])
    expect(readFileSync(files[0]!, 'utf8')).to.contain('"good,\n""fine""",up')
    expect((await subject.asked()).label).to.equal(1)
  })
})
