// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { multiaddr } from '@multiformats/multiaddr'
import { expect } from 'chai'
import { CID } from 'multiformats/cid'
import { DataPlane, type DhtEvent } from '../../../keepers/network/index.ts'
import { PinningService } from '../../../keepers/network/pinning.ts'
import { SpecifiedService } from './pinning-service.ts'

async function until(what: string, test: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 15_000; !(await test()); await wait(20)) {
    if (performance.now() > end) throw new Error(`${what}: never`)
  }
}

describe('a keeper and a pinning service', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cohort-pinning-'))
  let remote: DataPlane
  let keeper: DataPlane
  let service: SpecifiedService
  let token = 'secret'
  const events: DhtEvent[] = []

  before(async () => {
    remote = await DataPlane.start({ folder: join(folder, 'remote'), identitySeed: randomBytes(32) })
    service = await SpecifiedService.start(remote)
    keeper = await DataPlane.start({
      folder: join(folder, 'keeper'),
      identitySeed: randomBytes(32),
      pinning: [
        { url: service.url, name: 'mine', token: () => token, lookEvery: 20, onEvent: (event) => events.push(event) },
      ],
    })
  })
  after(async () => {
    await keeper?.stop()
    await service?.[Symbol.asyncDispose]()
    await remote?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('has a model fetched and kept there, and nothing that is not a model', async () => {
    const update = await keeper.publish(randomBytes(2_000), { round: 1 })
    const model = await keeper.publish(randomBytes(3_000), { round: 1 })
    await keeper.pin(model)
    await until('pinned', () => remote.has(model))
    await until('told', () => events.length > 0)
    expect(events).to.deep.equal([{ announced: 1, failed: 0, reason: null }])
    expect(service.entries.map(({ pin, status }) => [pin.cid, pin.name, status])).to.deep.equal([
      [model, 'mine', 'pinned'],
    ])
    expect(await remote.has(update)).to.equal(false)
    expect(service.requests.join()).not.to.contain(update)
  })

  it('asks for no pin that is there, and takes back its own alone', async () => {
    const model = service.entries[0]!.pin.cid
    service.entries.push({ ...service.entries[0]!, requestid: 'of somebody else', pin: { cid: model, name: 'theirs' } })
    await keeper.pin(model)
    await until('looked', () => events.length === 2)
    expect(service.requests.filter((line) => line.startsWith('POST'))).to.have.length(1)
    await keeper.release(model)
    expect(service.entries.map(({ requestid }) => requestid)).to.deep.equal(['of somebody else'])
  })

  it('reads the token anew, and lets go of a model whatever the service says', async () => {
    service.token = 'renewed'
    const model = await keeper.publish(randomBytes(1_000))
    await keeper.pin(model)
    await until('refused', () => events.length === 3)
    expect(events[2]).to.include({ announced: 0, failed: 1 })
    expect(events[2]!.reason).to.match(
      /^pinning service 127\.0\.0\.1:\d+: HTTP 401: UNAUTHORIZED: Access token is missing/,
    )
    await keeper.release(model)
    token = 'renewed'
    await keeper.publish(randomBytes(1_001)).then((cid) => keeper.pin(cid))
    await until('taken', () => events.length === 4)
    expect(events[3]).to.deep.equal({ announced: 1, failed: 0, reason: null })
  })

  describe('one that misbehaves', () => {
    const cid = CID.parse('bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy')
    const dialled: string[] = []
    const id = '12D3KooWA768LzHMatxkjD1f9DrYW375GZJr6MHPCNEdDtHeTNRt'
    const texts: Record<string, readonly string[]> = {
      pins: [`dnsaddr=/ip4/203.0.113.8/tcp/1/p2p/${id}`, 'something else'],
      inside: [`dnsaddr=/ip4/203.0.113.8/tcp/1/p2p/${id}`, `dnsaddr=/ip4/10.0.0.1/tcp/1/p2p/${id}`],
      deep: ['dnsaddr=/dnsaddr/inside.example.org'],
      circle: ['dnsaddr=/dnsaddr/circle.example.org'],
    }
    const names = {
      addresses: async (host: string) => {
        if (host.startsWith('unknown')) throw new Error('ENOTFOUND')
        return host.startsWith('inside') ? ['203.0.113.9', 'fe80::1'] : ['203.0.113.9']
      },
      texts: async (name: string) => texts[name.split('.')[1]!] ?? [],
    }
    const clientOf = (url: string): PinningService =>
      new PinningService(
        { url, name: 'mine', token: () => token, lookEvery: 20 },
        { addresses: () => [], dial: async (address) => dialled.push(address.toString()), names },
      )
    const reasonFrom = async (trouble: SpecifiedService['trouble'], url = service.url): Promise<string> => {
      service.trouble = trouble
      try {
        await clientOf(url).provide(cid, AbortSignal.timeout(5_000))
        return 'pinned'
      } catch (error) {
        return (error as Error).message
      } finally {
        service.trouble = null
      }
    }
    const status = (over: object): string =>
      JSON.stringify({ requestid: 'x', status: 'queued', pin: { cid: cid.toString() }, delegates: [], ...over })

    it('is refused in one line: not JSON, another form, megabytes, escapes, a redirection, nobody there', async () => {
      expect(await reasonFrom((_, response) => response.end('<html>'))).to.match(
        /does not speak the IPFS Pinning Service API/,
      )
      expect(await reasonFrom((_, response) => response.end('{"results":[{}]}'))).to.match(/API: results\.0\./)
      expect(await reasonFrom((_, response) => response.end('x'.repeat(2 << 20)))).to.match(/more than 1048576 bytes/)
      const escapes = JSON.stringify({ error: { reason: '\u001b[2J\nforged: line' } })
      expect(await reasonFrom((_, response) => response.writeHead(402).end(escapes))).to.match(
        /HTTP 402: {2}?\[2J forged: line$/,
      )
      const elsewhere = { location: `${service.url}/pins` }
      expect(await reasonFrom((_, response) => response.writeHead(302, elsewhere).end())).to.match(/redirect/)
      expect(await reasonFrom(null, 'http://127.0.0.1:9/psa')).to.match(
        /^pinning service 127\.0\.0\.1:9: .*ECONNREFUSED|bad port/,
      )
    })

    it('is not believed when another blob is pinned, and says why one failed', async () => {
      const other = JSON.stringify({ results: [JSON.parse(status({ status: 'pinned', pin: { cid: 'bafkother' } }))] })
      const failed = status({ status: 'failed', info: { status_details: 'no funds' } })
      expect(await reasonFrom((request, response) => response.end(request.method === 'GET' ? other : failed))).to.match(
        /failed: no funds$/,
      )
    })

    it('leads to no address of the own network, unless it is there itself', async () => {
      const delegates = ['10.1.2.3', '192.168.1.1', '127.0.0.1', '169.254.169.254', '203.0.113.7']
        .map((host) => `/ip4/${host}/tcp/4001/p2p/${id}`)
        .concat([
          `/ip6/::1/tcp/1/p2p/${id}`,
          `/ip6/::ffff:10.0.0.1/tcp/1/p2p/${id}`,
          'rubbish',
          `/dns4/outside.example.org/tcp/1/p2p/${id}`,
          `/dns4/inside.example.org/tcp/1/p2p/${id}`,
          `/dns4/unknown.example.org/tcp/1/p2p/${id}`,
          ...['pins', 'inside', 'deep', 'circle'].map((name) => `/dnsaddr/${name}.example.org`),
        ])
      const page = (request: { method?: string | undefined }) =>
        request.method === 'POST' ? status({ delegates }) : status({ status: 'pinned', results: [] })
      const dialledOf = async (host: string): Promise<string[]> => {
        dialled.length = 0
        const real = globalThis.fetch
        // The name of a public service, at the test's own.
        globalThis.fetch = (input, init) => real(String(input).replace(host, '127.0.0.1'), init)
        try {
          await reasonFrom((request, response) => response.end(page(request)), service.url.replace('127.0.0.1', host))
        } finally {
          globalThis.fetch = real
        }
        return dialled.map((text) => multiaddr(text).getComponents()[0]!.value!)
      }
      expect(await dialledOf('pins.example.org')).to.have.members([
        ...['203.0.113.7', 'outside.example.org', 'pins.example.org'],
      ])
      expect(await dialledOf('127.0.0.1')).to.have.length(14)
    })
  })
})
