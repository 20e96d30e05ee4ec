// SPDX-License-Identifier: GPL-3.0-or-later
// As much of a WebSocket server (RFC 6455) as a test of a client needs: short text messages, and connections that it drops.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
/** The longest message whose length takes one byte, and the longest for which two more are needed. */
const [SHORT, LONG] = [125, 65_535]

export class SocketServer implements AsyncDisposable {
  /** Messages of all clients, in order. */
  readonly heard: string[] = []
  readonly #server: Server = createServer()
  readonly #sockets: Duplex[] = []

  static async start(): Promise<SocketServer> {
    const made = new SocketServer()
    made.#server.on('upgrade', (request, socket) => {
      const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}${GUID}`).digest('base64')
      const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
      socket.write(`${[...head, `Sec-WebSocket-Accept: ${accept}`].join('\r\n')}\r\n\r\n`)
      socket.on('error', () => undefined)
      socket.on('data', (bytes: Buffer) => made.#hear(bytes))
      made.#sockets.push(socket)
    })
    made.#server.listen(0, '127.0.0.1')
    await once(made.#server, 'listening')
    return made
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** One masked text frame, as clients send their first message; all else is let pass. */
  #hear(bytes: Buffer): void {
    if (bytes[0] !== 0x81) return
    const length = bytes[1]! & 0x7f
    const at = length > SHORT ? 4 : 2
    const mask = bytes.subarray(at, at + 4)
    const size = length > SHORT ? bytes.readUInt16BE(2) : length
    const text = bytes.subarray(at + 4, at + 4 + size).map((byte, index) => byte ^ mask[index % 4]!)
    this.heard.push(Buffer.from(text).toString())
  }

  /** To the client that came last. */
  say(text: string): void {
    const body = Buffer.from(text)
    if (body.length > LONG) throw new Error(`${body.length} bytes: more than this server sends`)
    const length = body.length > SHORT ? [126, body.length >> 8, body.length & 0xff] : [body.length]
    this.#sockets.at(-1)!.write(Buffer.concat([Buffer.from([0x81, ...length]), body]))
  }

  /** Ends the connection of the client that came last, without a word. */
  drop(): void {
    this.#sockets.at(-1)!.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
