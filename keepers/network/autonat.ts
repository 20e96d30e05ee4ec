// SPDX-License-Identifier: GPL-3.0-or-later
// Finds out whether others can dial this node, by asking connected peers (AutoNAT v2), and dials back for peers that ask.
import { setTimeout as sleep } from 'node:timers/promises'
import { autoNATv2 } from '@libp2p/autonat-v2'
import { type Connection, serviceCapabilities, serviceDependencies } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

type Components = Parameters<ReturnType<typeof autoNATv2>>[0]
/** The service, with members that its public type does not show. */
type Service = {
  start(): Promise<void>
  stop(): Promise<void>
  readonly client: {
    readonly dialResults: Map<string, { readonly failure: number }>
    verifyExternalAddresses(connection: Connection): Promise<void>
  }
}

/** Milliseconds between two rounds of questions until somebody has dialled this node; below, after that. */
const ASK_EVERY = 30_000
const ASK_AGAIN_EVERY = 30 * 60_000

/** An address that others can be asked about: of an IP and a TCP port, and not one at a relay. */
const isAskable = (address: Multiaddr): boolean => {
  const names = address.getComponents().map(({ name }) => name)
  return /^ip[46]$/.test(names[0] ?? '') && names[1] === 'tcp' && !names.includes('p2p-circuit')
}

/**
 * @param announce Addresses to ask about; if empty, those on which the node listens. Nobody is asked about private ones.
 * @param every milliseconds, for tests
 */
export function autoNat(announce: readonly string[], every = ASK_EVERY): (components: Components) => AutoNat {
  return (components) => new AutoNat(components, announce.map(multiaddr), every)
}

export class AutoNat {
  readonly [Symbol.toStringTag] = 'keeper-autonat'
  readonly [serviceDependencies] = ['@libp2p/identify']
  readonly [serviceCapabilities] = ['@libp2p/autonat']
  readonly #service: Service
  readonly #components: Components
  readonly #every: number
  readonly #stopping = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #dialled = false
  #reachable: boolean | null = null

  constructor(components: Components, announce: readonly Multiaddr[], every: number) {
    this.#components = components
    this.#every = every
    // libp2p goes on to announce what the operator has set: a node whose address nobody has confirmed yet must be found, too.
    const addressManager = {
      getAddressesWithMetadata: () => {
        const own = announce.length > 0 ? announce : components.addressManager.getAddresses()
        return own.filter(isAskable).map((address) => ({
          ...{ multiaddr: address.decapsulateCode(P2P), verified: false, expires: 0 },
          type: 'transport' as const,
        }))
      },
      getAddresses: () => components.addressManager.getAddresses(),
      confirmObservedAddr: () => {
        this.#dialled = true
        this.#reachable = true
      },
      removeObservedAddr: () => undefined,
    }
    const { registrar, connectionManager, logger, peerStore } = components
    const parts = { registrar, connectionManager, logger, peerStore, addressManager, randomWalk: { walk: nobody } }
    this.#service = autoNATv2()(parts as unknown as Components) as Service
  }

  /** Whether others could dial one of the addresses when they were last asked; null while nobody has tried. */
  get reachable(): boolean | null {
    return this.#reachable
  }

  async start(): Promise<void> {
    await this.#service.start()
  }

  afterStart(): void {
    this.#running = this.#ask()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    await this.#service.stop()
  }

  async #ask(): Promise<void> {
    const { signal } = this.#stopping
    const { client } = this.#service
    while (!signal.aborted) {
      const wait = this.#dialled && this.#every === ASK_EVERY ? ASK_AGAIN_EVERY : this.#every
      await sleep(wait, undefined, { signal }).catch(() => undefined)
      const failed = [...client.dialResults.values()].some(({ failure }) => failure > 0)
      if (failed && !this.#dialled) this.#reachable = false
      this.#dialled = false
      // Earlier answers would keep peers in the same part of the network from being asked.
      client.dialResults.clear()
      for (const connection of this.#components.connectionManager.getConnections()) {
        if (!connection.direct) continue
        await client.verifyExternalAddresses(connection).catch(() => undefined)
      }
    }
  }
}

/** Code of /p2p. */
const P2P = 421

async function* nobody(): AsyncGenerator<never> {
  // Only members, and peers that connect by themselves, are asked. No strangers are looked for.
}
