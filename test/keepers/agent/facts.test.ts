// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { Interface } from 'ethers'
import { Facts } from '../../../keepers/agent/facts.ts'
import type { LogRow, LogStore } from '../../../keepers/store/index.ts'

const abi = new Interface(['event Done(uint8 seat, uint256 amount)'])

describe('facts', () => {
  const row = (block: number, transactionHash: string, seat: number): LogRow => {
    const { topics, data } = abi.encodeEventLog('Done', [seat, 2n ** 60n])
    return { block, logIndex: 0, blockHash: `0xb${block}`, address: '0x5e', topics, data, transactionHash }
  }

  it('say whether a transaction has left an event in a block, from the store and from what came since', () => {
    const facts = new Facts(abi, { all: () => [row(7, '0xa', 1)] } as unknown as LogStore)
    facts.add([row(9, '0xb', 2)])
    for (const [blockNumber, hash, has] of [
      [7, '0xa', true],
      [9, '0xb', true],
      [9, '0xa', false],
      [7, '0xc', false],
    ] as const)
      expect(facts.has({ blockNumber, hash }), `${hash} in ${blockNumber}`).to.equal(has)
    expect(facts.last('Done' as never)?.args).to.deep.equal({ seat: 2, amount: 2n ** 60n })
  })

  it('pass over logs that no contract has left: an endpoint’s word, once it is stored, must not keep the keeper from starting', () => {
    const [cut, topics, sound] = [row(7, '0xa', 1), row(7, '0xb', 2), row(8, '0xc', 3)]
    const bad = [
      { ...cut, data: cut.data.slice(0, 20) },
      { ...topics, topics: [...topics.topics, `0x${'11'.repeat(32)}`], data: '0x' },
    ]
    const facts = new Facts(abi, { all: () => [...bad, sound] } as unknown as LogStore)
    expect(facts.all('Done' as never).map(({ args }) => (args as { seat: number }).seat)).to.deep.equal([3])
    expect(facts.add([...bad, row(9, '0xd', 4)])).to.have.length(1)
  })
})
