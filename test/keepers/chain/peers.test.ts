// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { decodeAddress, encodeAddress, PeerBook } from '../../../keepers/chain/index.ts'

const PEER = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'

describe('addresses in the registry', () => {
  it('are read when they can be dialled, and ignored when they are rubbish', () => {
    const text = `/ip4/127.0.0.1/tcp/4001/p2p/${PEER}`
    expect(decodeAddress(encodeAddress(text))).to.equal(text)
    expect(decodeAddress(encodeAddress('/ip4/127.0.0.1/tcp/4001'))).to.equal(null)
    for (const hex of ['0x', '0xffffff', `0x${'00'.repeat(40)}`]) expect(decodeAddress(hex)).to.equal(null)
  })
})

describe('addresses of peers', () => {
  it('are looked up every ten minutes, the announcing seat first, without ourselves and without rubbish', async () => {
    let time = 0
    let asked = 0
    const service = { seatInfo: async (seat: number) => ({ keeper: `keeper ${seat}` }) }
    const registry = {
      keeperOf: async (keeper: string) => {
        asked++
        const seat = Number(keeper.split(' ')[1])
        return { multiaddr: seat === 3 ? '0xdead' : encodeAddress(`/ip4/127.0.0.1/tcp/${4000 + seat}/p2p/${PEER}`) }
      },
    }
    const clock = { now: () => time, sleep: async () => undefined }
    const book = new PeerBook(service as never, registry as never, clock)
    const ports = async () =>
      (await book.providers(2, [0, 1, 2, 3], 1)).map((address) => Number(/tcp\/(\d+)/.exec(address)![1]))
    expect(await ports()).to.deep.equal([4002, 4000])
    expect(asked).to.equal(3)
    await ports()
    expect(asked).to.equal(3)
    time += 601_000
    await ports()
    expect(asked).to.equal(6)
    book.refresh()
    await ports()
    expect(asked).to.equal(9)
  })
})
