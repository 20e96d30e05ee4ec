// SPDX-License-Identifier: GPL-3.0-or-later
// The browser's own database, for what can be read again: histories of contracts, and blocks by their CIDs.
import { type DBSchema, type IDBPDatabase, openDB } from 'idb'
import type { HistoryShelf, StoredHistory } from './history.ts'

type Shelves = DBSchema & {
  histories: { key: string; value: StoredHistory }
  blocks: { key: string; value: Uint8Array }
}

let opened: Promise<IDBPDatabase<Shelves>> | null = null

function database(): Promise<IDBPDatabase<Shelves>> {
  opened ??= openDB<Shelves>('cohort', 1, {
    upgrade(db) {
      db.createObjectStore('histories')
      db.createObjectStore('blocks')
    },
    // Another tab with a newer console must not wait for this one.
    blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),
  })
  return opened
}

export const historyShelf: HistoryShelf = {
  get: async (key) => await (await database()).get('histories', key),
  put: async (key, history) => await (await database()).put('histories', history, key),
}

/** Blocks by CID, as text. */
export const blockShelf = {
  get: async (cid: string): Promise<Uint8Array | undefined> => await (await database()).get('blocks', cid),
  put: async (cid: string, bytes: Uint8Array): Promise<unknown> => await (await database()).put('blocks', bytes, cid),
} as const
