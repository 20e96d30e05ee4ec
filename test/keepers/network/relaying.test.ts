// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import { DataPlane, type NodeOptions, presenceAt } from '../../../keepers/network/index.ts'

const MIB = 1 << 20

describe('keepers through a relay', function () {
  this.timeout(30_000)
  const folder = mkdtempSync(join(tmpdir(), 'cohort-relaying-'))
  const planes: DataPlane[] = []
  const start = async (name: string, options: Partial<NodeOptions>): Promise<DataPlane> => {
    const identitySeed = new Uint8Array(32).fill(name.length + name.charCodeAt(0))
    const plane = await DataPlane.start({ folder: join(folder, name), identitySeed, ...options })
    planes.push(plane)
    return plane
  }
  afterEach(async () => {
    await Promise.all(planes.splice(0).map((plane) => plane.stop()))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const idOf = async (name: string): Promise<string> => {
    const plane = await start(name, {})
    await plane.stop()
    return plane.peerId
  }
  const limits = { maxBytes: 8 * MIB, timeout: 15_000 }
  /** Tries until the relay has given the place. */
  const fetchSoon = async (from: DataPlane, cid: string, address: string): Promise<Uint8Array> => {
    for (const end = performance.now() + 12_000; ; await wait(200)) {
      try {
        return await from.fetch(cid, { ...limits, timeout: 4_000, providers: [address] })
      } catch (error) {
        if (performance.now() > end) throw error
      }
    }
  }

  it('are announced there, and give megabytes to those who cannot dial them', async () => {
    const relay = await start('relay', { nat: { serve: [await idOf('hidden')] } })
    const hidden = await start('hidden', { nat: { relays: [relay.addresses[0]!] } })
    const [address] = hidden.addresses
    expect(address).to.equal(`${relay.addresses[0]}/p2p-circuit/p2p/${hidden.peerId}`)
    const bytes = randomBytes(3 * MIB)
    const cid = await hidden.publish(bytes)
    const other = await start('other', {})
    expect(Buffer.compare(await fetchSoon(other, cid, address!), bytes)).to.equal(0)
    // A second process with the same keys would find this one there.
    expect(await presenceAt(address!, 5_000)).to.equal('peer')
    await hidden.stop()
    expect(await presenceAt(address!, 5_000)).to.equal('nobody')
  })

  it('are reached there by those whose connections it carries, and by nobody else', async () => {
    const hiddenId = await idOf('hidden')
    const member = await start('member', {})
    const carries = async (peer: string) => peer === member.peerId
    const relay = await start('relay', { nat: { serve: [hiddenId], carries } })
    const hidden = await start('hidden', { nat: { relays: [relay.addresses[0]!] } })
    const cid = await hidden.publish(randomBytes(MIB))
    const [address] = hidden.addresses
    expect(await fetchSoon(member, cid, address!)).to.have.length(MIB)
    const stranger = await start('other', {})
    const refused = stranger.fetch(cid, { ...limits, timeout: 4_000, providers: [address!] })
    expect(await refused.catch(({ code }) => code)).to.be.oneOf(['UNAVAILABLE', 'TIMEOUT'])
    // A second process of the keeper behind it is a stranger, too, and hears that somebody is there, as long as that is so.
    expect(await presenceAt(address!, 5_000)).to.equal('peer')
    await hidden.stop()
    expect(await presenceAt(address!, 5_000)).to.equal('nobody')
    // The attack, at a relay that carries everybody's: megabytes for a stranger, at the cost of the relay.
    await relay.stop()
    const open = await start('relay', { nat: { serve: [hiddenId] } })
    const again = await start('hidden', { nat: { relays: [open.addresses[0]!] } })
    expect(await fetchSoon(stranger, cid, again.addresses[0]!)).to.have.length(MIB)
  })

  it('get no place at one that does not name them', async () => {
    const relay = await start('relay', { nat: { serve: [await idOf('hidden')] } })
    const stranger = await start('stranger', { nat: { relays: [relay.addresses[0]!] } })
    const cid = await stranger.publish(randomBytes(100))
    const other = await start('other', {})
    await wait(500)
    const refused = other.fetch(cid, { ...limits, timeout: 4_000, providers: stranger.addresses })
    expect(await refused.catch(({ code }) => code)).to.be.oneOf(['UNAVAILABLE', 'TIMEOUT'])
    // It is the list that refuses: with this name on it, the same works.
    await relay.stop()
    const kinder = await start('relay', { nat: { serve: [stranger.peerId] } })
    await stranger.stop()
    const welcome = await start('stranger', { nat: { relays: [kinder.addresses[0]!] } })
    expect(await fetchSoon(other, cid, welcome.addresses[0]!)).to.have.length(100)
  })

  it('are reached over WebSockets, which browsers speak', async () => {
    const plane = await start('socket', { listen: ['/ip4/127.0.0.1/tcp/0/ws'] })
    const cid = await plane.publish(randomBytes(2 * MIB))
    const other = await start('other', {})
    expect(plane.addresses[0]).to.match(/\/tcp\/\d+\/ws\/p2p\//)
    expect(await other.fetch(cid, { ...limits, providers: plane.addresses })).to.have.length(2 * MIB)
  })
})
