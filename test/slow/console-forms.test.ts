// SPDX-License-Identifier: GPL-3.0-or-later
// The console's form for a table, against a service of one: the demo of the cancer example with real keepers. And a chain whose numbers are all
// as large as their types hold.
import { expect } from 'chai'
import { accessibilityFaults } from '../browser/console/browser.ts'
import { ACCOUNT, ConsoleDemo, connect } from '../browser/console/demo.ts'
import { hostileCases } from '../browser/console/hostile.ts'
import { findChromium } from '../keepers/zkml/prove/browser.ts'

describe('the console before a service of a table', function () {
  this.timeout(900_000)
  const chromium = findChromium()
  let demo: ConsoleDemo
  const errors: string[] = []

  before(async function () {
    if (chromium === null) return this.skip()
    demo = await ConsoleDemo.start(chromium, ['--rounds', '1', '--example', 'cancer'])
  })
  after(async () => await demo?.[Symbol.asyncDispose]())
  afterEach(async function () {
    for (const error of (await demo?.leave()) ?? []) errors.push(`${this.currentTest?.title}: ${error}`)
  })

  it('asks by the columns of the manifest, names each field that is wrong, answers, and proves without giving the row away', async () => {
    const { page, requests } = await demo.come({ account: ACCOUNT.user })
    await demo.open(page, 'model')
    const form = page.getByRole('region', { name: 'Input' })
    await form.getByRole('button', { name: 'Answer' }).click({ timeout: 60_000 })
    const columns = await form.locator('.field').count()
    expect(columns).to.be.above(5)
    await form.getByText(`${columns} of ${columns} fields are not right yet.`).waitFor()
    await form.getByRole('button', { name: 'Fill in usual values' }).click()
    await page.locator('output[data-label]').waitFor()
    const first = form.locator('.field input').first()
    await first.fill('1e99x')
    await form.getByText('is "1e99x", not a finite number').waitFor()
    expect(await page.locator('output[data-label]').count()).to.equal(0)
    await first.fill('13.371337')
    await page.locator('output[data-label]').waitFor()
    expect(await accessibilityFaults(page)).to.deep.equal([])
    await connect(page)
    await page.getByRole('button', { name: 'Prove here' }).click()
    await page.getByText(/proven in .* s, verified here and by the verifier on the chain/).waitFor({ timeout: 120_000 })
    expect(requests.filter(({ url: to, body }) => `${to} ${body}`.includes('13.371337'))).to.deep.equal([])
  })

  hostileCases(() => demo, 'most', 0)

  it('wrote no error to the browser’s console', () => {
    expect(errors).to.deep.equal([])
  })
})
