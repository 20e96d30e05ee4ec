// SPDX-License-Identifier: GPL-3.0-or-later
import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import { parseDeployment } from '../../keepers/chain/index.ts'
import { parseSite, SiteError } from '../../web/src/site/site.ts'
import { sampleDeployment } from './deployment.ts'

const BASE = 'https://example.org/console/index.html'

describe('the console’s description of itself', () => {
  const whole = { rpc: ['/rpc'], gateways: ['https://ipfs.example.org'], deployment: sampleDeployment() }
  const parse = (changed: object) => parseSite(JSON.stringify({ ...whole, ...changed }), BASE)

  it('has addresses relative to the page, or absolute', () => {
    const id = `0x${'ab'.repeat(32)}`
    const site = parse({ circuits: { [id]: './circuits/one/' } })
    expect(site.rpc).to.deep.equal(['https://example.org/rpc'])
    expect(site.gateways).to.deep.equal(['https://ipfs.example.org/'])
    expect(site.circuits).to.deep.equal({ [id]: 'https://example.org/console/circuits/one/' })
    expect(site.deployment).to.deep.equal(parseDeployment(sampleDeployment()))
  })

  for (const [what, changed, message] of [
    ['no endpoint', { rpc: [] }, /rpc: takes at least one endpoint/],
    [
      'an address that is a script',
      { rpc: ['javascript:alert(1)'] },
      /rpc\.0: 'javascript:alert\(1\)' is not an address over http/,
    ],
    ['a key that it does not know', { tracker: 'x' }, /tracker/],
    ['a circuit without an id', { circuits: { one: './' } }, /circuits\.one: .*id of a circuit/],
    ['a deployment without its chain', { deployment: { contracts: {} } }, /deployment: /],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => parse(changed)).to.throw(SiteError, message)
    })
  }

  it('refuses what is no JSON', () => {
    expect(() => parseSite('<html>', BASE)).to.throw(SiteError, 'cohort.json is not JSON')
  })

  it('is allowed by the page’s policy to nobody but itself for scripts and styles', async () => {
    const page = await readFile('web/index.html', 'utf8')
    const policy = /content="(default-src[^"]*)"/.exec(page)?.[1]
    expect(policy).to.contain("default-src 'none'").and.contain("script-src 'self' 'wasm-unsafe-eval'")
    expect(policy).to.not.match(/unsafe-inline|unsafe-eval'(?<!wasm-unsafe-eval')/)
  })
})
