// SPDX-License-Identifier: GPL-3.0-or-later
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export type Link = {
  /** Milliseconds each way. */
  readonly delay: number
  readonly bytesPerSecond: number
}

/** A door to a node's TCP address: each piece that goes through comes later, and no more than so much each second. */
export async function slowDoor(
  address: string,
  link: Link,
): Promise<{ readonly server: Server; readonly address: string }> {
  const { delay, bytesPerSecond } = link
  const port = Number(/\/tcp\/(\d+)/.exec(address)![1])
  const pass = (from: Socket, to: Socket): void => {
    let free = 0
    from.on('data', (bytes: Buffer) => {
      free = Math.max(free, Date.now()) + (1000 * bytes.length) / bytesPerSecond
      setTimeout(() => to.writable && to.write(bytes), free + delay - Date.now())
    })
    from.on('close', () => setTimeout(() => to.destroy(), delay))
    from.on('error', () => undefined)
  }
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    pass(near, far)
    pass(far, near)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, address: address.replace(/\/tcp\/\d+/, `/tcp/${(server.address() as AddressInfo).port}`) }
}
