// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { compareSnapshot, type Figures } from '../governance/gas-snapshot.ts'
import { createDeployment } from './simulated.ts'

/** EIP-7825, in force since Fusaka: a transaction with more gas is refused. */
const MOST_GAS = 2 ** 24
/** Of that, what the dearest transaction of a deployment may need: the rest is for estimates and for what contracts still gain. */
const MOST_SHARE = 0.75

describe('the transactions of a deployment', () => {
  it('are sent to a chain that has the cap', async () => {
    const { ethers } = await createDeployment()
    const [sender] = await ethers.getSigners()
    const send = (gasLimit: number) => sender!.sendTransaction({ to: sender!.address, gasLimit })
    await send(MOST_GAS)
    const refusal = await send(MOST_GAS + 1).then(String, (error: Error) => error.message)
    expect(refusal).to.match(/gas/i).and.to.contain(String(MOST_GAS))
  })

  it('fit under the cap on the gas of a transaction', async () => {
    const { browser, deployment } = await createDeployment()
    const names = new Map(Object.entries(deployment.contracts).map(([name, address]) => [address, name]))
    names.set(deployment.services[0]!.address, 'the first service')
    const gas: Figures = { 'a part without an address of its own': 0, 'a call': 0 }
    for (let number = 0; number <= (await browser.getBlockNumber()); number++) {
      for (const hash of (await browser.getBlock(number))!.transactions) {
        const receipt = (await browser.getTransactionReceipt(hash))!
        // A node looks at the limit, which the sender estimates.
        expect(Number((await browser.getTransaction(hash))!.gasLimit), hash).to.be.at.most(MOST_GAS)
        const name =
          receipt.contractAddress === null
            ? 'a call'
            : (names.get(receipt.contractAddress) ?? 'a part without an address of its own')
        gas[name] = Math.max(gas[name] ?? 0, Number(receipt.gasUsed))
      }
    }
    const dearest = Object.entries(gas).sort(([, a], [, b]) => b - a)
    expect(dearest.length).to.be.above(15)
    expect(dearest[0]![1] / MOST_GAS, dearest[0]![0]).to.be.below(MOST_SHARE)
    const perMille = dearest.map(([name, used]): [string, number] => [name, Math.round((1000 * used) / MOST_GAS)])
    compareSnapshot('deployment', {
      gas: Object.fromEntries(dearest),
      'per mille of the cap': Object.fromEntries(perMille),
    })
  })
})
