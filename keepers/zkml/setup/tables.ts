// SPDX-License-Identifier: GPL-3.0-or-later
// Writes the file of tables beside a key; prove/tables.ts has its format and reads it.
import { FIELD_BYTES } from '../bn254.ts'
import { ELEMENT_BYTES, type Kernel, PAIR_BYTES, workingKernel } from '../kernel/kernel.ts'
import { type Part, readPart } from '../parts.ts'
import { openKey } from '../prove/backend.ts'
import { finiteOf } from '../prove/multiexp.ts'
import {
  HASH_BYTES,
  hashOf,
  pointBytes,
  TABLE_ENTRY_BYTES,
  TABLE_QUERIES,
  TABLES_FORMAT,
  TABLES_HEADER,
  type TableQuery,
  tablesPath,
} from '../prove/tables.ts'
import { defaultThreads } from '../prove/threads.ts'
import { chooseTables, type QuerySize, type TableChoice } from './choose-tables.ts'
import { SetupError } from './errors.ts'
import { SectionFileWriter } from './section-file.ts'
import { bordersOf } from './two-round-shape.ts'
import { parseTwoRoundZkey } from './two-round-zkey.ts'
import { parseZkey, protocolOf, TWO_ROUND_PROTOCOL, ZKEY_SECTION, zkeySections } from './zkey.ts'

const DEFAULT_TABLES_MIB = 8
const MIB = 2 ** 20
/** The container's frame and the header, with all queries. */
const FRAME_BYTES = 1024
const POINTS_AT_ONCE = 1 << 12

export type TablesOptions = {
  /** Upper bound of the file's size, in MiB. */
  readonly mib?: number
  /** Threads that the prover will have; the machine's when absent. Only the choice depends on it. */
  readonly threads?: number
  readonly onProgress?: (progress: {
    readonly query: TableQuery
    readonly done: number
    readonly total: number
  }) => void
  readonly signal?: AbortSignal
}

export type TablesWritten = { readonly path: string; readonly bytes: number; readonly tables: readonly TableChoice[] }

/**
 * Computes multiples of a key's points, of those queries where they save most additions for each byte, and writes them beside the key,
 * whole or not at all. Both proof systems.
 *
 * Throws SetupError `zkey-malformed` for a key that does not parse, `worker-failed` where the prover's kernel does not run, RangeError
 * for a size below 1 MiB, or the signal's reason.
 */
export async function writeTables(zkeyPath: string, options: TablesOptions = {}): Promise<TablesWritten> {
  const mib = options.mib ?? DEFAULT_TABLES_MIB
  if (!Number.isInteger(mib) || mib < 1) throw new RangeError(`tables of ${mib} MiB; give a whole number from 1`)
  const kernel = await workingKernel()
  if (kernel === null)
    throw new SetupError('worker-failed', 'tables need the prover’s kernel: build it, or relaxed SIMD')
  const { file, close } = await openKey(zkeyPath)
  try {
    const sections = queriesOf(file, zkeyPath)
    const threads = options.threads ?? (await defaultThreads())
    const tables = chooseTables(
      sections.map(({ size }) => size),
      threads,
      mib * MIB - FRAME_BYTES,
    )
    const path = tablesPath(zkeyPath)
    const bytes = await writeFile(path, kernel, file, tables, sections, options)
    return { path, bytes, tables }
  } finally {
    close()
  }
}

type Section = { readonly size: QuerySize; readonly points: Part; readonly finite: Uint32Array }

/** The queries of a key of either system. Wires of the second round are inverses of challenges: of full size in every proof. */
function queriesOf(file: Part, name: string): Section[] {
  const found = zkeySections(file, (what) => new SetupError('zkey-malformed', `${name}: ${what}; run the set-up again`))
  const twoRounds = protocolOf(found) === TWO_ROUND_PROTOCOL ? parseTwoRoundZkey(file, name) : null
  const { sections } = twoRounds ?? parseZkey(file, name)
  const firstLong = twoRounds === null ? Number.POSITIVE_INFINITY : bordersOf(twoRounds.shape).secondRound
  return TABLE_QUERIES.map((query) => {
    const points: Part = sections[query]
    const finite = finiteOf(points, pointBytes(query))
    const all = query === 'h' || (query === 'c' && twoRounds !== null)
    const long = all ? finite.length : finite.filter((variable) => query !== 'c' && variable >= firstLong).length
    return { size: { query, finite: finite.length, long }, points, finite }
  })
}

async function writeFile(
  path: string,
  kernel: Kernel,
  key: Part,
  tables: readonly TableChoice[],
  sections: readonly Section[],
  { onProgress, signal }: TablesOptions,
): Promise<number> {
  const { createHash } = await import('node:crypto')
  const { type, version } = TABLES_FORMAT
  const header = Buffer.alloc(2 * HASH_BYTES + tables.length * TABLE_ENTRY_BYTES)
  header.set(hashOf(key))
  const writer = await SectionFileWriter.create(path, type, version, 1 + tables.length)
  try {
    for (const [i, table] of tables.entries()) {
      const { query, stride, multiples, count } = table
      const { points, finite } = sections.find(({ size }) => size.query === query)!
      const hash = createHash('sha256')
      const pieces = function* () {
        let done = 0
        for (const piece of multiplesOf(kernel, query, points, finite, table)) {
          signal?.throwIfAborted()
          hash.update(piece)
          done += piece.byteLength
          onProgress?.({ query, done, total: table.bytes })
          yield piece
        }
      }
      await writer.section(ZKEY_SECTION[query], pieces())
      const at = HASH_BYTES + i * TABLE_ENTRY_BYTES
      for (const [word, value] of [ZKEY_SECTION[query], stride, multiples, count].entries())
        header.writeUInt32LE(value, at + 4 * word)
      header.set(hash.digest(), at + 16)
    }
    header.set(hashOf(header.subarray(0, header.byteLength - HASH_BYTES)), header.byteLength - HASH_BYTES)
    await writer.section(TABLES_HEADER, [header])
    await writer.commit()
  } catch (error) {
    await writer.abandon()
    throw error
  }
  return 12 + 12 * (1 + tables.length) + header.byteLength + tables.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Level after level of 2^stride times the level before, in pieces. All points are in the kernel at once, and the memory is freed. */
function* multiplesOf(
  kernel: Kernel,
  query: TableQuery,
  points: Part,
  finite: Uint32Array,
  { stride, multiples, count }: TableChoice,
): Generator<Uint8Array> {
  const { base, calls } = kernel
  const flag = query === 'b2' ? 1 : 0
  const [size, inFile] = [flag === 0 ? 2 * ELEMENT_BYTES : 2 * PAIR_BYTES, pointBytes(query)]
  const mark = kernel.mark()
  const at = kernel.allocate(count * size)
  const cell = kernel.allocate(4)
  const bytes = kernel.allocate(POINTS_AT_ONCE * inFile)
  for (const [i, place] of finite.entries()) {
    kernel.view(bytes, inFile).set(readPart(points, place * inFile, (place + 1) * inFile))
    if (flag === 0) calls.importElements(at + i * size, bytes, FIELD_BYTES, 2, base.fromFile, base.at)
    else calls.importPairs(at + i * size, bytes, 2, base.fromFile, base.at)
  }
  for (let level = 0; level < multiples; level++) {
    for (let from = 0; from < count; from += POINTS_AT_ONCE) {
      const end = Math.min(count, from + POINTS_AT_ONCE)
      calls.useGroup(flag, base.at)
      for (let bit = 0; bit < stride; bit++) {
        for (let i = from; i < end; i++) {
          const point = at + i * size
          calls.queueSum(point, point, point, cell)
        }
        calls.flush()
      }
      if (flag === 0) calls.exportElements(bytes, at + from * size, 2 * (end - from), base.toFile, base.at)
      else calls.exportPairs(bytes, at + from * size, 2 * (end - from), base.toFile, base.at)
      yield kernel.read(bytes, (end - from) * inFile)
    }
  }
  kernel.release(mark)
}
