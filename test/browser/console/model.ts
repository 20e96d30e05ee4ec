// SPDX-License-Identifier: GPL-3.0-or-later
// The model's screen: answers from the weights, proofs in the page, questions to keepers.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { AbiCoder } from 'ethers'
import { clients } from '../../../keepers/chain/index.ts'
import { DataPlane } from '../../../keepers/network/index.ts'
import { InferenceServer } from '../../../keepers/serving/index.ts'
import { accountSigner } from '../../../scripts/demo/accounts.ts'
import { ACCOUNT, type ConsoleDemo, draw, type Stage } from './demo.ts'

/** The transaction by which the page asks, answered as a keeper would. */
async function answerOpenRequest(demo: ConsoleDemo): Promise<void> {
  const { provider, deployment } = demo
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
      signer: accountSigner(provider, ACCOUNT.keeper),
      hub: deployment.contracts.InferenceHub,
      models: deployment.contracts.ModelRegistry,
      fromBlock: deployment.fromBlock,
      circuit: await demo.circuit(),
      weights: { plane },
    })
    const open = await server.openRequests()
    await server.answer(open.at(-1)!, AbortSignal.timeout(120_000))
  } finally {
    await plane.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** The data of InferenceFulfilled: version, output, no callback. Of version 0 to 15 in these tests. */
function answerData(label: string): string {
  const word = (value: number): string => value.toString(16).padStart(64, '0')
  return `${word(Number(label))}${word(0)}`
}

export function modelCases(stage: Stage): void {
  it('answers a drawing, proves the answer and has it verified on the chain, and sends the drawing nowhere', async () => {
    const { provider, deployment } = stage()
    const { page, requests, wallet } = await stage().connected(ACCOUNT.user, 'model')
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

  it('refuses weights and manifests that are not what the chain says', async () => {
    const { page } = await stage().come()
    await page.route('**/ipfs/**', (route) =>
      route.fulfill({ body: 'CMDL something else', headers: { 'access-control-allow-origin': '*' } }),
    )
    await stage().open(page, 'model')
    await page.getByRole('alert').getByText('sent bytes that do not match the CID').waitFor({ timeout: 60_000 })
    expect(await page.locator('.drawing').count()).to.equal(0)
  })

  it('asks a keeper with the price in escrow, and checks the proof of the answer; a forged answer is found out', async () => {
    const { page, wallet } = await stage().connected(ACCOUNT.user, 'model')
    await draw(page)
    const label = await page.locator('output[data-label]').getAttribute('data-label')
    const asking = page.getByRole('region', { name: 'Ask a keeper' })
    await asking.getByLabel('Price (ether)').fill('no money')
    await asking.getByRole('button', { name: 'Ask a keeper' }).click()
    await page.getByText("Price: 'no money' is no amount of ether").waitFor()
    await asking.getByLabel('Price (ether)').fill('0.02')
    await asking.getByRole('button', { name: 'Ask a keeper' }).click()
    await asking.getByText('Nobody has answered yet').waitFor({ timeout: 60_000 })
    expect(BigInt(wallet.sent.at(-1)!.value!)).to.equal(20_000_000_000_000_000n)
    await answerOpenRequest(stage())
    await asking.getByText('The proof holds: checked in this page').waitFor({ timeout: 60_000 })
    expect(await asking.locator('output').getAttribute('data-answer')).to.equal(label)
    await asking.getByText('the input itself').waitFor()
    // An endpoint that says that the answer was another one.
    await page.route(stage().rpc, async (route) => {
      const response = await route.fetch()
      const text = await response.text()
      await route.fulfill({ response, body: text.replaceAll(answerData(label!), answerData('11')) })
    })
    await stage().provider.send('evm_mine', [])
    await asking.getByRole('alert').getByText('The proof does not hold here').waitFor({ timeout: 60_000 })
  })

  it('gives the price of a question back that nobody answered in time', async () => {
    const { page } = await stage().connected(ACCOUNT.user, 'model')
    await draw(page)
    const asking = page.getByRole('region', { name: 'Ask a keeper' })
    await asking.getByLabel('Seconds to wait').fill('10')
    await asking.getByRole('button', { name: 'Ask a keeper' }).click()
    await asking
      .getByText('the chain has no block after it yet')
      .or(asking.getByRole('button', { name: 'Take the price back' }))
      .waitFor({ timeout: 90_000 })
    await stage().provider.send('evm_mine', [])
    await asking.getByRole('button', { name: 'Take the price back' }).click({ timeout: 60_000 })
    await page.getByText('0.01 ether sent back to you').waitFor({ timeout: 120_000 })
    await asking.getByText('the price went back').waitFor({ timeout: 60_000 })
    // It is there at the next visit.
    await page.reload()
    await asking.getByText('the price went back').waitFor({ timeout: 60_000 })
  })
}
