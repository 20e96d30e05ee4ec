// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { JsonRpcProvider, Transaction, toQuantity, Wallet } from 'ethers'
import { withGasMargin } from '../../../keepers/chain/index.ts'

describe('gas of an account’s transactions', () => {
  it('is a quarter above the estimate; the estimate alone is what ethers would send', async () => {
    const sent: bigint[] = []
    let estimate = 100_000
    const key = Wallet.createRandom().privateKey
    class Chain extends JsonRpcProvider {
      override async send(method: string, params: unknown[]): Promise<unknown> {
        if (method === 'eth_chainId') return '0x7a69'
        if (method === 'eth_estimateGas') return toQuantity(estimate)
        if (method === 'eth_getTransactionCount') return '0x0'
        if (method === 'eth_gasPrice' || method === 'eth_maxPriorityFeePerGas') return '0x1'
        if (method === 'eth_getBlockByNumber') return null
        if (method === 'eth_sendRawTransaction') {
          const transaction = Transaction.from(params[0] as string)
          sent.push(transaction.gasLimit)
          return transaction.hash
        }
        return '0x1'
      }
    }
    const provider = new Chain('http://127.0.0.1:1', 31337, { staticNetwork: true })
    const request = { to: Wallet.createRandom().address, type: 2, maxFeePerGas: 1n, maxPriorityFeePerGas: 1n }
    await new Wallet(key, provider).sendTransaction(request)
    await withGasMargin(new Wallet(key, provider)).sendTransaction(request)
    expect(sent).to.deep.equal([100_000n, 125_000n])
    // No transaction may carry more than 2^24 (EIP-7825), which a margin must not take it beyond.
    for (estimate of [13_000_000, 16_000_000, 16_777_216, 20_000_000]) {
      // Another one each time: ethers answers equal questions from memory for a while.
      const to = Wallet.createRandom().address
      await withGasMargin(new Wallet(key, provider)).sendTransaction({ ...request, to })
    }
    expect(sent.slice(2)).to.deep.equal([16_250_000n, 16_777_216n, 16_777_216n, 25_000_000n])
    provider.destroy()
  })
})
