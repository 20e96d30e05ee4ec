// SPDX-License-Identifier: GPL-3.0-or-later
// The console in a browser against `npm run demo -- --serve`: a real chain, real keepers, a real wallet's messages.
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { AbiCoder, JsonRpcProvider, parseEther, toBeHex } from 'ethers'
import type { Browser, Page } from 'playwright-core'
import { storyCircuit } from '../../keepers/apps/story/index.ts'
import {
  clients,
  DaoClient,
  type DeploymentFile,
  MarketClient,
  PoolClient,
  parseDeployment,
} from '../../keepers/chain/index.ts'
import { openFolder } from '../../keepers/zkml/index.ts'
import { CACHE, ROOT } from '../../scripts/bootstrap/paths.mjs'
import { accountSigner } from '../../scripts/demo/accounts.ts'
import { openMarket, type Reader, resolveMarket } from '../../scripts/demo/market.ts'
import { freePort } from '../../scripts/demo/ports.ts'
import { Processes } from '../../scripts/demo/processes.ts'
import { findChromium } from '../keepers/zkml/prove/browser.ts'
import { accessibilityFaults, startBrowser, type Visitor, visit } from './console-browser.ts'
import { hostileCases, keyboardCases, operatorCases } from './console-cases.ts'
import { consoleScreens } from './console-routes.ts'
import { askingCases, simulationCases, tourCases } from './console-screens.ts'
import { consoleUses } from './console-uses.ts'

/** Two members of the DAO, each with a third of the votes, and somebody without any. */
const ACCOUNT = { member: 0, other: 1, user: 3 } as const
/** Compressed bytes of everything that the first screen needs. */
const FIRST_LOAD = 250_000
/** Where screenshots of every screen go; nowhere unless told. */
const SCREENSHOTS = process.env.COHORT_SCREENSHOTS

/** Resolves once the page is there. */
async function served(url: string): Promise<void> {
  while (
    !(await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await setTimeout(500)
}

/** The reader of headlines as the demo's DAO took it over: its circuit, the verifier that is registered for it, and its version among the adopted models. */
async function readerOf(
  provider: JsonRpcProvider,
  deployment: DeploymentFile,
): Promise<Reader & { readonly version: number }> {
  const { folder } = await storyCircuit(join(CACHE, 'story'))
  const { manifest } = await openFolder(folder)
  const verifiers = clients.verifiers(deployment.contracts.VerifierRegistry, provider)
  const { verifier, vkHash } = await verifiers.getVerifier(manifest.circuitId)
  const adopted = clients.adopted(deployment.contracts.AdoptedModel, provider)
  let version = Number(await adopted.versionCount())
  const commitment = toBeHex(manifest.modelCommitment, 32)
  while ((await adopted.versionAt(version)).weightsCommitment !== commitment) version--
  return { folder, verifier: { address: verifier, vkHash }, version }
}

/** Folder of the circuit of the hub's first model, which the demo prints. */
async function circuitOf(log: string): Promise<string> {
  const [, folder] = /^ {2}circuit +(\S+),/m.exec(await readFile(log, 'utf8')) ?? []
  return join(ROOT, folder!)
}

describe('the console in a browser', function () {
  this.timeout(600_000)
  const chromium = findChromium()
  let home: string
  let processes: Processes
  let browser: Browser
  let provider: JsonRpcProvider
  let deployment: DeploymentFile
  let url: string
  let visitor: Visitor
  const come = (options: Partial<Parameters<typeof visit>[1]> = {}) =>
    visit(browser, { url, provider, chainId: deployment.chainId, account: ACCOUNT.member, ...options })

  before(async function () {
    if (chromium === null) {
      console.warn('      no Chromium on the path (COHORT_CHROMIUM): the console is not opened')
      return this.skip()
    }
    home = await mkdtemp(join(tmpdir(), 'cohort-console-'))
    processes = new Processes(home)
    const [port, webPort] = [await freePort(), await freePort()]
    url = `http://127.0.0.1:${webPort}/`
    const failed = Promise.withResolvers<never>()
    processes.start(
      'demo',
      [
        ...[join(ROOT, 'scripts/demo/main.ts'), '--serve', '--rounds', '1', '--model', 'logistic'],
        ...['--port', String(port), '--web-port', String(webPort), '--out', join(home, 'report.json')],
      ],
      { cwd: ROOT, onFailure: (message) => failed.reject(new Error(message)) },
    )
    await Promise.race([served(url), failed.promise])
    provider = new JsonRpcProvider(`http://127.0.0.1:${port}`, undefined, { cacheTimeout: -1 })
    const site = (await (await fetch(new URL('cohort.json', url))).json()) as { deployment: unknown }
    deployment = parseDeployment(site.deployment)
    browser = await startBrowser(chromium)
    visitor = await come()
  })
  after(async () => {
    await browser?.close()
    provider?.destroy()
    await processes?.[Symbol.asyncDispose]()
    if (home !== undefined) await rm(home, { recursive: true, force: true })
  })

  const open = async (page: Page, ...parts: readonly (string | number)[]): Promise<void> => {
    await page.goto(`${url}#/${parts.join('/')}`)
    await page.locator(`main[data-screen=${parts[0]}] h1`).waitFor()
  }
  const connect = async (page: Page): Promise<void> => {
    await page.getByRole('button', { name: 'Connect Test wallet' }).click()
    await page.getByRole('button', { name: 'Disconnect' }).waitFor()
  }
  const draw = async (page: Page): Promise<void> => {
    const canvas = page.locator('.drawing canvas')
    await canvas.waitFor({ timeout: 60_000 })
    const box = (await canvas.boundingBox())!
    await page.mouse.move(box.x + box.width / 2, box.y + box.height * 0.2)
    await page.mouse.down()
    for (let i = 2; i <= 8; i++) await page.mouse.move(box.x + box.width / 2, box.y + (box.height * i) / 10)
    await page.mouse.up()
  }

  it('shows a service: its state, its members, its rounds', async () => {
    const { page } = visitor
    await open(page, 'service')
    await page.getByText('MNIST digits').or(page.getByText('digits')).first().waitFor()
    await page
      .getByRole('link', { name: /^version \d+$/ })
      .first()
      .waitFor()
    expect(await page.locator('table').first().locator('tbody tr').count()).to.equal(4)
    await page.locator('.chart canvas').waitFor()
  })

  it('loads at most 250 kB compressed before a prover is asked for', async () => {
    const { context, page } = await come()
    await page
      .getByRole('link', { name: /^version \d+$/ })
      .first()
      .waitFor()
    const loaded = await page.evaluate(() =>
      (performance.getEntriesByType('resource') as PerformanceResourceTiming[]).map(({ name }) => name),
    )
    await context.close()
    const own = [url, ...loaded.filter((name) => name.startsWith(url) && !name.endsWith('cohort.json'))]
    const sizes = await Promise.all(
      own.map(async (name) => gzipSync(new Uint8Array(await (await fetch(name)).arrayBuffer())).length),
    )
    const total = sizes.reduce((sum, size) => sum + size, 0)
    console.log(`      ${total.toLocaleString('en-US')} bytes compressed`)
    expect(total).to.be.within(50_000, FIRST_LOAD)
  })

  it('says of a keeper that it is a member, and what happened to it; of a stranger why it is none', async () => {
    const { page } = visitor
    await open(page, 'service')
    await page.locator('table').first().getByRole('link').first().click()
    await page.getByText('It is a member of the epoch that runs.').waitFor()
    await page.getByText(/took seat \d/).waitFor()
    await open(page, 'service', deployment.services[0]!.address, 'keeper', `0x${'00'.repeat(19)}01`)
    await page.getByText('Why it is not a member: it is not registered').waitFor()
  })

  it('fetches a version’s weights by CID and finds the commitment on the chain', async () => {
    const { page } = visitor
    await open(page, 'service', deployment.services[0]!.address, 'version', 1)
    await page.getByRole('button', { name: 'Fetch the weights and check them' }).click()
    await page.getByText('gives exactly the commitment on the chain').waitFor({ timeout: 60_000 })
  })

  it('answers a drawing, proves the answer and has it verified on the chain, and sends the drawing nowhere', async () => {
    const { page, requests, wallet } = await come({ account: ACCOUNT.user })
    await open(page, 'model')
    await connect(page)
    await page.locator('.drawing canvas').waitFor({ timeout: 60_000 })
    const before = requests.length
    await draw(page)
    await page.locator('output').waitFor()
    const label = Number(await page.locator('output').getAttribute('data-label'))
    expect(label).to.be.within(0, 9)
    await page.getByRole('button', { name: 'Prove here' }).click()
    await page.getByText(/proven in .* s, verified here and by the verifier on the chain/).waitFor({ timeout: 120_000 })
    await page.getByRole('button', { name: 'Record on the chain' }).click()
    await page.getByText('recorded on the chain: 0x').waitFor({ timeout: 60_000 })
    // Nothing but files of this site by GET, and JSON-RPC; of that, the picture could only be in calldata, which is all accounted for.
    const sent = requests.slice(before)
    for (const { url: to, body } of sent) {
      if (body === '') continue
      const { method, params } = JSON.parse(body) as { method: string; params: unknown[] }
      expect(new URL(to).origin).to.equal(new URL(provider._getConnection().url).origin)
      if (method === 'eth_call' || method === 'eth_estimateGas') {
        const { data } = params[0] as { data: string }
        // verifyInference is the longest call: a commitment, an output and a proof of a fixed length.
        expect(data.length).to.be.at.most(2 + 2 * (4 + 32 * 22), method)
      } else expect(JSON.stringify(params).length).to.be.below(400, method)
    }
    expect(wallet.sent).to.have.length(1)
    const hub = clients.hub(deployment.contracts.InferenceHub, provider)
    const [modelId, commitment, output, proof] = hub.interface.decodeFunctionData(
      'verifyInference',
      wallet.sent[0]!.data!,
    )
    expect([modelId, AbiCoder.defaultAbiCoder().decode(['uint256'], output)[0]]).to.deep.equal([1n, BigInt(label)])
    expect(proof.length).to.equal(2 + 2 * 352)
    expect(commitment).to.match(/^0x[0-9a-f]{64}$/)
  })

  it('says when the visitor declines in the wallet, and sends nothing', async () => {
    const { page, wallet } = await come()
    await open(page, 'dao')
    await connect(page)
    wallet.declining = true
    await page.getByRole('button', { name: 'Release', exact: true }).first().click()
    await page.getByText('You declined in your wallet; nothing was sent.').waitFor()
    expect(wallet.sent).to.deep.equal([])
  })

  it('releases another version by a vote of the visitor', async () => {
    const { page } = await come()
    await open(page, 'dao')
    await connect(page)
    await page.getByText(/Version \d+ is in force\./).waitFor()
    const row = page.locator('tr', { has: page.getByRole('button', { name: 'Release', exact: true }) }).last()
    const version = await row.getByRole('link').first().textContent()
    await row.getByRole('button', { name: 'Release', exact: true }).click()
    const proposal = page.locator('.proposal').first()
    await proposal.getByRole('button', { name: 'Vote for' }).click({ timeout: 60_000 })
    await page.getByText('voted for: 0x').waitFor({ timeout: 60_000 })
    // Its button is gone, and the keyboard is not at the top of the page again.
    await proposal.getByRole('button', { name: 'Queue in the timelock' }).waitFor({ timeout: 120_000 })
    expect(await page.evaluate(() => document.activeElement?.id)).to.equal('done')
    await proposal.getByRole('button', { name: 'Queue in the timelock' }).click({ timeout: 120_000 })
    await proposal.getByRole('button', { name: 'Execute' }).click({ timeout: 60_000 })
    await page.getByText(`Version ${version} is in force.`).waitFor({ timeout: 60_000 })
  })

  it('buys an outcome on a market, and is paid when a proof settles it', async () => {
    const { contracts } = deployment
    const reader = await readerOf(provider, deployment)
    const market = await openMarket({ provider, deployment, reader }, reader.version)
    const { page } = await come()
    await open(page, 'market')
    await connect(page)
    await page.getByRole('link', { name: String(market.marketId), exact: true }).click()
    // The list, which has the demo's market with the same question, stays until the market is there.
    await page.locator('.question').getByText(market.question).waitFor()
    // Liquidity first: the console's own button asks for a pool that somebody began.
    const maker = accountSigner(provider, ACCOUNT.other)
    const book = new MarketClient({ provider, deployment, kind: 'story', signer: maker })
    const terms = { provider, deployment, signer: maker, market: book, marketId: market.marketId, feeBps: 30 }
    await new PoolClient(terms).provide(parseEther('20'), [1n, 1n], { slippageBps: 100, seconds: 600 })
    await page.getByLabel(/Amount in/).fill('2.5')
    await page.getByRole('button', { name: 'Buy', exact: true }).click()
    await page.getByText(/bought \d+\.\d+ of outcome 0: 0x/).waitFor({ timeout: 60_000 })
    await page.locator('.chart canvas').waitFor()
    await page.getByRole('button', { name: 'Provide liquidity' }).click()
    await page.getByText(/provided 2\.5 .*: 0x/).waitFor({ timeout: 60_000 })
    const token = clients.token(contracts.CohortToken, provider)
    await resolveMarket({ provider, deployment, reader }, market, AbortSignal.timeout(60_000))
    await page.getByText('Heron 4 blasts off').waitFor({ timeout: 30_000 })
    const before = await token.balanceOf(accountSigner(provider, ACCOUNT.member))
    await page.getByRole('button', { name: 'Redeem what you hold' }).click({ timeout: 60_000 })
    await page.getByText(/paid \d+\.\d+ .*: 0x/).waitFor({ timeout: 60_000 })
    expect(await token.balanceOf(accountSigner(provider, ACCOUNT.member))).to.be.above(before)
  })

  // Read when a case runs: the demo is not up yet.
  const suite = {
    get provider() {
      return provider
    },
    get deployment() {
      return deployment
    },
    circuit: () => circuitOf(join(home, 'demo.log')),
    ...{ come, open, connect, draw },
  }
  simulationCases(suite)
  askingCases(suite)
  tourCases(suite)

  it('notices a wallet on another chain, and changes it', async () => {
    const { page, wallet } = await come()
    wallet.chainId = 1
    await connect(page)
    await page.getByRole('alert').getByText('Your wallet is on chain 1').waitFor()
    await page.getByRole('button', { name: 'Change the wallet' }).click()
    await page.getByRole('alert').waitFor({ state: 'detached' })
    expect(wallet.chainId).to.equal(deployment.chainId)
  })

  it('keeps what it read when the endpoint is lost, says so, and goes on when it is back', async () => {
    const { page } = await come()
    await page
      .getByRole('link', { name: /^version \d+$/ })
      .first()
      .waitFor()
    const rpc = `${new URL(provider._getConnection().url).origin}/**`
    await page.route(rpc, (route) => route.abort())
    await page.getByText('The chain does not answer').waitFor({ timeout: 30_000 })
    await page
      .getByRole('link', { name: /^version \d+$/ })
      .first()
      .waitFor()
    await page.unroute(rpc)
    await page.getByText('The chain does not answer').waitFor({ state: 'detached', timeout: 30_000 })
  })

  it('refuses weights and manifests that are not what the chain says', async () => {
    const { page } = await come()
    await page.route('**/ipfs/**', (route) =>
      route.fulfill({ body: 'CMDL something else', headers: { 'access-control-allow-origin': '*' } }),
    )
    await open(page, 'model')
    await page.getByRole('alert').getByText('sent other bytes').waitFor({ timeout: 60_000 })
    expect(await page.locator('.drawing').count()).to.equal(0)
  })

  it('shows a hostile name as text, and does nothing that it says', async () => {
    const { context, page, errors } = await come()
    const name = `<img src=x onerror="document.title='taken'">\u202Ereversed\u0000${'x'.repeat(1_000)}`
    await page.route('**/cohort.json', async (route) => {
      const site = (await (await route.fetch()).json()) as { deployment: { services: { name: string }[] } }
      site.deployment.services[0]!.name = name
      await route.fulfill({ json: site })
    })
    await page.reload()
    await page.getByRole('heading', { level: 1 }).getByText('<img src=x').waitFor()
    expect(await page.title()).to.equal('Cohort')
    const shown = (await page.locator('h1').textContent())!
    expect(shown).to.not.contain('\u202E').and.not.contain('\u0000')
    expect(shown.length).to.be.at.most(201)
    expect(errors).to.deep.equal([])
    await context.close()
  })

  const stage = { come, open, site: () => ({ url, deployment, home }) }
  hostileCases(stage)
  operatorCases(stage)
  keyboardCases(stage)

  it('works in two tabs at once, which keep one history', async () => {
    const second = await visitor.context.newPage()
    await second.goto(url)
    await second
      .getByRole('link', { name: /^version \d+$/ })
      .first()
      .waitFor()
    await open(visitor.page, 'service')
    await visitor.page
      .getByRole('link', { name: /^version \d+$/ })
      .first()
      .waitFor()
    await second.close()
  })

  it('fits a phone’s window, and can be used with the keyboard alone', async () => {
    const { page } = await come({ viewport: { width: 360, height: 740 } })
    for (const { name, parts } of consoleScreens(deployment)) {
      await open(page, ...parts)
      await page.waitForTimeout(500)
      const over = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      )
      expect(over, name).to.equal(0)
    }
    await open(page, 'service')
    await page.reload()
    await page.locator('h1').waitFor()
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.textContent)).to.equal('Skip to the content')
    await page.keyboard.press('Enter')
    expect(await page.evaluate(() => document.activeElement?.id)).to.equal('main')
    await open(page, 'model')
    const canvas = page.locator('.drawing canvas')
    await canvas.waitFor({ timeout: 60_000 })
    await canvas.focus()
    for (let i = 0; i < 15; i++) await page.keyboard.press('Shift+ArrowDown')
    await page.locator('output').waitFor()
  })

  for (const scheme of ['light', 'dark'] as const) {
    it(`has no fault that axe finds, in ${scheme}`, async () => {
      const { context, page, errors } = await come({ scheme })
      await connect(page)
      for (const screen of consoleScreens(deployment)) {
        await open(page, ...screen.parts)
        await page
          .locator(screen.ready ?? 'h1')
          .first()
          .waitFor({ timeout: 60_000 })
        if (screen.draw) await draw(page)
        if (screen.paste !== undefined) {
          await page.getByLabel('What curl').fill(screen.paste)
          await page.getByRole('button', { name: 'Read the metrics' }).click()
          await page.getByRole('heading', { name: 'Alerts' }).waitFor()
        }
        await page.waitForTimeout(1_000)
        if (SCREENSHOTS !== undefined) {
          await mkdir(SCREENSHOTS, { recursive: true })
          await page.screenshot({ path: join(SCREENSHOTS, `${screen.name}-${scheme}.png`) })
        }
        for (const details of await page.locator('details').all())
          await details.evaluate((one) => one.setAttribute('open', ''))
        expect(await accessibilityFaults(page), screen.name).to.deep.equal([])
      }
      expect(errors).to.deep.equal([])
      await context.close()
    })
  }

  it('follows a reorganisation: a proposal that left the chain leaves the page', async () => {
    const { page } = await come()
    await open(page, 'dao')
    await page.locator('.proposal').first().waitFor()
    const before = await page.locator('.proposal').count()
    const snapshot = await provider.send('evm_snapshot', [])
    const dao = await DaoClient.connect({ provider, deployment, signer: accountSigner(provider, ACCOUNT.other) })
    await dao.proposeDeprecation('', 1, 'a test')
    await page.locator('.proposal').nth(before).waitFor({ timeout: 60_000 })
    await provider.send('evm_revert', [snapshot])
    await page.locator('.proposal').nth(before).waitFor({ state: 'detached', timeout: 60_000 })
  })

  consoleUses({
    provider: () => provider,
    deployment: () => deployment,
    come: async (account) => await come({ account }),
    open,
    connect,
    screenshots: SCREENSHOTS,
  })

  it('wrote no error to the browser’s console', async () => {
    expect(visitor.errors).to.deep.equal([])
    expect(await readFile(join(home, 'report.json'), 'utf8')).to.contain('rounds')
  })
})
