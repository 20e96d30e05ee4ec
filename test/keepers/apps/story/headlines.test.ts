// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { TEST_FRAMES, TRAINING_FRAMES } from '../../../../keepers/apps/story/headline-frames.ts'
import { SLOTS } from '../../../../keepers/apps/story/headline-words.ts'
import { headlineDataset } from '../../../../keepers/apps/story/headlines.ts'
import {
  HEADLINE_LENGTH,
  headlineBytes,
  headlineSpec,
  LAUNCH_OUTCOMES,
  launchHeadlines,
  launchNewsReader,
  savedReader,
  trainHeadlineReader,
} from '../../../../keepers/apps/story/index.ts'
import { LearningError } from '../../../../keepers/learning/index.ts'

const FILE = new URL('../../../../keepers/apps/story/launch-news.json', import.meta.url)

describe('made-up launch news', () => {
  it('shares no frame between training and test, and fills every slot', () => {
    const training = new Set(LAUNCH_OUTCOMES.flatMap((outcome) => TRAINING_FRAMES[outcome]))
    const test = LAUNCH_OUTCOMES.flatMap((outcome) => TEST_FRAMES[outcome])
    expect(test.filter((frame) => training.has(frame))).to.deep.equal([])
    const slots = [...training, ...test, ...Object.values(SLOTS).flat()].flatMap((text) => [
      ...text.matchAll(/\{(\w+)\}/g),
    ])
    for (const [, slot] of slots) expect(slot === 'name' || slot! in SLOTS, slot).to.equal(true)
  })

  it('is the same for the same seed, fits, and takes the outcomes in turn', () => {
    const news = launchHeadlines('train', 300, 9)
    expect(launchHeadlines('train', 300, 9)).to.deep.equal(news)
    expect(launchHeadlines('train', 300, 10)).to.not.deep.equal(news)
    expect(new Set(news.map(({ headline }) => headline)).size).to.be.above(295)
    for (const [i, { headline, label }] of news.entries()) {
      expect(label).to.equal(i % 3)
      expect(headline).to.match(/^[\x20-\x7e]{8,111}$/)
      expect(headline).to.not.match(/[{}]/)
    }
  })

  it('means the same to the network in capitals, and a space is all zeros', () => {
    const of = (headline: string) => headlineDataset('one', [{ headline, label: 0 }]).inputs
    expect(of('Tern 9 blasts off')).to.deep.equal(of('TERN 9 BLASTS OFF'))
    expect(of('Tern 9 blasts off')).to.not.deep.equal(of('Tern 8 blasts off'))
    expect(of('').every((bit) => bit === 0)).to.equal(true)
  })

  it('refuses headlines that are too long or not printable ASCII, by character', () => {
    expect(headlineBytes('ab')).to.have.lengthOf(HEADLINE_LENGTH)
    expect([...headlineBytes('ab').subarray(0, 4)]).to.deep.equal([97, 98, 32, 32])
    expect(() => headlineBytes('x'.repeat(112))).to.throw(LearningError, /112 characters, at most 111/)
    expect(() => headlineBytes('caf\u00e9')).to.throw(LearningError, /character 3 is U\+e9/)
    expect(() => headlineBytes('a\nb')).to.throw(LearningError, /character 1 is U\+a/)
  })
})

describe('the reader of launch news', function () {
  this.timeout(180_000)

  it('is what training makes, to the last bit, and reads phrasing that it never saw', async () => {
    const trained = await trainHeadlineReader()
    expect(savedReader(trained, 1)).to.equal(readFileSync(FILE, 'utf8'))
    const { count, accuracy } = trained.evaluation
    expect(count).to.equal(1500)
    expect(accuracy).to.be.above(0.88)
  })

  it('comes from its file; another architecture, a cut file and garbage are refused by name', () => {
    const text = readFileSync(FILE, 'utf8')
    const { spec, weights } = launchNewsReader(text)
    expect(weights).to.have.lengthOf(headlineSpec().parameterCount)
    expect(spec.parameterCount).to.equal(2051)
    const saved = JSON.parse(text)
    const changed = (changes: object) => () => launchNewsReader(JSON.stringify({ ...saved, ...changes }))
    expect(changed({ specHash: 'ab' })).to.throw(LearningError, /ab is another architecture/)
    expect(changed({ weights: saved.weights.slice(0, 400) })).to.throw(LearningError, /300 bytes, expected 8204/)
    expect(changed({ version: 2 })).to.throw(LearningError, /version/)
    expect(() => launchNewsReader('{')).to.throw(LearningError, /headline reader/)
    const nan = Buffer.from(saved.weights, 'base64')
    nan.writeFloatLE(Number.NaN, 40)
    expect(changed({ weights: nan.toString('base64') })).to.throw(LearningError)
  })
})
