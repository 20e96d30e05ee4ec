// SPDX-License-Identifier: GPL-3.0-or-later
// Gets the blocks of a blob together: from the own store, from providers in turn, from those that a DHT names.
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
 * How long a peer is asked for a block that it sent before, until it is asked again, in milliseconds. Bitswap takes the first question for a repetition
 * of the old one, which was answered, and forgets the old one with it; within `resendAfter` it does not even forget, and the second is lost as well.
 */
const ASK_AGAIN_MS = 1_000
const LOST_QUESTIONS = 2

export class BlobGatherer {
  readonly #node: HeliaNode
  readonly #meter: LinkMeter
  readonly #place: { readonly stopping: AbortSignal; readonly assertRunning: () => void }
  /** Blocks that were changed on the disk, and not asked for since then. */
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

  /** @param take Makes of a blob's blocks what the caller wants. */
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

  /** Connects in the background. When the turn of what asks that peer is over, the handshake goes on, and the next that asks finds a connection. */
  #connect([address, ...others]: readonly Multiaddr[]): void {
    // A DHT can name any number of addresses that nobody answers at.
    if (address === undefined || others.length > 0) return
    this.#node.libp2p.dial(address, { signal: this.#place.stopping }).catch(() => undefined)
  }

  /**
   * A block of the store, checked against its hash. One that was changed on the disk is dropped; where it is gone, so is the pin of its blob,
   * and the next fetch asks others for it. @throws NetworkError UNAVAILABLE
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
   * Whether this very blob was complete here once, and checked. Not `isPinned`: that is about bytes, whatever blob they are part of and however
   * its CID has them read. A block of links that was published as plain bytes would count as the blob that it describes.
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

/** Asks for a block in a session of its own, and leaves it in the store if it comes. @returns whether it came */
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
