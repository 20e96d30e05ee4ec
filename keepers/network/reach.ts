// SPDX-License-Identifier: GPL-3.0-or-later
// Finds out who answers at an address. A peer proves its identity in the handshake; an open port alone proves nothing.
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { loadNode } from './load-node.ts'

/**
 * `peer`: the peer that the address names, or something that does not say in time who it is. `other`: another peer, which has proven its
 * identity. `nobody`: the port is closed.
 */
export type Presence = 'peer' | 'other' | 'nobody'

/** Asks who answers at a multiaddr that ends in /p2p/<peer id>. @param timeout milliseconds for each of two steps */
export async function presenceAt(address: string, timeout: number): Promise<Presence> {
  // The port of a relayed address is the relay's: only the handshake behind it says who is there.
  const circuit = address.includes('/p2p-circuit/')
  // Most often nobody is there, and probing a port is faster than preparing a handshake.
  if (!(await portAnswers(address, timeout))) return 'nobody'
  const { startNode } = await loadNode()
  const folder = mkdtempSync(join(tmpdir(), 'cohort-reach-'))
  const node = await startNode({ folder, identitySeed: crypto.getRandomValues(new Uint8Array(32)) })
  try {
    if (circuit) {
      const dialled = node.libp2p.dial(multiaddr(address), { signal: AbortSignal.timeout(timeout) })
      return await dialled.then(
        () => 'peer' as const,
        // A relay that does not carry strangers' connections says so only while the peer is connected (relayGate).
        (error: Error) => (error.message.includes('PERMISSION_DENIED') ? ('peer' as const) : ('nobody' as const)),
      )
    }
    // Dials without the peer id, so that another identity is an answer and not just a failure.
    const [place, named] = address.split('/p2p/')
    const connection = await node.libp2p.dial(multiaddr(place), { signal: AbortSignal.timeout(timeout) })
    return connection.remotePeer.toString() === named ? 'peer' : 'other'
  } catch {
    return 'peer'
  } finally {
    await node.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Whether the TCP port of a multiaddr accepts a connection. @param timeout milliseconds */
export function portAnswers(address: string, timeout: number): Promise<boolean> {
  const parts = multiaddr(address).getComponents()
  const host = parts[0]?.value
  const port = Number(parts.find((part) => part.name === 'tcp')?.value)
  if (host === undefined || !Number.isInteger(port)) return Promise.resolve(false)
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout })
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true))
    socket.once('timeout', () => end(false))
    socket.once('error', () => end(false))
  })
}
