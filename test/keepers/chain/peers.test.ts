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
    // Not after each failure, which may come several times a second while a member is away.
    book.refresh()
    await ports()
    expect(asked).to.equal(6)
    time += 10_000
    book.refresh([2])
    await ports()
    expect(asked).to.equal(7)
    time += 10_000
    book.refresh()
    await ports()
    expect(asked).to.equal(10)
  })

  it('are looked up once for many that want them at the same time, and again after an answer that failed', async () => {
    let asked = 0
    const service = { seatInfo: async (seat: number) => ({ keeper: String(seat) }) }
    const registry = {
      keeperOf: async () => {
        if (asked++ === 0) throw new Error('HTTP 502')
        return { multiaddr: encodeAddress(`/ip4/127.0.0.1/tcp/4001/p2p/${PEER}`) }
      },
    }
    const book = new PeerBook(service as never, registry as never, { now: () => 0, sleep: async () => undefined })
    const failed = await book.providers(1, [], 0).catch((error: Error) => error.message)
    expect(failed).to.equal('HTTP 502')
    const found = await Promise.all(Array.from({ length: 5 }, () => book.providers(1, [], 0)))
    expect(found.flat()).to.have.length(5)
    expect(asked).to.equal(2)
  })

  it('say who has a seat, asking the chain once in half a minute, and nobody has one while it does not answer', async () => {
    let time = 0
    let asked = 0
    let seated = 0b101n
    const service = {
      seats: async () => {
        asked++
        if (seated === 0n) throw new Error('HTTP 502')
        return { seated }
      },
      seatInfo: async (seat: number) => ({ keeper: String(seat) }),
    }
    const others = [
      '12D3KooWLbNkDqk9HoZRYXz5FjGEpuAwzVFqTAMAjYdkLMYGjMFB',
      '12D3KooWSUrTiVUGuoW6qGrxFKVUrmcDVNeRXHNcHcUJ8ETSPwZ8',
    ]
    const ids = [PEER, ...others]
    const registry = {
      keeperOf: async (seat: string) => ({
        multiaddr: encodeAddress(`/ip4/127.0.0.1/tcp/1/p2p/${PEER}/p2p-circuit/p2p/${ids[Number(seat)]}`),
      }),
    }
    const book = new PeerBook(service as never, registry as never, { now: () => time, sleep: async () => undefined })
    const found = () => Promise.all(ids.map((id) => book.isSeated(id)))
    // The relay in the second address is not who has the seat.
    expect(await found()).to.deep.equal([true, false, true])
    seated = 0b010n
    expect(await found()).to.deep.equal([true, false, true])
    expect(asked).to.equal(1)
    time += 30_000
    expect(await found()).to.deep.equal([false, true, false])
    seated = 0n
    time += 30_000
    expect(await found()).to.deep.equal([false, false, false])
    expect(asked).to.equal(3)
  })
})
