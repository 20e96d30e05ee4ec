// SPDX-License-Identifier: GPL-3.0-or-later
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import { Deadline } from './deadline.ts'
import { NetworkError } from './errors.ts'
import { encodeBlob, parseBlobCid, planBlob } from './file-format.ts'
import { type HeliaNode, type NodeOptions, startNode } from './node.ts'

export type FetchOptions = {
  /** Refuse a blob above this many bytes, before its leaves are asked for. */
  readonly maxBytes: number
  /** Milliseconds for the whole blob. */
  readonly timeout: number
  /** Peers that should have it, most likely first: multiaddrs that end in /p2p/<peer id>. */
  readonly providers: readonly string[]
  readonly signal?: AbortSignal
  /** Tag of what the blob belongs to, e.g. a round; {@link DataPlane.collect} forgets by it. */
  readonly round?: number
}

/** Least time one provider gets before the next is asked, in milliseconds. */
const MIN_TURN_MS = 3_000

/**
 * The keepers' data plane: blobs by CID. Everything kept is pinned with the round it belongs to, so that old rounds
 * can be dropped while accepted models stay.
 */
export class DataPlane {
  readonly #node: HeliaNode
  #running = true
  readonly #stopping = new AbortController()

  private constructor(node: HeliaNode) {
    this.#node = node
  }

  /** Starts listening. The identity seed decides the peer id. @throws NetworkError STORAGE. */
  static async start(options: NodeOptions): Promise<DataPlane> {
    return new DataPlane(await startNode(options))
  }

  get peerId(): string {
    return this.#node.libp2p.peerId.toString()
  }

  /** The addresses others reach us at; each ends in /p2p/<peer id>. */
  get addresses(): string[] {
    return this.#node.libp2p.getMultiaddrs().map(String)
  }

  get connections(): number {
    return this.#node.libp2p.getConnections().length
  }

  /**
   * Stores a blob and offers it to whoever asks. Idempotent: equal bytes give the equal CID.
   * `round` tags it for {@link collect}; a blob without one (an accepted model) stays until {@link release}.
   */
  async publish(bytes: Uint8Array, options: { round?: number; signal?: AbortSignal } = {}): Promise<string> {
    this.#assertRunning()
    const { root, blocks } = await encodeBlob(bytes)
    await this.#storing(async () => {
      for (const block of blocks) await this.#node.blockstore.put(block.cid, block.bytes, withSignal(options.signal))
      await this.#keep(root, options.round)
    })
    return root.toString()
  }

  /**
   * Fetches a blob, from our own blocks or from the providers in turn, and keeps it.
   * Every block is checked against its hash, its announced size and the limits.
   * @throws NetworkError BAD_CID, TOO_LARGE, MALFORMED, UNAVAILABLE (nobody had it), TIMEOUT.
   */
  async fetch(text: string, options: FetchOptions): Promise<Uint8Array> {
    this.#assertRunning()
    const cid = parseBlobCid(text)
    using deadline = new Deadline(options.timeout, [this.#stopping.signal, options.signal])
    const sources: (Multiaddr | null)[] = [null, ...options.providers.map(parseProvider)]
    // A peer that went away without a word must not use up the time of those that could still deliver.
    const turn = Math.ceil(Math.max(MIN_TURN_MS, options.timeout / Math.max(1, options.providers.length)))
    let last: unknown = null
    for (const source of sources) {
      using turnOver = new Deadline(turn, [deadline.signal])
      try {
        const bytes = await this.#fetchFrom(cid, source, options.maxBytes, turnOver.signal)
        await this.#storing(() => this.#keep(cid, options.round))
        return bytes
      } catch (error) {
        options.signal?.throwIfAborted()
        if (deadline.expired) {
          throw new NetworkError('TIMEOUT', `${text}: not complete after ${options.timeout} ms`, { cause: error })
        }
        // The root is the same whoever sends it: what it announces cannot get better elsewhere.
        if (error instanceof NetworkError && error.code !== 'UNAVAILABLE') throw error
        this.#assertRunning()
        last = error
      }
    }
    const asked = options.providers.length
    throw new NetworkError('UNAVAILABLE', `${text}: none of ${asked} providers delivered it`, { cause: last })
  }

  async #fetchFrom(cid: CID, source: Multiaddr | null, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    if (source === null) {
      const local = async (block: CID): Promise<Uint8Array> => {
        if (!(await this.#node.blockstore.has(block, { signal }))) {
          throw new NetworkError('UNAVAILABLE', `${block} is not stored here`)
        }
        return collectBytes(this.#node.blockstore.get(block, { offline: true, signal }), maxBytes)
      }
      return assemble(cid, local, maxBytes)
    }
    const session = this.#node.blockstore.createSession(cid, { providers: [source], maxProviders: 1, signal })
    try {
      const remote = (block: CID): Promise<Uint8Array> =>
        collectBytes(session.get(block, { signal }), maxBytes).catch((cause) => {
          if (cause instanceof NetworkError) throw cause
          throw new NetworkError('UNAVAILABLE', `${block}: ${source} did not deliver it`, { cause })
        })
      return await assemble(cid, remote, maxBytes)
    } finally {
      session.close()
    }
  }

  /** True when the blob is complete here. */
  async has(text: string): Promise<boolean> {
    this.#assertRunning()
    return this.#node.pins.isPinned(parseBlobCid(text))
  }

  /** Keeps a blob that is stored here whatever {@link collect} forgets: an accepted model. */
  async pin(text: string): Promise<void> {
    this.#assertRunning()
    const cid = parseBlobCid(text)
    if (!(await this.#node.pins.isPinned(cid))) {
      throw new NetworkError('UNAVAILABLE', `${text} is not stored here: fetch it before pinning`)
    }
    await this.#node.pins.setMetadata(cid, {})
  }

  /** Lets go of one blob; {@link collect} then frees its blocks. */
  async release(text: string): Promise<void> {
    this.#assertRunning()
    await drain(this.#node.pins.rm(parseBlobCid(text)))
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
    await this.#node.stop()
  }

  async #keep(root: CID, round: number | undefined): Promise<void> {
    if (await this.#node.pins.isPinned(root)) return
    await drain(this.#node.pins.add(root, { metadata: round === undefined ? {} : { round } }))
  }

  async #storing(body: () => Promise<void>): Promise<void> {
    try {
      await body()
    } catch (cause) {
      // The file stores keep the system's error as text only: "Error: ENOSPC: no space left on device, write".
      const found = /\b(ENOSPC|EDQUOT|EFBIG)\b/.exec(
        `${(cause as NodeJS.ErrnoException).code} ${(cause as Error).message}`,
      )
      if (found !== null) {
        throw new NetworkError(
          'STORAGE',
          `no space for blobs in the data folder (${found[1]}): free some, the keeper retries`,
          {
            cause,
          },
        )
      }
      throw cause
    }
  }

  #assertRunning(): void {
    if (!this.#running) throw new NetworkError('NOT_RUNNING', 'the data plane is stopped')
  }
}

async function assemble(cid: CID, block: (cid: CID) => Promise<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const root = await block(cid)
  const plan = planBlob(cid, root, maxBytes)
  if (plan.leaves.length === 0) return root
  const bytes = new Uint8Array(plan.size)
  let offset = 0
  for (const leaf of plan.leaves) {
    const part = await block(leaf.cid)
    if (part.length !== leaf.size) {
      throw new NetworkError('MALFORMED', `${cid}: leaf ${leaf.cid} has ${part.length} bytes, announced ${leaf.size}`)
    }
    bytes.set(part, offset)
    offset += part.length
  }
  return bytes
}

async function collectBytes(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of source) {
    length += part.length
    // A dag-pb root of a small limit may itself exceed it; 64 KiB covers the root of the largest file.
    if (length > Math.max(maxBytes, 1 << 16)) throw new NetworkError('TOO_LARGE', `block over ${maxBytes} bytes`)
    parts.push(part)
  }
  if (parts.length === 1) return parts[0]!
  return Buffer.concat(parts)
}

async function drain(source: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of source);
}

function withSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}

/** Parses a provider's address. @throws NetworkError BAD_ADDRESS unless it is a multiaddr that ends in a peer id. */
export function parseProvider(text: string): Multiaddr {
  let address: Multiaddr
  try {
    address = multiaddr(text)
  } catch (cause) {
    throw new NetworkError('BAD_ADDRESS', `"${text.slice(0, 120)}" is not a multiaddr`, { cause })
  }
  if (address.getComponents().at(-1)?.name !== 'p2p') {
    throw new NetworkError('BAD_ADDRESS', `${text.slice(0, 120)} must end in /p2p/<peer id>`)
  }
  return address
}
