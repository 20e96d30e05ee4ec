// SPDX-License-Identifier: GPL-3.0-or-later
// One array as NumPy saves it (NEP 1, numpy/lib/format.py): magic, version, a header that is a Python dictionary, the values.
import { LearningError } from '../errors.ts'

/** An array of a file, read value by value: files are often in wider types than models take. */
export type StoredArray = {
  readonly shape: readonly number[]
  /** The type's name in the file. */
  readonly type: string
  readonly kind: 'integer' | 'float' | 'text'
  /** Value `i` in row-major order; NaN of text. */
  readonly number: (i: number) => number
  /** The same value as text, for names of classes. */
  readonly text: (i: number) => string
}

const MAGIC = '\x93NUMPY'
const PREFIX = 8
/** Headers take some hundred bytes; longer ones are of structured types. */
const MOST_HEADER_BYTES = 1 << 16
/** This many first bytes of an archive's entry contain the whole header. */
export const HEADER_BYTES = PREFIX + 4 + MOST_HEADER_BYTES
export const MOST_AXES = 8
/** Most values: half a GiB in 32-bit floats. Bounded, because a compressed file may unpack to a thousand times its size. */
const MOST_VALUES = 2 ** 27
/** Bytes of that many of the widest numbers. Texts may be wider. */
const MOST_BYTES = 8 * MOST_VALUES

/** @throws LearningError BAD_DATA for more values than there should be memory for */
export function checkValues({ shape }: Pick<StoredArray, 'shape'>, where: string): void {
  const values = shape.reduce((product, side) => product * side, 1)
  if (values <= MOST_VALUES) return
  const [found, most] = [values, MOST_VALUES].map((count) => count.toLocaleString('en-US'))
  throw new LearningError('BAD_DATA', `${where} has ${found} values, at most ${most}: a part of the samples will do`)
}

/** @param where names the array in errors; @throws LearningError BAD_DATA */
export function parseNpy(bytes: Uint8Array, where: string): StoredArray {
  const bad = (what: string): never => {
    throw new LearningError('BAD_DATA', `${where}: ${what}`)
  }
  const { values, columnMajor, shape, descr, count, type } = headOf(bytes, bad)
  const { size } = type
  if (values.length !== count * size) {
    bad(`${values.length} bytes of values, ${descr} [${shape}] takes ${count * size}: cut off?`)
  }
  const at = columnMajor ? columnMajorOrder(shape) : (i: number) => i
  return arrayOf(values, { ...type, shape, type: descr, place: (i) => at(i) * size })
}

/**
 * Checks the stated size of a packed array, before memory is allocated for it.
 * @param head its first bytes, the whole header among them
 * @param length of all its bytes, as the archive has it
 * @throws LearningError BAD_DATA for too many values, or a length that its header contradicts
 */
export function checkPacked(head: Uint8Array, length: number, where: string): void {
  const bad = (what: string): never => {
    throw new LearningError('BAD_DATA', `${where}: ${what}`)
  }
  const { values, shape, descr, count, type } = headOf(head, bad)
  checkValues({ shape }, where)
  const [bytes, wanted] = [length - (head.length - values.length), count * type.size]
  if (bytes !== wanted) bad(`${bytes} bytes of values, ${descr} [${shape}] takes ${wanted}: cut off?`)
  if (bytes > MOST_BYTES) bad(`${bytes} bytes, at most ${MOST_BYTES}: a part of the samples will do`)
}

/** Header, and the bytes after it. */
function headOf(bytes: Uint8Array, bad: (what: string) => never) {
  if (latin1(bytes.subarray(0, MAGIC.length)) !== MAGIC) bad('not an .npy array')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const wide = bytes[MAGIC.length]! > 1
  const start = PREFIX + (wide ? 4 : 2)
  if (bytes.length < start) bad('its header is cut off')
  const length = wide ? view.getUint32(PREFIX, true) : view.getUint16(PREFIX, true)
  if (length > MOST_HEADER_BYTES) bad(`its header is said to be ${length} bytes long, at most ${MOST_HEADER_BYTES}`)
  if (start + length > bytes.length) bad('its header is cut off')
  const { descr, columnMajor, shape } = headerOf(latin1(bytes.subarray(start, start + length)), bad)
  const count = shape.reduce((product, side) => product * side, 1)
  return { values: bytes.subarray(start + length), descr, columnMajor, shape, count, type: typeOf(descr, bad) }
}

/** One character per byte. TextDecoder's "latin1" is a different encoding. */
function latin1(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

function headerOf(text: string, bad: (what: string) => never) {
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1]
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1]
  const shape = /'shape':\s*\(([\d\s,]*)\)/.exec(text)?.[1]
  if (descr === undefined) return bad('it has fields of several types: save each as an array of its own')
  if (order === undefined || shape === undefined) return bad('its header is not one that NumPy writes')
  const sides = shape
    .split(',')
    .map((side) => side.trim())
    .filter((side) => side !== '')
    .map(Number)
  if (sides.length > MOST_AXES) bad(`${sides.length} axes, at most ${MOST_AXES} are read`)
  if (!Number.isSafeInteger(sides.reduce((product, side) => product * side, 1))) bad(`[${sides}] is too large`)
  return { descr, columnMajor: order === 'True', shape: sides }
}

type Read = (view: DataView, at: number, little: boolean) => number

/** Readers by the letter and size of a type. */
const READERS: Readonly<Record<string, Read>> = {
  b1: (view, at) => (view.getUint8(at) === 0 ? 0 : 1),
  u1: (view, at) => view.getUint8(at),
  i1: (view, at) => view.getInt8(at),
  u2: (view, at, little) => view.getUint16(at, little),
  i2: (view, at, little) => view.getInt16(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  i4: (view, at, little) => view.getInt32(at, little),
  u8: (view, at, little) => Number(view.getBigUint64(at, little)),
  i8: (view, at, little) => Number(view.getBigInt64(at, little)),
  f2: (view, at, little) => halfOf(view.getUint16(at, little)),
  f4: (view, at, little) => view.getFloat32(at, little),
  f8: (view, at, little) => view.getFloat64(at, little),
}

/** Types of safetensors by the same letters; BF16 is the upper half of a float. */
const SAFETENSORS: Readonly<Record<string, string>> = {
  ...{ BOOL: 'b1', U8: 'u1', I8: 'i1', U16: 'u2', I16: 'i2', U32: 'u4', I32: 'i4', U64: 'u8', I64: 'i8' },
  ...{ F16: 'f2', F32: 'f4', F64: 'f8' },
}

type Type = {
  readonly size: number
  readonly kind: StoredArray['kind']
  readonly read: (view: DataView, at: number) => number
  readonly text?: (bytes: Uint8Array) => string
}

function typeOf(descr: string, bad: (what: string) => never): Type {
  const found = /^([<>|=])([a-zA-Z])(\d*)$/.exec(descr)
  if (found === null)
    return bad(`dtype '${descr}' is not read: save numbers by .astype('float32'), texts by .astype(str)`)
  const [, order, letter, digits] = found
  if (letter === 'O') {
    return bad(
      "dtype 'object' holds Python objects, which are never unpickled: save numbers by .astype('float32'), texts by .astype(str)",
    )
  }
  const length = Number(digits)
  if (letter === 'U' || letter === 'S') {
    const size = letter === 'U' ? 4 * length : length
    return { size, kind: 'text', read: () => Number.NaN, text: textReader(letter, order === '>') }
  }
  const read = READERS[`${letter}${digits}`]
  if (read === undefined) {
    return bad(`dtype '${descr}' is neither bool, nor integers, nor floats of 16 to 64 bits: save .astype('float32')`)
  }
  const little = order !== '>'
  return { size: length, kind: letter === 'f' ? 'float' : 'integer', read: (view, at) => read(view, at, little) }
}

/** An array of safetensors. */
export function arrayOfTensor(
  { type, shape, bytes }: { readonly type: string; readonly shape: readonly number[]; readonly bytes: Uint8Array },
  where: string,
): StoredArray {
  const letters = SAFETENSORS[type]
  if (letters === undefined && type !== 'BF16') {
    throw new LearningError('BAD_DATA', `${where}: dtype ${type} is not read: save it as F32`)
  }
  const read: Type['read'] = letters === undefined ? bfloatOf : (view, at) => READERS[letters]!(view, at, true)
  const size = letters === undefined ? 2 : Number(letters.slice(1))
  const kind = letters === undefined || letters.startsWith('f') ? 'float' : 'integer'
  return arrayOf(bytes, { kind, read, size, shape, type, place: (i) => i * size })
}

type Layout = Type & Pick<StoredArray, 'shape' | 'type'> & { readonly place: (i: number) => number }

function arrayOf(bytes: Uint8Array, { kind, read, text, size, shape, type, place }: Layout): StoredArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const number = (i: number): number => read(view, place(i))
  // An integral float is often the name of a class, so it is written like an integer.
  const name =
    text === undefined
      ? (i: number) => String(number(i))
      : (i: number) => text(bytes.subarray(place(i), place(i) + size))
  return { shape, type, kind, number, text: name }
}

/** Where value `i` of a row-major order is in one that counts the first axis fastest, as tables of columns are saved. */
function columnMajorOrder(shape: readonly number[]): (i: number) => number {
  return (i) => {
    let [rest, place, step] = [i, 0, shape.reduce((product, side) => product * side, 1)]
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const side = shape[axis]!
      step /= side
      place += (rest % side) * step
      rest = Math.floor(rest / side)
    }
    return place
  }
}

/** A reader of texts, which are padded with zeros at the end. */
function textReader(letter: string, big: boolean): (bytes: Uint8Array) => string {
  if (letter === 'S') return (bytes) => new TextDecoder().decode(bytes).replace(/\0+$/, '')
  return (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const points = Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, !big))
    // One by one: the arguments of a call are bounded by the stack.
    const text = points.map((point) => String.fromCodePoint(point > 0x10ffff ? 0xfffd : point)).join('')
    return text.replace(/\0+$/, '')
  }
}

/** IEEE 754 binary16. */
function halfOf(bits: number): number {
  const sign = bits >> 15 === 0 ? 1 : -1
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25)
}

function bfloatOf(view: DataView, at: number): number {
  const float = new DataView(new ArrayBuffer(4))
  float.setUint16(2, view.getUint16(at, true), true)
  return float.getFloat32(0, true)
}
