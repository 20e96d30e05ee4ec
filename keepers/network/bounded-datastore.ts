// SPDX-License-Identifier: GPL-3.0-or-later
import { NotFoundError } from '@libp2p/interface'
import { BaseDatastore } from 'datastore-core/base'

type Key = Parameters<BaseDatastore['get']>[0]
type Query = Parameters<BaseDatastore['query']>[0]
type Entry = { readonly key: Key; readonly value: Uint8Array }

/**
 * Keeps records that strangers store in a DHT node: a limited number of entries in memory, of which the least recently used are dropped first.
 *
 * On disk, every record of a stranger would be a file that stays for two days, in unlimited numbers. A keeper recreates its own records at each
 * start. Entries are indexed by their key's folder, because every DHT query about a CID asks for one folder.
 */
export class BoundedDatastore extends BaseDatastore {
  readonly #most: number
  /** Folder of each key, the least used first. */
  readonly #folderOf = new Map<string, string>()
  readonly #folders = new Map<string, Map<string, Entry>>()

  /** @param most Entries kept, at least 1. */
  constructor(most: number) {
    super()
    this.#most = most
  }

  get size(): number {
    return this.#folderOf.size
  }

  override put(key: Key, value: Uint8Array): Key {
    const name = key.toString()
    this.#drop(name)
    if (this.size >= this.#most) this.#drop(this.#folderOf.keys().next().value!)
    const folder = name.slice(0, name.lastIndexOf('/'))
    this.#folderOf.set(name, folder)
    const entries = this.#folders.get(folder) ?? new Map<string, Entry>()
    entries.set(name, { key, value })
    this.#folders.set(folder, entries)
    return key
  }

  /** @throws NotFoundError of libp2p, which its callers look for by name. */
  override get(key: Key): Uint8Array {
    const name = key.toString()
    const folder = this.#folderOf.get(name)
    if (folder === undefined) throw new NotFoundError(`${name} is not stored`)
    this.#folderOf.delete(name)
    this.#folderOf.set(name, folder)
    return this.#folders.get(folder)!.get(name)!.value
  }

  override has(key: Key): boolean {
    return this.#folderOf.has(key.toString())
  }

  override delete(key: Key): void {
    this.#drop(key.toString())
  }

  override async *_all({ prefix }: Pick<Query, 'prefix'>): AsyncGenerator<Entry> {
    const folder = this.#folders.get(prefix?.replace(/\/$/, '') ?? '')
    for (const entries of folder === undefined ? [...this.#folders.values()] : [folder]) yield* entries.values()
  }

  override async *_allKeys(query: Pick<Query, 'prefix'>): AsyncGenerator<Key> {
    for await (const { key } of this._all(query)) yield key
  }

  #drop(name: string): void {
    const folder = this.#folderOf.get(name)
    if (folder === undefined) return
    this.#folderOf.delete(name)
    const entries = this.#folders.get(folder)!
    entries.delete(name)
    if (entries.size === 0) this.#folders.delete(folder)
  }
}
