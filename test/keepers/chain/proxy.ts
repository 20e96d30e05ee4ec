// SPDX-License-Identifier: GPL-3.0-or-later
import { createServer, type Server } from 'node:http'

/** A JSON-RPC endpoint in front of another, which a test can break. */
export class FlakyEndpoint {
  readonly url: string
  /** 'ok' passes on; the others are ways in which public endpoints fail. */
  mode: 'ok' | 'hang' | 'html' | 'busy' | 'wrong-chain' = 'ok'
  /** Called with each method that passes. Returns false to lose the request after the node has taken it. */
  onMethod: (method: string) => boolean = () => true
  requests = 0
  readonly #server: Server

  private constructor(server: Server, port: number) {
    this.#server = server
    this.url = `http://127.0.0.1:${port}`
  }

  static async start(target: string): Promise<FlakyEndpoint> {
    const server = createServer()
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const endpoint = new FlakyEndpoint(server, (server.address() as { port: number }).port)
    server.on('request', async (request, response) => {
      endpoint.requests += 1
      const parts: Buffer[] = []
      for await (const part of request) parts.push(part as Buffer)
      const body = Buffer.concat(parts).toString()
      const { id, method } = JSON.parse(body)
      if (endpoint.mode === 'hang') return
      if (endpoint.mode === 'html') return response.writeHead(502).end('<html>Bad gateway</html>')
      const answer = (value: unknown) => response.end(JSON.stringify({ jsonrpc: '2.0', id, ...(value as object) }))
      if (endpoint.mode === 'busy') return answer({ error: { code: -32005, message: 'limit exceeded' } })
      if (endpoint.mode === 'wrong-chain' && method === 'eth_chainId') return answer({ result: '0x1' })
      const upstream = await fetch(target, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
      const text = await upstream.text()
      if (!endpoint.onMethod(method)) return response.destroy()
      response.end(text)
    })
    return endpoint
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }
}
