// SPDX-License-Identifier: GPL-3.0-or-later
// Private content through the command line: a publisher signs it, a prover proves what a model reads in it, and a reader of the
// proof learns whose it is and for which question, and nothing else.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { PRIVATE_STORY_CIRCUIT, storyProgram } from '../../keepers/apps/story/index.ts'
import { releasedCircuit } from '../../keepers/serving/index.ts'
import { CACHE } from '../../scripts/bootstrap/paths.mjs'
import { cohort, savePerceptron, succeed } from './command-line.ts'
import { isSecret, itIsProvenInNoOutput, readerWith, shownKey } from './private-story.ts'

const TAG = '0x0123456789abcdef'
const shown = (material: string) => shownKey(material, TAG)

describe('private content', function () {
  this.timeout(600_000)
  let home: string
  const at = (...names: string[]) => join(home, ...names)
  let material: string

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'cohort-private-'))
    material = (await succeed('sign-key', '--out', at('press.key'))).material
  })
  after(() => rm(home, { recursive: true, force: true }))

  it('is signed under a key that is drawn once and readable by its owner alone', async () => {
    await isSecret(at('press.key'))
    const key = await readFile(at('press.key'), 'utf8')
    expect(material).to.match(/^0x[0-9a-f]{128}$/)
    const again = await cohort('sign-key', '--out', at('press.key'))
    expect([again.code, again.stderr]).to.deep.equal([64, `cohort: ${at('press.key')} exists, and is not replaced\n`])
    expect(await readFile(at('press.key'), 'utf8')).to.equal(key)
  })

  it('is proven by any model, compiled for signed inputs', async () => {
    await savePerceptron(at('model'), [4, 3], 7)
    const inputs = Array.from({ length: 20 }, (_, k) => [0, 1, 2, 3].map((i) => ((i * 7 + k * 5) % 11) / 10))
    await writeFile(at('samples.json'), JSON.stringify({ inputs }))
    await writeFile(at('input.json'), JSON.stringify(inputs[0]))
    await succeed('calibrate', at('model'), '--data', at('samples.json'), '--out', at('plan.json'))
    const compile = (how: string) =>
      succeed('compile', at('model'), '--plan', at('plan.json'), '--input', how, '--out', at(how))
    expect((await compile('signed')).input).to.equal('signed')
    await succeed('setup', at('signed'), '--local')

    const sign = (folder: string, key = 'press.key', tag = TAG) =>
      cohort(
        ...['sign', at(folder), '--input', at('input.json'), '--tag', tag, '--key', at(key)],
        ...['--out', at('content.json')],
      )
    expect((await sign('signed')).stdout).to.contain(shown(material))
    await isSecret(at('content.json'))
    const prove = [
      'fullprove',
      at('signed'),
      '--context',
      '5',
      '--out',
      at('proof.json'),
      '--openings',
      at('open.json'),
    ]
    const made = await succeed(...prove, '--input', at('content.json'))
    expect(made.publicSignals[1]).to.equal(shown(material))
    expect((await cohort('verify', at('signed'), at('proof.json'))).code).to.equal(0)
    await isSecret(at('open.json'))
    // The opening of the commitment is an input of its own: content, salt and signature.
    for (const file of ['content.json', 'open.json']) await succeed('mock', at('signed'), '--input', at(file))

    const content = JSON.parse(await readFile(at('content.json'), 'utf8'))
    const secrets = [content.salts.input, content.signed.signature.S]
    const changes: [object, RegExp][] = [
      [{ input: content.input.map((value: number) => value ^ 1) }, /signature does not match this input/],
      [{ salts: { input: '0x5' } }, /signature does not match this input/],
      [{ signed: { ...content.signed, tag: '0x5' } }, /signature does not match this input/],
      [{ signed: { ...content.signed, tag: `0x1${'0'.repeat(16)}` } }, /0 ≤ tag < 2\^64/],
      [{ signed: undefined }, /signature of the input is missing/],
      [{ salts: {} }, /input salt is missing/],
      [{ signed: { ...content.signed, signature: { R: ['x', '1'], S: '1' } } }, /no decimal or 0x/],
    ]
    for (const [change, message] of changes) {
      await writeFile(at('forged.json'), JSON.stringify({ ...content, ...change }))
      const refused = await cohort(...prove, '--input', at('forged.json'))
      expect(refused.stderr).to.match(message)
      expect(refused.code).to.be.above(0)
      for (const secret of secrets) expect(refused.stderr).to.not.contain(secret)
    }
    await writeFile(at('forged.json'), JSON.stringify(content).replace('"integers"', 'integers'))
    const broken = await cohort(...prove, '--input', at('forged.json'))
    expect(broken.code).to.equal(65)
    for (const secret of [...secrets, content.input.slice(0, 3).join()]) expect(broken.stderr).to.not.contain(secret)

    await compile('committed')
    expect((await sign('committed')).stderr).to.match(/shows its input as committed; compile with --input signed/)
    await writeFile(at('torn.key'), (await readFile(at('press.key'), 'utf8')).slice(0, 40))
    const torn = await sign('signed', 'torn.key')
    expect([torn.code, torn.stderr]).to.deep.equal([
      65,
      `cohort: ${at('torn.key')} holds no key of cohort zkml sign-key\n`,
    ])
    expect((await sign('signed', 'press.key', `0x1${'0'.repeat(16)}`)).stderr).to.match(/0 ≤ tag < 2\^64/)
  })

  it('is proven in segments: the first shows the publisher, the rest show nothing', async () => {
    await savePerceptron(at('deep'), [4, 3, 2], 7)
    await succeed('calibrate', at('deep'), '--data', at('samples.json'), '--out', at('deep.json'))
    const options = ['--plan', at('deep.json'), '--segments', '2', '--input', 'signed', '--out', at('parts')]
    await succeed('split', at('deep'), ...options)
    const sign = ['--input', at('input.json'), '--tag', TAG, '--key', at('press.key'), '--out', at('whole.json')]
    await succeed('sign', at('parts', 'segment-1'), ...sign)
    const inputs = ['segment-inputs', at('parts'), '--context', '5', '--out', at('inputs')]
    const { segments } = await succeed(...inputs, '--input', at('whole.json'))
    expect(segments[0].publicSignals[1]).to.equal(shown(material))
    expect(segments[1].publicSignals[1]).to.equal(segments[0].publicSignals[2])
    for (const part of ['segment-1', 'segment-2']) {
      await isSecret(at('inputs', `${part}.json`))
      const mocked = await succeed('mock', at('parts', part), '--input', at('inputs', `${part}.json`), '--context', '5')
      expect(mocked.violated, part).to.equal(null)
    }
    const whole = JSON.parse(await readFile(at('whole.json'), 'utf8'))
    const second = await readFile(at('inputs', 'segment-2.json'), 'utf8')
    expect(second).to.not.contain(whole.signed.signature.S)
    await writeFile(at('bare.json'), JSON.stringify({ ...whole, signed: undefined }))
    const bare = await cohort(...inputs, '--input', at('bare.json'))
    expect(bare.code).to.be.above(0)
    expect(bare.stderr).to.match(/signature of the input is missing/)
  })

  it('may be a story: signed for a market, read and proven, and in no output', async () => {
    // test/slow/private-story.test.ts has the circuit of the reader that is released.
    const program = storyProgram(readerWith(2))
    const { folder } = await releasedCircuit(join(CACHE, 'story'), 'private-story', program, PRIVATE_STORY_CIRCUIT)
    await itIsProvenInNoOutput({ folder, home, key: at('press.key'), shown: shown(material), tag: TAG })
  })
})
