// SPDX-License-Identifier: GPL-3.0-or-later
// The console's form for a table, against a service of one: the demo of the cancer example with real keepers.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { JsonRpcProvider } from 'ethers'
import type { Browser } from 'playwright-core'
import { type DeploymentFile, parseDeployment } from '../../keepers/chain/index.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { freePort } from '../../scripts/demo/ports.ts'
import { Processes } from '../../scripts/demo/processes.ts'
import { accessibilityFaults, startBrowser, visit } from '../e2e/console-browser.ts'
import { findChromium } from '../keepers/zkml/prove/browser.ts'

const USER = 3

describe('the console asks a model of a table', function () {
  this.timeout(900_000)
  const chromium = findChromium()
  let home: string
  let processes: Processes
  let browser: Browser
  let provider: JsonRpcProvider
  let deployment: DeploymentFile
  let url: string

  before(async function () {
    if (chromium === null) return this.skip()
    home = await mkdtemp(join(tmpdir(), 'cohort-forms-'))
    processes = new Processes(home)
    const [port, webPort] = [await freePort(), await freePort()]
    url = `http://127.0.0.1:${webPort}/`
    const failed = Promise.withResolvers<never>()
    const ports = ['--port', String(port), '--web-port', String(webPort)]
    processes.start(
      'demo',
      [join(ROOT, 'scripts/demo/main.ts'), '--serve', '--rounds', '1', '--example', 'cancer', ...ports],
      { cwd: ROOT, onFailure: (message) => failed.reject(new Error(message)) },
    )
    const site = async (): Promise<{ deployment: unknown }> => {
      for (;;) {
        const response = await fetch(new URL('cohort.json', url)).catch(() => null)
        if (response?.ok === true) return (await response.json()) as { deployment: unknown }
        await setTimeout(500)
      }
    }
    deployment = parseDeployment((await Promise.race([site(), failed.promise])).deployment)
    provider = new JsonRpcProvider(`http://127.0.0.1:${port}`, undefined, { cacheTimeout: -1 })
    browser = await startBrowser(chromium)
  })
  after(async () => {
    await browser?.close()
    provider?.destroy()
    await processes?.[Symbol.asyncDispose]()
    if (home !== undefined) await rm(home, { recursive: true, force: true })
  })

  it('by the columns of the manifest, names each field that is wrong, answers, and proves without giving the row away', async () => {
    const { page, requests, errors } = await visit(browser, {
      ...{ url, provider, chainId: deployment.chainId, account: USER },
    })
    await page.goto(`${url}#/model`)
    const form = page.getByRole('region', { name: 'Input' })
    await form.getByRole('button', { name: 'Answer' }).click({ timeout: 60_000 })
    const columns = await form.locator('.field').count()
    expect(columns).to.be.above(5)
    await form.getByText(`${columns} of ${columns} fields are not right yet.`).waitFor()
    await form.getByRole('button', { name: 'Fill in usual values' }).click()
    await page.locator('output[data-label]').waitFor()
    const first = form.locator('.field input').first()
    await first.fill('1e99x')
    await form.getByText('is "1e99x", not a finite number').waitFor()
    expect(await page.locator('output[data-label]').count()).to.equal(0)
    await first.fill('13.371337')
    await page.locator('output[data-label]').waitFor()
    expect(await accessibilityFaults(page)).to.deep.equal([])
    await page.getByRole('button', { name: 'Connect Test wallet' }).click()
    await page.getByRole('button', { name: 'Prove here' }).click()
    await page.getByText(/proven in .* s, verified here and by the verifier on the chain/).waitFor({ timeout: 120_000 })
    expect(requests.filter(({ url: to, body }) => `${to} ${body}`.includes('13.371337'))).to.deep.equal([])
    expect(errors).to.deep.equal([])
  })
})
