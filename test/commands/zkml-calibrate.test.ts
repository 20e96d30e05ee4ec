// SPDX-License-Identifier: GPL-3.0-or-later
// The search for bits, and the proof system that it suggests.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { initialWeights, modelSpec, saveModel } from '../../keepers/learning/index.ts'
import { cohort, succeed } from './command-line.ts'

const SIDE = 6

describe('cohort zkml calibrate', function () {
  this.timeout(400_000)
  let home: string
  const at = (name: string) => join(home, name)

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'cohort-calibrate-'))
    const spec = modelSpec('logistic', { inputShape: [SIDE, SIDE, 1], classes: 4 })
    await saveModel({ spec, weights: initialWeights(spec, 7) }, at('model'))
    const inputs = Array.from({ length: 30 }, (_, k) =>
      Array.from({ length: SIDE * SIDE }, (_, i) => ((i * 7 + k * 13) % 29) / 28),
    )
    await writeFile(at('samples.json'), JSON.stringify({ inputs }))
  })
  after(() => rm(home, { recursive: true, force: true }))

  it('searches and reports the trade, keeps given bits, and suggests the better proof system', async () => {
    const calibrate = (...more: string[]) =>
      succeed('calibrate', at('model'), '--data', at('samples.json'), '--out', at('found.json'), ...more)
    const found = await calibrate('--budget', '20')
    expect(found.system).to.equal('groth16')
    expect(found.domain).to.be.at.least(found.constraints)
    expect(found.search.from.constraints).to.be.at.least(found.search.to.constraints)
    expect(found.search.to.error).to.be.at.most(0.01)
    expect(['level', 'budget']).to.include(found.search.stopped)
    const lines = await cohort('calibrate', at('model'), '--data', at('samples.json'), '--out', at('found.json'))
    expect(lines.stdout).to.match(/traded .* constraints for .* points and an error of .*; no /)
    for (const kept of [['--no-search'], ['--weight-bits', '6']])
      expect(await calibrate(...kept), kept[0]).to.not.have.property('search')
    expect((await calibrate('--weight-bits', '9', '--max-loss', '1')).search.bits.weightBits.default).to.equal(9)
    const none = ['calibrate', at('model'), '--data', at('samples.json'), '--no-search', '--max-loss', '1']
    expect((await cohort(...none)).code).to.equal(64)
    const lookups = await calibrate('--system', 'groth16-lookup')
    expect(lookups.system).to.equal('groth16-lookup')
    const compile = ['compile', at('model'), '--plan', at('found.json'), '--out', at('chosen')]
    const chosen = await succeed(...compile)
    expect([chosen.system, /plain proofs cost less gas/.test(chosen.systemReason)]).to.deep.equal(['groth16', true])
    const asked = await succeed(...compile, '--system', 'groth16-lookup')
    expect([asked.system, asked.systemReason]).to.deep.equal(['groth16-lookup', 'as asked'])
    expect(asked.constraints).to.equal(lookups.constraints)
  })
})
