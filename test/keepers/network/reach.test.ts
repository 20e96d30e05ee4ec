// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { DataPlane, presenceAt } from '../../../keepers/network/index.ts'

describe('who answers at an address', function () {
  this.timeout(60_000)
  let folder: string
  let first: DataPlane
  let second: DataPlane
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-presence-'))
    const start = (name: string, byte: number) =>
      DataPlane.start({ folder: join(folder, name), identitySeed: new Uint8Array(32).fill(byte) })
    first = await start('first', 1)
    second = await start('second', 2)
  })
  after(async () => {
    await Promise.all([first?.stop(), second?.stop()])
    rmSync(folder, { recursive: true, force: true })
  })
  const own = (plane: DataPlane): string => plane.addresses[0]!

  it('is the peer that the address names, when it proves that', async () => {
    expect(await presenceAt(own(first), 5_000)).to.equal('peer')
  })

  it('is another peer, whose handshake proves another identity, at the same port', async () => {
    const mistaken = own(first).replace(first.peerId, second.peerId)
    expect(await presenceAt(mistaken, 5_000)).to.equal('other')
  })

  it('is nobody at a closed port', async () => {
    expect(await presenceAt(own(first).replace(/tcp\/\d+/, 'tcp/9'), 5_000)).to.equal('nobody')
  })

  it('counts as the peer when it takes the connection and says nothing: a stopped process may go on', async () => {
    const mute = createServer(() => undefined)
    await new Promise<void>((done) => mute.listen(0, '127.0.0.1', done))
    const { port } = mute.address() as { port: number }
    expect(await presenceAt(own(first).replace(/tcp\/\d+/, `tcp/${port}`), 1_000)).to.equal('peer')
    mute.close()
  })
})
