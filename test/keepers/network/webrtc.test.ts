// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { DataPlane, isWebRtc, NetworkError } from '../../../keepers/network/index.ts'
import { webRtcTransports } from '../../../keepers/network/webrtc.ts'

const MIB = 1 << 20
const LISTEN = '/ip4/127.0.0.1/udp/0/webrtc-direct'

describe('WebRTC', function () {
  this.timeout(60_000)
  const folder = mkdtempSync(join(tmpdir(), 'cohort-webrtc-'))
  const planes: DataPlane[] = []
  const start = async (name: string, listen: string[], announce: string[] = []): Promise<DataPlane> => {
    const identitySeed = randomBytes(32)
    const plane = await DataPlane.start({ folder: join(folder, name), identitySeed, listen, announce })
    planes.push(plane)
    return plane
  }
  afterEach(async () => {
    await Promise.all(planes.splice(0).map((plane) => plane.stop()))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('gives megabytes to those who know the address with the certificate, which is not the announced one', async () => {
    const keeper = await start('keeper', ['/ip4/127.0.0.1/tcp/0', LISTEN], ['/ip4/203.0.113.7/tcp/4001'])
    expect(keeper.addresses).to.deep.equal([`/ip4/203.0.113.7/tcp/4001/p2p/${keeper.peerId}`])
    const [address] = keeper.webRtcAddresses
    expect(address).to.match(
      new RegExp(`^/ip4/127\\.0\\.0\\.1/udp/\\d+/webrtc-direct/certhash/[\\w-]+/p2p/${keeper.peerId}$`),
    )
    const bytes = randomBytes(3 * MIB)
    const cid = await keeper.publish(bytes)
    const visitor = await start('visitor', ['/ip4/127.0.0.1/tcp/0', LISTEN])
    const options = { maxBytes: 4 * MIB, timeout: 30_000 }
    const got = await visitor.fetch(cid, { ...options, providers: [address!] })
    expect(Buffer.compare(got, bytes)).to.equal(0)
    // Whoever has another certificate than the address says is not the keeper.
    const [other] = visitor.webRtcAddresses
    const hash = (text: string): string => /certhash\/([\w-]+)/.exec(text)![1]!
    const forged = address!.replace(hash(address!), hash(other!))
    const stranger = await start('stranger', ['/ip4/127.0.0.1/tcp/0', LISTEN])
    const asked = stranger.fetch(cid, { ...options, timeout: 6_000, providers: [forged] })
    expect(await asked.catch((error: NetworkError) => error.code)).to.be.oneOf(['UNAVAILABLE', 'TIMEOUT'])
  })

  it('is not loaded without an address for it, and its lack is told by name', async () => {
    const missing = async (): Promise<never> => {
      throw new Error("Cannot find package 'node-datachannel'\nstack")
    }
    expect(await webRtcTransports(['/ip4/127.0.0.1/tcp/0'], missing)).to.deep.equal([])
    const refused = await webRtcTransports(['/ip4/127.0.0.1/tcp/0', LISTEN], missing).catch((error) => error)
    expect(refused).to.be.instanceOf(NetworkError)
    expect(refused.exitCode).to.equal(78)
    expect(refused.message).to.match(/^network\.listen: WebRTC.*'node-datachannel': install.*or remove \/ip4\/127/)
    const plain = await start('plain', ['/ip4/127.0.0.1/tcp/0'])
    expect(plain.webRtcAddresses).to.deep.equal([])
  })

  it('is asked for by addresses of one form', () => {
    for (const address of [LISTEN, '/ip6/::/udp/4003/webrtc-direct']) expect(isWebRtc(address), address).to.equal(true)
    for (const address of ['/ip4/0.0.0.0/tcp/4001', '/ip4/0.0.0.0/udp/4003', `${LISTEN}/p2p/12D3KooW`]) {
      expect(isWebRtc(address), address).to.equal(false)
    }
  })
})
