// SPDX-License-Identifier: GPL-3.0-or-later
// The wallet and the DAO: declining, another chain, a vote that releases a version, guardians, a reorganisation.
import { expect } from 'chai'
import { clients, DaoClient } from '../../../keepers/chain/index.ts'
import { accountSigner } from '../../../scripts/demo/accounts.ts'
import { ACCOUNT, connect, done, type Stage } from './demo.ts'

export function voteCases(stage: Stage): void {
  it('says when the visitor declines in the wallet, and sends nothing; then releases another version by a vote', async () => {
    const { page, wallet } = await stage().connected(ACCOUNT.member, 'dao')
    await page.getByText(/Version \d+ is in force\./).waitFor()
    const row = page.locator('tr', { has: page.getByRole('button', { name: 'Release', exact: true }) }).last()
    const version = await row.getByRole('link').first().textContent()
    wallet.declining = true
    await row.getByRole('button', { name: 'Release', exact: true }).click()
    await page.getByText('You declined in your wallet; nothing was sent.').waitFor()
    expect(wallet.sent).to.deep.equal([])
    const known = await page.locator('.proposal').count()
    await row.getByRole('button', { name: 'Release', exact: true }).click()
    await page.locator('.proposal').nth(known).waitFor({ timeout: 60_000 })
    const proposal = page.locator('.proposal').first()
    await proposal.getByRole('button', { name: 'Vote for' }).click({ timeout: 60_000 })
    await done(page, 'voted for: 0x')
    // Its button is gone, and the keyboard is not at the top of the page again.
    await proposal.getByRole('button', { name: 'Queue in the timelock' }).waitFor({ timeout: 120_000 })
    expect(await page.evaluate(() => document.activeElement?.id)).to.equal('done')
    await proposal.getByRole('button', { name: 'Queue in the timelock' }).click({ timeout: 120_000 })
    await proposal.getByRole('button', { name: 'Execute' }).click({ timeout: 60_000 })
    await page.getByText(`Version ${version} is in force.`).waitFor({ timeout: 60_000 })
  })

  it('notices a wallet on another chain, and changes it', async () => {
    const { page, wallet } = await stage().come()
    wallet.chainId = 1
    await connect(page)
    await page.getByRole('alert').getByText('Your wallet is on chain 1').waitFor()
    await page.getByRole('button', { name: 'Change the wallet' }).click()
    await page.getByRole('alert').waitFor({ state: 'detached' })
    expect(wallet.chainId).to.equal(stage().deployment.chainId)
  })

  it('says what each parameter means, and lets a guardian alone stop the intake of new work', async () => {
    const { provider, deployment } = stage()
    const stranger = await stage().connected(ACCOUNT.user, 'dao', 'parameters')
    const row = stranger.page.getByRole('row', { name: /^trainingWindow/ })
    await row.getByText('to train, and to commit to an encrypted update').waitFor()
    await stage().open(stranger.page, 'dao', 'guardians')
    await stranger.page.getByText("Connect a guardian's wallet to pause").waitFor()
    expect(await stranger.page.getByRole('button', { name: 'Pause the intake of new work' }).count()).to.equal(0)
    const { page } = await stage().connected(ACCOUNT.other, 'dao', 'guardians')
    await page.getByLabel('Hours').fill('1')
    await page.getByRole('button', { name: 'Pause the intake of new work' }).click()
    await done(page, /no new work is taken: 0x/)
    await page.getByText('a guardian paused the intake').waitFor()
    const verifiers = clients.verifiers(deployment.contracts.VerifierRegistry, provider)
    const now = async () => (await provider.getBlock('latest'))!.timestamp
    expect(Number(await verifiers.intakePausedUntil())).to.be.above((await now()) + 3_000)
    await page.getByRole('button', { name: 'End the pause' }).click()
    await done(page, /new work is taken again: 0x/)
    expect(Number(await verifiers.intakePausedUntil())).to.be.at.most(await now())
  })

  it('follows a reorganisation: a proposal that left the chain leaves the page', async () => {
    const { provider, deployment } = stage()
    const { page } = await stage().come()
    await stage().open(page, 'dao')
    await page.locator('.proposal').first().waitFor()
    const before = await page.locator('.proposal').count()
    const snapshot = await provider.send('evm_snapshot', [])
    const dao = await DaoClient.connect({ provider, deployment, signer: accountSigner(provider, ACCOUNT.other) })
    await dao.proposeDeprecation('', 1, 'a test')
    await page.locator('.proposal').nth(before).waitFor({ timeout: 60_000 })
    await provider.send('evm_revert', [snapshot])
    await page.locator('.proposal').nth(before).waitFor({ state: 'detached', timeout: 60_000 })
  })
}
