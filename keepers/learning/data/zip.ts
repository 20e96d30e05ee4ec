// SPDX-License-Identifier: GPL-3.0-or-later
// Entries of a ZIP file as NumPy writes .npz (APPNOTE.TXT 6.3): stored or deflated, without encryption.
import { constants, crc32, inflateRawSync } from 'node:zlib'
import { LearningError } from '../errors.ts'

const [END, CENTRAL, LOCAL] = [0x06054b50, 0x02014b50, 0x04034b50]
const [END_BYTES, CENTRAL_BYTES, LOCAL_BYTES] = [22, 46, 30]
const MOST_COMMENT = 0xffff
/** The marker in a field whose value is in a ZIP64 record. */
const ELSEWHERE = 0xffffffff
const [STORED, DEFLATED] = [0, 8]
const ENCRYPTED = 1
/** An entry of some bytes can be made to unpack to any size. */
const MOST_BYTES = 2 ** 31
/** Packed bytes by which a head grows until it is long enough. DEFLATE makes at most 1,032 times as many of them. */
const HEAD_STEP = 2 ** 13

type Entry = {
  /** Bytes that it says it unpacks to; {@link unpack} throws for any other number. */
  readonly size: number
  /** Its first bytes, at least so many of those that there are: to look at before there is memory for all. */
  readonly head: (least: number) => Uint8Array
  readonly unpack: () => Uint8Array
}

/**
 * The entries by name, each unpacked when asked for.
 * @throws LearningError BAD_DATA for an incomplete file, a name that is there twice, an entry over 2 GiB, or a wrong checksum
 */
export function readZip(file: Uint8Array, where: string): ReadonlyMap<string, Entry> {
  const bad = (what: string): never => {
    throw new LearningError('BAD_DATA', `${where}: ${what}`)
  }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const end = endOf(view)
  if (end < 0) return bad('not an .npz file, or cut off')
  const count = view.getUint16(end + 10, true)
  const entries = new Map<string, Entry>()
  let at = view.getUint32(end + 16, true)
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > end || view.getUint32(at, true) !== CENTRAL) bad('its directory is damaged')
    const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)]
    const [sum, packed, size] = [16, 20, 24].map((field) => view.getUint32(at + field, true)) as [
      number,
      number,
      number,
    ]
    const [named, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [
      number,
      number,
      number,
    ]
    const from = view.getUint32(at + 42, true)
    const name = Buffer.from(file.subarray(at + CENTRAL_BYTES, at + CENTRAL_BYTES + named)).toString('utf8')
    // Readers disagree about which of two counts.
    if (entries.has(name)) bad(`${JSON.stringify(name)} is in it twice: save the file again`)
    const wrong = (what: string): never => bad(`${JSON.stringify(name)}: ${what}`)
    const content = (): Uint8Array => {
      if ([packed, size, from].includes(ELSEWHERE) || size > MOST_BYTES) {
        wrong('more than 2 GiB: save the arrays as .npy files')
      }
      if ((flags & ENCRYPTED) !== 0) wrong('it is encrypted')
      if (from + LOCAL_BYTES > file.length || view.getUint32(from, true) !== LOCAL) wrong('its header is damaged')
      const start = from + LOCAL_BYTES + view.getUint16(from + 26, true) + view.getUint16(from + 28, true)
      if (start + packed > file.length) wrong('cut off')
      return file.subarray(start, start + packed)
    }
    const unpack = (): Uint8Array => {
      const bytes = unpacked(content(), method, size, wrong)
      if (bytes.length !== size || crc32(bytes) !== sum) wrong('its checksum differs: fetch or save the file again')
      return bytes
    }
    entries.set(name, { size, head: (least) => headOf(content(), method, Math.min(least, size), wrong), unpack })
    at += CENTRAL_BYTES + named + extra + comment
  }
  return entries
}

/** Its comment may be of any length and come last. */
function endOf(view: DataView): number {
  for (let at = view.byteLength - END_BYTES; at >= Math.max(0, view.byteLength - END_BYTES - MOST_COMMENT); at--) {
    if (view.getUint32(at, true) === END) return at
  }
  return -1
}

function unpacked(packed: Uint8Array, method: number, size: number, wrong: (what: string) => never): Uint8Array {
  if (method === STORED) return packed
  if (method !== DEFLATED) return wrong(`packed by method ${method}; np.savez and np.savez_compressed are read`)
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, size) })
  } catch (cause) {
    return wrong(`damaged (${(cause as Error).message})`)
  }
}

function headOf(packed: Uint8Array, method: number, least: number, wrong: (what: string) => never): Uint8Array {
  if (method !== DEFLATED) return unpacked(packed, method, packed.length, wrong)
  let head = new Uint8Array()
  for (let length = HEAD_STEP; ; length += HEAD_STEP) {
    try {
      // With this flush, input that ends early is no error.
      head = inflateRawSync(packed.subarray(0, length), { finishFlush: constants.Z_SYNC_FLUSH })
    } catch (cause) {
      return wrong(`damaged (${(cause as Error).message})`)
    }
    if (head.length >= least || length >= packed.length) return head
  }
}
