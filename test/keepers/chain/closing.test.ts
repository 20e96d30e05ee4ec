// SPDX-License-Identifier: GPL-3.0-or-later
// A connection that is closed while ethers still looks for receipts, as every command closes it at its end.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { TestChain } from './test-chain.ts'

describe('a connection that is closed', function () {
  this.timeout(120_000)
  let chain: TestChain

  before(async () => {
    chain = await TestChain.start()
  })
  after(() => chain?.stop())

  /** A process that sends a transaction, waits for it while several blocks come at once, and closes its connection. */
  const waitAndClose = async (preamble = ''): Promise<{ stdout: string; stderr: string }> => {
    const script = `
      const { FailoverProvider } = await import(${JSON.stringify(new URL('../../../keepers/chain/index.ts', import.meta.url).href)})
      const { JsonRpcApiProvider, Wallet } = await import('ethers')
      ${preamble}
      const [url, key] = process.argv.slice(1)
      const provider = new FailoverProvider({ urls: [url], chainId: 31337n })
      provider.pollingInterval = 20
      const sent = await new Wallet(key, provider).sendTransaction({ to: '0x000000000000000000000000000000000000dEaD', value: 1n })
      // ethers asks for the head first, and looks at each block that it finds after that.
      const waiting = sent.wait()
      await new Promise((done) => setTimeout(done, 300))
      await provider.send('hardhat_mine', ['0x8'])
      const receipt = await waiting
      provider.destroy()
      console.log(receipt.status)`
    const args = ['--input-type=module', '--disable-warning=ExperimentalWarning', '-e', script]
    return await promisify(execFile)(process.execPath, [...args, chain.url, chain.wallet(2).privateKey])
  }

  it('ends no process by what ethers still asked for', async () => {
    await chain.rpc('evm_setAutomine', [false])
    expect((await waitAndClose()).stdout).to.equal('1\n')
  })

  it('would end it, if requests under way failed', async () => {
    const without = 'FailoverProvider.prototype.send = JsonRpcApiProvider.prototype.send'
    const { stderr } = await waitAndClose(without).then(
      () => ({ stderr: 'nothing failed' }),
      (error: { stderr: string }) => error,
    )
    expect(stderr).to.match(/provider destroyed; cancelled request|the RPC connection is closed/)
  })

  it('refuses what is asked afterwards', async () => {
    const provider = chain.connect([chain.url])
    await provider.getBlockNumber()
    provider.destroy()
    const refused = await provider.getBlockNumber().catch((error: Error) => error.message)
    expect(refused).to.match(/provider destroyed/)
  })
})
