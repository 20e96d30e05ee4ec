// SPDX-License-Identifier: GPL-3.0-or-later
// For keepers that nobody can dial: others reach them through a relay (circuit relay v2), and the two then try to connect directly (DCUtR).
import { setTimeout as sleep } from 'node:timers/promises'
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { type PeerId, serviceDependencies } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { relayedAddress } from './bootstrap.ts'

export type NatOptions = {
  /** Nodes through which this one is reached, the preferred one first: multiaddrs that end in /p2p/<peer id>. */
  readonly relays?: readonly string[]
  /** Peer ids for which this node is a relay. Nobody else's reservation is taken. */
  readonly serve?: readonly string[]
  /** Whether this node carries a peer's connections to the peers that it serves; by default everybody's. */
  readonly carries?: (peer: string) => Promise<boolean>
  /** Ask others whether they can dial this node, and dial back for those that ask. */
  readonly autonat?: boolean
  /** Milliseconds between two rounds of such questions, for tests. */
  readonly askEvery?: number
}

/** Milliseconds between two checks whether this node still has its places at the relays; below, for one attempt to get one. */
const LOOK_EVERY = 10_000
const ATTEMPT_MS = 8_000

/** The parts of libp2p that hold a place at a relay. */
type Components = {
  readonly transportManager: { listen(addresses: ReturnType<typeof multiaddr>[]): Promise<void> }
  readonly connectionManager: {
    openConnection(address: ReturnType<typeof multiaddr>, options: { signal: AbortSignal }): Promise<unknown>
  }
}
/** The transport's places at relays, which its public type does not show. */
type Circuit = {
  readonly reservationStore: {
    hasReservation(peer: PeerId): boolean
    addRelay(peer: PeerId, type: 'configured'): Promise<unknown>
  }
}

/**
 * The transport that dials through relays. Every node has it, or nobody could reach keepers behind relays. With it comes the service that keeps this
 * node's own places at its relays, and regains them after a relay was away.
 */
export function relaying({ relays = [] }: NatOptions): {
  readonly transport: ReturnType<typeof circuitRelayTransport>
  readonly places: (components: Components) => object
} {
  let circuit: Circuit | null = null
  const make = circuitRelayTransport()
  return {
    transport: (components) => {
      const transport = make(components)
      circuit = transport as unknown as Circuit
      return transport
    },
    places: (components) => new Places(relays, components, () => circuit!),
  }
}

class Places {
  readonly [Symbol.toStringTag] = 'keeper-relay-places'
  readonly [serviceDependencies] = ['@libp2p/identify']
  readonly #relays: readonly string[]
  readonly #components: Components
  readonly #circuit: () => Circuit
  readonly #stopping = new AbortController()
  #running: Promise<unknown> = Promise.resolve()

  constructor(relays: readonly string[], components: Components, circuit: () => Circuit) {
    this.#relays = relays
    this.#components = components
    this.#circuit = circuit
  }

  start(): void {
    // libp2p calls both or neither.
  }

  /** Called by libp2p when everything can dial. A relay that is away delays nothing. */
  afterStart(): void {
    this.#running = Promise.all(this.#relays.map((relay) => this.#hold(relay)))
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #hold(relay: string): Promise<void> {
    const { signal } = this.#stopping
    const peer = peerIdFromString(multiaddr(relay).getComponents().at(-1)!.value!)
    for (
      let listening = false;
      !signal.aborted;
      await sleep(LOOK_EVERY, undefined, { signal }).catch(() => undefined)
    ) {
      if (this.#circuit().reservationStore.hasReservation(peer)) continue
      try {
        if (listening) {
          const attempt = AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)])
          await this.#components.connectionManager.openConnection(multiaddr(relay), { signal: attempt })
          await this.#circuit().reservationStore.addRelay(peer, 'configured')
        } else {
          await this.#components.transportManager.listen([multiaddr(relayedAddress(relay))])
          listening = true
        }
      } catch {
        // The relay is away or has no place. It will be asked again.
      }
    }
  }
}

/**
 * The service that relays for the peers on a list. Unlike a public relay, it limits neither bytes nor time, because updates and models have megabytes,
 * and bitswap does not use connections with a limit. So the peers that may use it are named, at both ends.
 */
export function relayFor(serve: readonly string[]) {
  return circuitRelayServer({ reservations: { maxReservations: serve.length, applyDefaultLimit: false } })
}

/**
 * Refuses places to peers that are not served, and refuses connections to served peers from anybody whose connections are not carried.
 * @param isHere Whether a peer is connected, since a place outlives the connection. Only then is a connection refused for lack of permission, so
 *   that a keeper's second process, which asks as a stranger, finds the first one.
 */
export function relayGate(
  { serve = [], carries }: NatOptions,
  isHere: (peer: PeerId) => boolean,
): {
  denyInboundRelayReservation(peer: PeerId): boolean
  denyOutboundRelayedConnection(source: PeerId, destination: PeerId): Promise<boolean>
} {
  const welcome = new Set(serve)
  return {
    denyInboundRelayReservation: (peer) => !welcome.has(peer.toString()),
    denyOutboundRelayedConnection: async (source, destination) => {
      if (carries === undefined || welcome.has(source.toString()) || !isHere(destination)) return false
      return !(await carries(source.toString()))
    },
  }
}
