// SPDX-License-Identifier: GPL-3.0-or-later
// The download's way through a server and a cache that misbehave; test/keepers/zkml/prove/lookup-page tries it in a real browser.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { downloadKey } from '../../../../keepers/zkml/prove/key-download.ts'

const KEY = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251)
const sha256 = `0x${createHash('sha256').update(KEY).digest('hex')}`

describe('the download of a proving key', () => {
  let server: Server
  let url: string
  before(async () => {
    server = createServer((request, response) => {
      if (request.url === '/gone') response.writeHead(404).end()
      else if (request.url === '/endless') {
        const more = () => {
          if (!response.destroyed) response.write(KEY, () => setImmediate(more))
        }
        more()
      } else response.end(request.url === '/other' ? KEY.subarray(1) : KEY)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  const scope = globalThis as { caches?: unknown }
  afterEach(() => {
    delete scope.caches
  })

  const failure = (body: Promise<unknown>): Promise<Error & { code: string }> =>
    body.then(
      () => {
        throw new Error('expected a refusal')
      },
      (error: Error & { code: string }) => error,
    )

  it('gives the bytes of that hash, and refuses others, errors, and more than was allowed', async () => {
    const { bytes, fromCache } = await downloadKey(`${url}/key`, { sha256 })
    expect([Buffer.compare(bytes, KEY), fromCache]).to.deep.equal([0, false])
    const other = await failure(downloadKey(`${url}/other`, { sha256 }))
    expect([other.code, other.message]).to.satisfy(
      ([code, text]: string[]) => code === 'malformed' && /another key/.test(text!),
    )
    expect((await failure(downloadKey(`${url}/gone`, { sha256 }))).message).to.match(/404/)
    expect((await failure(downloadKey(`${url}/endless`, { sha256, maxBytes: 1 << 20 }))).message).to.match(
      /longer than 1048576 bytes/,
    )
  })

  it('does without a cache that fails, and throws away what is not the key', async () => {
    const broken = { match: () => Promise.reject(new Error('no')), put: () => Promise.reject(new Error('full')) }
    scope.caches = { open: async () => broken }
    expect((await downloadKey(`${url}/key`, { sha256 })).fromCache).to.equal(false)
    const held = new Map<string, Response>([[`${url}/key`, new Response(KEY.subarray(5))]])
    scope.caches = {
      open: async () => ({
        match: async (at: string) => held.get(at)?.clone(),
        delete: async (at: string) => held.delete(at),
        put: async (at: string, response: Response) => void held.set(at, response),
      }),
    }
    expect((await downloadKey(`${url}/key`, { sha256 })).fromCache).to.equal(false)
    const again = await downloadKey(`${url}/key`, { sha256 })
    expect([again.fromCache, Buffer.compare(again.bytes, KEY)]).to.deep.equal([true, 0])
  })
})
