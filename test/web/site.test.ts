// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { getAddress } from 'ethers'
import { parseDeployment } from '../../keepers/chain/index.ts'
import { madeDeployment as sampleDeployment } from '../../scripts/bench/console/deployment.ts'
import { freePort } from '../../scripts/demo/ports.ts'
import { prepareSite, servePage } from '../../scripts/web/site.ts'
import { parseSite, SiteError } from '../../web/src/site/site.ts'

const BASE = 'https://example.org/console/index.html'

describe('the console’s description of itself', () => {
  const whole = { rpc: ['/rpc'], gateways: ['https://ipfs.example.org'], deployment: sampleDeployment() }
  const parse = (changed: object) => parseSite(JSON.stringify({ ...whole, ...changed }), BASE)

  it('has addresses relative to the page, or absolute', () => {
    const id = `0x${'ab'.repeat(32)}`
    const claims = `0x${'ab'.repeat(20)}`
    const site = parse({ circuits: { [id]: './circuits/one/' }, claims })
    expect(site.claims).to.equal(getAddress(claims))
    expect(parse({}).claims).to.equal(null)
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
    ['a registry of claims that has no address', { claims: '0x12' }, /claims: an Ethereum address/],
    ['a deployment without its chain', { deployment: { contracts: {} } }, /deployment: /],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => parse(changed)).to.throw(SiteError, message)
    })
  }

  it('refuses what is no JSON', () => {
    expect(() => parseSite('<html>', BASE)).to.throw(SiteError, 'cohort.json is not JSON')
  })

  it('is served with what a page cannot say of itself: that none may frame it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cohort-site-'))
    await writeFile(join(folder, 'index.html'), '<!doctype html><title>page</title>')
    const site = await prepareSite({
      rpc: ['/rpc'],
      gateways: [],
      circuits: [],
      deployment: parseDeployment(sampleDeployment()),
    })
    const { url, stop } = await servePage(site, { folder, port: await freePort() })
    try {
      for (const path of ['', 'cohort.json']) {
        const response = await fetch(new URL(path, url))
        await response.text()
        expect(response.headers.get('content-security-policy'), path).to.equal("frame-ancestors 'none'")
        expect(response.headers.get('x-content-type-options'), path).to.equal('nosniff')
      }
    } finally {
      await stop()
      await rm(folder, { recursive: true, force: true })
    }
  })

  it('is allowed by the page’s policy to nobody but itself for scripts and styles', async () => {
    const page = await readFile('web/index.html', 'utf8')
    const policy = /content="(default-src[^"]*)"/.exec(page)?.[1]
    expect(policy).to.contain("default-src 'none'").and.contain("script-src 'self' 'wasm-unsafe-eval'")
    expect(policy).to.not.match(/unsafe-inline|unsafe-eval'(?<!wasm-unsafe-eval')/)
  })
})
