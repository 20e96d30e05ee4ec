// SPDX-License-Identifier: GPL-3.0-or-later
// A market whose story a proof settles, traded from the page.
import { join } from 'node:path'
import { expect } from 'chai'
import { type JsonRpcProvider, parseEther, toBeHex } from 'ethers'
import { storyCircuit } from '../../../keepers/apps/story/index.ts'
import { clients, type DeploymentFile, MarketClient, PoolClient } from '../../../keepers/chain/index.ts'
import { openFolder } from '../../../keepers/zkml/index.ts'
import { CACHE } from '../../../scripts/bootstrap/paths.mjs'
import { accountSigner } from '../../../scripts/demo/accounts.ts'
import { openMarket, type Reader, resolveMarket } from '../../../scripts/demo/market.ts'
import { ACCOUNT, done, type Stage } from './demo.ts'

/** The reader of headlines as the demo's DAO took it over: its circuit, the verifier that is registered for it, and its version among the adopted models. */
async function readerOf(
  provider: JsonRpcProvider,
  { contracts }: DeploymentFile,
): Promise<Reader & { readonly version: number }> {
  const { folder } = await storyCircuit(join(CACHE, 'story'))
  const { manifest } = await openFolder(folder)
  const { verifier, vkHash } = await clients
    .verifiers(contracts.VerifierRegistry, provider)
    .getVerifier(manifest.circuitId)
  const adopted = clients.adopted(contracts.AdoptedModel, provider)
  let version = Number(await adopted.versionCount())
  const commitment = toBeHex(manifest.modelCommitment, 32)
  while ((await adopted.versionAt(version)).weightsCommitment !== commitment) version--
  return { folder, verifier: { address: verifier, vkHash }, version }
}

export function marketCases(stage: Stage): void {
  it('buys an outcome on a market, and is paid when a proof settles it', async () => {
    const { provider, deployment } = stage()
    const reader = await readerOf(provider, deployment)
    const market = await openMarket({ provider, deployment, reader }, reader.version)
    const { page } = await stage().connected(ACCOUNT.member, 'market')
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
    await done(page, /bought \d+\.\d+ of outcome 0: 0x/)
    await page.locator('.chart canvas').waitFor()
    await page.getByRole('button', { name: 'Provide liquidity' }).click()
    await done(page, /provided 2\.5 .*: 0x/)
    const token = clients.token(deployment.contracts.CohortToken, provider)
    await resolveMarket({ provider, deployment, reader }, market, AbortSignal.timeout(60_000))
    await page.getByText('Heron 4 blasts off').waitFor({ timeout: 30_000 })
    const before = await token.balanceOf(accountSigner(provider, ACCOUNT.member))
    await page.getByRole('button', { name: 'Redeem what you hold' }).click({ timeout: 60_000 })
    await done(page, /paid \d+\.\d+ .*: 0x/)
    expect(await token.balanceOf(accountSigner(provider, ACCOUNT.member))).to.be.above(before)
  })
}
