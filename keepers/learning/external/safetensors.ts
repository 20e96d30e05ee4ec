// SPDX-License-Identifier: GPL-3.0-or-later
// The safetensors format (huggingface/safetensors, README "Format"): u64 little-endian length of a JSON header, the header, the
// values. Files come from programs that somebody else wrote, so a header is refused unless it describes every byte exactly once.
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import { parseJson, quoted } from '../json.ts'

/** Bytes of one value. */
const SIZES = {
  ...{ BOOL: 1, U8: 1, I8: 1, U16: 2, I16: 2, F16: 2, BF16: 2 },
  ...{ U32: 4, I32: 4, F32: 4, U64: 8, I64: 8, F64: 8 },
} as const
export type TensorType = keyof typeof SIZES

export type Tensor = {
  readonly type: TensorType
  readonly shape: readonly number[]
  /** Row-major, little-endian: the product of `shape` times the type's size. */
  readonly bytes: Uint8Array
}

/** Far more than our models need. A limit is necessary because the header is parsed before it is validated. */
const MOST_HEADER_BYTES = 1 << 20
const MOST_TENSORS = 10_000
const MOST_AXES = 8
const LENGTH_BYTES = 8
/** The alignment of values that readers expect when they map the file. */
const ALIGNMENT = 8

const entrySchema = z.strictObject({
  dtype: z.enum(Object.keys(SIZES) as [TensorType, ...TensorType[]]),
  shape: z.array(z.int().min(0).max(0xffff_ffff)).max(MOST_AXES),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
})
const metadataSchema = z.record(z.string(), z.string())

/** A file of these tensors, in their order. */
export function encodeSafetensors(tensors: ReadonlyMap<string, Tensor>): Uint8Array {
  const entries: Record<string, unknown> = {}
  let at = 0
  for (const [name, { type, shape, bytes }] of tensors) {
    const length = SIZES[type] * shape.reduce((product, side) => product * side, 1)
    if (bytes.length !== length)
      throw new RangeError(`tensor ${name}: ${bytes.length} bytes, its shape needs ${length}`)
    entries[name] = { dtype: type, shape, data_offsets: [at, at + length] }
    at += length
  }
  const json = new TextEncoder().encode(JSON.stringify(entries))
  const padded = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT
  const file = new Uint8Array(LENGTH_BYTES + padded + at).fill(0x20, LENGTH_BYTES, LENGTH_BYTES + padded)
  new DataView(file.buffer).setBigUint64(0, BigInt(padded), true)
  file.set(json, LENGTH_BYTES)
  let offset = LENGTH_BYTES + padded
  for (const { bytes } of tensors.values()) {
    file.set(bytes, offset)
    offset += bytes.length
  }
  return file
}

/**
 * Reads a file whole. Tensors are views of `file`.
 * @param where names the file in errors
 * @throws LearningError BAD_TENSORS for a header that is too long, no JSON, names something twice, or leaves bytes out
 */
export function decodeSafetensors(file: Uint8Array, where: string): Map<string, Tensor> {
  const bad = (what: string): never => {
    throw new LearningError('BAD_TENSORS', `${where}: ${what}`)
  }
  if (file.length < LENGTH_BYTES) bad(`${file.length} bytes are too few for a safetensors file`)
  const stated = new DataView(file.buffer, file.byteOffset).getBigUint64(0, true)
  if (stated > BigInt(MOST_HEADER_BYTES)) {
    bad(`its header is said to be ${stated} bytes long, at most ${MOST_HEADER_BYTES} are read: not a safetensors file?`)
  }
  const start = LENGTH_BYTES + Number(stated)
  if (start > file.length) bad(`its header is said to be ${stated} bytes long, the file has ${file.length}: cut off?`)
  const header = parseHeader(file.subarray(LENGTH_BYTES, start), bad)
  const names = Object.keys(header).filter((name) => name !== '__metadata__')
  if (names.length > MOST_TENSORS) bad(`${names.length} tensors, at most ${MOST_TENSORS} are read`)
  if ('__metadata__' in header && !metadataSchema.safeParse(header.__metadata__).success) {
    bad('__metadata__ must be an object of strings')
  }
  const data = file.subarray(start)
  const tensors = new Map<string, Tensor>()
  const spans: { name: string; from: number; to: number }[] = []
  for (const name of names) {
    const parsed = entrySchema.safeParse(header[name])
    if (!parsed.success) {
      const issue = parsed.error.issues[0]!
      return bad(`tensor ${quoted(name)}: ${[...issue.path].join('.') || 'entry'}: ${issue.message}`)
    }
    const { dtype: type, shape, data_offsets: offsets } = parsed.data
    const [from, to] = offsets
    const length = SIZES[type] * shape.reduce((product, side) => product * side, 1)
    if (to - from !== length)
      bad(`tensor ${quoted(name)}: ${to - from} bytes for ${type} [${shape}], which takes ${length}`)
    if (to > data.length) bad(`tensor ${quoted(name)} ends at byte ${to} of ${data.length}: cut off?`)
    spans.push({ name, from, to })
    tensors.set(name, { type, shape, bytes: data.subarray(from, to) })
  }
  let covered = 0
  for (const { name, from, to } of spans.sort((a, b) => a.from - b.from || a.to - b.to)) {
    if (from !== covered) bad(`tensor ${quoted(name)} starts at byte ${from}, expected ${covered}: an overlap or a gap`)
    covered = to
  }
  if (covered !== data.length) bad(`${data.length - covered} bytes after the last tensor`)
  return tensors
}

function parseHeader(bytes: Uint8Array, bad: (what: string) => never): Record<string, unknown> {
  if (bytes[0] !== 0x7b) bad('its header does not start with {: not a safetensors file?')
  let header: unknown
  try {
    header = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    bad(`its header is not JSON in UTF-8 (${(cause as Error).message.split('\n')[0]})`)
  }
  // A plain JSON.parse would take this name as the prototype of the parsed object.
  if (Object.hasOwn(header as object, '__proto__')) bad('a tensor cannot be called __proto__')
  return header as Record<string, unknown>
}
