// SPDX-License-Identifier: GPL-3.0-or-later
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Registry } from 'prom-client'
import type { ClientPrivacySpent } from '../learning/index.ts'
import { AgentError } from './errors.ts'
import { admit, type PageAccess } from './page-access.ts'

/** The answer of /healthz: public facts only. */
export type Health = {
  /** Whether it looks at the chain in time, has a signer, and takes part: it is a member, or waits for registration to close or for a draw. */
  readonly healthy: boolean
  readonly state: string | null
  readonly epoch: number
  readonly round: number
  readonly seat: number | null
  /** Whether it is a member of the epoch that runs. */
  readonly member: boolean
  /** The reason why it is not, and the remedy; null for a member, or while the chain does not answer. */
  readonly notMember: string | null
  readonly operator: string
  readonly peerId: string
  readonly peers: number
  /** Whether others could dial it (AutoNAT); null while nobody has tried, and without `network.nat.autonat`. */
  readonly reachable: boolean | null
  /** Addresses for browsers by WebRTC, of this machine's own interfaces. */
  readonly webRtc: readonly string[]
  readonly block: number
  /** Seconds since the last successful look at the chain. */
  readonly behindSeconds: number
  readonly model: {
    readonly round: number
    readonly version: string
    readonly cid: string
    readonly commitment: string
  } | null
  /** Samples that it trains on, and that it judges candidates by. */
  readonly samples: number
  readonly heldOut: number
  /** Differential privacy spent; null when the manifest asks for none. */
  readonly privacy: ClientPrivacySpent | null
  /** Why the remote signer gave no signature when it was last asked; null when it did, and without one. */
  readonly signer: string | null
  /** Why it stays silent although endpoints answer, and the remedy; null while none contradict each other. */
  readonly contradicted: string | null
  readonly lastError: string | null
}

/**
 * Serves only /healthz and /metrics, on the loopback interface by default. Programs need no authentication. Pages in a browser need a token,
 * if the config lets them read anything at all.
 */
export class HealthServer {
  readonly #server: Server
  readonly port: number

  private constructor(server: Server, port: number) {
    this.#server = server
    this.port = port
  }

  /** @throws AgentError CONFIG when the port is taken. */
  static async start(
    options: { readonly host: string; readonly port: number; readonly access: PageAccess },
    sources: { health: () => Promise<Health>; metrics: () => Promise<string> },
  ): Promise<HealthServer> {
    const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const admission = admit(request.method ?? '', request.headers, options.access)
      response.setHeader('x-content-type-options', 'nosniff')
      // Nor may a page load the answer as a picture or a script: whether that succeeds would tell any origin that a keeper runs here.
      response.setHeader('cross-origin-resource-policy', 'same-origin')
      for (const [name, value] of Object.entries(admission.headers)) response.setHeader(name, value)
      if (!admission.admitted) {
        const { status, text } = admission
        response.writeHead(status, text === '' ? {} : { 'content-type': 'text/plain; charset=utf-8' })
        response.end(text === '' ? undefined : `${text}\n`)
      } else if (request.method !== 'GET') {
        response.writeHead(405, { allow: 'GET' }).end()
      } else if (request.url === '/healthz') {
        const health = await sources.health()
        const body = JSON.stringify(health)
        response.writeHead(health.healthy ? 200 : 503, { 'content-type': 'application/json' }).end(body)
      } else if (request.url === '/metrics') {
        const body = await sources.metrics()
        response.writeHead(200, { 'content-type': Registry.PROMETHEUS_CONTENT_TYPE }).end(body)
      } else {
        response.writeHead(404).end()
      }
    }
    const server = createServer((request, response) => {
      // A request must never end the keeper.
      answer(request, response).catch(() => {
        if (!response.headersSent) response.writeHead(500)
        response.end()
      })
    })
    server.requestTimeout = 5_000
    server.headersTimeout = 5_000
    server.listen(options.port, options.host)
    try {
      await once(server, 'listening')
    } catch (cause) {
      const reason = (cause as Error).message
      throw new AgentError('CONFIG', `monitoring.port: ${reason}: choose another, or 0 for any free one`, { cause })
    }
    return new HealthServer(server, (server.address() as { port: number }).port)
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }
}
