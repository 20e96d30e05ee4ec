// SPDX-License-Identifier: GPL-3.0-or-later
// How many endpoints have a word of their own.

import { expect } from 'chai'
import { hostOf } from '../../../keepers/chain/endpoint.ts'
import { FailoverProvider } from '../../../keepers/chain/rpc.ts'
import { hasWitnesses, leaveStale, settled, settles } from '../../../keepers/chain/witnesses.ts'

const answer = (endpoint: string, result: unknown = 'a lie') => ({ endpoint, result })

describe('witnesses', () => {
  it('are of different hosts: one that answers at several of its URLs has one word', () => {
    // Whoever runs this host would be two witnesses of anything that it makes up, if URLs were counted.
    const liar = [
      answer('https://rpc.example'),
      answer('https://rpc.example:8443'),
      answer('https://RPC.example.:9000'),
    ]
    expect(settles(liar, liar)).to.equal(false)
    expect(settled([...liar, answer('https://other.example', 'true')], ({ result }) => String(result))).to.equal(null)
    const two = [liar[0]!, answer('https://other.example')]
    expect(settles(two, two)).to.equal(true)
    // The operator's own settles it, alone or against them.
    const own = { ...answer('https://own.example', 'true'), own: true as const }
    expect(settles([own], [...two, own])).to.equal(true)
    expect(settles(two, [...two, own])).to.equal(false)
  })

  it('are as many as the hosts of the configured URLs, and the ports of this machine', () => {
    const count = (...urls: string[]) => {
      const provider = new FailoverProvider({ urls, chainId: 1n })
      try {
        return provider.count
      } finally {
        provider.destroy()
      }
    }
    const keyed = [
      'https://rpc.example/v1/key-one',
      'https://user:word@rpc.example/v1/key-two',
      'https://rpc.example:444',
    ]
    expect(count(...keyed)).to.equal(1)
    expect(hasWitnesses({ count: count(...keyed) })).to.equal(false)
    expect(count(...keyed, 'https://rpc.other.example')).to.equal(2)
    expect(
      count('http://127.0.0.1:8545', 'http://127.0.0.1:8546', 'http://localhost:8545', 'http://[::1]:8545'),
    ).to.equal(4)
    expect(hostOf('https://10.0.0.1:8545')).to.equal(hostOf('http://10.0.0.1:8546'))
  })

  it('need two hosts before a number of their own puts one of them first', async () => {
    const now = 10_000_000
    const heads = [
      ['https://liar.example:1', 0x4000],
      ['https://liar.example:2', 0x3000],
      ['https://honest.example', 0x40],
    ] as const
    const preferred: string[] = []
    const endpoints = {
      count: 2,
      everywhere: async () =>
        heads.map(([endpoint, block]) =>
          answer(endpoint, { number: `0x${block.toString(16)}`, timestamp: `0x${now.toString(16)}` }),
        ),
      prefer: (endpoint: string) => preferred.push(endpoint),
    }
    await leaveStale(endpoints, { now: () => now * 1_000 }, { number: 16, timestamp: now - 600 })
    expect(preferred).to.deep.equal(['https://honest.example'])
  })
})
