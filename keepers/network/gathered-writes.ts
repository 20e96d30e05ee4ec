// SPDX-License-Identifier: GPL-3.0-or-later
// libp2p hands a socket each encrypted frame in two writes, its two bytes of length and then the rest; and opening a stream, asking and closing take
// ten frames. Each write is a call of the system, a packet, and a wake-up of the peer: half of what a small question costs both of them.

/** What writes are gathered for: a TCP socket. */
type Corked = { cork(): void; uncork(): void; write(...args: unknown[]): boolean }

const gathered = new WeakSet<object>()

/**
 * Has the socket of a connection send at once what is written to it in one turn of the event loop. A connection of another kind, such as WebRTC, stays
 * as it is.
 */
export function gatherWrites(connection: object): void {
  const socket = 'socket' in connection ? connection.socket : null
  if (!isCorkable(socket) || gathered.has(socket)) return
  gathered.add(socket)
  const write = socket.write.bind(socket)
  let isCorked = false
  socket.write = (...args) => {
    if (!isCorked) {
      isCorked = true
      socket.cork()
      setImmediate(() => {
        isCorked = false
        socket.uncork()
      })
    }
    return write(...args)
  }
}

function isCorkable(socket: unknown): socket is Corked {
  return typeof socket === 'object' && socket !== null && 'cork' in socket && 'uncork' in socket && 'write' in socket
}
