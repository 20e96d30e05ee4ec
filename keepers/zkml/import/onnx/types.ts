// SPDX-License-Identifier: GPL-3.0-or-later
// ONNX's element types: their numbers, their ranges, and how a number is brought into one of them.
import { roundedToEven } from '../../graph/evaluate.ts'

/** TensorProto.DataType of the types that the importer reads. */
export const TYPE = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const

/** TensorProto.DataType of strings, which name classes and are computed with by nobody. */
export const STRING = 8

/** A TensorProto.DataType, as a file holds it: any number. */
export type DataType = number

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(TYPE).map(([name, type]) => [type, name]))

const INTEGER_BITS: ReadonlyMap<number, { readonly bits: number; readonly signed: boolean }> = new Map([
  [TYPE.uint8, { bits: 8, signed: false }],
  [TYPE.int8, { bits: 8, signed: true }],
  [TYPE.uint16, { bits: 16, signed: false }],
  [TYPE.int16, { bits: 16, signed: true }],
  [TYPE.int32, { bits: 32, signed: true }],
  [TYPE.int64, { bits: 64, signed: true }],
  [TYPE.uint32, { bits: 32, signed: false }],
  [TYPE.uint64, { bits: 64, signed: false }],
])

export function typeName(type: DataType): string {
  return type === STRING ? 'string' : (NAMES.get(type) ?? `type ${type}`)
}

export function isKnownType(type: DataType): boolean {
  return NAMES.has(type)
}

export function isFloat(type: DataType): boolean {
  return type === TYPE.float || type === TYPE.float16 || type === TYPE.double || type === TYPE.bfloat16
}

/** Floating-point numbers of 16 bits. */
export function isNarrow(type: DataType): boolean {
  return type === TYPE.float16 || type === TYPE.bfloat16
}

/** Bits of the significand of a 16-bit type, the implied one included. */
export function significantBits(type: DataType): number {
  return type === TYPE.bfloat16 ? 8 : 11
}

export function isInteger(type: DataType): boolean {
  return INTEGER_BITS.has(type)
}

/** A whole number as an integer type holds it: wrapped, as two's complement does. */
export function wrapped(value: bigint, type: DataType): number {
  const { bits, signed } = INTEGER_BITS.get(type)!
  return Number(signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value))
}

/** Whether the integer type holds `value` as it is. */
export function fits(value: number, type: DataType): boolean {
  const { bits, signed } = INTEGER_BITS.get(type)!
  const low = signed ? -(2 ** (bits - 1)) : 0
  return Number.isInteger(value) && value >= low && value < 2 ** (signed ? bits - 1 : bits)
}

/** The nearest number of a float type, ties to even. */
export function rounded(value: number, type: DataType): number {
  if (type === TYPE.float) return Math.fround(value)
  if (type === TYPE.float16) return toFloat16(value)
  if (type === TYPE.bfloat16) return toBfloat16(value)
  return value
}

/** Half precision: 11 significant bits, steps of 2^−24 below 2^−14, infinite from 65520. */
function toFloat16(value: number): number {
  const size = Math.abs(value)
  if (!Number.isFinite(value) || size === 0) return value
  if (size >= 65520) return Math.sign(value) * Number.POSITIVE_INFINITY
  const step = 2 ** (Math.max(-14, Math.floor(Math.log2(size))) - 10)
  return roundedToEven(value / step) * step
}

/** The upper half of a float32. */
function toBfloat16(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)
  if (Number.isNaN(value)) return value
  const lower = bits[0]! & 0xffff
  const odd = (bits[0]! >>> 16) & 1
  const up = lower > 0x8000 || (lower === 0x8000 && odd === 1) ? 0x10000 : 0
  bits[0] = (bits[0]! & 0xffff0000) + up
  return new Float32Array(bits.buffer)[0]!
}
