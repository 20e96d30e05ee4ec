// SPDX-License-Identifier: GPL-3.0-or-later
import type { Multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import { Announcer } from './announcer.ts'
import { assemble, collectBytes, partsOf } from './assembly.ts'
import { NetworkError } from './errors.ts'
import { BlobEncoder, encodeBlob, MAX_BLOCK_BYTES, parseBlobCid } from './file-format.ts'
import { BlobGatherer, type FetchOptions, withSignal } from './gathering.ts'
import { LinkMeter } from './link-meter.ts'
import { loadNode } from './load-node.ts'
import type { HeliaNode, NodeOptions } from './node.ts'
import { Parts } from './parts.ts'
import { PinningService } from './pinning.ts'
import { StoredBlob } from './stored-blob.ts'
import { storing } from './storing.ts'
import { unpin } from './unpinning.ts'

/** Takes a blob's bytes in order; `finish` returns its CID. */
export type BlobWriter = {
  readonly write: (piece: Uint8Array) => Promise<void>
  readonly finish: () => Promise<string>
}

/**
 * The keepers' data plane: blobs by CID. Everything kept is pinned with the round it belongs to, so that old rounds
 * can be dropped while accepted models stay.
 */
export class DataPlane {
  readonly #node: HeliaNode
  #running = true
  readonly #stopping = new AbortController()
  readonly #announcers: readonly Announcer[]
  readonly #gatherer: BlobGatherer
  /** Ranges of blobs, and notes, which keepers exchange directly. */
  readonly parts: Parts

  private constructor(node: HeliaNode, meter: LinkMeter, { dht: options, pinning = [], members }: NodeOptions) {
    this.#node = node
    this.parts = new Parts(node, members ?? (async () => true))
    this.#gatherer = new BlobGatherer(node, meter, {
      stopping: this.#stopping.signal,
      assertRunning: () => this.#assertRunning(),
    })
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
   * The addresses for browsers by WebRTC. Each contains the hash of a certificate, which changes with every start and every fortnight, and the
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

  /** Number of connections that go through a relay. */
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
   * {@link parts} can deliver what lies between them; they change the CID. With `safe` the blob outlasts a power cut once this resolves: needed
   * for what a keeper promises on the chain and nobody else has.
   */
  async publish(
    bytes: Uint8Array,
    options: { round?: number; signal?: AbortSignal; cuts?: readonly number[]; safe?: boolean } = {},
  ): Promise<string> {
    this.#assertRunning()
    const { root, blocks } = await encodeBlob(bytes, options.cuts)
    await storing(async () => {
      for (const block of blocks) await this.#node.blockstore.put(block.cid, block.bytes, withSignal(options.signal))
      if (options.safe === true) await this.#node.files.keepSafe(blocks.map(({ cid }) => cid))
      await this.#gatherer.keep(root, options.round)
    })
    return root.toString()
  }

  /**
   * The same for a blob that is made piece by piece. Each block goes to the store once it is complete, and the blob is offered to others from
   * `finish` on. If it is given up, {@link collect} frees its blocks.
   */
  writer(options: { readonly round?: number; readonly signal?: AbortSignal } = {}): BlobWriter {
    const encoder = new BlobEncoder(async ({ cid, bytes }) => {
      this.#assertRunning()
      await storing(async () => void (await this.#node.blockstore.put(cid, bytes, withSignal(options.signal))))
    })
    return {
      write: (piece) => encoder.write(piece),
      finish: async () => {
        const root = await encoder.finish()
        await storing(() => this.#gatherer.keep(root, options.round))
        return root.toString()
      },
    }
  }

  /**
   * Fetches a blob from our own blocks or from the providers in turn, and keeps it. Providers that are still delivering at the end of their turn may
   * go on, but all of them together for at most half of the time, so that in the other half every provider gets its turn.
   * Every block is checked against its hash, its announced size and the limits.
   * @throws NetworkError BAD_CID, TOO_LARGE, MALFORMED, UNAVAILABLE (nobody had it), TIMEOUT.
   */
  async fetch(text: string, options: FetchOptions): Promise<Uint8Array> {
    this.#assertRunning()
    return this.#gatherer.gather(text, options, (cid, block) => assemble(cid, block, options.maxBytes))
  }

  /**
   * The same for a blob that should not be in memory as a whole: its blocks go from the provider to the store, and are read from there.
   * @throws as {@link fetch}
   */
  async hold(text: string, options: FetchOptions): Promise<StoredBlob> {
    const leaves = !(await this.has(text))
    return this.#gatherer.gather(text, options, async (cid, block) => {
      const file = await partsOf(cid, { block, maxBytes: options.maxBytes, leaves })
      return new StoredBlob(cid, file, (part) => this.#gatherer.stored(part, cid))
    })
  }

  /** A block from the store; null if it is not stored here. @throws NetworkError BAD_CID */
  async block(text: string, signal?: AbortSignal): Promise<Uint8Array | null> {
    this.#assertRunning()
    const cid = parseBlobCid(text)
    if (!(await this.#node.blockstore.has(cid, withSignal(signal)))) return null
    const stored = this.#node.blockstore.get(cid, { offline: true, ...withSignal(signal) })
    return await collectBytes(stored, MAX_BLOCK_BYTES)
  }

  /** Whether the blob is complete here. */
  async has(text: string): Promise<boolean> {
    this.#assertRunning()
    return this.#gatherer.isKept(parseBlobCid(text))
  }

  /**
   * Keeps a stored blob, an accepted model, whatever {@link collect} forgets, and announces it in the background to the DHT and to pinning
   * services, if there are any.
   */
  async pin(text: string): Promise<void> {
    this.#assertRunning()
    const cid = parseBlobCid(text)
    if (!(await this.#gatherer.isKept(cid))) {
      throw new NetworkError('UNAVAILABLE', `${text} is not stored here: fetch it before pinning`)
    }
    await this.#node.pins.setMetadata(cid, { model: true })
    for (const announcer of this.#announcers) announcer.announce(cid)
  }

  /** Unpins one blob; {@link collect} then frees its blocks. */
  async release(text: string): Promise<void> {
    this.#assertRunning()
    const cid = parseBlobCid(text)
    await unpin(this.#node, cid)
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
    for (const cid of old) await unpin(this.#node, cid)
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

  #assertRunning(): void {
    if (!this.#running) throw new NetworkError('NOT_RUNNING', 'the data plane is stopped')
  }
}
