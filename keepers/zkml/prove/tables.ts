// SPDX-License-Identifier: GPL-3.0-or-later
// The file of tables beside a key, read: multiples 2^stride·P, 2^(2·stride)·P … of the finite points of some queries, with which all
// windows of a sum share their buckets (Brickell, Gordon, McCurley, Wilson: "Fast exponentiation with precomputation", 1992).
// setup/tables.ts writes it. An iden3 container, `ztab`, version 1:
//   section 1   SHA-256 of the key; then of each query its number in the key, stride, levels and points a level, u32 each, and the
//               SHA-256 of its section; then the SHA-256 of all this
//   section n   of the query that is section n of the key: level after level, affine points in the key's form
// Checksums find damage. A forged file can make proofs that fail to verify, and nothing else.
import { type Part, piecesOf, readPart } from '../parts.ts'
import { sectionsOf } from '../sections.ts'
import { POINT_BYTES } from '../setup/curve-memory.ts'
import { ZKEY_SECTION } from '../setup/zkey.ts'
import { type KeySource, openKey } from './backend.ts'
import { ProveError } from './errors.ts'
import { WINDOW_BITS } from './multiexp.ts'

export const TABLES_FORMAT = { type: 'ztab', version: 1 }
export const TABLES_HEADER = 1
export const HASH_BYTES = 32
/** Of a query in the header. */
export const TABLE_ENTRY_BYTES = 16 + HASH_BYTES
export const TABLE_QUERIES = ['h', 'c', 'a', 'b1', 'b2'] as const
export type TableQuery = (typeof TABLE_QUERIES)[number]

export type QueryTable = {
  /** Bits between one level of multiples and the next, the points themselves being the first. */
  readonly stride: number
  /** Levels above the points. */
  readonly multiples: number
  /** Finite points of the query. */
  readonly count: number
  readonly points: Part
}

export type KeyTables = { readonly [query in TableQuery]?: QueryTable }

/** Where the tables of a key are kept. */
export function tablesPath(zkeyPath: string): string {
  return `${zkeyPath}.tables`
}

export function pointBytes(query: TableQuery): number {
  return POINT_BYTES[query === 'b2' ? 'g2' : 'g1'].affine
}

/**
 * Calls `use` with the tables beside a key on disk, which last until it is done; with none where there is no such file, or the options
 * switch them off. Throws ProveError `tables-unusable` for a file that is damaged, or belongs to another key or version.
 */
export async function withTables<T>(
  key: KeySource,
  file: Part,
  options: { readonly tables?: boolean; readonly engine?: 'kernel' | 'portable' },
  use: (tables: KeyTables) => Promise<T>,
): Promise<T> {
  if (key instanceof Uint8Array || options.tables === false || options.engine === 'portable') return use({})
  const path = tablesPath(typeof key === 'string' ? key : key.name)
  const opened = await openKey(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (opened === null) return use({})
  try {
    return await use(readTables(opened.file, path, hashOf(file)))
  } finally {
    opened.close()
  }
}

/** Reads and checks all of it, in pieces. `keyHash`: SHA-256 of the key that the tables must be of. */
export function readTables(file: Part, path: string, keyHash: Uint8Array): KeyTables {
  const unusable = (what: string) =>
    new ProveError('tables-unusable', `${path}: ${what}; delete it, or run cohort zkml tables again`)
  const sections = sectionsOf(file, TABLES_FORMAT, unusable)
  const part = sections.get(TABLES_HEADER)
  if (part === undefined) throw unusable('has no header')
  const header = readPart(part)
  const [from, end] = [HASH_BYTES, header.byteLength - HASH_BYTES]
  if (end < from || (end - from) % TABLE_ENTRY_BYTES !== 0) throw unusable(`a header of ${header.byteLength} bytes`)
  if (!same(hashOf(header.subarray(0, end)), header.subarray(end))) throw unusable('the header’s checksum is wrong')
  if (!same(keyHash, header.subarray(0, from))) throw unusable('belongs to another key')
  const view = new DataView(header.buffer, header.byteOffset)
  const tables: { [query in TableQuery]?: QueryTable } = {}
  for (let at = from; at < end; at += TABLE_ENTRY_BYTES) {
    const [section, stride, multiples, count] = [0, 4, 8, 12].map((word) => view.getUint32(at + word, true))
    const query = TABLE_QUERIES.find((name) => ZKEY_SECTION[name] === section)
    if (query === undefined || tables[query] !== undefined) throw unusable(`section ${section} is not one query’s`)
    if (stride! < 2 || multiples !== Math.ceil(WINDOW_BITS / stride!) - 1)
      throw unusable(`query ${query} has ${multiples} multiples ${stride} bits apart`)
    const points = sections.get(section!)
    if (points === undefined) throw unusable(`the table of query ${query} is missing`)
    const expected = multiples * count! * pointBytes(query)
    if (points.byteLength !== expected)
      throw unusable(`the table of query ${query} has ${points.byteLength} bytes, not ${expected}`)
    if (!same(hashOf(points), header.subarray(at + 16, at + TABLE_ENTRY_BYTES)))
      throw unusable(`the checksum of query ${query} is wrong`)
    tables[query] = { stride: stride!, multiples, count: count!, points }
  }
  return tables
}

/** SHA-256, piece by piece. Node's: pages have no tables. */
export function hashOf(part: Part): Uint8Array {
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256')
  for (const { bytes } of piecesOf(part, 1 << 18)) hash.update(bytes)
  return hash.digest()
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i])
}
