// SPDX-License-Identifier: GPL-3.0-or-later
// Inputs and outputs shown one by one, through the command line: what compile is told, what verify prints, and what it refuses.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { onnxFile } from '../keepers/zkml/import/onnx-file.ts'
import { Random } from '../keepers/zkml/random.ts'
import { cohort, succeed } from './command-line.ts'

const MODEL = onnxFile({
  opset: 13,
  input: { name: 'income', shape: [1, 3] },
  inputs: [{ name: 'region', shape: [1, 3] }],
  output: 'credit',
  outputs: ['credit', 'risk'],
  nodes: [
    { op: 'Mul', inputs: ['income', 'region'], outputs: ['both'] },
    { op: 'MatMul', inputs: ['both', 'w'], outputs: ['credit'] },
    { op: 'Relu', inputs: ['both'], outputs: ['risk'] },
  ],
  constants: { w: { shape: [3, 2], data: [1, -0.5, 0.25, 1, 0.5, -1] } },
})

describe('zkML of several inputs and outputs, each shown in its own way', function () {
  this.timeout(300_000)
  let home: string
  const at = (name: string) => join(home, name)
  const random = new Random(7)
  const samples = Array.from({ length: 12 }, () => random.list(6, -1, 1))
  const compile = (...options: string[]) =>
    cohort('compile', at('m.onnx'), '--take', 'credit,risk', '--plan', at('plan.json'), '--out', at('net'), ...options)

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'cohort-parts-'))
    await writeFile(at('m.onnx'), MODEL)
    await writeFile(at('samples.json'), JSON.stringify({ inputs: samples }))
    await writeFile(at('input.json'), JSON.stringify(samples[0]))
    await succeed(
      ...['calibrate', at('m.onnx'), '--take', 'credit,risk', '--output', 'logits-commitment'],
      ...['--data', at('samples.json'), '--out', at('plan.json')],
    )
  })
  after(() => rm(home, { recursive: true, force: true }))

  it('refuses unknown names, circuits that show nothing, and visibilities that contradict each other', async () => {
    for (const [options, message] of [
      [['--input', 'wealth:public'], /no wealth among the inputs income, region/],
      [['--input', 'income:public', '--input', 'income:private'], /income is named twice/],
      [['--input', 'income:hidden'], /income can be shown as public, committed, private/],
      [['--input', 'open'], /Allowed choices are public/],
      [['--input', 'income:private', '--input', 'region:private'], /all inputs are private/],
      [['--output', 'private', '--output', 'risk:private'], /all outputs are private/],
      [['--output', 'both:public'], /no both among the outputs credit, risk/],
      [['--input', 'sha256', '--input', 'income:public'], /sha256 is for the whole input/],
    ] as const) {
      const { code, stderr } = await compile(...options)
      expect(stderr).to.match(message)
      expect(code, stderr).to.equal(64)
    }
    const split = await cohort(
      ...['split', at('m.onnx'), '--take', 'credit,risk', '--plan', at('plan.json'), '--segments', '2'],
      ...['--out', at('halves'), '--input', 'income:public'],
    )
    expect(split.stderr).to.match(/segments show all parts in the same way/)
    expect(split.code).to.equal(64)
  })

  it('proves, and prints the visible part of each input and output, checked against the proof', async () => {
    const shown = ['--input', 'income:public', '--output', 'private', '--output', 'risk:public']
    const { code, stderr } = await compile(...shown)
    expect(code, stderr).to.equal(0)
    await succeed('setup', at('net'), '--local')
    const proof = ['--input', at('input.json'), '--context', '5', '--out', at('proof.json')]
    await succeed('fullprove', at('net'), ...proof)
    const { stdout } = await cohort(
      'verify',
      at('net'),
      at('proof.json'),
      '--context',
      '5',
      '--input',
      at('openings.json'),
    )
    expect(stdout).to.match(/proof.json: valid/)
    expect(stdout).to.match(/input commitment +\d+ \(income public, region committed\)/)
    const printed = /input income: public, (.*)/.exec(stdout)![1]!.split(', ').map(Number)
    for (const [i, value] of printed.entries()) expect(value).to.be.closeTo(samples[0]![i]!, 0.02)
    const [, region] = /input region: committed, (\d+)/.exec(stdout)!
    expect(stdout).to.match(/output credit: private/)
    const risk = /output risk: public, (.*)/.exec(stdout)![1]!.split(', ').map(Number)
    for (const [i, value] of risk.entries())
      expect(value).to.be.closeTo(Math.max(0, samples[0]![i]! * samples[0]![i + 3]!), 0.05)

    const wanted = async (...options: string[]) => cohort('verify', at('net'), at('proof.json'), ...options)
    expect((await wanted('--part', `region=${region}`)).code).to.equal(0)
    expect((await wanted('--part', 'region=7')).stdout).to.match(/INVALID for this: its commitment to region is/)
    expect((await wanted('--part', 'credit=7')).code).to.equal(64)
    // The salts open the same commitments again, each by its name.
    const again = await succeed('mock', at('net'), '--input', at('openings.json'), '--context', '5')
    const file = JSON.parse(await readFile(at('proof.json'), 'utf8'))
    expect(again.publicSignals).to.deep.equal(file.publicSignals)
    // What the proof's file says beside the proof is no more than a claim, and is checked.
    for (const lie of [
      (each: typeof file) => each.parts.inputs[0].values[0]++,
      (each: typeof file) => (each.parts.inputs[1].commitment = '7'),
      (each: typeof file) => (each.parts.outputs[1].values[0] += 1),
      (each: typeof file) => each.parts.outputs.pop(),
      (each: typeof file) => (each.parts.inputs[1].shown = 'private'),
    ]) {
      const forged = structuredClone(file)
      lie(forged)
      await writeFile(at('forged.json'), JSON.stringify(forged))
      const verdict = await cohort('verify', at('net'), at('forged.json'))
      expect(verdict.stdout).to.match(/INVALID for this: its file says/)
      expect(verdict.stdout).not.to.match(/income: public/)
      expect(verdict.code).to.equal(1)
    }
    const { parts: _, ...silent } = file
    await writeFile(at('silent.json'), JSON.stringify(silent))
    expect((await cohort('verify', at('net'), at('silent.json'))).stdout).to.match(/the proof’s file does not say what/)
  })
})
