// SPDX-License-Identifier: GPL-3.0-or-later
// TensorProto → numbers: every element type a network's constants come in, from raw bytes or from typed fields.
import { CompileError } from '../../graph/errors.ts'
import { checkedCount } from '../../graph/tensor.ts'
import type { Tensor } from '../../graph/types.ts'
import { halfToNumber } from '../half.ts'
import type { TensorProto } from './schema.ts'
import { type DataType, fits, isInteger, STRING, TYPE, typeName } from './types.ts'

/** ONNX TensorProto.DataType: size in bytes and a reader of one little-endian element. */
const TYPES: Readonly<Record<number, { size: number; read: (view: DataView, at: number) => number }>> = {
  1: { size: 4, read: (view, at) => view.getFloat32(at, true) },
  2: { size: 1, read: (view, at) => view.getUint8(at) },
  3: { size: 1, read: (view, at) => view.getInt8(at) },
  4: { size: 2, read: (view, at) => view.getUint16(at, true) },
  5: { size: 2, read: (view, at) => view.getInt16(at, true) },
  6: { size: 4, read: (view, at) => view.getInt32(at, true) },
  7: { size: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  9: { size: 1, read: (view, at) => view.getUint8(at) },
  10: { size: 2, read: (view, at) => halfToNumber(view.getUint16(at, true)) },
  11: { size: 8, read: (view, at) => view.getFloat64(at, true) },
  12: { size: 4, read: (view, at) => view.getUint32(at, true) },
  13: { size: 8, read: (view, at) => Number(view.getBigUint64(at, true)) },
  16: { size: 2, read: (view, at) => bfloatToNumber(view.getUint16(at, true)) },
}

function bfloatToNumber(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0]!
}

/** A constant with the element type that it has in the file. */
export type Constant = Tensor & {
  readonly type: DataType
  /** Of a list of strings, such as the names of classes: the strings; the numbers are their places. */
  readonly strings?: readonly string[]
}

/**
 * The tensor's numbers. Sizes are checked before anything is made of them.
 * @throws CompileError naming the tensor when its type is unknown or its length is wrong.
 */
export function readTensor(proto: TensorProto, where: string): Constant {
  const name = proto.name === '' ? where : proto.name
  const fail = (code: 'malformed-file' | 'missing-part' | 'unsupported-attribute', message: string): never => {
    throw new CompileError(code, `constant ${name}: ${message}`, { layer: name })
  }
  if (proto.dataLocation !== 0 || proto.externalData.length > 0)
    fail('missing-part', 'its data is in an external file; save the model with its weights inside')
  if (proto.dataType === STRING) {
    const { stringData: strings, dims } = proto
    if (strings.length !== checkedCount(dims, `constant ${name}`))
      fail('malformed-file', `${strings.length} strings where shape [${dims}] needs another number`)
    return { shape: [...dims], data: Float64Array.from(strings, (_, i) => i), type: STRING, strings }
  }
  const type = TYPES[proto.dataType]
  if (type === undefined) return fail('unsupported-attribute', `element type ${proto.dataType} is not a number type`)
  if (proto.dims.some((dimension) => !Number.isSafeInteger(dimension) || dimension < 0))
    fail('malformed-file', `dimensions [${proto.dims}]`)
  const size = checkedCount(proto.dims, `constant ${name}`)
  const typed = typedField(proto)
  if (proto.rawData !== undefined) {
    if (typed.length > 0) fail('malformed-file', 'numbers both in raw_data and in a typed field')
    if (proto.rawData.length !== size * type.size)
      fail('malformed-file', `${proto.rawData.length} bytes where shape [${proto.dims}] needs ${size * type.size}`)
    return { shape: [...proto.dims], data: numbersOf(proto.rawData, size, type, proto.dataType), type: proto.dataType }
  }
  if (typed.length !== size)
    fail('malformed-file', `${typed.length} elements where shape [${proto.dims}] needs ${size}`)
  const data = Float64Array.from(typed)
  if (isInteger(proto.dataType))
    for (const value of data)
      if (!fits(value, proto.dataType) && Math.abs(value) < 2 ** 63)
        fail('malformed-file', `${value} does not fit ${typeName(proto.dataType)}`)
  return { shape: [...proto.dims], data, type: proto.dataType }
}

function numbersOf(bytes: Uint8Array, size: number, type: (typeof TYPES)[number], dataType: DataType): Float64Array {
  // Nearly all weights are these; millions of them are read at once where the machine's order is the file's.
  if (dataType === TYPE.float && LITTLE_ENDIAN)
    return Float64Array.from(
      new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)),
    )
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const data = new Float64Array(size)
  for (let i = 0; i < size; i++) data[i] = type.read(view, i * type.size)
  return data
}

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

function typedField(proto: TensorProto): readonly number[] {
  switch (proto.dataType) {
    case 1:
      return proto.floatData
    case 11:
      return proto.doubleData
    case 7:
      return proto.int64Data
    case 12:
    case 13:
      return proto.uint64Data
    case 10:
      return proto.int32Data.map(halfToNumber)
    case 16:
      return proto.int32Data.map(bfloatToNumber)
    default:
      return proto.int32Data
  }
}
