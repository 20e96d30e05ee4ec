// SPDX-License-Identifier: GPL-3.0-or-later
// Calls that a proposer made up, in words.
import { expect } from 'chai'
import { Interface, parseEther } from 'ethers'
import { ProposalBook } from '../../../keepers/chain/dao/proposals.ts'

const TARGET = `0x${'33'.repeat(20)}`
const abi = new Interface(['function rename(string name, uint256 amount)'])
const book = new ProposalBook({
  ...{ governor: {} as never, sender: {} as never },
  known: [{ name: 'Known', address: TARGET, abi }],
})
const data = abi.encodeFunctionData('rename', ['zz', 7])

describe('a proposal’s calls in words', () => {
  it('are decoded for contracts that are known', () => {
    expect(book.inWords({ target: TARGET, data }, parseEther('2'))).to.equal('Known.rename("zz", 7) with 2.0 ether')
  })

  for (const [what, spoilt] of [
    ['that end too early', data.slice(0, 74)],
    ['with a text that is not UTF-8', data.replace('7a7a', 'fffe')],
    ['of no function', '0x12'],
  ] as const) {
    it(`are shown as they are ${what}, and hide no other proposal`, () => {
      expect(book.inWords({ target: TARGET, data: spoilt }, 1n)).to.equal(
        `Known ${spoilt} with 0.000000000000000001 ether`,
      )
    })
  }
})
