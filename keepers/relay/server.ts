// SPDX-License-Identifier: GPL-3.0-or-later
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type RefusalCode, RelayError, statusOf } from './errors.ts'
import { CALLS_PATH, MAX_REQUEST, type RelayAnswer } from './protocol.ts'
import type { Relayer } from './relayer.ts'

/** Connections for requests that are still being read or checked, beyond the calls that may wait. */
const SPARE_CONNECTIONS = 64

/** Serves a relayer over HTTP. A signature shows who sends a call. TLS and access control are left to a proxy. */
export class RelayServer {
  readonly #server: Server
  readonly port: number

  private constructor(server: Server, port: number) {
    this.#server = server
    this.port = port
  }

  /** @throws Error of the system when the port is taken. */
  static async start(
    relayer: Pick<Relayer, 'handOver' | 'waiting'>,
    options: { readonly host: string; readonly port: number; readonly most: number; readonly status: object },
  ): Promise<RelayServer> {
    const server = createServer((request, response) => {
      void serve(relayer, options.status, request, response)
    })
    server.maxConnections = options.most + SPARE_CONNECTIONS
    // Limits the reading of a request. An answer may take as long as the sender waits.
    server.requestTimeout = 10_000
    server.headersTimeout = 10_000
    server.listen(options.port, options.host)
    await once(server, 'listening')
    return new RelayServer(server, (server.address() as { port: number }).port)
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }
}

async function serve(
  relayer: Pick<Relayer, 'handOver' | 'waiting'>,
  status: object,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const answer = (code: number, body: object): void => {
    if (response.destroyed) return
    response.writeHead(code, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body))
  }
  const refuse = (code: RefusalCode, message: string): void => {
    answer(statusOf(code), { code, message: message.slice(0, 1_000) } satisfies RelayAnswer)
  }
  try {
    if (request.url === '/v1/status' && request.method === 'GET') {
      answer(200, { ...status, waiting: relayer.waiting })
    } else if (request.url !== CALLS_PATH || request.method !== 'POST') {
      request.resume()
      answer(404, { code: 'BAD_REQUEST', message: `takes POST ${CALLS_PATH} and GET /v1/status` } satisfies RelayAnswer)
    } else {
      const body = await bodyOf(request)
      answer(200, { transaction: await relayer.handOver(body) } satisfies RelayAnswer)
    }
  } catch (error) {
    if (error instanceof RelayError) refuse(error.code as RefusalCode, error.message)
    else refuse('UNAVAILABLE', 'the relayer failed')
  }
}

/** @throws RelayError BAD_REQUEST */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_REQUEST) throw new RelayError('BAD_REQUEST', `the request is longer than ${MAX_REQUEST} bytes`)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new RelayError('BAD_REQUEST', 'the request is not JSON')
  }
}
