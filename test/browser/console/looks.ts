// SPDX-License-Identifier: GPL-3.0-or-later
// What every screen of the console has to pass: axe in light and dark, the keyboard alone, a phone's window. The screens are photographed on
// the way.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { clients } from '../../../keepers/chain/index.ts'
import { accessibilityFaults, countControls, DESK, describeFocus, overflow, type Visitor } from './browser.ts'
import { claimsOnRecord } from './claims-on-record.ts'
import { ACCOUNT, type ConsoleDemo, connect, draw, type Stage } from './demo.ts'
import { type ConsoleScreen, SCREENS, type Subjects } from './screens.ts'

/** Where screenshots of every screen go; nowhere unless told. */
const SCREENSHOTS = process.env.COHORT_SCREENSHOTS
const PHONE = { width: 360, height: 740 } as const
/** A picture shows what moves slowly at rest. */
const REST_MS = 1_000

export function lookCases(stage: Stage): void {
  describe('each screen has no fault that axe finds in light or dark, gives each control to Tab alone, and fits a phone', () => {
    let visitor: Visitor
    let subjects: Subjects
    before(async () => {
      visitor = await stage().stay({ account: ACCOUNT.user })
      await connect(visitor.page)
      subjects = await subjectsOf(stage())
    })
    after(async () => await visitor?.context.close())

    it('would be found otherwise: a picture without words, grey on grey', async () => {
      const { page } = visitor
      await page.evaluate(() => {
        const bad = document.createElement('p')
        bad.id = 'bad'
        bad.append(document.createElement('img'), 'hardly to be read')
        // The page's policy allows no style that is written into it.
        bad.style.setProperty('color', '#777')
        bad.style.setProperty('background', '#888')
        document.querySelector('main')!.append(bad)
      })
      const [all, colours] = [await accessibilityFaults(page), await accessibilityFaults(page, 'colours')]
      await page.evaluate(() => document.querySelector('#bad')!.remove())
      expect(all.filter((fault) => /^(image-alt|color-contrast):/.test(fault))).to.have.length(2)
      expect(colours.map((fault) => fault.split(':')[0])).to.deep.equal(['color-contrast'])
    })

    for (const screen of SCREENS) {
      it(screen.name, async () => {
        const { page } = visitor
        await page.emulateMedia({ colorScheme: 'light' })
        await page.setViewportSize(DESK)
        await stage().open(page, ...screen.parts(subjects))
        await fill(page, screen)
        await inspect(page, screen.name)
      })
    }

    it('wrote no error to the browser’s console', () => {
      expect(visitor.errors).to.deep.equal([])
    })
  })

  it('draws and skips to the content with the keyboard alone, on a phone', async () => {
    const { page } = await stage().come()
    await page.setViewportSize(PHONE)
    await page.locator('h1').waitFor()
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.textContent)).to.equal('Skip to the content')
    await page.keyboard.press('Enter')
    expect(await page.evaluate(() => document.activeElement?.id)).to.equal('main')
    await stage().open(page, 'model')
    const canvas = page.locator('.drawing canvas')
    await canvas.waitFor({ timeout: 60_000 })
    await canvas.focus()
    for (let i = 0; i < 15; i++) await page.keyboard.press('Shift+ArrowDown')
    await page.locator('output').waitFor()
  })

  it('says each change of screen: the focus goes to its heading, the title names it, and Tab goes on from there', async () => {
    const { page } = await stage().come()
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
}

/** A screen that is filled, in light and on a desk: what each has to pass. Leaves it dark, and as small as a phone. */
export async function inspect(page: Page, name: string): Promise<void> {
  await photograph(page, `${name}-light`)
  for (const details of await page.locator('details').all())
    await details.evaluate((one) => one.setAttribute('open', ''))
  expect(await accessibilityFaults(page)).to.deep.equal([])
  await page.emulateMedia({ colorScheme: 'dark' })
  await photograph(page, `${name}-dark`)
  expect(await accessibilityFaults(page, 'colours')).to.deep.equal([])
  await tabThrough(page)
  await page.setViewportSize(PHONE)
  expect(await overflow(page)).to.equal(0)
}

async function subjectsOf(demo: ConsoleDemo): Promise<Subjects> {
  const { provider, deployment } = demo
  const guard = clients.guard(deployment.contracts.SpendingGuard, provider)
  const [verdict] = await guard.queryFilter(guard.filters.VerdictAccepted())
  const service = deployment.services[0]!.address
  const { registry } = await claimsOnRecord(demo)
  return { service, account: verdict!.args.account, block: (await provider.getBlockNumber()) - 5, registry }
}

/** Waits until a screen has what it shows. */
async function fill(page: Page, { ready = 'h1', draw: drawn, paste, run }: ConsoleScreen): Promise<void> {
  await page.locator(ready).first().waitFor({ timeout: 60_000 })
  if (drawn) {
    await draw(page)
    await page.locator('output').waitFor()
  }
  if (paste !== undefined) {
    await page.getByLabel('What curl').fill(paste)
    await page.getByRole('button', { name: 'Read the metrics' }).click()
    await page.getByRole('heading', { name: 'Alerts' }).waitFor()
  }
  if (run) {
    for (const [label, value] of [
      ['Samples to train on', '200'],
      ['Keepers', '5'],
      ['Rounds', '12'],
    ] as const)
      await page.getByLabel(label, { exact: true }).fill(value)
    await page.getByRole('button', { name: 'Run the simulation' }).click()
    await page.getByText(/^Done: /).waitFor({ timeout: 60_000 })
  }
  await page
    .getByText(/^Reading /)
    .first()
    .waitFor({ state: 'detached' })
}

async function photograph(page: Page, name: string): Promise<void> {
  if (SCREENSHOTS === undefined) return
  await mkdir(SCREENSHOTS, { recursive: true })
  await page.waitForTimeout(REST_MS)
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) })
}

/** Every control of the screen gets the focus by Tab, in the order of the page. */
async function tabThrough(page: Page): Promise<void> {
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
  expect(seen.size).to.be.at.least(wanted)
}
