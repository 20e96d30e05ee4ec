// SPDX-License-Identifier: GPL-3.0-or-later
// Stories as bytes, and what the released reader says of them. Proofs and contracts: test/contracts/consumers/PredictionMarket.story.test.ts.
import { createHash } from 'node:crypto'
import { expect } from 'chai'
import {
  encodeStory,
  LAUNCH_OUTCOMES,
  launchHeadlines,
  launchNewsReader,
  readStory,
  STORY_BYTES,
  storyCommitment,
  storyDigest,
  storyProgram,
} from '../../../../keepers/apps/story/index.ts'
import { LearningError } from '../../../../keepers/learning/index.ts'
import { ServingError } from '../../../../keepers/serving/index.ts'
import { CompileError, type Graph, programCost, proveBounds, readingBytes } from '../../../../keepers/zkml/index.ts'

const TAG = '0x0123456789abcdef'
/** Set-up and proof then take seconds on a laptop. */
const MOST_CONSTRAINTS = 100_000

describe('stories', function () {
  this.timeout(60_000)
  const program = storyProgram(launchNewsReader())

  it('are tag and headline, padded with spaces; digest and commitment are those of SHA-256', () => {
    const story = encodeStory(TAG, 'Corvus lifts off')
    expect(story).to.have.lengthOf(STORY_BYTES)
    expect(Buffer.from(story).toString('latin1').slice(8)).to.equal('Corvus lifts off'.padEnd(111))
    const digest = createHash('sha256').update(story).digest('hex')
    expect(storyDigest(story)).to.equal(`0x${digest}`)
    expect(storyCommitment(story)).to.equal(BigInt(`0x${digest}`) >> 8n)
  })

  it('are refused with another tag, length or alphabet', () => {
    expect(() => encodeStory('0x01', 'x')).to.throw(ServingError, /16 hexadecimal digits/)
    expect(() => encodeStory(TAG, 'x'.repeat(112))).to.throw(LearningError, /at most 111/)
    expect(() => storyDigest(new Uint8Array(118))).to.throw(ServingError, /119 bytes, found 118/)
    expect(() => readStory(program, new Uint8Array(120))).to.throw(ServingError, /found 120/)
  })

  it('are read right where the reader is sure, in any case of letters, whatever their tag', () => {
    const sentences: [string, string][] = [
      ['Heron 4 blasts off from Kourou with weather satellite', 'launched'],
      ['NASA scrubs Artemis launch after fuel leak', 'not launched'],
      ['Helio Motors launches new laptop in Denver', 'other'],
    ]
    for (const [headline, outcome] of sentences) {
      const reading = readStory(program, encodeStory(TAG, headline))
      expect(LAUNCH_OUTCOMES[reading.label], headline).to.equal(outcome)
      expect(readStory(program, encodeStory('0xffffffffffffffff', headline.toUpperCase()))).to.deep.equal(reading)
      expect(reading.output).to.equal(BigInt(reading.label) + (reading.margin << 16n))
    }
  })

  it('are read by integers as well as by floats: 88 % of unseen phrasing, 95 % of the surer four fifths', () => {
    const readings = launchHeadlines('test', 1500, 1).map(({ headline, label }) => {
      const reading = readStory(program, encodeStory(TAG, headline))
      return { margin: reading.margin, right: reading.label === label }
    })
    const share = (list: typeof readings) => list.filter(({ right }) => right).length / list.length
    expect(share(readings)).to.be.above(0.88)
    readings.sort((a, b) => Number(b.margin - a.margin))
    expect(share(readings.slice(0, 1200))).to.be.above(0.95)
  })

  it('have a program whose bounds hold, and a circuit of at most 100,000 constraints', () => {
    proveBounds(program)
    expect(program.input).to.include({ bits: 8, min: 0 })
    expect(programCost(program, { input: 'sha256' }).total).to.be.at.most(MOST_CONSTRAINTS)
  })

  it('need a network whose input is their bits', () => {
    const empty: Graph = {
      name: 'empty',
      input: { name: 'x', shape: [12] },
      nodes: [],
      output: 'x',
      shapes: new Map([['x', [12]]]),
      notes: [],
    }
    expect(readingBytes(empty, { bytes: 5, skip: 2, bits: [0, 1, 2, 3] }).shapes.get('features')).to.deep.equal([12])
    expect(() => readingBytes(empty, { bytes: 5, skip: 1, bits: [0, 1] })).to.throw(CompileError, /takes 12 inputs.*8/)
    expect(() => readingBytes(empty, { bytes: 3, skip: 1, bits: [0, 1, 2, 3, 4, 8] })).to.throw(CompileError, /0 to 7/)
  })
})
