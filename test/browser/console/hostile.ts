// SPDX-License-Identifier: GPL-3.0-or-later
// The console before a chain, and a deployment, that say the worst.
import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { serveChain } from '../../../scripts/bench/console/chain.ts'
import type { Stage } from './demo.ts'
import { SCREENS } from './screens.ts'
import { effectsOn, hostileLogs, hostileSaying, hostileText, type Numbers, STRANGER } from './worst-chain.ts'

/** A screen before that chain may wait for what never comes. */
const PATIENCE_MS = 800
const LOOK_EVERY_MS = 100

type Description = {
  rpc: string[]
  readonly gateways: string[]
  deployment: { fromBlock: number; readonly services: { readonly address: string; name: string }[] }
}

/** @param numbers whether lists have entries, or all numbers are as large as their types hold @param length characters of each text */
export function hostileCases(stage: Stage, numbers: Numbers, length: number): void {
  it(`stays itself before a chain that says the worst in every text, with ${numbers} of everything, ${length} characters and more`, async () => {
    const { url, deployment } = stage()
    const logs = hostileLogs(deployment, numbers, length)
    const chain = await serveChain({
      ...{ deployment, logs, head: 200, blockEvery: 1_000 },
      says: hostileSaying(numbers, length),
    })
    const { page, requests } = await stage().come({ url: 'about:blank' })
    let gateways: string[] = []
    try {
      await page.route('**/cohort.json', async (route) => {
        const told = (await (await route.fetch()).json()) as Description
        gateways = told.gateways
        told.rpc = [chain.url]
        told.deployment.fromBlock = 1
        told.deployment.services[0]!.name = hostileText(length)
        await route.fulfill({ json: told })
      })
      await page.goto(url)
      await page.getByRole('heading', { level: 1 }).getByText('<img src=x').waitFor()
      expect(await page.title()).to.equal('Cohort')
      const heading = (await page.locator('h1').textContent())!
      expect(heading).to.not.contain('\u202E').and.not.contain('\u0000')
      expect(heading.length).to.be.at.most(201)
      const subjects = { service: deployment.services[0]!.address, account: STRANGER, block: 20, registry: STRANGER }
      const more = [
        { name: 'version 2', parts: () => ['service', subjects.service, 'version', 2] },
        { name: 'a keeper with events', parts: () => ['service', subjects.service, 'keeper', STRANGER] },
      ]
      for (const { name, parts } of [...SCREENS, ...more]) {
        await stage().open(page, ...parts(subjects))
        await settled(page)
        expect(await effectsOn(page), name).to.deep.equal([])
      }
      // That they saw it.
      if (numbers === 'few') {
        await stage().open(page, 'market')
        await page.getByText('<img src=x').first().waitFor()
      }
      const origins = new Set(requests.map(({ url: to }) => new URL(to).origin))
      const known = [url, chain.url, ...gateways].map((address) => new URL(address).origin)
      // The address from which the visitor came has none.
      expect([...origins].filter((origin) => origin !== 'null' && !known.includes(origin))).to.deep.equal([])
    } finally {
      await page.close()
      await chain.stop()
    }
  })
}

/** Waits until the screen reads nothing any more, or does not get it. */
async function settled(page: Page): Promise<void> {
  await page
    .waitForFunction(
      () => !/(Reading|Loading the screen) /.test(document.querySelector('main')!.innerText),
      undefined,
      {
        ...{ timeout: PATIENCE_MS, polling: LOOK_EVERY_MS },
      },
    )
    .catch(() => undefined)
}
