// SPDX-License-Identifier: GPL-3.0-or-later
import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { Stage } from './demo.ts'
import { effectsOn, hostileText } from './worst-chain.ts'

/** The screen of who runs a keeper. */
export function operatorCases(stage: Stage): void {
  it('connects an operator to a keeper with its token, and to none without', async () => {
    const said = await stage().said()
    const [, address, file] = /keeper +(http:\S+), token in (\S+),/.exec(said)!
    const { page } = await stage().come()
    await stage().open(page, 'operator')
    await page.getByLabel('Address').fill(address!)
    await page.getByLabel('Token').fill('00'.repeat(32))
    await page.getByRole('button', { name: 'Connect', exact: true }).click()
    await page.getByRole('alert').getByText('the keeper refused the token').waitFor()
    await page.getByLabel('Token').fill((await readFile(file!, 'utf8')).trim())
    await page.getByRole('button', { name: 'Connect', exact: true }).click()
    await page.getByText('It is a member of the running epoch.').waitFor({ timeout: 30_000 })
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
    const { page } = await stage().come()
    await stage().open(page, 'operator')
    await page.getByLabel('What curl').fill('cohort_member 0\ncohort_operator_balance_ether 0.001\ncohort_peers 3\n')
    await page.getByRole('button', { name: 'Read the metrics' }).click()
    await page.locator('tr[data-alert=CohortPoor][data-state=waits]').waitFor()
    await page.getByText('It is not a member of the running epoch.').waitFor()
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
