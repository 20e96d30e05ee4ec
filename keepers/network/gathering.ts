// SPDX-License-Identifier: GPL-3.0-or-later
// Gathers the blocks of a blob: from our own store, from providers in turn, and from peers that a DHT names.
import type { Multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { type BlockSource, collectBytes } from './assembly.ts'
import { Deadline } from './deadline.ts'
import { NetworkError } from './errors.ts'
import { MAX_BLOCK_BYTES, parseBlobCid } from './file-format.ts'
import type { LinkMeter } from './link-meter.ts'
import type { HeliaNode } from './node.ts'
import { parseProvider } from './provider.ts'
import { storing } from './storing.ts'
import { Turn } from './turn.ts'
import { unpin } from './unpinning.ts'

export type FetchOptions = {
  /** Refuse a blob above this many bytes, before its leaves are asked for. */
  readonly maxBytes: number
  /** Milliseconds for the whole blob. */
  readonly timeout: number
  /** Peers that should have it, most likely first: multiaddrs that end in /p2p/<peer id>. */
  readonly providers: readonly string[]
  readonly signal?: AbortSignal
  /** The round that the blob belongs to; {@link DataPlane.collect} forgets blobs by it. */
  readonly round?: number
  /**
   * Ask the DHT, when there is one, after everyone else. For models only: a query reveals the wanted blob to strangers, and keepers
   * announce only models there.
   */
  readonly discover?: boolean
}

/** Least time one provider gets before the next is asked, in milliseconds. */
const MIN_TURN_MS = 3_000
/** Fraction of a fetch's time that providers may use beyond their turns while they deliver. */
const OVERTIME = 0.5
/** Time for the DHT to name those that have a blob, in milliseconds. */
const LOOK_UP_MS = 20_000
/** This many peers that the DHT names share the turn of one provider, because anyone can announce anything. */
const FOUND_PER_TURN = 3

/**
 * Milliseconds after which a peer is asked a second time for a block that it has sent before. The peer's bitswap takes the first request for a
 * repetition of the old one, which it has answered, and only forgets the old one. Within `resendAfter` it does not even forget, and the second request
 * is lost as well.
 */
const ASK_AGAIN_MS = 1_000
const LOST_QUESTIONS = 2

export class BlobGatherer {
  readonly #node: HeliaNode
  readonly #meter: LinkMeter
  readonly #place: { readonly stopping: AbortSignal; readonly assertRunning: () => void }
  /** Blocks that were changed on the disk and have not been requested since. */
  readonly #dropped = new Set<string>()

  constructor(
    node: HeliaNode,
    meter: LinkMeter,
    place: { readonly stopping: AbortSignal; readonly assertRunning: () => void },
  ) {
    this.#node = node
    this.#meter = meter
    this.#place = place
  }

  /** @param take Makes the result from the blob's blocks. */
  async gather<T>(text: string, options: FetchOptions, take: (cid: CID, block: BlockSource) => Promise<T>): Promise<T> {
    this.#place.assertRunning()
    const cid = parseBlobCid(text)
    using deadline = new Deadline(options.timeout, [this.#place.stopping, options.signal])
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
        const taken = await this.#takeFrom(cid, source, options.maxBytes, turnOver.signal, take)
        await storing(() => this.keep(cid, options.round))
        return taken
      } catch (error) {
        options.signal?.throwIfAborted()
        if (deadline.expired) throw expired(error)
        // Every peer sends the same root, so another peer cannot announce a better size.
        if (error instanceof NetworkError && error.code !== 'UNAVAILABLE') throw error
        this.#place.assertRunning()
        last = error
        overtime -= turnOver.overtime
      }
    }
    options.signal?.throwIfAborted()
    if (deadline.expired) throw expired(last)
    this.#place.assertRunning()
    const found = discovery ? `, ${asked - providers.length} of them found in the DHT` : ''
    throw new NetworkError('UNAVAILABLE', `${text}: none of ${asked} providers delivered it${found}`, {
      cause: last,
    })
  }

  /** The time at which bytes last came from a source. */
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

  async #takeFrom<T>(
    cid: CID,
    source: Multiaddr[] | null,
    maxBytes: number,
    signal: AbortSignal,
    take: (cid: CID, block: BlockSource) => Promise<T>,
  ): Promise<T> {
    if (source === null) return take(cid, (block) => this.stored(block, cid, signal))
    this.#connect(source)
    const open = () => this.#node.blockstore.createSession(cid, { providers: [source], maxProviders: 1, signal })
    const session = open()
    try {
      const remote = async (block: CID): Promise<Uint8Array> => {
        try {
          let lost = this.#dropped.delete(block.toString()) ? LOST_QUESTIONS : 0
          while (lost > 0 && !(await askBriefly(open(), block, signal))) lost--
          return await collectBytes(session.get(block, { signal }), maxBytes)
        } catch (cause) {
          if (cause instanceof NetworkError) throw cause
          throw new NetworkError('UNAVAILABLE', `${block}: ${source[0]} did not deliver it`, { cause })
        }
      }
      return await take(cid, remote)
    } finally {
      session.close()
    }
  }

  /** Connects in the background. If the turn ends first, the handshake goes on, and the next request finds a connection. */
  #connect([address, ...others]: readonly Multiaddr[]): void {
    // A DHT can name any number of dead addresses, so only a single one is dialled.
    if (address === undefined || others.length > 0) return
    this.#node.libp2p.dial(address, { signal: this.#place.stopping }).catch(() => undefined)
  }

  /**
   * A block of the store, checked against its hash. A block that was changed on the disk is dropped. If the block is gone, its blob is unpinned, and
   * the next fetch asks others for it. @throws NetworkError UNAVAILABLE
   */
  async stored(block: CID, root: CID, signal?: AbortSignal): Promise<Uint8Array> {
    this.#place.assertRunning()
    const { blockstore, files } = this.#node
    if (await blockstore.has(block, withSignal(signal))) {
      const source = blockstore.get(block, { offline: true, ...withSignal(signal) })
      const found = await collectBytes(source, MAX_BLOCK_BYTES)
      const { digest } = await sha256.digest(found)
      if (Buffer.compare(digest, block.multihash.digest) === 0) return found
      await this.#unpin(root)
      await files.delete(block)
      this.#dropped.add(block.toString())
      throw new NetworkError(
        'UNAVAILABLE',
        `${block} of ${root} was changed on the disk: it is fetched again when needed`,
      )
    }
    await this.#unpin(root)
    throw new NetworkError('UNAVAILABLE', `${block} is not stored here`)
  }

  async #unpin(root: CID): Promise<void> {
    if (await this.isKept(root)) await unpin(this.#node, root)
  }

  /**
   * Whether this very blob was once complete here, and checked. `isPinned` does not tell: it is about bytes, whatever blob they belong to and however a
   * CID interprets them. A node of links that was published as plain bytes would count as the blob that it describes.
   */
  async isKept(root: CID): Promise<boolean> {
    try {
      await this.#node.pins.get(root)
      return true
    } catch (error) {
      if ((error as Error).name === 'NotFoundError') return false
      throw error
    }
  }

  /** Pins a blob that is complete here. */
  async keep(root: CID, round: number | undefined): Promise<void> {
    if (await this.isKept(root)) return
    await drain(this.#node.pins.add(root, { metadata: round === undefined ? {} : { round } }))
  }
}

/** Requests a block in a session of its own, and leaves it in the store if it comes. @returns whether it came */
async function askBriefly(
  session: ReturnType<HeliaNode['blockstore']['createSession']>,
  block: CID,
  signal: AbortSignal,
): Promise<boolean> {
  using brief = new Deadline(ASK_AGAIN_MS, [signal])
  try {
    await drain(session.get(block, { signal: brief.signal }))
    return true
  } catch {
    return false
  } finally {
    session.close()
  }
}

export async function drain(source: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> {
  for await (const _ of source);
}

export function withSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}
