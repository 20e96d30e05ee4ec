// SPDX-License-Identifier: GPL-3.0-or-later
// Calls that a proposer made up, in words.
import { expect } from 'chai'
import { id as hashOf, Interface, parseEther, ZeroAddress } from 'ethers'
import { modelHistory } from '../../../keepers/chain/dao/history.ts'
import { proposalIdOf } from '../../../keepers/chain/dao/proposal-id.ts'
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

describe('a proposal that an endpoint shows', () => {
  const details = [[TARGET], [0n], [data], hashOf('rename it')] as const
  const id = proposalIdOf(details)
  const shownBy = (given: readonly unknown[]) => {
    const governor = {
      ...{ proposalSnapshot: async () => 5n, proposalDeadline: async () => 9n, proposalEta: async () => 0n },
      ...{ state: async () => 1n, proposalProposer: async () => ZeroAddress, proposalVotes: async () => [0n, 0n, 0n] },
      proposalDetails: async () => given,
    }
    return new ProposalBook({
      ...{ governor: governor as never, sender: {} as never },
      known: [{ name: 'Known', address: TARGET, abi }],
    }).get(id)
  }

  it('does what its number says', async () => {
    expect((await shownBy(details)).actions).to.deep.equal(['Known.rename("zz", 7)'])
  })

  const other = abi.encodeFunctionData('rename', ['zz', 8])
  for (const [what, given] of [
    ['other calls', [[TARGET], [0n], [other], details[3]]],
    ['another target', [[`0x${'44'.repeat(20)}`], [0n], [data], details[3]]],
    ['coins', [[TARGET], [1n], [data], details[3]]],
    ['no calls', [[], [], [], details[3]]],
  ] as const) {
    it(`is refused with ${what}: somebody would vote for them, and get those of the number`, async () => {
      const error = await shownBy(given).then(
        () => null,
        (cause: Error) => cause,
      )
      expect(error).to.have.property('message').which.contains(`calls for proposal ${id} that are not its own`)
    })
  }
})

describe('numbers that an endpoint says', () => {
  const governor = {
    proposalCount: async () => 2n ** 53n + 1n,
    proposalDetailsAt: async () => [0n],
    proposalSnapshot: async () => 0n,
  }
  const lying = new ProposalBook({ governor: governor as never, sender: {} as never, known: [] })

  it('make no endless list of proposals', async () => {
    // Above 2^53 a counter that grows by one stays where it is.
    for (const ask of [
      () => lying.list(),
      () => lying.list({ count: 1 }),
      () => lying.find('12345'),
      () => lying.count(),
    ]) {
      const error = await ask().then(
        () => null,
        (cause: Error) => cause,
      )
      expect(error).to.have.property('message').which.contains('9007199254740993 proposals, which cannot be')
    }
  })

  it('make no endless list of versions that it never shows', async () => {
    let asked = 0
    const models = {
      versionCount: async () => 3n,
      listVersions: async () => {
        if (asked++ > 10) throw new Error('without end')
        return []
      },
      listReleases: async () => [],
    }
    const error = await modelHistory(models as never, TARGET).then(
      () => null,
      (cause: Error) => cause,
    )
    expect(error).to.have.property('message').which.contains('counts 3 versions and shows 0')
  })
})
