// SPDX-License-Identifier: GPL-3.0-or-later
import type { PeerId, PeerStore } from '@libp2p/interface'
import { expect } from 'chai'
import { knownProtocols } from '../../../keepers/network/known-protocols.ts'

describe('notes of the protocols that a peer speaks', () => {
  const peer = (name: string): PeerId => ({ toString: () => name }) as PeerId
  const stage = () => {
    const written: string[] = []
    let time = 0
    const method = (name: string) => async (id: PeerId, data?: { readonly protocols?: readonly string[] }) => {
      written.push(`${name} ${id} ${data?.protocols ?? ''}`)
      return { id }
    }
    const names = ['merge', 'patch', 'save', 'delete'] as const
    const peerStore = Object.fromEntries(names.map((name) => [name, method(name)])) as unknown as PeerStore
    knownProtocols(() => time)({ peerStore })
    return { written, peerStore, pass: (milliseconds: number) => (time += milliseconds) }
  }

  it('are made once for each peer and protocol, and again after ten minutes', async () => {
    const { written, peerStore, pass } = stage()
    for (let i = 0; i < 5; i++) {
      for (const id of ['a', 'b']) for (const one of ['/x', '/y']) await peerStore.merge(peer(id), { protocols: [one] })
    }
    expect(written).to.deep.equal(['merge a /x', 'merge a /y', 'merge b /x', 'merge b /y'])
    pass(600_000)
    await peerStore.merge(peer('a'), { protocols: ['/x'] })
    expect(written).to.have.length(5)
  })

  it('are made again when the record was replaced or removed, and always beside anything else', async () => {
    const { written, peerStore } = stage()
    const note = () => peerStore.merge(peer('a'), { protocols: ['/x'] })
    await note()
    for (const change of [
      () => peerStore.patch(peer('a'), { protocols: ['/y'] }),
      () => peerStore.save(peer('a'), { protocols: ['/y'] }),
      () => peerStore.delete(peer('a')),
    ]) {
      await note()
      await change()
      await note()
      await note()
    }
    expect(written.filter((line) => line === 'merge a /x')).to.have.length(4)
    await peerStore.merge(peer('a'), { protocols: ['/x'], multiaddrs: [] })
    await peerStore.merge(peer('a'), { tags: {} })
    expect(written.slice(-2)).to.deep.equal(['merge a /x', 'merge a '])
  })

  it('are not remembered when the store fails', async () => {
    const { peerStore } = stage()
    let failures = 0
    const failing = { ...peerStore, merge: async () => Promise.reject(new Error(`disk ${++failures}`)) } as PeerStore
    knownProtocols()({ peerStore: failing })
    for (let i = 0; i < 2; i++) await failing.merge(peer('a'), { protocols: ['/x'] }).catch(() => undefined)
    expect(failures).to.equal(2)
  })
})
