// SPDX-License-Identifier: GPL-3.0-or-later
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { parseBlobCid, readNode } from '../../../keepers/network/file-format.ts'
import { BlockGateway, blobCid, DataPlane } from '../../../keepers/network/index.ts'
import { GatewayPlane } from '../../../web/src/blobs/gateway-plane.ts'

const TERMS = { maxBytes: 10 << 20, timeout: 5_000 }

describe('a keeper’s gateway', () => {
  let folder: string
  let plane: DataPlane
  let gateway: BlockGateway
  const small = new TextEncoder().encode('a manifest')
  const large = Uint8Array.from({ length: (2 << 20) + 123 }, (_, i) => (i * 31) % 251)
  let cids: { readonly small: string; readonly large: string }
  const at = (path: string, init: RequestInit = {}) => fetch(new URL(path, gateway.url), init)

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-gateway-'))
    plane = await DataPlane.start({ folder, identitySeed: new Uint8Array(32).fill(7) })
    cids = { small: await plane.publish(small), large: await plane.publish(large) }
    gateway = await BlockGateway.start({ host: '127.0.0.1', port: 0, blocks: plane })
  })
  after(async () => {
    await gateway.stop()
    await plane.stop()
    await rm(folder, { recursive: true })
  })

  it('gives a block to any page that names it, to be kept for ever', async () => {
    const response = await at(`/ipfs/${cids.small}?format=raw`)
    expect(new Uint8Array(await response.arrayBuffer())).to.deep.equal(small)
    expect(Object.fromEntries(response.headers)).to.include({
      'access-control-allow-origin': '*',
      'content-type': 'application/vnd.ipld.raw',
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
      etag: `"${cids.small}.raw"`,
    })
    const accepting = await at(`/ipfs/${cids.small}`, { headers: { accept: 'application/vnd.ipld.raw' } })
    expect(accepting.status).to.equal(200)
  })

  it('says without a body that a block is there, and has not changed', async () => {
    const head = await at(`/ipfs/${cids.small}?format=raw`, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length')]).to.deep.equal([200, String(small.length)])
    const again = await at(`/ipfs/${cids.small}?format=raw`, { headers: { 'if-none-match': `"${cids.small}.raw"` } })
    expect(again.status).to.equal(304)
  })

  for (const [what, path, status, init] of [
    ['what it does not have', `/ipfs/bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq?format=raw`, 404, {}],
    ['pages instead of blocks', '/ipfs/SMALL', 406, {}],
    ['a CID that is none', '/ipfs/nonsense?format=raw', 400, {}],
    ['a path inside of a block', '/ipfs/SMALL/../../etc/passwd?format=raw', 404, {}],
    ['to store something', '/ipfs/SMALL?format=raw', 405, { method: 'PUT', body: 'x' }],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const response = await at(path.replace('SMALL', cids.small), init)
      expect(response.status).to.equal(status)
    })
  }

  it('serves the console whole blobs, block by block', async () => {
    const kept = new Map<string, Uint8Array>()
    const shelf = {
      get: async (cid: string) => kept.get(cid),
      put: async (cid: string, bytes: Uint8Array) => kept.set(cid, bytes),
    }
    const page = new GatewayPlane({ gateways: [gateway.url], shelf })
    expect(await page.fetch(cids.large, TERMS)).to.deep.equal(large)
    expect(kept.size).to.equal(4)
    // A browser's disk may change a block: it is fetched again.
    for (const bytes of kept.values()) bytes[0]! ^= 1
    expect(await page.fetch(cids.large, TERMS)).to.deep.equal(large)
    const offline = new GatewayPlane({ gateways: [], shelf })
    expect(await offline.fetch(cids.large, TERMS)).to.deep.equal(large)
  })

  describe('beside a gateway that lies', () => {
    let liar: Server
    let address: string
    before(async () => {
      liar = createServer((_request, response) => response.end('other bytes')).listen(0, '127.0.0.1')
      await new Promise((done) => liar.once('listening', done))
      address = `http://127.0.0.1:${(liar.address() as AddressInfo).port}/`
    })
    after(() => liar.close())

    it('is asked next', async () => {
      const page = new GatewayPlane({ gateways: [address, gateway.url] })
      expect(await page.fetch(cids.small, TERMS)).to.deep.equal(small)
    })

    it('is asked next of one that says nothing, and first from then on', async () => {
      let asked = 0
      const silent = createServer(() => asked++).listen(0, '127.0.0.1')
      await new Promise((done) => silent.once('listening', done))
      try {
        const mute = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`
        const page = new GatewayPlane({ gateways: [mute, gateway.url] })
        // Of four blocks: one turn of the silent one, not four.
        expect(await page.fetch(cids.large, { ...TERMS, timeout: 8_000 })).to.deep.equal(large)
        expect(asked).to.equal(1)
      } finally {
        silent.closeAllConnections()
        silent.close()
      }
    }).timeout(15_000)

    it('leaves the console without the blob rather than with a false one', async () => {
      const page = new GatewayPlane({ gateways: [address] })
      const failure = await page.fetch(cids.small, TERMS).catch((error: Error) => error.message)
      expect(failure).to.match(
        /none of 1 gateways delivered it \(http:\/\/127\.0\.0\.1:\d+ sent bytes that do not match the CID\)/,
      )
    })
  })

  it('is not believed about sizes: a blob above the limit is refused before its leaves are asked for', async () => {
    const page = new GatewayPlane({ gateways: [gateway.url] })
    const failure = await page.fetch(cids.large, { ...TERMS, maxBytes: 1 << 20 }).catch((error) => error.code)
    expect(failure).to.equal('TOO_LARGE')
  })

  it('closes a connection whose reader takes nothing', async () => {
    const impatient = await BlockGateway.start({ host: '127.0.0.1', port: 0, blocks: plane, idle: 300 })
    try {
      const { hostname, port } = new URL(impatient.url)
      const reader = connect({ host: hostname, port: Number(port) })
      reader.on('error', () => undefined).pause()
      const root = parseBlobCid(cids.large)
      const leaf = readNode(root, (await plane.block(cids.large))!, null, 10 << 20).children[0]!.cid
      // Answers of a megabyte each, more than the buffers of two sockets hold.
      const answers = 50
      reader.write(`GET /ipfs/${leaf}?format=raw HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(answers))
      await sleep(1_500)
      let received = 0
      reader.on('data', (bytes) => {
        received += bytes.length
      })
      reader.resume()
      await once(reader, 'close')
      expect(received).to.be.below(answers * (1 << 20))
    } finally {
      await impatient.stop()
    }
  }).timeout(15_000)

  it('says which port is taken', async () => {
    const { port } = new URL(gateway.url)
    const failure = await BlockGateway.start({ host: '127.0.0.1', port: Number(port), blocks: plane }).catch(
      (error: Error) => error.message,
    )
    expect(failure).to.match(/^network\.gateway: .*EADDRINUSE.*: choose another host or port$/)
    expect(await blobCid(small)).to.equal(cids.small)
  })

  it('holds few blocks for a client that asks for hundreds at once and reads nothing, and serves others meanwhile', async () => {
    let reads = 0
    const blocks = {
      block: async () => {
        reads++
        return new Uint8Array(1 << 20)
      },
    }
    const besieged = await BlockGateway.start({ host: '127.0.0.1', port: 0, blocks })
    const { hostname, port } = new URL(besieged.url)
    const greedy = connect(Number(port), hostname)
    try {
      await once(greedy, 'connect')
      greedy.pause()
      greedy.on('error', () => undefined)
      greedy.write(`GET /ipfs/${cids.small}?format=raw HTTP/1.1\r\nhost: a\r\n\r\n`.repeat(400))
      await sleep(500)
      expect(reads).to.be.within(1, 32)
      const found = await fetch(`${besieged.url}/ipfs/${cids.small}?format=raw`, { headers: { connection: 'close' } })
      expect((await found.arrayBuffer()).byteLength).to.equal(1 << 20)
    } finally {
      greedy.destroy()
      await besieged.stop()
    }
  })

  describe('with blocks of a megabyte', () => {
    const blocks = {
      block: async () => {
        await sleep(20)
        return new Uint8Array(1 << 20)
      },
    }
    const ask = () => `GET /ipfs/${cids.small}?format=raw HTTP/1.1\r\nhost: a\r\n\r\n`
    const connected = async (url: string) => {
      const { hostname, port } = new URL(url)
      const socket = connect({ host: hostname, port: Number(port), noDelay: true })
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      return socket
    }

    it('closes a connection whose reader takes a little now and then, and is never idle', async () => {
      const patient = await BlockGateway.start({ host: '127.0.0.1', port: 0, blocks, taking: 300 })
      const reader = await connected(patient.url)
      let received = 0
      let sips = true
      reader.on('data', ({ length }) => {
        received += length
        if (sips) reader.pause()
      })
      const timer = setInterval(() => reader.resume(), 100)
      try {
        const answers = 30
        reader.write(ask().repeat(answers))
        await sleep(1_000)
        sips = false
        reader.resume()
        await once(reader, 'close')
        expect(received).to.be.within(1, (answers - 1) << 20)
      } finally {
        clearInterval(timer)
        reader.destroy()
        await patient.stop()
      }
    })

    it('keeps no room for connections that are gone: what one gives back at its end went to its own next request', async () => {
      const besieged = await BlockGateway.start({ host: '127.0.0.1', port: 0, blocks })
      try {
        for (let i = 0; i < 34; i++) {
          const socket = await connected(besieged.url)
          // The second packet comes while the first one's blocks are read.
          socket.write(ask().repeat(4))
          await sleep(6)
          socket.write(ask().repeat(20))
          await sleep(6)
          socket.resetAndDestroy()
        }
        const found = await fetch(`${besieged.url}/ipfs/${cids.small}?format=raw`, {
          headers: { connection: 'close' },
          signal: AbortSignal.timeout(1_500),
        })
        expect((await found.arrayBuffer()).byteLength).to.equal(1 << 20)
      } finally {
        await besieged.stop()
      }
    })
  })
})
