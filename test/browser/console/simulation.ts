// SPDX-License-Identifier: GPL-3.0-or-later
// The screens for those who want to know: the simulation, and the tour of a first visit.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'
import { accessibilityFaults } from './browser.ts'
import type { Stage } from './demo.ts'

/** `cohort simulate` with the arguments that the page shows. @returns the rounds.csv that it wrote */
async function simulateByCommand(command: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cohort-simulated-'))
  const out = join(folder, 'out')
  try {
    const args = [...command.split(' ').slice(2), '--workers', '0', '--out', out]
    const child = spawn(process.execPath, [join(ROOT, 'keepers/cli/main.ts'), ...args], { stdio: 'ignore' })
    const code = await new Promise((ended) => child.once('exit', ended))
    expect(code, command).to.equal(0)
    return await readFile(join(out, 'rounds.csv'), 'utf8')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function choose(page: Page, numbers: Readonly<Record<string, number>>): Promise<void> {
  for (const [label, value] of Object.entries(numbers))
    await page.getByLabel(label, { exact: true }).fill(String(value))
}

async function run(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Run the simulation' }).click()
}

/** The rounds as the page gives them to download. */
async function downloaded(page: Page): Promise<string> {
  await page.getByText(/^Done: /).waitFor({ timeout: 120_000 })
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download the rounds as CSV' }).click(),
  ])
  return await readFile(await download.path(), 'utf8')
}

export function simulationCases(stage: Stage): void {
  it('simulates in the page, and gets the figures of `cohort simulate` to the last digit', async () => {
    const { page, requests } = await stage().come()
    await stage().open(page, 'simulate')
    await choose(page, { 'Samples to train on': 200, Keepers: 5, Rounds: 3, Seed: 7, 'Share of bad keepers': 0.2 })
    await page.getByLabel('How they are dealt').selectOption('shards')
    await page.getByLabel('Bound on each update').selectOption('member')
    const before = requests.length
    await run(page)
    const csv = await downloaded(page)
    expect(csv.trim().split('\n')).to.have.length(4)
    expect(await page.locator('.chart canvas').count()).to.equal(2)
    expect(await page.locator('.scroll tbody tr').count()).to.equal(3)
    const command = (await page.locator('code.command').textContent())!
    expect(command).to.contain('--keepers 5 --rounds 3 --partition shards').and.to.contain('--poison 0.2')
    expect(csv).to.equal(await simulateByCommand(command))
    expect(requests.slice(before).filter(({ body }) => body !== '' && !body.includes('"jsonrpc"'))).to.deep.equal([])
  })

  it('stops a simulation that the visitor cancels, and answers meanwhile; a table stays in the page', async () => {
    const { page, requests } = await stage().come()
    await stage().open(page, 'simulate')
    await choose(page, { 'Samples to train on': 500, Keepers: 20, Rounds: 900 })
    await run(page)
    await page.getByRole('progressbar').waitFor()
    await page.locator('.scroll tbody tr').first().waitFor({ timeout: 60_000 })
    await page.getByLabel('Seed', { exact: true }).fill('3')
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('alert').getByText('cancelled').waitFor({ timeout: 10_000 })
    const rows = Array.from({ length: 60 }, (_, i) => `${i},marker-${i % 3},${i < 30 ? 'low' : 'high'}`)
    const buffer = Buffer.from(`size,colour,class\n${rows.join('\n')}\n`)
    await page.getByLabel('Your own table (CSV)').setInputFiles({ name: 'mine.csv', mimeType: 'text/csv', buffer })
    await choose(page, { Keepers: 3, Rounds: 2 })
    await run(page)
    expect((await downloaded(page)).trim().split('\n')).to.have.length(3)
    await choose(page, { Keepers: 150 })
    await run(page)
    // 48 rows to train on.
    await page.getByRole('alert').waitFor({ timeout: 30_000 })
    expect(requests.filter(({ url, body }) => `${url} ${body}`.includes('marker-'))).to.deep.equal([])
  })

  it('shows a tour on the first visit, by keyboard alone, and not again', async () => {
    const { page } = await stage().come({ firstVisit: true })
    const tour = page.getByRole('complementary', { name: 'Tour' })
    await tour.getByText('Tour, 1 of 6').waitFor()
    // Before the screen, not after the footer, wherever its code came in.
    const place = await Promise.all([tour, page.locator('main h1')].map(async (one) => (await one.boundingBox())!.y))
    expect(place[0]).to.be.below(place[1]!)
    expect(await accessibilityFaults(page)).to.deep.equal([])
    await tour.getByRole('button', { name: 'Next' }).focus()
    for (let i = 0; i < 2; i++) await page.keyboard.press('Enter')
    await tour.getByText('Tour, 3 of 6').waitFor()
    await page.locator('main[data-screen=model] h1').waitFor()
    await page.keyboard.press('Escape')
    await tour.waitFor({ state: 'detached' })
    await page.reload()
    await page.locator('main h1').waitFor()
    await page.waitForTimeout(500)
    expect(await tour.count()).to.equal(0)
    await page.getByRole('button', { name: 'Tour' }).click()
    await tour.waitFor()
  })
}
