// SPDX-License-Identifier: GPL-3.0-or-later
import type { Multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import { Announcer } from './announcer.ts'
import { assemble, collectBytes } from './assembly.ts'
import { Deadline } from './deadline.ts'
import { NetworkError } from './errors.ts'
import { encodeBlob, MAX_BLOCK_BYTES, parseBlobCid } from './file-format.ts'
import { LinkMeter } from './link-meter.ts'
import { loadNode } from './load-node.ts'
import type { HeliaNode, NodeOptions } from './node.ts'
import { Parts } from './parts.ts'
import { PinningService } from './pinning.ts'
import { parseProvider } from './provider.ts'
import { storing } from './storing.ts'
import { Turn } from './turn.ts'

export type FetchOptions = {
  /** Refuse a blob above this many bytes, before its leaves are asked for. */
  readonly maxBytes: number
  /** Milliseconds for the whole blob. */
  readonly timeout: number
  /** Peers that should have it, most likely first: multiaddrs that end in /p2p/<peer id>. */
  readonly providers: readonly string[]
  readonly signal?: AbortSignal
  /** Tag of the blob's group, e.g. a round; {@link DataPlane.collect} forgets by it. */
  readonly round?: number
  /**
   * Ask the DHT, when there is one, after everyone else. For models only: a query reveals the wanted blob to strangers, and keepers
   * announce only models there.
   */
  readonly discover?: boolean
}

/** Least time one provider gets before the next is asked, in milliseconds. */
const MIN_TURN_MS = 3_000
/** Part of a fetch's time that providers get beyond their turns while they deliver. */
const OVERTIME = 0.5
/** Time for the DHT to name those that have a blob, in milliseconds. */
const LOOK_UP_MS = 20_000
/** Of those it names, so many share the turn of one provider: anyone can announce anything. */
const FOUND_PER_TURN = 3

/**
 * The keepers' data plane: blobs by CID. Everything kept is pinned with the round it belongs to, so that old rounds
 * can be dropped while accepted models stay.
 */
export class DataPlane {
  readonly #node: HeliaNode
  readonly #meter: LinkMeter
  #running = true
  readonly #stopping = new AbortController()
  readonly #announcers: readonly Announcer[]
  /** Ranges of blobs, and notes, straight from one keeper to another. */
  readonly parts: Parts

  private constructor(node: HeliaNode, meter: LinkMeter, { dht: options, pinning = [] }: NodeOptions) {
    this.#node = node
    this.#meter = meter
    this.parts = new Parts(node)
    const { dht } = node.libp2p.services
    const models = { list: () => this.#models(), holds: (cid: CID) => this.#isModel(cid) }
    const place = {
      addresses: () => this.addresses,
      dial: (address: Multiaddr, signal: AbortSignal) => node.libp2p.dial(address, { signal }),
    }
    this.#announcers = [
      ...(dht === undefined
        ? []
        : [new Announcer({ taker: dht, models, every: options?.announceEvery, onEvent: options?.onEvent })]),
      ...pinning.map((service) => {
        const taker = new PinningService(service, place)
        return new Announcer({ taker, models, onEvent: service.onEvent })
      }),
    ]
    for (const announcer of this.#announcers) announcer.start()
  }

  /**
   * Starts listening; joining a DHT goes on in the background. The identity seed decides the peer id.
   * @throws NetworkError STORAGE, BAD_ADDRESS.
   */
  static async start(options: NodeOptions): Promise<DataPlane> {
    const { startNode } = await loadNode()
    const meter = new LinkMeter()
    const plane = new DataPlane(await startNode(options, meter), meter, options)
    await plane.parts.start()
    return plane
  }

  get peerId(): string {
    return this.#node.libp2p.peerId.toString()
  }

  /** The addresses others reach us at; each ends in /p2p/<peer id>. */
  get addresses(): string[] {
    return this.#node.libp2p.getMultiaddrs().map(String)
  }

  /**
   * Those for browsers by WebRTC: each holds the hash of a certificate that is new with every start and each fortnight, and has the
   * interface's own IP address, whatever is announced.
   */
  get webRtcAddresses(): string[] {
    const own = this.#node.libp2p.services.doors.addresses().map(String)
    const named = own.filter((address) => address.includes('/webrtc-direct'))
    return named.map((address) => (address.includes('/p2p/') ? address : `${address}/p2p/${this.peerId}`))
  }

  get connections(): number {
    return this.#node.libp2p.getConnections().length
  }

  /** Those of the connections that go through a relay. */
  get relayedConnections(): number {
    const isRelayed = ({ name }: { name: string }): boolean => name === 'p2p-circuit'
    return this.#node.libp2p.getConnections().filter(({ remoteAddr }) => remoteAddr.getComponents().some(isRelayed))
      .length
  }

  /** Whether others could dial this node when they were last asked; null while nobody has tried, and without AutoNAT. */
  get reachable(): boolean | null {
    return this.#node.libp2p.services.autonat?.reachable ?? null
  }

  /** Nodes of the DHT that this one would ask; 0 without one. */
  get dhtPeers(): number {
    return this.#node.libp2p.services.dht?.peers ?? 0
  }

  /**
   * Stores a blob and offers it to whoever asks. Idempotent: equal bytes give the equal CID.
   * `round` tags it for {@link collect}; a blob without one stays until {@link release}. `cuts` are offsets at which it is cut, so that
   * {@link parts} can deliver what lies between them; they change the CID.
   */
  async publish(
    bytes: Uint8Array,
    options: { round?: number; signal?: AbortSignal; cuts?: readonly number[] } = {},
  ): Promise<string> {
    this.#assertRunning()
    const { root, blocks } = await encodeBlob(bytes, options.cuts)
    await storing(async () => {
      for (const block of blocks) await this.#node.blockstore.put(block.cid, block.bytes, withSignal(options.signal))
      await this.#keep(root, options.round)
    })
    return root.toString()
  }

  /**
   * Fetches a blob, from our own blocks or from the providers in turn, and keeps it. Providers that are delivering when their turn is over may go
   * on, all together for half of the time at most: whatever some of them do, every other gets its turn in the other half.
   * Every block is checked against its hash, its announced size and the limits.
   * @throws NetworkError BAD_CID, TOO_LARGE, MALFORMED, UNAVAILABLE (nobody had it), TIMEOUT.
   */
  async fetch(text: string, options: FetchOptions): Promise<Uint8Array> {
    this.#assertRunning()
    const cid = parseBlobCid(text)
    using deadline = new Deadline(options.timeout, [this.#stopping.signal, options.signal])
    const providers = options.providers.map(parseProvider)
    const { dht } = this.#node.libp2p.services
    const discovery = options.discover === true && dht !== undefined
    // A peer that disappeared silently must not use up the time of peers that could still deliver.
    const turns = Math.max(1, providers.length + (discovery ? 1 : 0))
    let overtime = turns === 1 ? 0 : OVERTIME * options.timeout
    const turn = Math.ceil(Math.max(MIN_TURN_MS, (options.timeout - overtime) / turns))
    const expired = (cause: unknown): NetworkError =>
      new NetworkError('TIMEOUT', `${text}: not complete after ${options.timeout} ms`, { cause })
    let last: unknown = null
    let asked = -1
    for await (const source of this.#sources(cid, providers, discovery, deadline.signal)) {
      const ms = asked < providers.length ? turn : Math.ceil(turn / FOUND_PER_TURN)
      using turnOver = new Turn({ ms, overtime, heardAt: this.#heardAt(source) }, deadline.signal)
      asked += 1
      try {
        const bytes = await this.#fetchFrom(cid, source, options.maxBytes, turnOver.signal)
        await storing(() => this.#keep(cid, options.round))
        return bytes
      } catch (error) {
        options.signal?.throwIfAborted()
        if (deadline.expired) throw expired(error)
        // Every peer sends the same root, so another peer cannot announce a better size.
        if (error instanceof NetworkError && error.code !== 'UNAVAILABLE') throw error
        this.#assertRunning()
        last = error
        overtime -= turnOver.overtime
      }
    }
    options.signal?.throwIfAborted()
    if (deadline.expired) throw expired(last)
    this.#assertRunning()
    const found = discovery ? `, ${asked - providers.length} of them found in the DHT` : ''
    throw new NetworkError('UNAVAILABLE', `${text}: none of ${asked} providers delivered it${found}`, {
      cause: last,
    })
  }

  /** When bytes last came from a source, by its peer id. */
  #heardAt(source: readonly Multiaddr[] | null): () => number {
    const peer = source?.[0]?.getComponents().at(-1)?.value ?? ''
    return () => this.#meter.heardAt(peer)
  }

  /** Where a blob may be, the nearest first: our own blocks (null), the providers, and whoever the DHT names. */
  async *#sources(
    cid: CID,
    providers: readonly Multiaddr[],
    discovery: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<Multiaddr[] | null> {
    yield null
    for (const provider of providers) yield [provider]
    const { dht } = this.#node.libp2p.services
    if (!discovery || dht === undefined) return
    using deadline = new Deadline(LOOK_UP_MS, [signal])
    const tried = new Set(providers.map(String))
    try {
      for await (const addresses of dht.providers(cid, deadline.signal)) {
        const others = addresses.filter((address) => !tried.has(address.toString()))
        if (others.length > 0) yield others
      }
    } catch {
      // Every peer was asked, and none answered in time.
    }
  }

  async #fetchFrom(cid: CID, source: Multiaddr[] | null, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    if (source === null) {
      const local = async (block: CID): Promise<Uint8Array> => {
        if (!(await this.#node.blockstore.has(block, { signal }))) {
          throw new NetworkError('UNAVAILABLE', `${block} is not stored here`)
        }
        return collectBytes(this.#node.blockstore.get(block, { offline: true, signal }), maxBytes)
      }
      return assemble(cid, local, maxBytes)
    }
    this.#connect(source)
    const session = this.#node.blockstore.createSession(cid, { providers: [source], maxProviders: 1, signal })
    try {
      const remote = (block: CID): Promise<Uint8Array> =>
        collectBytes(session.get(block, { signal }), maxBytes).catch((cause) => {
          if (cause instanceof NetworkError) throw cause
          throw new NetworkError('UNAVAILABLE', `${block}: ${source[0]} did not deliver it`, { cause })
        })
      return await assemble(cid, remote, maxBytes)
    } finally {
      session.close()
    }
  }

  /** Connects in the background. When the turn of what asks that peer is over, the handshake goes on, and the next that asks finds a connection. */
  #connect([address, ...others]: readonly Multiaddr[]): void {
    // A DHT can name any number of addresses that nobody answers at.
    if (address === undefined || others.length > 0) return
    this.#node.libp2p.dial(address, { signal: this.#stopping.signal }).catch(() => undefined)
  }

  /** One block, as it is stored here; null when it is not. @throws NetworkError BAD_CID */
  async block(text: string, signal?: AbortSignal): Promise<Uint8Array | null> {
    this.#assertRunning()
    const cid = parseBlobCid(text)
    if (!(await this.#node.blockstore.has(cid, withSignal(signal)))) return null
    const stored = this.#node.blockstore.get(cid, { offline: true, ...withSignal(signal) })
    return await collectBytes(stored, MAX_BLOCK_BYTES)
  }

  /** True when the blob is complete here. */
  async has(text: string): Promise<boolean> {
    this.#assertRunning()
    return this.#node.pins.isPinned(parseBlobCid(text))
  }

  /**
   * Keeps a blob that is stored here whatever {@link collect} forgets, and announces it in the background to the DHT
   * and to pinning services, if there are any: an accepted model.
   */
  async pin(text: string): Promise<void> {
    this.#assertRunning()
    const cid = parseBlobCid(text)
    if (!(await this.#node.pins.isPinned(cid))) {
      throw new NetworkError('UNAVAILABLE', `${text} is not stored here: fetch it before pinning`)
    }
    await this.#node.pins.setMetadata(cid, { model: true })
    for (const announcer of this.#announcers) announcer.announce(cid)
  }

  /** Lets go of one blob; {@link collect} then frees its blocks. */
  async release(text: string): Promise<void> {
    this.#assertRunning()
    const cid = parseBlobCid(text)
    await drain(this.#node.pins.rm(cid))
    await Promise.all(this.#announcers.map((announcer) => announcer.withdraw(cid)))
  }

  /** Forgets the blobs of rounds before `keepFrom` and frees every block no longer pinned. Returns blobs forgotten. */
  async collect(keepFrom: number): Promise<number> {
    this.#assertRunning()
    const old: CID[] = []
    for await (const pin of this.#node.pins.ls()) {
      const round = pin.metadata.round
      if (typeof round === 'number' && round < keepFrom) old.push(pin.cid)
    }
    for (const cid of old) await drain(this.#node.pins.rm(cid))
    await this.#node.gc()
    return old.length
  }

  /** Closes connections and files. Fetches under way fail with NOT_RUNNING's cause. */
  async stop(): Promise<void> {
    if (!this.#running) return
    this.#running = false
    this.#stopping.abort(new NetworkError('NOT_RUNNING', 'the data plane is stopping'))
    await Promise.all(this.#announcers.map((announcer) => announcer.stop()))
    await this.parts.stop()
    await this.#node.stop()
  }

  async *#models(): AsyncGenerator<CID> {
    for await (const pin of this.#node.pins.ls()) if (pin.metadata.model === true) yield pin.cid as CID
  }

  async #isModel(cid: CID): Promise<boolean> {
    try {
      return (await this.#node.pins.get(cid)).metadata.model === true
    } catch (error) {
      if ((error as Error).name === 'NotFoundError') return false
      throw error
    }
  }

  async #keep(root: CID, round: number | undefined): Promise<void> {
    if (await this.#node.pins.isPinned(root)) return
    await drain(this.#node.pins.add(root, { metadata: round === undefined ? {} : { round } }))
  }

  #assertRunning(): void {
    if (!this.#running) throw new NetworkError('NOT_RUNNING', 'the data plane is stopped')
  }
}

async function drain(source: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of source);
}

function withSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}
