// SPDX-License-Identifier: GPL-3.0-or-later
import { Agent, createServer, request as requestOf, type Server } from 'node:http'

/** A JSON-RPC endpoint in front of another, which a test can break. */
export class FlakyEndpoint {
  readonly url: string
  /** 'ok' passes on; the others are ways in which public endpoints fail. */
  mode: 'ok' | 'hang' | 'html' | 'busy' | 'wrong-chain' = 'ok'
  /** What it says to a request for the logs of more blocks than this. */
  logLimit: { readonly blocks: number; readonly code: number; readonly message: string } | null = null
  /** Blocks of each range of logs that it was asked for. */
  readonly logRanges: number[] = []
  /** Called with each method that passes. Returns false to lose the request after the node has taken it. */
  onMethod: (method: string) => boolean = () => true
  /** What it answers itself, without asking the node: `{ result }` or `{ error }`. */
  intercept: (method: string) => object | null = () => null
  /** Milliseconds before each answer. */
  delay = 0
  requests = 0
  readonly #server: Server
  readonly #agent = new Agent({ keepAlive: true })

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
      const { id, method, params } = JSON.parse(body)
      if (endpoint.mode === 'hang') return
      if (endpoint.delay > 0) await new Promise((done) => setTimeout(done, endpoint.delay))
      if (endpoint.mode === 'html') return response.writeHead(502).end('<html>Bad gateway</html>')
      const answer = (value: unknown) => response.end(JSON.stringify({ jsonrpc: '2.0', id, ...(value as object) }))
      if (endpoint.mode === 'busy') return answer({ error: { code: -32005, message: 'limit exceeded' } })
      if (endpoint.mode === 'wrong-chain' && method === 'eth_chainId') return answer({ result: '0x1' })
      const own = endpoint.intercept(method)
      if (own !== null) return answer(own)
      if (method === 'eth_getLogs') {
        const blocks = Number(params[0].toBlock) - Number(params[0].fromBlock) + 1
        endpoint.logRanges.push(blocks)
        const limit = endpoint.logLimit
        if (limit !== null && blocks > limit.blocks)
          return answer({ error: { code: limit.code, message: limit.message } })
      }
      // Without fetch, whose streams cost more than all else here: keepers ask a few times a second each.
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
      const passed = requestOf(target, { method: 'POST', headers, agent: endpoint.#agent }, (upstream) => {
        if (endpoint.onMethod(method)) return upstream.pipe(response)
        upstream.resume()
        response.destroy()
      })
      passed.on('error', () => response.destroy())
      passed.end(body)
    })
    return endpoint
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    this.#agent.destroy()
    await new Promise((done) => this.#server.close(done))
  }
}
