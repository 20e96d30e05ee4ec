// SPDX-License-Identifier: GPL-3.0-or-later
// The stores of a node on disk, with the small part that is used again and again also in memory. A keeper writes and reads some thirty blocks per
// round, and asks for each several times whether it is there, and pinned. Asking the file system took a tenth of its CPU time, and a quarter with many
// peers. The folder belongs to one process (its store is locked), so memory and disk agree.
import { mkdir, readFile, rename, writeFile } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { NotFoundError } from '@libp2p/interface'
import { FsBlockstore } from 'blockstore-fs'
import { NextToLast } from 'blockstore-fs/sharding'
import { FsDatastore } from 'datastore-fs'
import type { CID } from 'multiformats/cid'
import { RecentBlocks } from './recent-blocks.ts'

type Options = { readonly signal?: AbortSignal }
type Key = Parameters<FsDatastore['has']>[0]

/** Bytes. Longer blocks are parts of long blobs, which are read once. They stay only on the disk. */
const SMALL_BLOCK = 1 << 16

/** Flushes a file, so that it survives a power cut. */
export async function flushed(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Blocks as files. Small ones that were written or read recently are also in memory. */
export class HeldBlocks extends FsBlockstore {
  readonly #flush: (path: string) => Promise<void>
  readonly #recent = new RecentBlocks()
  /** Equal to the base class's own, which is private. */
  readonly #shards = new NextToLast()
  /** Counts deletions. A block that was being read during one is not cached. */
  #deletions = 0

  /** @param flush for tests */
  constructor(path: string, flush = flushed) {
    super(path)
    this.#flush = flush
  }

  /**
   * Returns once these stored blocks survive a power cut. On the file systems that keepers have (ext4, XFS, Btrfs), flushing a file also flushes its
   * rename, so folders need no flush of their own. Other writes are left to the system, because those blocks can be fetched again.
   */
  async keepSafe(cids: readonly CID[]): Promise<void> {
    const files = cids.map((cid) => this.#shards.encode(cid)).map(({ dir, file }) => join(this.path, dir, file))
    await Promise.all(files.map((path) => this.#flush(path)))
  }

  override async put(cid: CID, block: Parameters<FsBlockstore['put']>[1], options?: Options): Promise<CID> {
    if (!(block instanceof Uint8Array)) await super.put(cid, block, options)
    else {
      options?.signal?.throwIfAborted()
      const { dir, file } = this.#shards.encode(cid)
      await writeWhole(join(this.path, dir, file), block)
      // Copied, because the bytes may be part of something that will be wiped.
      if (block.length <= SMALL_BLOCK) this.#recent.put(nameOf(cid), block.slice())
    }
    return cid
  }

  /** Yields bytes that the caller may change. @throws NotFoundError */
  override async *get(cid: CID, options?: Options): AsyncGenerator<Uint8Array> {
    options?.signal?.throwIfAborted()
    const name = nameOf(cid)
    const held = this.#recent.get(name)
    if (held !== null) {
      yield held.slice()
      return
    }
    const { dir, file } = this.#shards.encode(cid)
    const deletions = this.#deletions
    // Not through a stream, whose handle would stay open if the reader's time ends while it is being opened.
    const bytes = await readWhole(join(this.path, dir, file))
    options?.signal?.throwIfAborted()
    if (bytes.length <= SMALL_BLOCK && deletions === this.#deletions) this.#recent.put(name, bytes.slice())
    yield bytes
  }

  override async has(cid: CID, options?: Options): Promise<boolean> {
    return this.#recent.has(nameOf(cid)) || (await super.has(cid, options))
  }

  override async delete(cid: CID, options?: Options): Promise<void> {
    this.#deletions++
    this.#recent.delete(nameOf(cid))
    await super.delete(cid, options)
    this.#deletions++
  }
}

/** Names a block by its hash alone: blocks of the same bytes are one file, whatever their codec. */
const nameOf = (cid: CID): string => Buffer.from(cid.multihash.bytes).toString('latin1')

const [makeFolder, write, move] = [promisify(mkdir), promisify(writeFile), promisify(rename)]

/** Files that are being written, by path. */
const underWay = new Map<string, Promise<void>>()

/** Writes a file whole or not at all. Several writes of the same file happen one after the other. */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const before = underWay.get(path)
  const run = (async () => {
    await before?.catch(() => undefined)
    await replace(path, bytes)
  })()
  underWay.set(path, run)
  try {
    await run
  } finally {
    if (underWay.get(path) === run) underWay.delete(path)
  }
}

async function replace(path: string, bytes: Uint8Array): Promise<void> {
  const folder = dirname(path)
  const part = join(folder, `.${basename(path)}.tmp`)
  try {
    await write(part, bytes)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    await makeFolder(folder, { recursive: true })
    await write(part, bytes)
  }
  await move(part, path)
}

function readWhole(path: string): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    readFile(path, (error, bytes) => {
      if (error !== null) reject(new NotFoundError(String(error)))
      else resolve(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
    })
  })
}

/** Most values of records in memory: some thousand pins. */
const HELD_VALUES = 8_192

/** Small records as files, with all their names and the most recent values in memory. */
export class HeldRecords extends FsDatastore {
  readonly #values = new Map<string, Uint8Array>()
  #names: Promise<Set<string>> | null = null
  /** Counts changes. A record that was being read during one is not cached. */
  #changes = 0

  override async put(key: Key, value: Uint8Array, options?: Options): Promise<Key> {
    const name = key.toString()
    // After a failure, the record is read again.
    this.#values.delete(name)
    options?.signal?.throwIfAborted()
    const names = await this.#known()
    names.add(name)
    this.#changes++
    await writeWhole(this._encode(key).file, value)
    this.#changes++
    this.#hold(name, value.slice())
    return key
  }

  override async get(key: Key, options?: Options): Promise<Uint8Array> {
    const name = key.toString()
    const held = this.#values.get(name)
    if (held !== undefined) return held.slice()
    if (!(await this.#known()).has(name)) throw new NotFoundError(`${name} is not stored`)
    const changes = this.#changes
    const value = await super.get(key, options)
    if (changes === this.#changes) this.#hold(name, value.slice())
    return value
  }

  override async has(key: Key, options?: Options): Promise<boolean> {
    const name = key.toString()
    return this.#values.has(name) || ((await this.#known()).has(name) && (await super.has(key, options)))
  }

  override async delete(key: Key, options?: Options): Promise<void> {
    const name = key.toString()
    this.#values.delete(name)
    this.#changes++
    await super.delete(key, options)
    this.#changes++
    ;(await this.#known()).delete(name)
  }

  /** The names on the disk, read at the first request, because nothing calls `open` on this store. */
  #known(): Promise<Set<string>> {
    this.#names ??= this.#read().catch((error: unknown) => {
      this.#names = null
      throw error
    })
    return this.#names
  }

  async #read(): Promise<Set<string>> {
    // `open` makes the folder.
    await this.open()
    const names = new Set<string>()
    for await (const key of this._allKeys({})) names.add(key.toString())
    return names
  }

  #hold(name: string, value: Uint8Array): void {
    this.#values.delete(name)
    this.#values.set(name, value)
    for (const oldest of this.#values.keys()) {
      if (this.#values.size <= HELD_VALUES) break
      this.#values.delete(oldest)
    }
  }
}
