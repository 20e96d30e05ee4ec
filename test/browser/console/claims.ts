// SPDX-License-Identifier: GPL-3.0-or-later
// The screen of claims, as a regulator uses it: filters, files, proofs, and a challenge.
import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { claimsOnRecord } from './claims-on-record.ts'
import { ACCOUNT, done, type Stage } from './demo.ts'

export function claimCases(stage: Stage): void {
  it('shows what is on record, saves it, verifies proofs in the page, and opens a challenge', async () => {
    const { registry, auditor, key } = await claimsOnRecord(stage())
    const { page } = await stage().connected(ACCOUNT.user, 'claims', registry)
    const rows = page.locator('table tbody tr')
    await page.getByText('3 of 3 claims').waitFor()
    await page.getByText('This copy of the console names none: believe what is said here only if').waitFor()
    await page.getByLabel('State').selectOption('refuted')
    await page.getByText('1 of 3 claims').waitFor()
    expect(await rows.first().textContent())
      .to.contain('fairness')
      .and.contain('refuted')
    await page.getByLabel('State').selectOption('expiring')
    expect(await rows.first().textContent())
      .to.contain('accuracy')
      .and.contain('is the badge')
    await page.getByLabel('State').selectOption('all')
    await page.getByLabel('Auditor').fill(auditor.toLowerCase())
    await page.getByText('2 of 3 claims').waitFor()
    const saved = async (button: string) => {
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: button }).click(),
      ])
      return await readFile((await file.path())!, 'utf8')
    }
    const csv = await saved('Save as CSV')
    expect(csv.split('\r\n')).to.have.length(4)
    const json = JSON.parse(await saved('Save as JSON'))
    expect(json).to.include({ registry, chainId: 31337 })
    expect(json.claims.map(({ state }: { state: string }) => state)).to.deep.equal(['refuted', 'is the badge'])

    const check = (what: string) => page.getByRole('button', { name: `Verify the ${what}'s proof` }).click()
    await page.getByRole('link', { name: '2', exact: true }).click()
    await page.getByRole('heading', { name: 'Claim 2' }).waitFor()
    await check('claim')
    await done(page, 'the proof of the claim holds: verified by the verifier on the chain')
    await give(page, '{}')
    await check('claim')
    await page
      .locator('.action .problem')
      .getByText(/protocol|expected/)
      .first()
      .waitFor()
    await give(page, key)
    await check('claim')
    await done(page, 'the proof of the claim holds: verified in this page')
    await check('refutation')
    await done(page, 'the proof of the refutation holds: verified in this page')

    await stage().open(page, 'claims', registry, 3)
    await page.getByRole('button', { name: 'Challenge it, for 0.1 ether' }).click()
    await done(page, /challenge 1 is paid; within 256 blocks go on with: cohort claim challenge 3/)
    await page.getByText(/challenge 1 opened by 0x[0-9a-fA-F]{40}/).waitFor()
  })
}

async function give(page: Page, content: string): Promise<void> {
  const file = { name: 'verification_key.json', mimeType: 'application/json', buffer: Buffer.from(content) }
  await page.getByLabel('Verification key').setInputFiles(file)
}
