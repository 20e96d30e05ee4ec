// SPDX-License-Identifier: GPL-3.0-or-later
// The console's screens about a service: what it shows, what it loads, and an endpoint that goes away.
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { done, type Stage, storyTold } from './demo.ts'

/** Compressed bytes of everything that the first screen needs. */
const FIRST_LOAD = 250_000

export function serviceCases(stage: Stage): void {
  it('shows a service: its state, its members, its rounds; with at most 250 kB compressed before a prover is asked for', async () => {
    const { url } = stage()
    const { page } = await stage().come()
    await storyTold(page)
    await page.locator('h1').getByText('digits').waitFor()
    await page.locator('.chart canvas').waitFor()
    expect(await page.locator('table').first().locator('tbody tr').count()).to.equal(4)
    const loaded = await page.evaluate(() =>
      (performance.getEntriesByType('resource') as PerformanceResourceTiming[]).map(({ name }) => name),
    )
    const own = [url, ...loaded.filter((name) => name.startsWith(url) && !name.endsWith('cohort.json'))]
    const sizes = await Promise.all(
      own.map(async (name) => gzipSync(new Uint8Array(await (await fetch(name)).arrayBuffer())).length),
    )
    const total = sizes.reduce((sum, size) => sum + size, 0)
    console.log(`      ${total.toLocaleString('en-US')} bytes compressed`)
    expect(total).to.be.within(50_000, FIRST_LOAD)
  })

  it('says of a keeper that it is a member, and what happened to it; of a stranger why it is none', async () => {
    const { page } = await stage().come()
    await page.locator('table').first().getByRole('link').first().click()
    await page.getByText('It is a member of the running epoch.').waitFor()
    await page.getByText(/took seat \d/).waitFor()
    const service = stage().deployment.services[0]!.address
    await stage().open(page, 'service', service, 'keeper', `0x${'00'.repeat(19)}01`)
    await page.getByText('Why it is not a member: it is not registered').waitFor()
  })

  it('fetches a version’s weights by CID and finds the commitment on the chain; measures and compares versions by them', async () => {
    const service = stage().deployment.services[0]!.address
    const { page } = await stage().come()
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
    await stage().open(page, 'service', service, 'version', 2)
    await page.getByRole('button', { name: 'Fetch both and compare' }).click()
    await done(page, /compared [\d,]+ weights/)
    await page.getByRole('region', { name: 'Difference by layer' }).getByRole('cell', { name: 'all' }).waitFor()
    // The demo proved an answer of the version that it released.
    await page.getByRole('region', { name: 'Proven answers' }).locator('tbody tr').first().waitFor()
    await stage().open(page, 'service', service, 'version', 1)
    await page.getByRole('button', { name: 'Fetch the weights and check them' }).click()
    await page.getByText('gives exactly the commitment on the chain').waitFor({ timeout: 60_000 })
    await page.getByRole('region', { name: 'Votes' }).getByText('this one').first().waitFor()
  })

  it('shows a service as of a round: from the endpoint’s past, and from the log where it keeps none', async () => {
    const service = stage().deployment.services[0]!.address
    const { page } = await stage().come()
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
    const { rpc } = stage()
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
    await stage().open(page, 'service', service, 'at', 999_999_999)
    await page.getByText('there is no block 999999999 of this deployment').waitFor()
    expect(Number(block)).to.be.above(0)
  })

  it('works in two tabs at once, which keep one history; keeps what it read when the endpoint is lost, says so, and goes on when it is back', async () => {
    const { context, page } = await stage().come()
    const second = await context.newPage()
    await second.goto(stage().url)
    await storyTold(second)
    await second.close()
    await storyTold(page)
    const { rpc } = stage()
    await page.route(rpc, (route) => route.abort())
    await page.getByText('The chain does not answer').waitFor({ timeout: 30_000 })
    await storyTold(page)
    await page.unroute(rpc)
    await page.getByText('The chain does not answer').waitFor({ state: 'detached', timeout: 30_000 })
  })

  it('asks the index that the visitor chose, says why it does not believe it, and goes back to the copy’s own', async () => {
    const { page } = await stage().come()
    await storyTold(page)
    await page.locator('summary', { hasText: 'Index' }).click()
    const address = page.getByLabel('GraphQL endpoint')
    await address.fill('http://index.example/graphql')
    await page.getByRole('button', { name: 'Use it' }).click()
    await page.getByText("'http://index.example/graphql' is no address of an index").waitFor()
    const liar = 'http://127.0.0.1:42069/graphql'
    await page.route(liar, (route) => route.fulfill({ json: {}, headers: { 'access-control-allow-origin': '*' } }))
    await address.fill(liar)
    await page.getByRole('button', { name: 'Use it' }).click()
    await page.getByText('The index at 127.0.0.1:42069 is not used:').waitFor()
    await storyTold(page)
    await page.locator('summary', { hasText: 'Index' }).click()
    expect(await address.inputValue()).to.equal(liar)
    await page.getByRole('button', { name: 'Use this copy' }).click()
    await page.getByText('The index at 127.0.0.1:42069 is not used:').waitFor({ state: 'detached' })
    await storyTold(page)
  })
}
