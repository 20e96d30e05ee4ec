// SPDX-License-Identifier: GPL-3.0-or-later
// Text by embeddings that are averaged: a product of the bag and the table of embeddings, in training and in the circuit alike.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { LocalTrainer, type Tokenizer } from '../../../keepers/learning/index.ts'
import { chooseArchitecture, draftService, readSample, USUAL_TOKENIZER } from '../../../keepers/services/index.ts'
import { tableRow } from '../../../keepers/services/table.ts'
import { decodeManifest, encodeManifest, openManifest, provableModel } from '../../../keepers/versions/index.ts'
import { argMax, programScores } from '../../../keepers/zkml/index.ts'

const DIMENSIONS = 4
const WORDS = { space: ['launch', 'orbit', 'rocket', 'crew'], sport: ['goal', 'team', 'match', 'coach'] }
const COMMON = ['today', 'the', 'a', 'new', 'report', 'of']

describe('a service of text that averages embeddings', function () {
  this.timeout(60_000)
  let folder: string
  let file: string
  const tokenizer = { ...USUAL_TOKENIZER, buckets: 64, pooling: 'mean' as const }
  const options = { text: 'text', target: 'kind', tokenizer }

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-text-'))
    file = join(folder, 'news.csv')
    const rows = Array.from({ length: 240 }, (_, i) => {
      const kind = i % 2 === 0 ? 'space' : 'sport'
      const own = WORDS[kind]
      const words = [own[i % 4], COMMON[i % 6], COMMON[(i * 5) % 6], own[(i * 3) % 4], COMMON[(i * 7) % 6]]
      return `${words.slice(0, 2 + (i % 4)).join(' ')},${kind}`
    })
    writeFileSync(file, `text,kind\n${rows.join('\n')}\n`)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('reads a text as shares of its words, repeats counted, and one without words as zeros', async () => {
    const listed = { kind: 'words' as const, words: ['goal', 'team', 'x'], pooling: 'mean' as const }
    const { input } = await readSample(file, { ...options, tokenizer: listed })
    const row = (text: string) =>
      tableRow(input as Parameters<typeof tableRow>[0], `text,kind\n"${text}",sport\n`, 'n.csv', 1)
    expect(row('Goal! GOAL, team; nobody else. Goal')).to.deep.equal([0.75, 0.25, 0])
    expect(row('nothing known')).to.deep.equal([0, 0, 0])
  })

  const rowOf = async (tokenizer: Tokenizer, text: string): Promise<number[]> => {
    const { input } = await readSample(file, { ...options, tokenizer })
    return tableRow(input as Parameters<typeof tableRow>[0], `text,kind\n"${text}",sport\n`, 'n.csv', 1)
  }

  it('has a place for every run of words that is asked for, and none for others', async () => {
    const words = { ...USUAL_TOKENIZER, buckets: 65_536 }
    const places = async (shortest: number, longest: number, text: string): Promise<number[]> => {
      const bag = await rowOf({ ...words, shortest, longest } as Tokenizer, text)
      return [...bag.entries()].flatMap(([place, there]) => (there > 0 ? [place] : []))
    }
    const one = await places(1, 1, 'Not good, not bad')
    const two = await places(2, 2, 'Not good, not bad')
    // not, good, bad; not good, good not, not bad.
    expect([one.length, two.length]).to.deep.equal([3, 3])
    expect(new Set(await places(1, 2, 'Not good, not bad'))).to.deep.equal(new Set([...one, ...two]))
    // A run is its words in their order.
    const turned = await places(2, 2, 'good not bad')
    expect(turned.every((place) => two.includes(place))).to.equal(true)
    expect((await places(2, 2, 'bad good')).filter((place) => two.includes(place))).to.deep.equal([])
    // One word has no run of two.
    expect(await places(2, 2, 'good')).to.deep.equal([])
    // Shares are of all runs: a, b, a b.
    const shares = await rowOf({ ...words, longest: 2, pooling: 'mean' } as Tokenizer, 'a b')
    expect(shares.filter((share) => share > 0).map((share) => share.toFixed(4))).to.deep.equal(Array(3).fill('0.3333'))
  })

  it('may be of bytes: which ones are there, or the share of each', async () => {
    const there = await rowOf({ kind: 'bytes' }, 'aAé')
    expect(there).to.have.length(256)
    // é is two bytes of UTF-8; letters stay as they are.
    expect([...there.entries()].flatMap(([place, value]) => (value > 0 ? [place] : []))).to.deep.equal([
      ...[0x41, 0x61, 0xa9, 0xc3],
    ])
    expect(new Set(there)).to.deep.equal(new Set([0, 1]))
    const shares = await rowOf({ kind: 'bytes', pooling: 'mean' }, 'aab ')
    expect([0x61, 0x62, 0x20].map((place) => shares[place])).to.deep.equal([0.5, 0.25, 0.25])
    const sample = await readSample(file, { ...options, tokenizer: { kind: 'bytes', pooling: 'mean' } })
    const spec = await chooseArchitecture(undefined, sample, DIMENSIONS)
    const { manifest, report } = await draftService({
      ...{ name: 'bytes', spec, sample, rounds: 10, keepers: 4, decryptionsPerEpoch: 8 },
    })
    expect(decodeManifest(encodeManifest(manifest)).input).to.deep.include({
      shape: [256],
      tokenizer: { kind: 'bytes', pooling: 'mean' },
    })
    expect(report.accuracy.proven).to.be.at.least(0.8)
    const other = { ...manifest.input, shape: [255] } as typeof manifest.input
    expect(() => decodeManifest(encodeManifest({ ...manifest, input: other }))).to.throw(
      /input\.shape: \[255\] for the 256 places of the tokenizer/,
    )
  })

  it('has a first layer that is the average of the words` rows of its table', async () => {
    const sample = await readSample(file, options)
    const spec = await chooseArchitecture(undefined, sample, DIMENSIONS)
    expect(spec.parameters.map(({ name, shape }) => [name, shape])).to.deep.equal([
      ['embedding/kernel', [64, DIMENSIONS]],
      ['classes/kernel', [DIMENSIONS, 2]],
      ['classes/bias', [2]],
    ])
    const trainer = await LocalTrainer.create({ spec })
    const weights = trainer.getWeights()
    const table = (place: number) => weights.subarray(place * DIMENSIONS, (place + 1) * DIMENSIONS)
    const size = sample.test.inputs.length / sample.test.count
    const bag = Float32Array.from(sample.test.inputs.subarray(0, size))
    // By looking up, as an embedding layer does.
    const counts = [...bag.entries()].filter(([, share]) => share > 0)
    const pooled = Float64Array.from({ length: DIMENSIONS }, (_, d) =>
      Math.max(
        0,
        counts.reduce((sum, [place, share]) => sum + share * table(place)[d]!, 0),
      ),
    )
    const [kernel, bias] = spec.parameters.slice(1)
    const scores = [0, 1].map((c) =>
      pooled.reduce((sum, value, d) => sum + value * weights[kernel!.offset + 2 * d + c]!, weights[bias!.offset + c]!),
    )
    const exps = scores.map(Math.exp)
    const [first] = await trainer.predict(bag)
    expect(first).to.be.closeTo(exps[0]! / (exps[0]! + exps[1]!), 1e-5)
    trainer.teardown()
  })

  it('learns, is proven as it learned, and clips nothing', async () => {
    const sample = await readSample(file, options)
    const spec = await chooseArchitecture(undefined, sample, DIMENSIONS)
    const { manifest, report } = await draftService({
      ...{ name: 'news', spec, sample, rounds: 20, keepers: 16, decryptionsPerEpoch: 64 },
    })
    expect(report.accuracy.float).to.be.at.least(0.95)
    expect(report.accuracy.proven).to.be.at.least(report.accuracy.float - 0.02)
    expect(report.headroom.clippedShare).to.equal(0)
    // Some twelve constraints for each of its weights.
    expect(report.proof.constraints).to.be.below(16 * spec.parameterCount)
    const model = await openManifest(manifest)
    const { program } = provableModel(model, (await LocalTrainer.create({ spec })).getWeights())
    const size = sample.test.inputs.length / sample.test.count
    expect(argMax(programScores(program, [Float64Array.from(sample.test.inputs.subarray(0, size))])[0]!)).to.be.within(
      0,
      1,
    )
  })

  it('is refused beside another model, or for a table', async () => {
    const sample = await readSample(file, options)
    const wrong = await chooseArchitecture('logistic', sample, DIMENSIONS).catch((error: Error) => error.message)
    expect(wrong).to.match(/--embedding is the default network of a --text: leave --model out/)
  })
})
