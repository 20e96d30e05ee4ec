// SPDX-License-Identifier: GPL-3.0-or-later
import { createServer, type Server } from 'node:http'

/** A JSON-RPC endpoint that answers nothing any more once it has passed on the last of some transactions. */
export class MortalEndpoint {
  readonly url: string
  #left: number
  readonly #server: Server

  private constructor(server: Server, port: number, transactions: number) {
    this.#server = server
    this.url = `http://127.0.0.1:${port}`
    this.#left = transactions
  }

  static async start(target: string, transactions: number): Promise<MortalEndpoint> {
    const server = createServer()
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const endpoint = new MortalEndpoint(server, (server.address() as { port: number }).port, transactions)
    server.on('request', async (request, response) => {
      const parts: Buffer[] = []
      for await (const part of request) parts.push(part as Buffer)
      const body = Buffer.concat(parts).toString()
      if (endpoint.#left === 0) return
      if (body.includes('"eth_sendTransaction"')) endpoint.#left--
      const upstream = await fetch(target, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
      response.end(await upstream.text())
    })
    return endpoint
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }
}
