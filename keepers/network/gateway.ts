// SPDX-License-Identifier: GPL-3.0-or-later
// Serves blocks over HTTP, for browsers, which speak no libp2p over TCP. It serves only what this node has and fetches nothing for strangers. Source:
// IPFS Trustless Gateway (https://specs.ipfs.tech/http-gateways/trustless-gateway/), only raw blocks, which clients check by their hash.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { ByteBudget } from './byte-budget.ts'
import { NetworkError } from './errors.ts'
import { MAX_BLOCK_BYTES, parseBlobCid } from './file-format.ts'

/** The blocks of a node: null for one that it does not have. */
export type LocalBlocks = { block(cid: string, signal?: AbortSignal): Promise<Uint8Array | null> }

export type GatewayOptions = {
  readonly host: string
  /** Port to listen on; 0 for any free one. */
  readonly port: number
  readonly blocks: LocalBlocks
  /** Milliseconds before an idle connection is closed; 30 s by default. */
  readonly idle?: number
  /** Milliseconds within which a client must take a block; 60 s by default. */
  readonly taking?: number
}

const RAW = 'application/vnd.ipld.raw'
/** A block never changes, so clients may cache it for ever. */
const CACHE = 'public, max-age=31536000, immutable'
/** Largest number of connections and of requests of one, milliseconds for one request, for an idle connection, and for a block to be taken. */
const LIMITS = { connections: 256, requests: 128, request: 30_000, idle: 30_000, taking: 60_000 } as const
/** Most bytes of blocks in memory that clients have requested and not yet taken: in all, and for one connection. */
const HELD = { total: 64 << 20, each: 4 << 20 } as const

/** The connection to which an answer belongs. */
type Line = { readonly name: string; readonly ended: AbortSignal }

/** Answers GET and HEAD of `/ipfs/<cid>?format=raw`. */
export class BlockGateway {
  readonly #server: Server
  readonly url: string

  private constructor(server: Server) {
    this.#server = server
    const { address, port, family } = server.address() as AddressInfo
    this.url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  }

  /** @throws NetworkError BAD_ADDRESS when it cannot listen there */
  static async start(options: GatewayOptions): Promise<BlockGateway> {
    const { host, port, blocks, idle = LIMITS.idle, taking = LIMITS.taking } = options
    const room = new ByteBudget(HELD)
    const lines = new WeakMap<Socket, Line>()
    let connections = 0
    const server = createServer((request, response) => {
      answer(request, response, blocks, { room, taking, line: lines.get(request.socket)! }).catch(() => {
        if (!response.headersSent) response.writeHead(500)
        response.end()
      })
    })
    server.on('connection', (socket) => {
      const ended = new AbortController()
      lines.set(socket, { name: `${++connections}`, ended: ended.signal })
      socket.once('close', () => ended.abort(new NetworkError('UNAVAILABLE', 'the connection is closed')))
    })
    server.maxConnections = LIMITS.connections
    // A single packet may contain hundreds of requests, before anything of the first answer is taken.
    server.maxRequestsPerSocket = LIMITS.requests
    server.requestTimeout = LIMITS.request
    server.headersTimeout = LIMITS.request
    // Otherwise clients that request a block and never read it would occupy all connections for ever.
    server.timeout = idle
    server.listen(port, host)
    try {
      await once(server, 'listening')
    } catch (cause) {
      const reason = (cause as Error).message
      throw new NetworkError('BAD_ADDRESS', `network.gateway: ${reason}: choose another host or port`, { cause })
    }
    return new BlockGateway(server)
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  blocks: LocalBlocks,
  { room, taking, line }: { readonly room: ByteBudget; readonly taking: number; readonly line: Line },
): Promise<void> {
  response.setHeader('access-control-allow-origin', '*')
  response.setHeader('x-content-type-options', 'nosniff')
  const say = (status: number, text: string): void => {
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
  }
  if (request.method === 'OPTIONS') {
    const headers = { 'access-control-allow-methods': 'GET, HEAD', 'access-control-allow-headers': 'accept' }
    response.writeHead(204, { ...headers, 'access-control-max-age': '86400' }).end()
    return
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD, OPTIONS')
    return say(405, 'GET or HEAD')
  }
  const url = new URL(request.url ?? '/', 'http://gateway')
  const text = /^\/ipfs\/([a-zA-Z0-9]{1,100})$/.exec(url.pathname)?.[1]
  if (text === undefined) return say(404, '/ipfs/<cid>?format=raw')
  const wantsRaw = url.searchParams.get('format') === 'raw' || (request.headers.accept ?? '').includes(RAW)
  if (!wantsRaw) return say(406, `raw blocks only: add ?format=raw, or accept ${RAW}`)
  let cid: string
  try {
    cid = parseBlobCid(text).toString()
  } catch (error) {
    return say(400, (error as Error).message)
  }
  const etag = `"${cid}.raw"`
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304, { etag, 'cache-control': CACHE }).end()
    return
  }
  const held = await room.take(line.name, MAX_BLOCK_BYTES, line.ended)
  // When a connection ends, the bytes that it gives back may go to a further request of its own. Nobody would ever give those back.
  if (line.ended.aborted) return held[Symbol.dispose]()
  // A client that takes a few bytes now and then is never idle, and sixteen such clients would occupy the whole memory for ever.
  const late = setTimeout(() => request.socket.destroy(), taking)
  const giveBack = (): void => {
    clearTimeout(late)
    line.ended.removeEventListener('abort', giveBack)
    held[Symbol.dispose]()
  }
  line.ended.addEventListener('abort', giveBack)
  response.once('finish', giveBack)
  const block = await blocks.block(cid, line.ended)
  if (block === null) return say(404, `${cid} is not stored here`)
  held.keep(block.length)
  const headers = { 'content-type': RAW, 'content-length': block.length, etag, 'cache-control': CACHE }
  response.writeHead(200, { ...headers, 'content-disposition': `attachment; filename="${cid}.bin"` })
  response.end(request.method === 'HEAD' ? undefined : block)
}
