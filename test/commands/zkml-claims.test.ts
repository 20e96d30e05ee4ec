// SPDX-License-Identifier: GPL-3.0-or-later
// Claims about a committed model on a committed batch, through the command line: accuracy from plan to verdict, fairness, and
// what is refused.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { cohort, savePerceptron, succeed } from './command-line.ts'

const COUNT = 6

describe('zkML claims about a batch', function () {
  this.timeout(300_000)
  let home: string
  const at = (...names: string[]) => join(home, ...names)
  // With these weights the network answers 1, 0, 0, 0, 0, 1 to the first six.
  const inputs = Array.from({ length: 20 }, (_, k) => Array.from({ length: 4 }, (_, i) => ((i * 7 + k * 5) % 11) / 10))
  const batch = (name: string, content: object) => writeFile(at(name), JSON.stringify(content))
  const model = () => [at('model'), '--plan', at('plan.json')]

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'cohort-claims-'))
    await savePerceptron(at('model'), [4, 3], 7)
    await batch('samples.json', { inputs })
    await succeed(
      ...['calibrate', at('model'), '--data', at('samples.json'), '--mode', 'committed', '--out', at('plan.json')],
    )
  })
  after(() => rm(home, { recursive: true, force: true }))

  it('accuracy: compiled, set up, committed to, proven, verified; a claim above the truth has no proof', async () => {
    const count = ['--count', String(COUNT)]
    const manifest = await succeed('claim', 'accuracy', ...model(), ...count, '--out', at('accurate'))
    expect(manifest.claim).to.deep.equal({ kind: 'accuracy', count: COUNT })
    await succeed('setup', at('accurate'), '--local')
    await batch('labels.json', { inputs: inputs.slice(0, COUNT), labels: [1, 0, 0, 1, 0, 0] })
    const { commitment } = await succeed(
      ...['claim', 'commit', at('accurate'), '--batch', at('labels.json'), '--out', at('opening.json')],
    )
    expect((await stat(at('opening.json'))).mode & 0o077, 'the opening is secret').to.equal(0)

    const prove = ['claim', 'prove', at('accurate'), '--batch', at('opening.json'), '--context', '9']
    const made = await succeed(...prove, '--out', at('claim.json'))
    expect(made.publicSignals).to.deep.equal([manifest.modelCommitment, commitment, '4', '9'])
    const above = await cohort(...prove, '--claim', '5', '--out', at('untrue.json'))
    expect(above.stderr).to.match(/gets 4 of 6 right, the claim is 5/)
    expect(await stat(at('untrue.json')).catch(() => null)).to.equal(null)

    const verify = ['claim', 'verify', at('accurate'), at('claim.json'), '--context', '9']
    const about = ['--model', manifest.modelCommitment, '--batch', commitment]
    const verdict = await cohort(...verify, ...about)
    expect(verdict.stdout).to.match(/valid\nat least 4 of 6 answers are right/)
    expect(verdict.code).to.equal(0)
    for (const [wrong, message] of [
      [['--model', '1'], /another model commitment/],
      [['--batch', '1'], /another batch commitment/],
    ] as const) {
      const refused = await cohort(...verify, ...wrong)
      expect(refused.stdout).to.match(message)
      expect(refused.code).to.equal(1)
    }
    const file = JSON.parse(await readFile(at('claim.json'), 'utf8'))
    file.publicSignals[2] = '5'
    await batch('forged.json', file)
    const forged = await cohort('claim', 'verify', at('accurate'), at('forged.json'), '--context', '9')
    expect(forged.stdout).to.match(/INVALID/)
    expect((await cohort('verify', at('accurate'), at('claim.json'))).code).to.equal(0)
    expect((await cohort('export-verifier', at('accurate'))).stdout).to.contain(manifest.circuitId)

    await batch('input.json', inputs[0]!)
    expect((await cohort('mock', at('accurate'), '--input', at('input.json'))).stderr).to.match(/claims about batches/)
  })

  it('fairness: proves the true gap, refuses a smaller one, and needs groups', async () => {
    const folder = at('fair')
    // With lookups, which the first test goes without.
    const options = ['--count', '4', '--positive', '1', '--system', 'groth16-lookup', '--out', folder]
    const manifest = await succeed('claim', 'fairness', ...model(), ...options)
    expect(manifest.claim).to.deep.equal({ kind: 'fairness', count: 4, positive: 1 })
    expect(manifest.system).to.equal('groth16-lookup')
    await succeed('setup', folder, '--local')
    // One group of answers 1, one of answers 0: the rates are as far apart as rates can be.
    await batch('groups.json', { inputs: [0, 5, 1, 2].map((i) => inputs[i]!), groups: [0, 0, 1, 1] })
    await batch('alone.json', { inputs: inputs.slice(0, 4), groups: [1, 1, 1, 1] })
    const prove = (file: string, ...rest: string[]) => [
      ...[
        'claim',
        'prove',
        folder,
        '--batch',
        at(file),
        '--out',
        at('fair.json'),
        '--opening',
        at('fair.opening.json'),
      ],
      ...rest,
    ]
    expect((await succeed(...prove('groups.json'))).claim).to.equal(1000)
    expect((await cohort('claim', 'verify', folder, at('fair.json'))).stdout).to.match(
      /valid\nthe two groups get label 1 at rates that differ by at most 100 %/,
    )
    expect((await cohort(...prove('groups.json', '--claim', '999'))).stderr).to.match(/gap is 1000 permille/)
    expect((await cohort(...prove('alone.json', '--claim', '1000'))).stderr).to.match(/no members/)
    expect((await cohort(...prove('samples.json'))).stderr).to.match(/has no groups/)
    await batch('three.json', { inputs: inputs.slice(0, 3), groups: [0, 1, 1] })
    expect((await cohort(...prove('three.json'))).stderr).to.match(/3 inputs and 3 marks, the circuit takes 4/)
    expect((await cohort('claim', 'commit', at('model'), '--batch', at('groups.json'))).stderr).to.match(
      /compile first/,
    )
  })

  it('odds need labels and groups; a refutation says the opposite; bins are checked before anything is compiled', async () => {
    const folder = at('odds')
    const options = ['--count', '4', '--positive', '1', '--refutes', '--out', folder]
    const manifest = await succeed('claim', 'odds', ...model(), ...options)
    expect(manifest.claim).to.deep.equal({ kind: 'odds', count: 4, positive: 1, refutes: true })
    await succeed('setup', folder, '--local')
    // Answers 1, 1, 0, 0: both rates are 1 in group 0, and 0 in group 1.
    const marked = { inputs: [0, 5, 1, 2].map((i) => inputs[i]!), labels: [1, 0, 1, 0], groups: [0, 0, 1, 1] }
    await batch('cells.json', marked)
    await batch('unmarked.json', { ...marked, groups: undefined })
    const out = ['--out', at('odds.json'), '--opening', at('cells.opening.json')]
    const prove = (file: string, ...rest: string[]) => ['claim', 'prove', folder, '--batch', at(file), ...out, ...rest]
    expect((await succeed(...prove('cells.json'))).claim).to.equal(999)
    expect((await cohort('claim', 'verify', folder, at('odds.json'))).stdout).to.match(
      /valid\nthe two groups’ rates of true or of false positives differ by more than 99.9 %/,
    )
    expect((await succeed(...prove('cells.opening.json', '--claim', '10'))).claim).to.equal(10)
    expect((await cohort(...prove('cells.json', '--claim', '1000'))).stderr).to.match(/gap is 1000 permille/)
    expect((await cohort(...prove('unmarked.json'))).stderr).to.match(/has no groups/)
    for (const bins of ['0', '0:600,x:700', '0:1001,5:3', '5:600,9:700', '0:600']) {
      const calibration = ['claim', 'calibration', ...model(), '--count', '4', '--bins', bins, '--out', at('bins')]
      expect((await cohort(...calibration)).stderr, bins).to.match(/--bins|bins start/)
    }
  })
})
