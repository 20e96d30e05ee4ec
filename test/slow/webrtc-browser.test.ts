// SPDX-License-Identifier: GPL-3.0-or-later
// A page in Debian's Chromium fetches from a keeper's data plane by WebRTC. Skipped by name where there is no Chromium.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Browser } from 'playwright-core'
import { build } from 'vite'
import { DataPlane } from '../../keepers/network/index.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { startBrowser } from '../browser/console/browser.ts'

const CHROMIUM = process.env.COHORT_CHROMIUM ?? '/usr/bin/chromium'
const BYTES = 200_000

describe('a page and a keeper, by WebRTC', function () {
  this.timeout(300_000)
  const folder = mkdtempSync(join(tmpdir(), 'cohort-webrtc-page-'))
  let plane: DataPlane | undefined
  let browser: Browser | undefined
  let server: Server | undefined

  before(async function () {
    if (!existsSync(CHROMIUM)) {
      process.stderr.write(`    Chromium is not installed here: ${CHROMIUM}, or COHORT_CHROMIUM\n`)
      this.skip()
    }
    const entry = join(import.meta.dirname, 'webrtc-page.ts')
    await build({
      ...{ root: ROOT, configFile: false, logLevel: 'error' },
      build: { outDir: folder, minify: false, lib: { entry, formats: ['es'], fileName: 'page' } },
      define: { 'process.env.NODE_ENV': '"production"' },
    })
    const script = readFileSync(join(folder, 'page.js'))
    server = createServer((request, response) => {
      const page = request.url === '/page.js'
      response.setHeader('content-type', page ? 'text/javascript' : 'text/html')
      response.end(page ? script : '<!doctype html><script type="module" src="/page.js"></script>')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const listen = ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/udp/0/webrtc-direct']
    plane = await DataPlane.start({ folder: join(folder, 'plane'), identitySeed: randomBytes(32), listen })
    browser = await startBrowser(CHROMIUM)
  })
  after(async () => {
    await browser?.close()
    server?.close()
    await plane?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('gets the bytes at the address with the certificate, and nothing at one with another', async () => {
    const bytes = randomBytes(BYTES)
    const cid = await plane!.publish(bytes)
    const [address] = plane!.webRtcAddresses
    const page = await browser!.newPage()
    await page.goto(`http://127.0.0.1:${(server!.address() as AddressInfo).port}/`)
    await page.waitForFunction('typeof fetchBlock === "function"')
    const ask = (at: string): Promise<unknown> =>
      page.evaluate(`fetchBlock(${JSON.stringify(at)}, ${JSON.stringify(cid)}).catch((error) => String(error))`)
    const got = await ask(address!)
    expect(got, String(got).slice(0, 300)).to.be.an('array')
    expect(Buffer.compare(Buffer.from(got as number[]), bytes)).to.equal(0)
    // Of a multihash the last characters are the hash's: another certificate.
    const forged = address!.replace(
      /(certhash\/[\w-]+)([\w-]{4})(?=\/p2p)/,
      (_, head, tail) => `${head}${tail === 'AAAA' ? 'BBBB' : 'AAAA'}`,
    )
    expect(forged).to.not.equal(address)
    expect(await ask(forged)).to.be.a('string')
  })
})
