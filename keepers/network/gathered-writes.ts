// SPDX-License-Identifier: GPL-3.0-or-later
// Sends small writes together. libp2p writes each encrypted frame to a socket in two pieces, two bytes of length and then the rest. Opening a stream,
// asking and closing take ten frames. Each write is a system call, a packet, and a wake-up of the peer: half of what a small question costs both.

/** The part of a TCP socket that is used here. */
type Corkable = {
  readonly writableLength: number
  cork(): void
  uncork(): void
  write(chunk: Uint8Array, ...rest: unknown[]): boolean
}

/**
 * Most bytes that wait for the end of the turn. With more, everything goes out at once. The bound is far below the level at which a socket asks its
 * writer to wait, which libp2p would attribute to the peer.
 */
const GATHERED_BYTES = 1 << 13

const gathered = new WeakSet<object>()

/**
 * Makes the socket of a connection send small writes of one turn of the event loop together. Other connections, such as WebRTC, are left alone.
 */
export function gatherWrites(connection: object): void {
  const socket = 'socket' in connection ? connection.socket : null
  if (!isCorkable(socket) || gathered.has(socket)) return
  gathered.add(socket)
  const write = socket.write.bind(socket)
  let isCorked = false
  const flush = (): void => {
    if (!isCorked) return
    isCorked = false
    socket.uncork()
  }
  socket.write = (chunk, ...rest) => {
    if (socket.writableLength + chunk.byteLength > GATHERED_BYTES) flush()
    else if (!isCorked) {
      isCorked = true
      socket.cork()
      setImmediate(flush)
    }
    return write(chunk, ...rest)
  }
}

function isCorkable(socket: unknown): socket is Corkable {
  return typeof socket === 'object' && socket !== null && 'cork' in socket && 'uncork' in socket && 'write' in socket
}
