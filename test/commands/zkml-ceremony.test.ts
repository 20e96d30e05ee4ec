// SPDX-License-Identifier: GPL-3.0-or-later
// A key made together through the command line: from powers of tau to a proof under the ceremony's key.
import { copyFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { buildBn128 } from 'ffjavascript'
import { powersOfTau } from 'snarkjs'
import { cohort, command, resultOf, savePerceptron, succeed } from './command-line.ts'

for (const system of ['groth16', 'groth16-lookup'] as const)
  describe(`a ceremony from the command line, ${system}`, function () {
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
      const shown = ['--input', 'private', '--system', system, '--out', at('net')]
      const { constraints } = await succeed('compile', at('model'), '--plan', at('plan.json'), ...shown)
      // A row each, and one for the constant, four signals and, with lookups, a challenge.
      const power = Math.ceil(Math.log2(constraints + 6))
      const curve = await buildBn128()
      await powersOfTau.newAccumulator(curve, power, at('0.ptau'))
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
      const begun = await resultOf('ceremony', 'new', at('together'), ...unpublished)
      expect(begun.system ?? 'groth16').to.equal(system)

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

    it('divides the wires as circuit.json says, and in no other way', async () => {
      const files = ['--r1cs', at('net', 'circuit.r1cs'), '--ptau', at('tau.ptau'), '--allow-unpublished-ptau']
      const half = await command('ceremony', 'new', at('half'), ...files, '--challenges', '1')
      expect([half.code, half.stderr]).to.deep.equal([64, half.stderr])
      expect(half.stderr).to.match(/belong together/)
      const other = await command('ceremony', 'new', at('other'), ...files, '--challenges', '1', '--first-round', '1')
      expect(other.code).not.to.equal(0)
      expect(await stat(at('other')).catch(() => null)).to.equal(null)
      if (system === 'groth16') return
      expect(other.stderr).to.match(/circuit\.json beside .* says/)
      // Without circuit.json the division must be said.
      const { circuit } = JSON.parse(await readFile(at('together', 'transcript.json'), 'utf8'))
      await copyFile(at('net', 'circuit.r1cs'), at('alone.r1cs'))
      const alone = ['--r1cs', at('alone.r1cs'), ...files.slice(2)]
      const said = ['--challenges', `${circuit.challenges}`, '--first-round', `${circuit.firstRound}`]
      const begun = await resultOf('ceremony', 'new', at('said'), ...alone, ...said)
      expect(begun.circuit).to.deep.equal(circuit)
    })
  })
