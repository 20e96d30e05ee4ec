// SPDX-License-Identifier: GPL-3.0-or-later
// libp2p hands a socket each encrypted frame in two writes, its two bytes of length and then the rest; and opening a stream, asking and closing take
// ten frames. Each write is a call of the system, a packet, and a wake-up of the peer: half of what a small question costs both of them.

/** What writes are gathered for: a TCP socket. */
type Corkable = {
  readonly writableLength: number
  cork(): void
  uncork(): void
  write(chunk: Uint8Array, ...rest: unknown[]): boolean
}

/**
 * Bytes that wait for the end of the turn at most. More goes out at once, as if nothing were gathered: far below what makes a socket ask its writer to
 * wait, which libp2p takes for a word about the peer.
 */
const GATHERED_BYTES = 1 << 13

const gathered = new WeakSet<object>()

/**
 * Has the socket of a connection send small writes of one turn of the event loop together. A connection of another kind, such as WebRTC, stays as it is.
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
