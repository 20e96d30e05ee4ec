// SPDX-License-Identifier: GPL-3.0-or-later
// The console's screens about provers, ensembles, guards, the past of a service and guardians: cases of console.test.ts, on its demo.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { type JsonRpcProvider, parseEther } from 'ethers'
import type { Page } from 'playwright-core'
import { clients, type DeploymentFile } from '../../keepers/chain/index.ts'
import { accountSigner } from '../../scripts/demo/accounts.ts'
import { ACCOUNT } from '../../scripts/demo/deployment.ts'
import { accessibilityFaults, type Visitor } from './console-browser.ts'

/** As scripts/demo/uses.ts has them: who posts, asks and owns the Safe, who proves, and whom the Safe pays. */
const [USER, PROVER, GUARDIAN] = [ACCOUNT.user, ACCOUNT.daoMembers[2], ACCOUNT.daoMembers[1]]
const PHONE = { width: 360, height: 740 } as const
const DESK = { width: 1200, height: 900 } as const

export type ConsolePlace = {
  provider(): JsonRpcProvider
  deployment(): DeploymentFile
  come(account: number): Promise<Visitor>
  open(page: Page, ...parts: readonly (string | number)[]): Promise<void>
  connect(page: Page): Promise<void>
  /** Where screenshots go; undefined for nowhere. */
  readonly screenshots: string | undefined
}

/** Declares the cases. */
export function consoleUses({ provider, deployment, come, open, connect, screenshots }: ConsolePlace): void {
  const done = async (page: Page, text: string | RegExp): Promise<void> =>
    await page.locator('.said').getByText(text).waitFor({ timeout: 60_000 })
  /** A visitor with a wallet, who leaves at the end. */
  const as = async (account: number, visit: (page: Page, visitor: Visitor) => Promise<void>): Promise<void> => {
    const visitor = await come(account)
    await connect(visitor.page)
    await visit(visitor.page, visitor)
    expect(visitor.errors).to.deep.equal([])
    await visitor.context.close()
  }

  it('shows a proving job, who was paid for it, and pays out what a prover is owed', async () => {
    await as(PROVER, async (page) => {
      await open(page, 'provers')
      await page.getByRole('link', { name: '1', exact: true }).click()
      await page.getByRole('heading', { name: 'Job 1' }).waitFor()
      await page.getByRole('cell', { name: 'paid', exact: true }).waitFor()
      await page.getByText(/answered by 0x[0-9a-fA-F]{40}, with a proof/).waitFor()
      await page.getByText('There is nothing that you could do about it now.').waitFor()
      await open(page, 'provers')
      await page.getByRole('button', { name: 'Withdraw what you are owed' }).click()
      await done(page, /withdrawn: 0x/)
      await page.getByLabel('Amount in ether').fill('0.25')
      await page.getByRole('button', { name: 'Put up bond' }).click()
      await done(page, /bond put up: 0x/)
      await page.getByLabel('Amount in ether').fill('a lot')
      await page.getByRole('button', { name: 'Put up bond' }).click()
      await page.getByText("'a lot' is no amount: type a number such as 0.5").waitFor()
    })
    const { ProverMarket } = deployment().contracts
    const market = clients.proverMarket(ProverMarket, provider())
    const { address } = accountSigner(provider(), PROVER)
    expect(await market.balanceOf(address)).to.equal(0n)
    expect((await market.bondOf(address)).free).to.equal(parseEther('1.25'))
  })

  it('lets a poster take back a job that nobody works on, and nobody else', async () => {
    const { contracts } = deployment()
    const market = clients.proverMarket(contracts.ProverMarket, accountSigner(provider(), USER))
    const [segment] = await market.getSegments(1n)
    const { circuitId, modelCommitment, inputCommitment } = segment!
    const now = (await provider().getBlock('latest'))!.timestamp
    const price = parseEther('0.001')
    const terms = { startPrice: price, maxPrice: price, deadline: now + 3_600, claimSeconds: 60, copies: 1 }
    await (await market.post(terms, [{ circuitId, modelCommitment, inputCommitment }], '0x01', { value: price })).wait()
    const id = String(await market.jobCount())
    await as(PROVER, async (page) => {
      await open(page, 'provers', id)
      await page.getByText('There is nothing that you could do about it now.').waitFor()
      expect(await page.getByRole('button', { name: 'Take the job back' }).count()).to.equal(0)
    })
    await as(USER, async (page) => {
      await open(page, 'provers', id)
      await page.getByRole('button', { name: 'Take the job back' }).click()
      await done(page, /cancelled: 0x/)
      await page.getByText('cancelled', { exact: true }).waitFor()
    })
  })

  it('shows an ensemble’s opinion, the proven answers behind it, and asks another question', async () => {
    await as(USER, async (page) => {
      await open(page, 'ensembles')
      await page.getByRole('cell', { name: /^label \d, with \d+\.\d % of the weight cast$/ }).waitFor()
      await page.getByRole('link', { name: '1', exact: true }).click()
      await page.getByRole('heading', { name: 'Ensemble 1' }).waitFor()
      await page.getByText(/whatever is released, version \d+ now/).waitFor()
      await page.getByRole('region', { name: 'Questions' }).getByRole('link', { name: '1', exact: true }).click()
      await page.getByRole('heading', { name: 'Question 1 of ensemble 1' }).waitFor()
      const answers = page.locator('table tbody tr')
      await answers.nth(1).waitFor()
      for (const said of await answers.locator('td:nth-child(3)').allTextContents()) expect(said).to.match(/^label \d$/)
      await open(page, 'ensembles', 1)
      await page.getByLabel('Input commitment').fill('0x12')
      await page.getByRole('button', { name: 'Ask, for an hour' }).click()
      await page.getByText('the input commitment takes 0x and 64 hexadecimal digits').waitFor()
      await page.getByLabel('Input commitment').fill(`0x${'0'.repeat(60)}1234`)
      await page.getByRole('button', { name: 'Ask, for an hour' }).click()
      await done(page, /asked: 0x/)
      await page.getByRole('cell', { name: 'open', exact: true }).waitFor()
    })
  })

  it('shows what a model said of a Safe’s payment, executes it, and takes an announcement back', async () => {
    const payee = accountSigner(provider(), GUARDIAN).address
    const before = await provider().getBalance(payee)
    await as(USER, async (page) => {
      await open(page, 'guards')
      await page.locator('table').getByRole('link').first().click()
      await page.getByText('1 of 1').waitFor()
      await page
        .getByText(/said label 1, by a margin of \d+/)
        .first()
        .waitFor()
      await page.getByText('What it was asked').first().click()
      await page.getByText('times the limit').first().waitFor()
      const take = page.getByRole('button', { name: 'Take it back' })
      await take.click()
      await done(page, /taken back: 0x/)
      await page.getByText('None waits.').waitFor()
      await page.getByLabel('To', { exact: true }).fill(payee)
      await page.getByLabel('Amount in ether').fill('9')
      await page.getByText('above the limit: it needs a verdict').waitFor()
      await page.getByRole('button', { name: 'Execute it' }).click()
      await page.getByText('VerdictMissing').waitFor()
      await page.getByLabel('Amount in ether').fill('3')
      await page.getByText('a verdict on it serves until').waitFor()
      await page.getByRole('button', { name: 'Execute it' }).click()
      await done(page, /paid 0x/)
      await page.locator('[data-verdict=serves]').waitFor({ state: 'detached' })
    })
    expect((await provider().getBalance(payee)) - before).to.equal(parseEther('3'))
  })

  it('shows a service as of a round: from the endpoint’s past, and from the log where it keeps none', async () => {
    const service = deployment().services[0]!.address
    const { page, context } = await come(USER)
    await open(page, 'service')
    const slider = page.getByRole('slider')
    await slider.waitFor()
    await slider.focus()
    await page.keyboard.press('Home')
    await page.getByRole('link', { name: /^As of round 1, block \d+$/ }).click()
    await page.getByText('The state is what the endpoint kept of that block.').waitFor()
    const look = async (): Promise<string[]> => [
      ...(await page.locator('.facts').first().locator('dd').allTextContents()).slice(0, 5),
      // Without the strikes, which no event has.
      ...(await page.locator('table').first().locator('tbody td:not(:last-child)').allTextContents()),
    ]
    const kept = await look()
    expect(kept.length).to.be.above(20)
    const [, , , block] = new URL(page.url()).hash.split('/').slice(1)
    const rpc = `${new URL(provider()._getConnection().url).origin}/**`
    await page.route(rpc, async (route) => {
      const { id, method, params } = JSON.parse(route.request().postData() ?? '{}')
      if (method !== 'eth_call' || params[1] === 'latest') return await route.fallback()
      const error = { code: -32000, message: 'missing trie node' }
      await route.fulfill({ json: { jsonrpc: '2.0', id, error }, headers: { 'access-control-allow-origin': '*' } })
    })
    await page.reload()
    await page.getByText('this is put together from the service').waitFor({ timeout: 60_000 })
    expect(await look()).to.deep.equal(kept)
    await page.unroute(rpc)
    await open(page, 'service', service, 'at', 999_999_999)
    await page.getByText('there is no block 999999999 of this deployment').waitFor()
    expect(Number(block)).to.be.above(0)
    await context.close()
  })

  it('puts the manifest into words, and measures updates by the weights of versions', async () => {
    const service = deployment().services[0]!.address
    const { page, context } = await come(USER)
    await open(page, 'service')
    await page.getByRole('button', { name: 'Read it in words' }).click()
    await page.getByText(/^one of 10 classes/).waitFor({ timeout: 60_000 })
    await page.getByRole('button', { name: 'What its weights show' }).click()
    await page.getByRole('button', { name: 'Fetch and measure' }).click()
    await done(page, /fetched \d+ versions; each has the commitment/)
    const [norm] = await page
      .getByRole('region', { name: 'Updates' })
      .locator('tbody td:nth-child(3)')
      .allTextContents()
    expect(Number(norm)).to.be.above(0)
    await page.getByRole('columnheader', { name: 'Accuracy on 200 public samples' }).waitFor()
    await open(page, 'service', service, 'version', 2)
    await page.getByRole('button', { name: 'Fetch both and compare' }).click()
    await done(page, /compared [\d,]+ weights/)
    await page.getByRole('region', { name: 'Difference by layer' }).getByRole('cell', { name: 'all' }).waitFor()
    await open(page, 'service', service, 'version', 1)
    await page.getByRole('region', { name: 'Votes' }).getByText('this one').first().waitFor()
    await page.getByRole('region', { name: 'Proven answers' }).locator('tbody tr').first().waitFor()
    await context.close()
  })

  it('has no fault on these screens that axe finds, light and dark, and fits a phone', async () => {
    const { page, context, errors } = await come(USER)
    await connect(page)
    const service = deployment().services[0]!.address
    const guarded = await clients
      .guard(deployment().contracts.SpendingGuard, provider())
      .queryFilter('VerdictAccepted' as never)
    const account = String((guarded[0] as unknown as { args: { account: string } }).args.account)
    const head = await provider().getBlockNumber()
    const screens: readonly (readonly [name: string, ...parts: (string | number)[]])[] = [
      ['provers', 'provers'],
      ['job', 'provers', 1],
      ['ensembles', 'ensembles'],
      ['ensemble', 'ensembles', 1],
      ['question', 'ensembles', 1, 'question', 1],
      ['guards', 'guards'],
      ['guarded-account', 'guards', account],
      ['parameters', 'dao', 'parameters'],
      ['guardians', 'dao', 'guardians'],
      ['past', 'service', service, 'at', head - 5],
    ]
    for (const [name, ...parts] of screens) {
      await open(page, ...parts)
      await page
        .getByText(/^Reading /)
        .first()
        .waitFor({ state: 'detached' })
      for (const details of await page.locator('details').all())
        await details.evaluate((one) => one.setAttribute('open', ''))
      for (const scheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme: scheme })
        expect(await accessibilityFaults(page), `${name}, ${scheme}`).to.deep.equal([])
        if (screenshots !== undefined) {
          await mkdir(screenshots, { recursive: true })
          await page.screenshot({ path: join(screenshots, `${name}-${scheme}.png`) })
        }
      }
      await page.setViewportSize(PHONE)
      const over = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      )
      expect(over, name).to.equal(0)
      await page.setViewportSize(DESK)
    }
    expect(errors).to.deep.equal([])
    await context.close()
  })

  it('says what each parameter means, and lets a guardian alone stop the intake of new work', async () => {
    await as(USER, async (page) => {
      await open(page, 'dao', 'parameters')
      const row = page.getByRole('row', { name: /^trainingWindow/ })
      await row.getByText('to train, and to commit to an encrypted update').waitFor()
      await open(page, 'dao', 'guardians')
      await page.getByText("Connect a guardian's wallet to pause").waitFor()
      expect(await page.getByRole('button', { name: 'Pause the intake of new work' }).count()).to.equal(0)
    })
    await as(GUARDIAN, async (page) => {
      await open(page, 'dao', 'guardians')
      await page.getByLabel('Hours').fill('1')
      await page.getByRole('button', { name: 'Pause the intake of new work' }).click()
      await done(page, /no new work is taken: 0x/)
      await page.getByText('a guardian paused the intake').waitFor()
      const verifiers = clients.verifiers(deployment().contracts.VerifierRegistry, provider())
      const now = async () => (await provider().getBlock('latest'))!.timestamp
      expect(Number(await verifiers.intakePausedUntil())).to.be.above((await now()) + 3_000)
      await page.getByRole('button', { name: 'End the pause' }).click()
      await done(page, /new work is taken again: 0x/)
      expect(Number(await verifiers.intakePausedUntil())).to.be.at.most(await now())
    })
  })
}
