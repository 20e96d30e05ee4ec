// SPDX-License-Identifier: GPL-3.0-or-later
// One inference proven in two halves through the command line, as two provers would who never meet.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { cohort, savePerceptron, succeed } from './command-line.ts'

describe('zkML in segments', function () {
  this.timeout(300_000)
  let home: string
  const at = (...names: string[]) => join(home, ...names)

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'cohort-split-'))
    await savePerceptron(at('model'), [6, 5, 3], 3)
    const inputs = Array.from({ length: 20 }, (_, k) =>
      Array.from({ length: 6 }, (_, i) => ((i * 7 + k * 3) % 11) / 10),
    )
    await writeFile(at('samples.json'), JSON.stringify({ inputs }))
    await writeFile(at('input.json'), JSON.stringify(inputs[2]))
    await succeed('calibrate', at('model'), '--data', at('samples.json'), '--out', at('plan.json'))
  })
  after(() => rm(home, { recursive: true, force: true }))

  it('splits, proves both halves apart, and verifies the chain; a swapped half is named', async () => {
    const model = [at('model'), '--plan', at('plan.json')]
    const manifest = await succeed('split', ...model, '--segments', '2', '--out', at('halves'))
    const weighted = manifest.segments.map(({ layers }: { layers: string[] }) =>
      layers.filter((name) => /^dense\d$/.test(name)),
    )
    expect(weighted).to.deep.equal([['dense1'], ['dense2']])
    const traced = await succeed(
      ...['segment-inputs', at('halves'), '--input', at('input.json'), '--context', '7', '--out', at('inputs')],
    )
    expect(traced.segments[0].publicSignals[2]).to.equal(traced.segments[1].publicSignals[1])
    const prove = async (half: number, input: string, proof: string) => {
      const folder = at('halves', `segment-${half}`)
      const files = ['--out', at(proof), '--openings', at(`${proof}.secret`)]
      return succeed('fullprove', folder, '--input', input, '--context', '7', ...files)
    }
    const made = await Promise.all(
      [1, 2].map(async (half) => {
        const input = at('inputs', `segment-${half}.json`)
        // It opens commitments: for its prover's eyes.
        expect((await stat(input)).mode & 0o077).to.equal(0)
        await succeed('setup', at('halves', `segment-${half}`), '--local')
        return prove(half, input, `proof-${half}.json`)
      }),
    )
    expect(made.map(({ publicSignals }) => publicSignals)).to.deep.equal(
      traced.segments.map(({ publicSignals }: { publicSignals: string[] }) => publicSignals),
    )
    const chain = (...rest: string[]) => cohort('verify-chain', at('halves'), ...rest)
    const commitment = ['--input-commitment', traced.segments[0].publicSignals[1]]
    const whole = await chain(at('proof-1.json'), at('proof-2.json'), '--context', '7', ...commitment)
    expect(whole.stdout).to.match(/one inference/)
    expect(whole.code).to.equal(0)

    // The second half proves something true, of activations that the first never had.
    const second = JSON.parse(await readFile(at('inputs', 'segment-2.json'), 'utf8'))
    second.input[0] = second.input[0] === 0 ? 1 : 0
    await writeFile(at('other.json'), JSON.stringify(second))
    await prove(2, at('other.json'), 'proof-other.json')
    const broken = await chain(at('proof-1.json'), at('proof-other.json'), '--context', '7')
    expect(broken.stdout).to.match(/proof-other.json: valid\nsegment 2 departs from the chain: its inputCommitment/)
    expect(broken.code).to.equal(1)
    const exchanged = await chain(at('proof-2.json'), at('proof-1.json'), '--context', '7')
    expect(exchanged.stdout).to.match(/INVALID/)
    expect((await chain(at('proof-1.json'), at('proof-2.json'))).stdout).to.match(
      /segment 1 .* its context is 7, must be 0/,
    )
    expect(await chain(at('proof-1.json'))).to.include({ code: 64 })
  })

  it('refuses more segments than the model has layers, and a folder that nothing was split into', async () => {
    const many = await cohort('split', at('model'), '--plan', at('plan.json'), '--segments', '3', '--out', at('no'))
    expect(many.stderr).to.match(/cannot be cut into 3 segments/)
    expect(await stat(at('no')).catch(() => null)).to.equal(null)
    const none = await cohort('segment-inputs', at('model'), '--input', at('input.json'), '--out', at('no'))
    expect(none.stderr).to.match(/cohort zkml split first/)
  })
})
