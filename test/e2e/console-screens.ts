// SPDX-License-Identifier: GPL-3.0-or-later
// Cases of the console's screens for those who want to know and to ask: the simulation, a question to keepers, the tour.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { JsonRpcProvider } from 'ethers'
import type { Page } from 'playwright-core'
import type { DeploymentFile } from '../../keepers/chain/index.ts'
import { DataPlane } from '../../keepers/network/index.ts'
import { InferenceServer } from '../../keepers/serving/index.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { accountSigner } from '../../scripts/demo/accounts.ts'
import { accessibilityFaults, type Visitor } from './console-browser.ts'

/** What the cases need of the suite that started the demo; read when a case runs. */
export type Suite = {
  readonly provider: JsonRpcProvider
  readonly deployment: DeploymentFile
  /** Folder of the circuit of the hub's first model. */
  circuit(): Promise<string>
  come(options?: { readonly account?: number; readonly firstVisit?: boolean }): Promise<Visitor>
  open(page: Page, ...parts: readonly (string | number)[]): Promise<void>
  connect(page: Page): Promise<void>
  draw(page: Page): Promise<void>
}

/** Accounts of the demo: a user without any role, and one that proves for pay. */
const [USER, PROVER] = [3, 8]

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

export function simulationCases(suite: Suite): void {
  it('simulates in the page, and gets the figures of `cohort simulate` to the last digit', async () => {
    const { context, page, requests, errors } = await suite.come()
    await suite.open(page, 'simulate')
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
    expect(await accessibilityFaults(page)).to.deep.equal([])
    expect(requests.slice(before).filter(({ body }) => body !== '' && !body.includes('"jsonrpc"'))).to.deep.equal([])
    expect(errors).to.deep.equal([])
    await context.close()
  })

  it('stops a simulation that the visitor cancels, and answers meanwhile; a table stays in the page', async () => {
    const { context, page, requests } = await suite.come()
    await suite.open(page, 'simulate')
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
    await context.close()
  })
}

/** The transaction by which the page asks, answered as a keeper would. */
async function answerOpenRequest({ provider, deployment, circuit }: Suite): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cohort-answering-'))
  const plane = await DataPlane.start({
    folder,
    identitySeed: crypto.getRandomValues(new Uint8Array(32)),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    announce: [],
  })
  try {
    await using server = await InferenceServer.open({
      provider,
      signer: accountSigner(provider, PROVER),
      hub: deployment.contracts.InferenceHub,
      models: deployment.contracts.ModelRegistry,
      fromBlock: deployment.fromBlock,
      circuit: await circuit(),
      weights: { plane },
    })
    const open = await server.openRequests()
    await server.answer(open.at(-1)!, AbortSignal.timeout(120_000))
  } finally {
    await plane.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

export function askingCases(suite: Suite): void {
  it('asks a keeper with the price in escrow, and checks the proof of the answer; a forged answer is found out', async () => {
    const { context, page, wallet } = await suite.come({ account: USER })
    await suite.open(page, 'model')
    await suite.connect(page)
    await suite.draw(page)
    const label = await page.locator('output[data-label]').getAttribute('data-label')
    const asking = page.getByRole('region', { name: 'Ask a keeper' })
    await asking.getByLabel('Price (ether)').fill('no money')
    await asking.getByRole('button', { name: 'Ask a keeper' }).click()
    await page.getByText("Price: 'no money' is no amount of ether").waitFor()
    await asking.getByLabel('Price (ether)').fill('0.02')
    await asking.getByRole('button', { name: 'Ask a keeper' }).click()
    await asking.getByText('Nobody has answered yet').waitFor({ timeout: 60_000 })
    expect(BigInt(wallet.sent.at(-1)!.value!)).to.equal(20_000_000_000_000_000n)
    await answerOpenRequest(suite)
    await asking.getByText('The proof holds: checked in this page').waitFor({ timeout: 60_000 })
    expect(await asking.locator('output').getAttribute('data-answer')).to.equal(label)
    await asking.getByText('the input itself').waitFor()
    // An endpoint that says that the answer was another one.
    const rpc = `${new URL(suite.provider._getConnection().url).origin}/**`
    await page.route(rpc, async (route) => {
      const response = await route.fetch()
      const text = await response.text()
      await route.fulfill({ response, body: text.replaceAll(answerData(label!), answerData('11')) })
    })
    await suite.provider.send('evm_mine', [])
    await asking.getByRole('alert').getByText('The proof does not hold here').waitFor({ timeout: 60_000 })
    await context.close()
  })

  it('gives the price of a question back that nobody answered in time', async () => {
    const { context, page } = await suite.come({ account: USER })
    await suite.open(page, 'model')
    await suite.connect(page)
    await suite.draw(page)
    const asking = page.getByRole('region', { name: 'Ask a keeper' })
    await asking.getByLabel('Seconds to wait').fill('10')
    await asking.getByRole('button', { name: 'Ask a keeper' }).click()
    await asking
      .getByText('the chain has no block after it yet')
      .or(asking.getByRole('button', { name: 'Take the price back' }))
      .waitFor({ timeout: 90_000 })
    await suite.provider.send('evm_mine', [])
    await asking.getByRole('button', { name: 'Take the price back' }).click({ timeout: 60_000 })
    await page.getByText('0.01 ether sent back to you').waitFor({ timeout: 120_000 })
    await asking.getByText('the price went back').waitFor({ timeout: 60_000 })
    // It is there at the next visit.
    await page.reload()
    await asking.getByText('the price went back').waitFor({ timeout: 60_000 })
    await context.close()
  })
}

/** The data of InferenceFulfilled: version, output, no callback. Of version 0 to 15 in these tests. */
function answerData(label: string): string {
  const word = (value: number): string => value.toString(16).padStart(64, '0')
  return `${word(Number(label))}${word(0)}`
}

export function tourCases(suite: Suite): void {
  it('shows a tour on the first visit, by keyboard alone, and not again', async () => {
    const { context, page } = await suite.come({ firstVisit: true })
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
    await context.close()
  })
}
