// SPDX-License-Identifier: GPL-3.0-or-later
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { nodePost } from '../../../keepers/chain/index.ts'

describe('requests by Node’s own client', () => {
  let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const piece of request) body += piece
    answer(request, response, body)
  })
  let url = ''
  before(async () => {
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })

  const payload = { jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] } as const
  const post = (to = url, signal = AbortSignal.timeout(5_000)) => nodePost(to, { ...payload, params: [] }, signal)
  const reason = (body: Promise<unknown>): Promise<string> =>
    body.then(
      () => 'none',
      (error: Error) => error.message,
    )

  it('carry the payload and credentials, over one connection', async () => {
    const ports = new Set<number | undefined>()
    answer = ({ headers, method, socket }, response, body) => {
      ports.add(socket.remotePort)
      response.end(JSON.stringify({ method, body: JSON.parse(body), by: headers.authorization ?? null }))
    }
    expect(await post()).to.deep.equal({ method: 'POST', body: payload, by: null })
    const basic = `Basic ${Buffer.from('me:p@ss').toString('base64')}`
    expect(await post(url.replace('//', '//me:p%40ss@'))).to.deep.include({ by: basic })
    expect(ports.size).to.equal(1)
  })

  it('read compressed answers, and follow an endpoint that moved', async () => {
    answer = (request, response) => {
      if (request.url === '/') return response.writeHead(307, { location: `${url}/here` }).end()
      return response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{"result":"0x1"}'))
    }
    expect(await post(`${url}/there`)).to.deep.equal({ result: '0x1' })
    expect(await post()).to.deep.equal({ result: '0x1' })
  })

  it('fail with the endpoint’s name, and not its key', async () => {
    answer = (_, response) => response.writeHead(502).end('<html>Bad gateway</html>')
    expect(await reason(post(`${url}/key`))).to.equal(`${url}: HTTP 502, no JSON`)
    answer = (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('no gzip')
    expect(await reason(post(`${url}/key`))).to.match(new RegExp(`^${url}: .*header`))
    answer = (_, response) => response.destroy()
    expect(await reason(post(`${url}/key`))).to.match(new RegExp(`^${url}: (?!.*key)`))
    expect(await reason(post('http://127.0.0.1:1/key'))).to.match(/^http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/)
  })

  it('take no more than 64 MiB, packed or not', async () => {
    const bomb = gzipSync(Buffer.alloc(65 << 20, 0x20))
    answer = (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
    expect(await reason(post())).to.match(new RegExp(`^${url}: .*larger than`))
    answer = (_, response) => response.end(Buffer.alloc(65 << 20, 0x20))
    expect(await reason(post())).to.equal(`${url}: an answer of more than 64 MiB`)
    const big = answer
    answer = (request, response, body) => {
      if (request.url === '/') response.writeHead(307, { location: `${url}/here` }).end()
      else big(request, response, body)
    }
    expect(await reason(post()), 'by way of another address').to.equal(`${url}: an answer of more than 64 MiB`)
    answer = (_, response) => response.end('{}')
    expect(await post()).to.deep.equal({})
  })

  it('take no more values than an answer has, however few bytes they come in', async () => {
    const values = 2_000_001
    const nested = '['.repeat(values)
    for (const text of [`[${'{},'.repeat(values)}{}]`, nested]) {
      const packed = gzipSync(text)
      expect(packed.length).to.be.below(20_000)
      answer = (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed)
      expect(await reason(post())).to.equal(`${url}: an answer of more than 2000000 values`)
    }
    const logs = JSON.stringify(Array.from({ length: 10_000 }, () => ({ topics: ['0x', '0x'], data: '0'.repeat(128) })))
    answer = (_, response) => response.end(logs)
    expect(await post()).to.have.length(10_000)
  })

  it('end when their time is over, before the answer and in the middle of it', async () => {
    answer = () => undefined
    expect(await reason(post(url, AbortSignal.timeout(50)))).to.include(`${url}: `)
    answer = (_, response) => void response.writeHead(200).write('{"res')
    expect(await reason(post(url, AbortSignal.timeout(50)))).to.include(`${url}: `)
    expect(await reason(post(url, AbortSignal.abort(new Error('stopping'))))).to.equal(`${url}: stopping`)
  })
})
