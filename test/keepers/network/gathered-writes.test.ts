// SPDX-License-Identifier: GPL-3.0-or-later
import { Writable } from 'node:stream'
import { expect } from 'chai'
import { gatherWrites } from '../../../keepers/network/gathered-writes.ts'

/** A socket that notes what it hands to the system at once, in bytes. */
class Noted extends Writable {
  readonly calls: number[][] = []
  /** Whether the system takes nothing more. */
  isFull = false
  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.calls.push([chunk.length])
    if (!this.isFull) done()
  }
  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.calls.push(chunks.map(({ chunk }) => chunk.length))
    if (!this.isFull) done()
  }
}

describe('writes to a peer', () => {
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  const stage = (): Noted => {
    const socket = new Noted({ highWaterMark: 1 << 16 })
    // Twice does no more than once.
    for (let i = 0; i < 2; i++) gatherWrites({ socket })
    return socket
  }
  const send = (socket: Noted, ...sizes: number[]): boolean[] => sizes.map((size) => socket.write(Buffer.alloc(size)))

  it('that are small go out together at the end of a turn', async () => {
    const socket = stage()
    send(socket, 2, 100, 2, 300)
    expect(socket.calls).to.deep.equal([])
    await turn()
    expect(socket.calls).to.deep.equal([[2, 100, 2, 300]])
    send(socket, 2, 50)
    await turn()
    expect(socket.calls.slice(1)).to.deep.equal([[2, 50]])
  })

  it('that are large go out at once, in order, and never have the writer wait because of what is gathered', async () => {
    const socket = stage()
    const may = send(socket, 2, 60_000, 2, 60_000, 2, 8_000, 300)
    expect(socket.calls).to.deep.equal([[2], [60_000], [2], [60_000], [2, 8_000], [300]])
    expect(may).to.deep.equal(may.map(() => true))
    await turn()
    expect(socket.calls).to.have.length(6)
  })

  it('wait as ever where the system takes nothing more', async () => {
    const socket = stage()
    socket.isFull = true
    expect(send(socket, 9_000, 60_000)).to.deep.equal([true, false])
    expect(socket.calls).to.deep.equal([[9_000]])
  })

  it('of what goes out before the connection ends are all sent', async () => {
    const socket = stage()
    send(socket, 2, 100)
    socket.end()
    await turn()
    expect(socket.calls).to.deep.equal([[2, 100]])
  })

  it('of a connection that is not over TCP stay as they are', () => {
    for (const connection of [{}, { socket: null }, { socket: { write: () => true } }]) {
      expect(() => gatherWrites(connection)).not.to.throw()
    }
  })
})
