// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { DataPlane, NetworkError } from '../../../keepers/network/index.ts'

describe('parts of blobs from peers that deviate', () => {
  let folder: string
  let alice: DataPlane
  let bob: DataPlane
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-parts-'))
    const start = (name: string) =>
      DataPlane.start({ folder: join(folder, name), identitySeed: new Uint8Array(32).fill(name.charCodeAt(0)) })
    ;[alice, bob] = (await Promise.all(['alice', 'bob'].map(start))) as [DataPlane, DataPlane]
  })
  after(async () => {
    await Promise.all([alice, bob].map((plane) => plane?.stop()))
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  })

  it('B1: what cannot be fetched whole, for its many small parts, cannot be fetched in parts either', async () => {
    const bytes = randomBytes(20_000)
    const cid = await alice.publish(bytes, { cuts: Array.from({ length: 1_250 }, (_, at) => 16 * at) })
    const limits = { maxBytes: 20_000, timeout: 20_000 }
    const whole = await bob.fetch(cid, { ...limits, providers: alice.addresses }).catch((error) => error)
    expect(whole).to.be.instanceOf(NetworkError)
    const part = await bob.parts
      .fetch(cid, { from: 5_000, to: 10_000 }, { ...limits, provider: alice.addresses[0]! })
      .catch((error) => error)
    // It took more than twelve times its range.
    expect(part, `${part.bytes} bytes for 5,000`).to.be.instanceOf(NetworkError)
  })
  it('are not shut out by a dozen sockets that say nothing', async () => {
    const carol = await DataPlane.start({ folder: join(folder, 'carol'), identitySeed: new Uint8Array(32).fill(3) })
    const port = Number(/\/tcp\/(\d+)/.exec(alice.addresses[0]!)![1])
    const sockets = await Promise.all(
      Array.from(
        { length: 12 },
        () =>
          new Promise<ReturnType<typeof connect>>((resolve) => {
            const socket = connect(port, '127.0.0.1', () => resolve(socket)).on('error', () => undefined)
          }),
      ),
    )
    try {
      alice.parts.tell('said', Uint8Array.of(1))
      const note = await carol.parts.ask('said', { timeout: 5_000, provider: alice.addresses[0]! })
      expect([...note!]).to.deep.equal([1])
    } finally {
      for (const socket of sockets) socket.destroy()
      await carol.stop()
    }
  })
})
