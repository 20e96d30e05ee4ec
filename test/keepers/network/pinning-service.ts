// SPDX-License-Identifier: GPL-3.0-or-later
// A pinning service as its specification has it (IPFS Pinning Service API 0.1.2), with a node that fetches what it is told to pin.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { z } from 'zod'
import type { DataPlane } from '../../../keepers/network/index.ts'

const pinSchema = z.strictObject({
  cid: z.string().min(1),
  name: z.string().max(255).optional(),
  origins: z
    .array(z.string())
    .max(20)
    .refine((list) => new Set(list).size === list.length)
    .optional(),
  meta: z.record(z.string(), z.string()).optional(),
})

type Entry = {
  readonly requestid: string
  status: 'queued' | 'pinning' | 'pinned' | 'failed'
  readonly created: string
  readonly pin: z.infer<typeof pinSchema>
  info: Record<string, string>
}

export class SpecifiedService implements AsyncDisposable {
  readonly url: string
  readonly entries: Entry[] = []
  readonly requests: string[] = []
  token = 'secret'
  /** What it answers to every request, if anything. */
  trouble: ((request: IncomingMessage, response: ServerResponse) => void) | null = null
  /** Fetches nothing itself: waits for the client to connect and then asks it alone. */
  readonly #plane: DataPlane
  readonly #server: Server

  private constructor(server: Server, plane: DataPlane) {
    this.#server = server
    this.#plane = plane
    this.url = `http://127.0.0.1:${(server.address() as { port: number }).port}/psa`
  }

  static async start(plane: DataPlane): Promise<SpecifiedService> {
    const server = createServer()
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const service = new SpecifiedService(server, plane)
    server.on('request', (request, response) => void service.#serve(request, response))
    return service
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push(`${request.method} ${request.url}`)
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const answer = (status: number, body?: object) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(body && JSON.stringify(body))
    const refuse = (status: number, reason: string, details: string) => answer(status, { error: { reason, details } })
    if (this.trouble !== null) return this.trouble(request, response)
    if (request.headers.authorization !== `Bearer ${this.token}`)
      return refuse(401, 'UNAUTHORIZED', 'Access token is missing or invalid')
    const url = new URL(request.url!, this.url)
    const [, id] = /^\/psa\/pins(?:\/([^/]+))?$/.exec(url.pathname) ?? []
    const found = this.entries.findIndex(({ requestid }) => requestid === decodeURIComponent(id ?? ''))
    if (id !== undefined && found < 0) return refuse(404, 'NOT_FOUND', 'no such pin')
    if (request.method === 'GET' && id !== undefined) return answer(200, this.#shown(this.entries[found]!))
    if (request.method === 'DELETE' && id !== undefined) {
      this.entries.splice(found, 1)
      return answer(202)
    }
    if (request.method === 'GET') {
      const statuses = (url.searchParams.get('status') ?? 'pinned').split(',')
      const cids = url.searchParams.get('cid')?.split(',')
      const results = this.entries
        .filter(({ status, pin }) => statuses.includes(status) && (cids?.includes(pin.cid) ?? true))
        .slice(0, Number(url.searchParams.get('limit') ?? 10))
      return answer(200, { count: results.length, results: results.map((entry) => this.#shown(entry)) })
    }
    const pin = pinSchema.safeParse(JSON.parse(Buffer.concat(parts).toString()))
    if (request.method !== 'POST' || !pin.success) return refuse(400, 'BAD_REQUEST', pin.error?.message ?? 'method')
    const entry: Entry = {
      ...{ requestid: `id ${this.entries.length}`, status: 'queued', created: new Date().toISOString() },
      ...{ pin: pin.data, info: {} },
    }
    this.entries.push(entry)
    answer(202, this.#shown(entry))
    void this.#fetch(entry)
  }

  #shown(entry: Entry): object {
    return { ...entry, delegates: this.#plane.addresses }
  }

  async #fetch(entry: Entry): Promise<void> {
    entry.status = 'pinning'
    try {
      const providers = entry.pin.origins ?? []
      await this.#plane.fetch(entry.pin.cid, { maxBytes: 1 << 20, timeout: 5_000, providers })
      entry.status = 'pinned'
    } catch (error) {
      entry.status = 'failed'
      entry.info = { status_details: (error as Error).message }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }
}
