// SPDX-License-Identifier: GPL-3.0-or-later
// Cases of console.test.ts that every screen has to pass, with the demo that it started.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Page } from 'playwright-core'
import type { DeploymentFile } from '../../keepers/chain/index.ts'
import { serveChain } from '../../scripts/bench/console/chain.ts'
import { countControls, describeFocus, type Visitor, type visit } from './console-browser.ts'
import { effectsOn, hostileLogs, hostileSaying, hostileText, STRANGER } from './console-hostile.ts'
import { consoleScreens } from './console-routes.ts'

/** What the cases get of the test. */
export type ConsoleStage = {
  readonly come: (options?: Partial<Parameters<typeof visit>[1]>) => Promise<Visitor>
  readonly open: (page: Page, ...parts: readonly (string | number)[]) => Promise<void>
  /** Known once the demo is up. */
  readonly site: () => { readonly url: string; readonly deployment: DeploymentFile; readonly home: string }
}

/** The console before a chain that lies. */
export function hostileCases({ come, open, site }: ConsoleStage): void {
  for (const [numbers, length] of [
    ['few', 10_000],
    ['most', 0],
  ] as const) {
    it(`stays itself before a chain that says the worst in every text, with ${numbers} of everything, ${length} characters and more`, async () => {
      const { url, deployment } = site()
      const logs = hostileLogs(deployment, numbers, length)
      const chain = await serveChain({
        ...{ deployment, logs, head: 200, blockEvery: 1_000 },
        says: hostileSaying(numbers, length),
      })
      const { context, page, requests, errors } = await come({ url: 'about:blank' })
      try {
        await page.route('**/cohort.json', async (route) => {
          const told = (await (await route.fetch()).json()) as { rpc: string[]; deployment: { fromBlock: number } }
          told.rpc = [chain.url]
          told.deployment.fromBlock = 1
          await route.fulfill({ json: told })
        })
        const of = ['service', deployment.services[0]!.address]
        const more = [
          { name: 'version 2', parts: [...of, 'version', '2'] },
          { name: 'a keeper with events', parts: [...of, 'keeper', STRANGER] },
        ]
        for (const { name, parts } of [...consoleScreens(deployment), ...more]) {
          await open(page, ...parts)
          await page.waitForTimeout(800)
          expect(await effectsOn(page), name).to.deep.equal([])
        }
        // That they saw it.
        if (numbers === 'few') {
          await open(page, 'market')
          await page.getByText('<img src=x').first().waitFor()
        }
        const origins = new Set(requests.map(({ url: to }) => new URL(to).origin))
        const published = (await (await fetch(new URL('cohort.json', url))).json()) as { gateways: string[] }
        const known = [new URL(url).origin, chain.url, ...published.gateways.map((gateway) => new URL(gateway).origin)]
        expect([...origins].filter((origin) => !known.includes(origin))).to.deep.equal([])
        expect(errors).to.deep.equal([])
      } finally {
        await context.close()
        await chain.stop()
      }
    })
  }
}

/** The screen of who runs a keeper. */
export function operatorCases({ come, open, site }: ConsoleStage): void {
  it('connects an operator to a keeper with its token, and to none without', async () => {
    const { home } = site()
    const said = await readFile(join(home, 'demo.log'), 'utf8')
    const [, address, file] = /keeper +(http:\S+), token in (\S+),/.exec(said)!
    const { page } = await come()
    await open(page, 'operator')
    await page.getByLabel('Address').fill(address!)
    await page.getByLabel('Token').fill('00'.repeat(32))
    await page.getByRole('button', { name: 'Connect', exact: true }).click()
    await page.getByRole('alert').getByText('the keeper refused the token').waitFor()
    await page.getByLabel('Token').fill((await readFile(file!, 'utf8')).trim())
    await page.getByRole('button', { name: 'Connect', exact: true }).click()
    await page.getByText('It is a member of the epoch that runs.').waitFor({ timeout: 30_000 })
    await page.getByRole('heading', { name: 'The round, by the chain' }).waitFor()
    await page.locator('tr[data-alert=CohortKeeperDown][data-state=quiet]').waitFor()
    // The same keeper gives a page of another origin nothing, whatever token that has.
    const other = await page.context().newPage()
    await other.route('http://evil.example/', (route) =>
      route.fulfill({ body: '<!doctype html><title>evil</title>', contentType: 'text/html' }),
    )
    await other.goto('http://evil.example/')
    const token = (await readFile(file!, 'utf8')).trim()
    const got = await other.evaluate(
      async ([to, bearer]) =>
        await fetch(`${to}/healthz`, { headers: { authorization: `Bearer ${bearer}` } }).then(
          (response) => response.text(),
          () => 'nothing',
        ),
      [address!, token] as const,
    )
    expect(got).to.equal('nothing')
    await other.close()
  })

  it('reads pasted metrics, and a pasted log', async () => {
    const { page } = await come()
    await open(page, 'operator')
    await page.getByLabel('What curl').fill('cohort_member 0\ncohort_operator_balance_ether 0.001\ncohort_peers 3\n')
    await page.getByRole('button', { name: 'Read the metrics' }).click()
    await page.locator('tr[data-alert=CohortPoor][data-state=waits]').waitFor()
    await page.getByText('It is not a member of the epoch that runs.').waitFor()
    await page.getByLabel('What curl').fill(hostileText(20_000))
    await page.getByRole('button', { name: 'Read the metrics' }).click()
    await page.getByRole('alert').getByText('is no metric').waitFor()
    const line = { level: 50, event: 'not signed', msg: hostileText(50_000), [hostileText()]: 1 }
    await page.getByLabel('Lines of the log').first().fill(JSON.stringify(line))
    await page.getByRole('button', { name: 'Explain the lines' }).click()
    await page.locator('tr[data-event="not signed"]').getByText('look at the remote signer').waitFor()
    expect(await effectsOn(page)).to.deep.equal([])
  })
}

/** Without a pointer. */
export function keyboardCases({ come, open, site }: ConsoleStage): void {
  it('says each change of screen: the focus goes to its heading, the title names it, and Tab goes on from there', async () => {
    const { page } = await come()
    await page.locator('h1').waitFor()
    for (const name of ['DAO', 'Markets', 'Operator', 'Service']) {
      const to = page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name, exact: true })
      await to.focus()
      await page.keyboard.press('Enter')
      await page.waitForFunction(() => document.activeElement?.tagName === 'H1', undefined, { timeout: 30_000 })
      const heading = (await page.locator('h1').textContent())!.trim()
      expect(await page.title()).to.equal(`${heading} · Cohort`)
      expect(await to.getAttribute('aria-current')).to.equal('page')
    }
  })

  it('reaches every control of every screen with Tab alone, in the order of the page', async () => {
    const { page } = await come()
    for (const { name, parts, ready } of consoleScreens(site().deployment)) {
      await open(page, ...parts)
      await page
        .locator(ready ?? 'h1')
        .first()
        .waitFor({ timeout: 60_000 })
      await page.locator('main').focus()
      const wanted = await page.evaluate(countControls)
      const seen = new Set<string>()
      for (let i = 0; i < wanted + 20; i++) {
        await page.keyboard.press('Tab')
        const at = await page.evaluate(describeFocus)
        if (at === null) break
        seen.add(at)
      }
      // Blocks that come meanwhile may add some.
      expect(seen.size, name).to.be.at.least(wanted)
    }
  })
}
