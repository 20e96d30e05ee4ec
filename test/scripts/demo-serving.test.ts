// SPDX-License-Identifier: GPL-3.0-or-later
import { join } from 'node:path'
import { expect } from 'chai'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { demoParameters } from '../../scripts/demo/deployment.ts'
import { servingText } from '../../scripts/demo/serving.ts'

type Parameters = {
  governor: { votingPeriodSeconds: number }
  service: { maxKeepers: number; decryptionsPerEpoch: number }
}

const ABOUT = { name: 'Digits', manifest: `0x${'5a'.repeat(32)}` }

describe('a demo that stays up', () => {
  const circuit = join(ROOT, '.cache/demo-circuits/mlp')
  const manifest = '/tmp/demo/manifest.json'
  const page = 'http://127.0.0.1:5173/'
  const keeper = { url: 'http://127.0.0.1:9464', token: '/tmp/demo/monitoring-token' }

  it('says where the commands find it', () => {
    const usual = servingText({ url: 'http://127.0.0.1:8545', page, keeper, circuit, manifest })
    expect(usual).to.contain('deploy/addresses/localhost.json').and.to.contain(' .cache/demo-circuits/mlp,')
    expect(usual).to.contain(`console    ${page}`)
    expect(usual).to.contain(`keeper     ${keeper.url}, token in ${keeper.token}`)
    expect(usual).to.contain(`manifest   ${manifest}`)
    expect(usual).to.not.contain('COHORT_RPC_URL')
    const other = servingText({ url: 'http://127.0.0.1:9545', page, keeper, circuit, manifest })
    expect(other).to.contain('export COHORT_RPC_URL=http://127.0.0.1:9545')
  })

  it('has seats for others, new epochs for them, and time to vote; one that ends has none to lose', () => {
    const [closed, open] = [demoParameters(4, ABOUT), demoParameters(4, ABOUT, { open: true })] as [
      unknown,
      unknown,
    ] as [Parameters, Parameters]
    expect(closed.service.maxKeepers).to.equal(4)
    expect(open.service.maxKeepers).to.be.above(4)
    expect(open.service.decryptionsPerEpoch).to.be.below(closed.service.decryptionsPerEpoch)
    expect(open.governor.votingPeriodSeconds).to.be.above(closed.governor.votingPeriodSeconds)
    const told = demoParameters(4, ABOUT, { open: true, voteSeconds: 9 }) as unknown as Parameters
    expect(told.governor.votingPeriodSeconds).to.equal(9)
  })
})
