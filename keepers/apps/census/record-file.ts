// SPDX-License-Identifier: GPL-3.0-or-later
// Reads and writes the record of a server's releases as a file, as a whole and checked. See record.ts for the rules that it keeps.
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import process from 'node:process'
import { z } from 'zod'
import { writeAtomically } from '../../zkml/index.ts'
import { parseJson } from '../../zkml/json.ts'
import { CensusError } from './errors.ts'

const OWNER_ONLY = 0o600
/** Permission bits of everybody but the owner. */
const OTHERS = 0o077
/** Permission bits of a folder: whether others may write to it; below, whether they may then rename and delete only their own files. */
const OTHERS_WRITE = 0o022
const STICKY = 0o1000

const hash = z.string().regex(/^0x[0-9a-f]{64}$/, 'takes 0x and 64 hexadecimal digits in lower case')
const amount = z.string().regex(/^\d{1,78}$/, 'takes a decimal number')

const releaseSchema = z.strictObject({
  requestId: z.int().positive(),
  /** Number of the table's version on the ledger. */
  version: z.int().positive(),
  queryId: hash,
  /** The model's commitment; 0 for marginals. */
  model: amount,
  /** What it is charged: epsilon in millionths; below, delta in 10^-18. */
  epsilon: amount,
  delta: amount,
  /** Null until noise is drawn. */
  beacon: hash.nullable(),
})

const tableSchema = z.strictObject({
  /** Names the secret. */
  seedCommitment: amount,
  chunksHash: hash,
  chainId: amount,
  /** In lower case. */
  ledger: z.string().regex(/^0x[0-9a-f]{40}$/, 'takes an address in lower case'),
  series: z.int().positive(),
  /** What the operator allows, in millionths, and delta in 10^-18. */
  versionEpsilon: amount,
  maxEpsilon: amount,
  maxDelta: amount,
  releases: z.array(releaseSchema),
})

const fileSchema = z.strictObject({
  format: z.literal('cohort-census-record'),
  version: z.literal(1, 'is of another version: use the release that wrote it'),
  /** SHA-256 of the tables as JSON: shows damage, not forgery. */
  digest: hash,
  tables: z.array(tableSchema),
})

export type RecordedRelease = z.infer<typeof releaseSchema>
export type RecordedTable = z.infer<typeof tableSchema>

const digestOf = (tables: readonly RecordedTable[]) =>
  `0x${createHash('sha256').update(JSON.stringify(tables)).digest('hex')}`

/**
 * The tables on record; null when there is no file.
 * @throws CensusError bad-data for a file that is damaged, somebody else's, or open to others, and in a folder that others may write to
 */
export async function readRecord(file: string): Promise<RecordedTable[] | null> {
  await requireOwnFolder(dirname(file))
  const text = await readOwn(file)
  if (text === null) return null
  const damaged = (reason: string, cause?: unknown) =>
    new CensusError(
      'bad-data',
      `${file} is not a whole record of releases (${reason}): restore its newest copy. Without the record, and with an old one, noise can be averaged away`,
      { cause },
    )
  let json: unknown
  try {
    json = parseJson(text)
  } catch (error) {
    throw damaged((error as Error).message, error)
  }
  const { success, data, error } = fileSchema.safeParse(json)
  if (!success) throw damaged(`${error.issues[0]?.path.join('.')} ${error.issues[0]?.message}`)
  if (digestOf(data.tables) !== data.digest) throw damaged('its tables do not have the digest that it names')
  return data.tables
}

/** Replaces the record; it is on the disk, and so is its name, before this returns. */
export async function writeRecord(file: string, tables: readonly RecordedTable[]): Promise<void> {
  const content = { format: 'cohort-census-record', version: 1, digest: digestOf(tables), tables }
  await writeForGood(file, `${JSON.stringify(content, null, 2)}\n`)
}

/** Replaces a file that only its owner may read. After a loss of power it is there, under its name. */
export async function writeForGood(file: string, content: string): Promise<void> {
  await writeAtomically(file, content, OWNER_ONLY)
  // The folder is flushed as well. Otherwise, after a loss of power, it could have the previous file or none.
  const folder = await open(dirname(file), constants.O_RDONLY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/**
 * Requires that nobody else can rename files in the folder. They could put the record aside while a request is served, and put it back afterwards:
 * its mode and digest would be unchanged, and the draw forgotten.
 */
async function requireOwnFolder(folder: string): Promise<void> {
  if (process.getuid === undefined) return
  const { mode } = await stat(folder)
  if ((mode & OTHERS_WRITE) === 0 || (mode & STICKY) !== 0) return
  throw new CensusError(
    'bad-data',
    `${folder} has permissions ${(mode & 0o777).toString(8)}, and others may replace what is in it: whoever puts an old record there can have ` +
      'noise averaged away. Make sure that nobody did, then chmod go-w it, or keep secret and record in a folder of their own',
  )
}

/** Reads a file that nobody else may write to, because whoever can write to the record can make it forget draws. */
async function readOwn(file: string): Promise<string | null> {
  let handle: FileHandle
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return null
    if (code === 'ELOOP') throw new CensusError('bad-data', `${file} is a link: put the record itself there`)
    throw error
  }
  try {
    const { mode, uid } = await handle.stat()
    const me = process.getuid?.()
    if (me !== undefined && uid !== me)
      throw new CensusError(
        'bad-data',
        `${file} belongs to user ${uid}, must belong to user ${me}, who serves releases`,
      )
    if (me !== undefined && (mode & OTHERS) !== 0)
      throw new CensusError(
        'bad-data',
        `${file} has permissions ${(mode & 0o777).toString(8)}, must be 600: whoever else can write to it can have noise averaged away. ` +
          'Make sure that nobody did, then chmod 600 it',
      )
    return await handle.readFile('utf8')
  } finally {
    await handle.close()
  }
}
