// SPDX-License-Identifier: GPL-3.0-or-later
import { join } from 'node:path'
import { yamux } from '@chainsafe/libp2p-yamux'
import { withBitswap } from '@helia/bitswap'
import { type HeliaWithLibp2p, withLibp2pLight } from '@helia/libp2p'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { dcutr } from '@libp2p/dcutr'
import { identify } from '@libp2p/identify'
import type { PeerId } from '@libp2p/interface'
import type { Ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createHeliaLight } from 'helia'
import { type AutoNat, autoNat } from './autonat.ts'
import { bootstrapAddresses, relayedAddress } from './bootstrap.ts'
import { BoundedDatastore } from './bounded-datastore.ts'
import type { DhtOptions, KeeperDht } from './dht.ts'
import { NetworkError } from './errors.ts'
import { HeldBlocks, HeldRecords } from './held-stores.ts'
import { knownProtocols } from './known-protocols.ts'
import { LinkMeter } from './link-meter.ts'
import { meteredNoise } from './metered-noise.ts'
import type { PinningOptions } from './pinning.ts'
import { type NatOptions, relayFor, relayGate, relaying } from './relaying.ts'
import { webRtcTransports } from './webrtc.ts'

/**
 * The libp2p services of a keeper: identify, from which bitswap peers learn each other's protocols, and optionally a DHT with the ping that
 * it uses to find live peers.
 */
export type KeeperServices = {
  identify: ReturnType<ReturnType<typeof identify>>
  protocols: object
  ping?: Ping
  dht?: KeeperDht
  dcutr?: unknown
  places?: unknown
  doors: Doors
  autonat?: AutoNat
  relay?: unknown
}
/** What the node listens on, whatever it announces. */
type Doors = { readonly addresses: () => readonly Multiaddr[] }
/** `files` gives direct access to the blocks on disk, past the protection by pins. */
export type HeliaNode = HeliaWithLibp2p<KeeperServices> & { readonly files: HeldBlocks }

export type NodeOptions = {
  /** Folder of the blocks and of the list of what is kept; created when absent. */
  readonly folder: string
  /** 32-byte ed25519 seed: the peer identity. Keep it in the encrypted store. */
  readonly identitySeed: Uint8Array
  /** Multiaddrs to listen on, those of WebRTC after the others; loopback with a free port unless told. */
  readonly listen?: readonly string[]
  /** Multiaddrs to announce when they differ from those listened on (NAT, container). */
  readonly announce?: readonly string[]
  readonly maxConnections?: number
  /** Whether a peer, by its id, is one that this node serves first; by default everybody is. Strangers get only a part of the memory. */
  readonly members?: (peer: string) => Promise<boolean>
  /** Take part in a DHT: announce models and find those that no known peer has. None unless told. */
  readonly dht?: DhtOptions
  /** Be reached through relays, or be one. */
  readonly nat?: NatOptions
  /** Remote services that also keep the models. */
  readonly pinning?: readonly PinningOptions[]
}

/** The most that one peer may have in flight with us, so that no peer can exhaust memory or sockets. */
const LIMITS = {
  maxConnections: 300,
  /** New inbound connections per second and host. Members restarting together stay below it. */
  inboundPerSecond: 20,
  /**
   * Inbound connections in their handshake, which may take 10 s. This is more than one host can hold open at the rate above. libp2p's default of 10
   * would refuse members of a big service, who all connect in the second in which a state begins, and a host with ten silent sockets could shut
   * everybody out.
   */
  inboundPending: 256,
  inboundStreams: 64,
  outboundStreams: 256,
  /** The largest bitswap message: a chunk of 1 MiB and its framing. */
  messageBytes: 2 << 20,
  /** Milliseconds. Connecting takes four round trips. A peer that cannot be reached costs no more than its turn. */
  dialTimeout: 10_000,
  messageTimeout: 10_000,
  /**
   * Milliseconds for which a block is not sent to the same peer again. With bitswap's default of 5 s, a peer that asks again after a restart, or after
   * giving up on a slow answer, would be refused until its time is over.
   */
  resendAfter: 200,
  /**
   * Most peers with remembered addresses, since a DHT can report any number. Kept in memory, because libp2p rewrites a peer's record with each stream,
   * and a keeper opens hundreds per round. Losing them does no harm: addresses come from the chain.
   */
  rememberedPeers: 16_384,
} as const

/** The services of a DHT. Loaded only if there is one, which most keepers do not have. */
async function dhtServices(options: DhtOptions) {
  const [{ ping }, { keeperDht }] = await Promise.all([import('@libp2p/ping'), import('./dht.ts')])
  return { ping: ping(), dht: keeperDht(options) }
}

/**
 * Starts Helia in its light assembly (no HTTP gateways, a DHT only on request): libp2p over TCP and WebSockets with noise and yamux, over
 * WebRTC where an address asks for it, through relays where a peer is behind one, bitswap, blocks and pins on the file system.
 * @throws NetworkError STORAGE when the folder or address cannot be used, BAD_ADDRESS for a bootstrap peer.
 */
export async function startNode(options: NodeOptions, meter = new LinkMeter()): Promise<HeliaNode> {
  const { dht, nat = {} } = options
  const { relays = [], serve = [], autonat = false } = nat
  const relayed = relays.map(relayedAddress)
  const circuits = relaying(nat)
  const webRtc = await webRtcTransports(options.listen ?? [])
  bootstrapAddresses(dht?.bootstrap ?? [])
  const privateKey = await generateKeyPairFromSeed('Ed25519', options.identitySeed)
  let isConnected = (_peer: PeerId): boolean => false
  const files = new HeldBlocks(join(options.folder, 'blocks'))
  const helia = withBitswap(
    withLibp2pLight<ReturnType<typeof createHeliaLight>, KeeperServices>(
      createHeliaLight({
        blockstore: files,
        datastore: new HeldRecords(join(options.folder, 'peers')),
      }),
      {
        privateKey,
        addresses: {
          listen: [...(options.listen ?? ['/ip4/127.0.0.1/tcp/0'])],
          announce: [...(options.announce ?? []), ...relayed],
        },
        transports: [tcp({ inboundSocketInactivityTimeout: 60_000 }), webSockets(), circuits.transport, ...webRtc],
        connectionEncrypters: [meteredNoise(meter)],
        streamMuxers: [yamux()],
        services: {
          identify: identify(),
          protocols: knownProtocols(),
          dcutr: dcutr(),
          places: circuits.places,
          doors: ({ transportManager }: { transportManager: { getAddrs(): Multiaddr[] } }): Doors => ({
            addresses: () => transportManager.getAddrs(),
          }),
          ...(serve.length === 0 ? {} : { relay: relayFor(serve) }),
          ...(autonat ? { autonat: autoNat(options.announce ?? [], nat.askEvery) } : {}),
          ...(dht === undefined ? {} : await dhtServices(dht)),
        },
        ...(serve.length === 0 ? {} : { connectionGater: relayGate(nat, (peer) => isConnected(peer)) }),
        datastore: new BoundedDatastore(LIMITS.rememberedPeers),
        connectionManager: {
          maxConnections: options.maxConnections ?? LIMITS.maxConnections,
          inboundConnectionThreshold: LIMITS.inboundPerSecond,
          maxIncomingPendingConnections: LIMITS.inboundPending,
          dialTimeout: LIMITS.dialTimeout,
        },
      },
    ),
    {
      maxInboundStreams: LIMITS.inboundStreams,
      maxOutboundStreams: LIMITS.outboundStreams,
      maxIncomingMessageSize: LIMITS.messageBytes,
      maxOutgoingMessageSize: LIMITS.messageBytes,
      messageReceiveTimeout: LIMITS.messageTimeout,
      messageSendTimeout: LIMITS.messageTimeout,
      doNotResendBlockWindow: LIMITS.resendAfter,
    },
  )
  try {
    await helia.start()
    isConnected = (peer) => helia.libp2p.getConnections(peer).length > 0
  } catch (cause) {
    await helia.stop().catch(() => undefined)
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new NetworkError('STORAGE', `cannot start the data plane in ${options.folder}: ${reason}`, { cause })
  }
  return Object.assign(helia, { files }) as HeliaNode
}
