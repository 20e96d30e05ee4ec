// SPDX-License-Identifier: GPL-3.0-or-later
// The console's screens about provers, ensembles and guards, over what the demo left at those contracts (scripts/demo/uses.ts).
import { expect } from 'chai'
import { parseEther, ZeroAddress } from 'ethers'
import type { Page } from 'playwright-core'
import { clients } from '../../../keepers/chain/index.ts'
import { readJob, readWitness } from '../../../keepers/serving/index.ts'
import { commitInput, openFolder } from '../../../keepers/zkml/index.ts'
import { accountSigner } from '../../../scripts/demo/accounts.ts'
import { deploySafe } from '../../contracts/consumers/safe.ts'
import type { Visitor } from './browser.ts'
import { ACCOUNT, type ConsoleDemo, connect, done, draw, type Stage } from './demo.ts'
import { inspect } from './looks.ts'

export function useCases(stage: Stage): void {
  /** A visitor with a wallet. */
  const as = async (account: number, visit: (page: Page, visitor: Visitor) => Promise<void>): Promise<void> => {
    const visitor = await stage().come({ account })
    await connect(visitor.page)
    await visit(visitor.page, visitor)
  }

  it('shows a proving job, who was paid for it, and pays out what a prover is owed', async () => {
    await as(ACCOUNT.prover, async (page) => {
      await stage().open(page, 'provers')
      await page.getByRole('link', { name: '1', exact: true }).click()
      await page.getByRole('heading', { name: 'Job 1' }).waitFor()
      await page.getByRole('cell', { name: 'paid', exact: true }).waitFor()
      await page.getByText(/answered by 0x[0-9a-fA-F]{40}, with a proof/).waitFor()
      await page.getByText('There is nothing that you could do about it now.').waitFor()
      await stage().open(page, 'provers')
      await page.getByRole('button', { name: 'Withdraw what you are owed' }).click()
      await done(page, /withdrawn: 0x/)
      await page.getByLabel('Amount in ether').fill('0.25')
      await page.getByRole('button', { name: 'Put up bond' }).click()
      await done(page, /bond put up: 0x/)
      await page.getByLabel('Amount in ether').fill('a lot')
      await page.getByRole('button', { name: 'Put up bond' }).click()
      await page.getByText("'a lot' is no amount: type a number such as 0.5").waitFor()
    })
    const { ProverMarket } = stage().deployment.contracts
    const market = clients.proverMarket(ProverMarket, stage().provider)
    const { address } = accountSigner(stage().provider, ACCOUNT.prover)
    expect(await market.balanceOf(address)).to.equal(0n)
    expect((await market.bondOf(address)).free).to.equal(parseEther('1.25'))
  })

  it('posts a proving job for a drawing, which its poster alone may take back', async () => {
    const { provider, deployment } = stage()
    const market = clients.proverMarket(deployment.contracts.ProverMarket, provider)
    let id = 0n
    await as(ACCOUNT.user, async (page) => {
      await stage().open(page, 'model')
      await draw(page)
      const posting = page.getByRole('region', { name: 'Have it proven' })
      await posting.getByLabel('Provers that must agree').fill('5')
      await posting.getByRole('button', { name: 'Post the job' }).click()
      await posting.getByText('Provers that must agree: takes a whole number from 1 to 4').last().waitFor()
      await posting.getByLabel('Provers that must agree').fill('2')
      await posting.getByRole('button', { name: 'Post the job' }).click()
      await done(page, /posted, with 0\.004 ether in escrow: job \d+/)
      id = await market.jobCount()
      // A prover finds in it what opens its commitments.
      const job = await readJob(market, provider, id)
      const prover = { address: accountSigner(provider, ACCOUNT.prover).address, privateKey: null }
      const [read] = await readWitness(market, job, { fromBlock: deployment.fromBlock, plane: null, prover })
      const { manifest, program } = await openFolder(await stage().circuit())
      const [segment] = job.segments
      expect(segment!.circuitId).to.equal(manifest.circuitId)
      const { bits, min } = program.input
      expect(segment!.inputCommitment).to.equal(commitInput(read!.input, { bits, min }, read!.salts.input!))
      expect(read!.input.some((value) => value !== read!.input[0])).to.equal(true)
      const hub = clients.hub(deployment.contracts.InferenceHub, provider)
      const service = clients.service(deployment.services[0]!.address, provider)
      const version = await service.versionAt(await hub.versionInForce(1n))
      expect(segment!.modelCommitment).to.equal(BigInt(version.weightsCommitment))
      await posting.getByRole('link', { name: `Job ${id}` }).click()
      await page.getByRole('heading', { name: `Job ${id}` }).waitFor()
      await page.getByRole('button', { name: 'Take the job back' }).waitFor()
    })
    await as(ACCOUNT.prover, async (page) => {
      await stage().open(page, 'provers', String(id))
      await page.getByText('There is nothing that you could do about it now.').waitFor()
      expect(await page.getByRole('button', { name: 'Take the job back' }).count()).to.equal(0)
    })
    await as(ACCOUNT.user, async (page) => {
      await stage().open(page, 'provers', String(id))
      await page.getByRole('button', { name: 'Take the job back' }).click()
      await done(page, /cancelled: 0x/)
      await page.getByText('cancelled', { exact: true }).waitFor()
    })
  })

  it('shows an ensemble’s opinion, asks it about a drawing, and proves a member’s answer without giving the drawing away', async () => {
    await as(ACCOUNT.user, async (page, { requests }) => {
      await stage().open(page, 'ensembles')
      await page.getByRole('cell', { name: /^label \d, with \d+\.\d % of the weight cast$/ }).waitFor()
      await page.getByRole('link', { name: '1', exact: true }).click()
      await page.getByRole('heading', { name: 'Ensemble 1' }).waitFor()
      await page.getByText(/whatever is released, version \d+ now/).waitFor()
      await page.getByRole('region', { name: 'Questions' }).getByRole('link', { name: '1', exact: true }).click()
      await page.getByRole('heading', { name: 'Question 1 of ensemble 1' }).waitFor()
      const answers = page.locator('table tbody tr')
      await answers.nth(1).waitFor()
      for (const said of await answers.locator('td:nth-child(3)').allTextContents()) expect(said).to.match(/^label \d$/)
      await stage().open(page, 'ensembles', 1)
      await page.getByLabel('Input commitment').fill('0x12')
      await page.getByRole('button', { name: 'Ask, for an hour' }).click()
      await page.getByText('the input commitment takes 0x and 64 hexadecimal digits').waitFor()
      await page.getByRole('button', { name: 'Give an input here' }).click()
      await draw(page)
      await page.getByRole('button', { name: 'Commit to it and ask, for an hour' }).click()
      await done(page, /asked: 0x/)
      await page.getByRole('cell', { name: 'open', exact: true }).waitFor()
      await page.getByRole('region', { name: 'Questions' }).getByRole('link').first().click()
      const proving = page.getByRole('region', { name: 'Prove the answers' })
      await proving.getByRole('button', { name: 'Prove member 0' }).click()
      await done(page, /member 0 answered: 0x/)
      await answers
        .first()
        .getByText(/^label \d$/)
        .waitFor()
      await proving.getByRole('button', { name: 'Prove member 0' }).waitFor({ state: 'detached' })
      const kept = await page.evaluate(() => Object.values({ ...sessionStorage }))
      const { salt } = JSON.parse(kept.find((text) => text.includes('salt'))!) as { salt: string }
      expect(requests.filter(({ body }) => body.includes(salt.slice(2)))).to.deep.equal([])
    })
  })

  it('shows what a model said of a Safe’s payment, executes it, and takes an announcement back', async () => {
    const payee = accountSigner(stage().provider, ACCOUNT.other).address
    const before = await stage().provider.getBalance(payee)
    await as(ACCOUNT.user, async (page) => {
      await stage().open(page, 'guards')
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
    expect((await stage().provider.getBalance(payee)) - before).to.equal(parseEther('3'))
  })

  it('collects the signatures of a Safe with two owners: who has signed, who still has to, and nothing for another transaction', async () => {
    const { provider } = stage()
    const safe = await twoOwners(stage())
    const payee = accountSigner(provider, ACCOUNT.prover).address
    const before = await provider.getBalance(payee)
    let page: Page | null = null
    await as(ACCOUNT.user, async (first) => {
      page = first
      await stage().open(first, 'guards', safe)
      await first.getByText('2 of 2').waitFor()
      await first.getByLabel('To', { exact: true }).fill(payee)
      await first.getByLabel('Amount in ether').fill('0.5')
      await first.getByText('1 other owner has to sign, too').waitFor()
      await first.getByRole('button', { name: 'Execute it' }).click()
      await done(first, /signed by you, not yet paid 0x/)
      await first.getByText(`pays 0.5 ether to ${payee}`).waitFor()
      await first.getByText('1 of 2 signatures are missing').waitFor()
      expect(await first.getByRole('button', { name: 'Execute it' }).count()).to.equal(0)
      // Its address holds the transaction, so that it is not among the screens that are looked at by their addresses.
      await inspect(first, 'signing')
    })
    expect(await provider.getBalance(payee)).to.equal(before)
    const [, hash] = page!.url().split('#/')
    await as(ACCOUNT.other, async (second) => {
      // Another amount has another hash, of which the first signature says nothing.
      await stage().open(second, ...hash!.replace(String(parseEther('0.5')), String(parseEther('5'))).split('/'))
      await second.getByText('2 of 2 signatures are missing').waitFor()
      expect(await second.getByRole('button', { name: 'Execute it' }).count()).to.equal(0)
      await stage().open(second, ...hash!.split('/'))
      await second.getByText('1 of 2 signatures are missing').waitFor()
      await second.getByRole('button', { name: 'Execute it' }).click()
      await done(second, /executed: 0x/)
      await second.getByText('over: the Safe has executed').waitFor()
    })
    expect((await provider.getBalance(payee)) - before).to.equal(parseEther('0.5'))
  })
}

/** A guarded Safe of the user and of another, both of whom must sign, with the limit and the policy of the demo's. @returns its address */
async function twoOwners({ provider, deployment }: ConsoleDemo): Promise<string> {
  const owners = [accountSigner(provider, ACCOUNT.user), accountSigner(provider, ACCOUNT.other)] as const
  const safe = await deploySafe([...owners])
  await (await owners[0].sendTransaction({ to: safe.address, value: parseEther('2') })).wait()
  const to = deployment.contracts.SpendingGuard
  const guard = clients.guard(to, provider)
  const [other] = await guard.queryFilter(guard.filters.VerdictAccepted())
  const { inForce } = await guard.policyOf(other!.args.account)
  const ask = async (target: string, data: string): Promise<void> =>
    void (await (await safe.execute({ to: target, data })).wait())
  await ask(to, guard.interface.encodeFunctionData('setLimit', [ZeroAddress, parseEther('1')]))
  await ask(to, guard.interface.encodeFunctionData('setPolicy', [inForce]))
  await ask(safe.address, safe.interface.encodeFunctionData('setGuard', [to]))
  return safe.address
}
