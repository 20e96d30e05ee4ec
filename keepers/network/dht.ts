// SPDX-License-Identifier: GPL-3.0-or-later
import { setTimeout as sleep } from 'node:timers/promises'
import { type PeerInfo, peerDiscoverySymbol, serviceDependencies, start, stop } from '@libp2p/interface'
import {
  type KadDHTComponents,
  kadDHT,
  passthroughMapper,
  removePrivateAddressesMapper,
  type SingleKadDHT,
} from '@libp2p/kad-dht'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import { bootstrapAddresses } from './bootstrap.ts'
import { BoundedDatastore } from './bounded-datastore.ts'
import { Deadline } from './deadline.ts'
import { NetworkError } from './errors.ts'

/** The result of announcing some or all models to the DHT. */
export type DhtEvent = {
  /** Number of models with a record that at least one node accepted. */
  readonly announced: number
  /** Number of models left for a later attempt. */
  readonly failed: number
  /** The error of the last failure; null without one. */
  readonly reason: string | null
}

export type DhtOptions = {
  /** A client asks; a server also answers strangers, and must be reachable. */
  readonly mode: 'client' | 'server'
  /** Where to join: multiaddrs with a peer id, or "public" for the IPFS network's own. Empty for a DHT's first server. */
  readonly bootstrap: readonly string[]
  /** Speak `<prefix>/kad/1.0.0`: a DHT apart from the public one, with private addresses. */
  readonly prefix?: string
  /** Milliseconds between two announcements of all models held; records live for 48 hours. */
  readonly announceEvery?: number
  /** Called with the result of announcements. Must not throw. */
  readonly onEvent?: (event: DhtEvent) => void
}

/** The public network's protocol is this under the prefix /ipfs. Source: github.com/libp2p/specs, kad-dht. */
const PROTOCOL = '/kad/1.0.0'
const LIMITS = {
  /** Records of strangers that a server keeps; each takes about half a kilobyte. */
  records: 16_384,
  /** Time for one bootstrap peer to answer, in milliseconds. */
  join: 8_000,
  /** Pauses between attempts to join while the DHT has no peer, in milliseconds. */
  firstPause: 5_000,
  longestPause: 300_000,
} as const

/** The service that libp2p runs for {@link DhtOptions}. It needs the ping service: libp2p throws without it. */
export function keeperDht(options: DhtOptions): (components: Omit<KadDHTComponents, 'ping'>) => KeeperDht {
  return (components) => new KeeperDht(components as KadDHTComponents, options)
}

/**
 * A Kademlia DHT that announces and looks up only the CIDs that it is given. It hides its router from libp2p: bitswap asks the routers for
 * every block that a peer does not deliver. Doing so would reveal each round's blobs to strangers and make the round wait.
 */
export class KeeperDht {
  readonly [Symbol.toStringTag] = 'keeper-dht'
  readonly [serviceDependencies] = ['@libp2p/identify', '@libp2p/ping']
  /** Announces peers found in the DHT to libp2p's address book. */
  readonly [peerDiscoverySymbol] = new EventTarget()
  readonly #kad: SingleKadDHT
  readonly #components: KadDHTComponents
  readonly #bootstrap: readonly Multiaddr[]
  /** Public nodes may report private addresses, and dialling them would reach into the keeper's own network. */
  readonly #usable: (peer: PeerInfo) => PeerInfo
  readonly #stopping = new AbortController()
  readonly #tried = Promise.withResolvers<void>()
  #answered = false
  #joining: Promise<void> = Promise.resolve()

  constructor(components: KadDHTComponents, { mode, bootstrap, prefix }: DhtOptions) {
    this.#components = components
    const own = components.peerId.toString()
    this.#bootstrap = bootstrapAddresses(bootstrap).filter((address) => address.getComponents().at(-1)?.value !== own)
    this.#usable = prefix === undefined ? removePrivateAddressesMapper : passthroughMapper
    const { peerId, privateKey, registrar, addressManager, peerStore, connectionManager, events, logger, ping } =
      components
    const init = {
      clientMode: mode === 'client',
      protocol: `${prefix ?? '/ipfs'}${PROTOCOL}`,
      peerInfoMapper: this.#usable,
      // The announcer decides which models are announced again.
      reprovide: { threshold: 0 },
    }
    this.#kad = kadDHT(init)({
      ...{ peerId, privateKey, registrar, addressManager, peerStore, connectionManager, events, logger, ping },
      datastore: new BoundedDatastore(LIMITS.records),
    }) as SingleKadDHT
    const discovery = this.#kad as unknown as { readonly [peerDiscoverySymbol]: EventTarget }
    discovery[peerDiscoverySymbol].addEventListener('peer', (event) => {
      const peer = this.#usable((event as CustomEvent<PeerInfo>).detail)
      if (peer.multiaddrs.length === 0) return
      this[peerDiscoverySymbol].dispatchEvent(new CustomEvent('peer', { detail: peer }))
    })
  }

  /** Nodes of the DHT that this one would ask. */
  get peers(): number {
    return this.#kad.routingTable.size
  }

  async start(): Promise<void> {
    await start(this.#kad)
  }

  /** libp2p calls this when everything can dial. The node joins the DHT in the background. */
  afterStart(): void {
    this.#joining = this.#join()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new NetworkError('NOT_RUNNING', 'the DHT is stopping'))
    await this.#joining
    await stop(this.#kad)
  }

  /**
   * Announces to the DHT that this node has a blob.
   * @throws NetworkError UNAVAILABLE when no node of the DHT took the record; the signal's reason.
   */
  async provide(cid: CID, signal: AbortSignal): Promise<void> {
    await this.#assertJoined(signal)
    let taken = 0
    for await (const event of this.#kad.provide(cid, { signal })) {
      if (event.name === 'PEER_RESPONSE' && event.messageName === 'ADD_PROVIDER') taken += 1
    }
    signal.throwIfAborted()
    if (taken === 0) throw new NetworkError('UNAVAILABLE', `${cid}: no node of the DHT took the record`)
  }

  /** Stops answering for a blob. Records that others hold run out within 48 hours. */
  async withdraw(cid: CID): Promise<void> {
    await this.#kad.cancelReprovide(cid)
  }

  /**
   * Yields the peers that announced a blob, as they are found: for each, the addresses to dial, which end in its peer id.
   * @throws NetworkError UNAVAILABLE when no node of the DHT answers; the signal's reason.
   */
  async *providers(cid: CID, signal: AbortSignal): AsyncGenerator<Multiaddr[]> {
    await this.#assertJoined(signal)
    for await (const event of this.#kad.findProviders(cid, { signal })) {
      if (event.name !== 'PROVIDER') continue
      for (const { id, multiaddrs } of event.providers) {
        if (id.equals(this.#components.peerId)) continue
        const usable = this.#usable(multiaddrs.length > 0 ? { id, multiaddrs } : await this.#find(id, signal))
        const suffix = `/p2p/${id}`
        const addresses = usable.multiaddrs.map((address) =>
          address.getComponents().at(-1)?.name === 'p2p' ? address : address.encapsulate(suffix),
        )
        // Addresses from records come with the peer id, addresses from identify without it.
        const distinct = new Map(addresses.map((address) => [address.toString(), address]))
        if (distinct.size > 0) yield [...distinct.values()]
      }
    }
  }

  /** Addresses of a peer: records outlive the addresses that came with them. */
  async #find(id: PeerInfo['id'], signal: AbortSignal): Promise<PeerInfo> {
    for await (const event of this.#kad.findPeer(id, { signal })) {
      if (event.name === 'FINAL_PEER') return event.peer
    }
    return { id, multiaddrs: [] }
  }

  /** A query to a DHT without nodes would only run into its time-out. */
  async #assertJoined(signal: AbortSignal): Promise<void> {
    const { promise, reject } = Promise.withResolvers<never>()
    const over = (): void => reject(signal.reason)
    signal.throwIfAborted()
    signal.addEventListener('abort', over)
    try {
      await Promise.race([this.#tried.promise, promise])
    } finally {
      signal.removeEventListener('abort', over)
    }
    if (this.peers === 0 && !this.#answered) {
      throw new NetworkError('UNAVAILABLE', 'no node of the DHT answers: check network.dht.bootstrap and the firewall')
    }
  }

  /** Dials the bootstrap peers until the DHT has peers, and again whenever it has lost them all. */
  async #join(): Promise<void> {
    const { signal } = this.#stopping
    let pause: number = LIMITS.firstPause
    while (!signal.aborted) {
      if (this.peers === 0) {
        const dials = this.#bootstrap.map((address) => this.#dial(address))
        this.#answered = (await Promise.all(dials)).includes(true)
      } else pause = LIMITS.firstPause
      this.#tried.resolve()
      await sleep(pause, undefined, { signal }).catch(() => undefined)
      pause = Math.min(2 * pause, LIMITS.longestPause)
    }
    this.#tried.resolve()
  }

  async #dial(address: Multiaddr): Promise<boolean> {
    using deadline = new Deadline(LIMITS.join, [this.#stopping.signal])
    try {
      await this.#components.connectionManager.openConnection(address, { signal: deadline.signal })
      return true
    } catch {
      return false
    }
  }
}
