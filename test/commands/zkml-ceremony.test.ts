// SPDX-License-Identifier: GPL-3.0-or-later
// A key made together through the command line: from powers of tau to a proof under the ceremony's key.
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { buildBn128 } from 'ffjavascript'
import { powersOfTau } from 'snarkjs'
import { cohort, command, resultOf, savePerceptron, succeed } from './command-line.ts'

/** 2^7 powers hold the circuit of two inputs and two answers. */
const POWER = 7

describe('a ceremony from the command line', function () {
  this.timeout(300_000)
  let home: string
  const at = (...names: string[]) => join(home, ...names)

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'cohort-ceremony-'))
    await savePerceptron(at('model'), [2, 2], 7)
    const inputs = Array.from({ length: 8 }, (_, k) => [k / 8, 1 - k / 8])
    await writeFile(at('samples.json'), JSON.stringify({ inputs }))
    await writeFile(at('input.json'), JSON.stringify(inputs[1]))
    const bits = ['--input-bits', '4', '--weight-bits', '4']
    await succeed('calibrate', at('model'), '--data', at('samples.json'), '--out', at('plan.json'), ...bits)
    const shown = ['--input', 'private', '--out', at('net')]
    const { constraints } = await succeed('compile', at('model'), '--plan', at('plan.json'), ...shown)
    expect(constraints + 5).to.be.at.most(2 ** POWER)
    const curve = await buildBn128()
    await powersOfTau.newAccumulator(curve, POWER, at('0.ptau'))
    await powersOfTau.contribute(at('0.ptau'), at('1.ptau'), 'test', 'entropy of a test')
    await powersOfTau.preparePhase2(at('1.ptau'), at('tau.ptau'))
    await curve.terminate()
  })
  after(() => rm(home, { recursive: true, force: true }))

  it('new, contribute, beacon, verify, finalize; the key is taken over, proves, and its verifier says CEREMONY', async () => {
    const files = ['--r1cs', at('net', 'circuit.r1cs'), '--ptau', at('tau.ptau')]
    const unpublished = [...files, '--allow-unpublished-ptau']
    const refused = await command('ceremony', 'new', at('together'), ...files)
    expect(refused.stderr).to.match(/published/)
    expect(await stat(at('together')).catch(() => null)).to.equal(null)
    await resultOf('ceremony', 'new', at('together'), ...unpublished)

    const early = await command('ceremony', 'finalize', at('together'), ...unpublished, '--out', at('no.zkey'))
    expect(early.code).to.equal(1)
    const ada = await resultOf('ceremony', 'contribute', at('together'), '--name', 'Ada')
    const beacon = ['--value', '0102030405060708090a0b0c0d0e0f10', '--source', 'a test']
    await resultOf('ceremony', 'beacon', at('together'), ...beacon)
    const transcript = await resultOf('ceremony', 'verify', at('together'), ...unpublished)
    expect(transcript.steps.map(({ name }: { name: string }) => name)).to.deep.equal(['Ada', 'beacon'])
    expect(transcript.steps[0].contributionHash).to.equal(ada.contributionHash)
    const made = await resultOf('ceremony', 'finalize', at('together'), ...unpublished, '--out', at('net.zkey'))
    expect(made.setup).to.equal('ceremony')

    expect(await succeed('setup', at('net'), '--ceremony', at('net.zkey'))).to.include({ vkHash: made.vkHash })
    const proof = ['--out', at('proof.json'), '--openings', at('openings.json')]
    await succeed('fullprove', at('net'), '--input', at('input.json'), ...proof)
    expect((await cohort('verify', at('net'), at('proof.json'))).stdout).to.match(/: valid/)
    expect((await cohort('export-verifier', at('net'))).stdout).to.match(/CEREMONY/i)
  })
})
