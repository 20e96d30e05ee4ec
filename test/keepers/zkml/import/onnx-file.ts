// SPDX-License-Identifier: GPL-3.0-or-later
// Writes ONNX files for tests. A protobuf encoder of its own, so that reader and writer cannot share a mistake.

export type ElementType = keyof typeof DATA_TYPES
export type Attribute =
  | number
  | readonly number[]
  | string
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: Constant }
  | { readonly graph: Body }
  /** In a function: what its caller gives under that name. */
  | { readonly reference: string; readonly type: number }
export type Constant = {
  readonly shape: readonly number[]
  readonly data: readonly number[] | Float32Array
  readonly type?: ElementType
  /** Where the numbers go: raw_data (default) or the typed field. */
  readonly typed?: boolean
}
export type Node = {
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly name?: string
  readonly domain?: string
  readonly attributes?: Readonly<Record<string, Attribute>>
}
/** The body of an If, a Loop or a Scan. */
export type Body = {
  readonly inputs?: readonly {
    readonly name: string
    readonly type?: ElementType
    readonly shape?: readonly number[]
  }[]
  readonly outputs: readonly string[]
  readonly nodes: readonly Node[]
  readonly constants?: Readonly<Record<string, Constant>>
}
/** A function that the file defines, in the domain `local`. */
export type Definition = {
  readonly name: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly nodes: readonly Node[]
  readonly attributes?: readonly string[]
  readonly defaults?: Readonly<Record<string, Attribute>>
  readonly domain?: string
}
export type Model = {
  readonly opset: number
  readonly input: {
    readonly name: string
    readonly shape: readonly (number | string)[]
    readonly type?: ElementType
  }
  /** Further inputs, after the first. */
  readonly inputs?: readonly Model['input'][]
  readonly output: string
  /** All outputs, where there are several. */
  readonly outputs?: readonly string[]
  /** The version of ai.onnx.ml, where its operators are used. */
  readonly ml?: number
  /** Declared element type of the output; none when absent. */
  readonly outputType?: ElementType
  readonly nodes: readonly Node[]
  readonly constants?: Readonly<Record<string, Constant>>
  readonly functions?: readonly Definition[]
}

const DATA_TYPES = {
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

function floatBits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0]!
}

/** Of numbers whose half-precision form is neither subnormal nor infinite, or 0. */
function halfBits(value: number): number {
  if (value === 0) return 0
  const bits = floatBits(value)
  const rounded = Math.round((bits & 0x7fffffff) / 2 ** 13) - (112 << 10)
  return ((bits >>> 31) << 15) | rounded
}

/** Bytes of raw_data, little-endian. */
function rawBytes(type: ElementType, data: readonly number[] | Float32Array): Uint8Array {
  const list = (): { readonly buffer: ArrayBufferLike } => {
    switch (type) {
      case 'float':
        return Float32Array.from(data)
      case 'double':
        return Float64Array.from(data)
      case 'float16':
        return Uint16Array.from(data, halfBits)
      case 'bfloat16':
        return Uint16Array.from(data, (value) => Math.round(floatBits(value) / 2 ** 16))
      case 'uint8':
      case 'bool':
        return Uint8Array.from(data)
      case 'int8':
        return Int8Array.from(data)
      case 'uint16':
        return Uint16Array.from(data)
      case 'int16':
        return Int16Array.from(data)
      case 'int32':
        return Int32Array.from(data)
      case 'uint32':
        return Uint32Array.from(data)
      case 'int64':
        return BigInt64Array.from(data, BigInt)
      case 'uint64':
        return BigUint64Array.from(data, BigInt)
    }
  }
  return new Uint8Array(list().buffer)
}

class Writer {
  private readonly parts: Uint8Array[] = []

  bytes(): Uint8Array {
    return Buffer.concat(this.parts)
  }

  varint(value: number | bigint): this {
    let rest = BigInt.asUintN(64, BigInt(value))
    const out: number[] = []
    do {
      const low = Number(rest & 127n)
      rest >>= 7n
      out.push(rest > 0n ? low | 128 : low)
    } while (rest > 0n)
    this.parts.push(Uint8Array.from(out))
    return this
  }

  int(field: number, value: number): this {
    return this.varint(field * 8).varint(value)
  }

  float(field: number, value: number): this {
    this.varint(field * 8 + 5)
    this.parts.push(new Uint8Array(Float32Array.of(value).buffer))
    return this
  }

  block(field: number, value: Uint8Array | string | Writer): this {
    const bytes = value instanceof Writer ? value.bytes() : typeof value === 'string' ? Buffer.from(value) : value
    this.varint(field * 8 + 2).varint(bytes.length)
    this.parts.push(bytes)
    return this
  }
}

/** Bytes of a ModelProto. */
export function onnxFile(model: Model): Uint8Array {
  const graph = new Writer()
  for (const node of model.nodes) graph.block(1, nodeProto(node))
  graph.block(2, 'test')
  for (const [name, constant] of Object.entries(model.constants ?? {})) graph.block(5, tensorProto(constant, name))
  for (const { name, type: of = 'float', shape } of [model.input, ...(model.inputs ?? [])])
    graph.block(11, valueInfo(name, DATA_TYPES[of], shape))
  const type = model.outputType === undefined ? null : DATA_TYPES[model.outputType]
  for (const output of model.outputs ?? [model.output]) graph.block(12, valueInfo(output, type, null))
  const file = new Writer().int(1, 8).block(2, 'test').block(7, graph)
  file.block(8, new Writer().block(1, '').int(2, model.opset))
  for (const each of model.functions ?? []) file.block(25, functionProto(each, model.opset))
  if (model.functions !== undefined) file.block(8, new Writer().block(1, 'local').int(2, 1))
  if (model.ml !== undefined) file.block(8, new Writer().block(1, 'ai.onnx.ml').int(2, model.ml))
  return file.bytes()
}

function functionProto(definition: Definition, opset: number): Writer {
  const { name, inputs, outputs, nodes, attributes = [], defaults = {}, domain = 'local' } = definition
  const writer = new Writer().block(1, name)
  for (const input of inputs) writer.block(4, input)
  for (const output of outputs) writer.block(5, output)
  for (const attribute of attributes) writer.block(6, attribute)
  for (const node of nodes) writer.block(7, nodeProto(node))
  writer.block(9, new Writer().block(1, '').int(2, opset)).block(9, new Writer().block(1, 'local').int(2, 1))
  writer.block(10, domain)
  for (const [key, value] of Object.entries(defaults)) writer.block(11, attributeProto(key, value))
  return writer
}

function bodyProto({ inputs = [], outputs, nodes, constants = {} }: Body): Writer {
  const writer = new Writer()
  for (const node of nodes) writer.block(1, nodeProto(node))
  writer.block(2, 'body')
  for (const [name, constant] of Object.entries(constants)) writer.block(5, tensorProto(constant, name))
  for (const { name, type = 'float', shape = null } of inputs)
    writer.block(11, valueInfo(name, DATA_TYPES[type], shape))
  for (const output of outputs) writer.block(12, valueInfo(output, null, null))
  return writer
}

function nodeProto(node: Node): Writer {
  const writer = new Writer()
  for (const input of node.inputs) writer.block(1, input)
  for (const output of node.outputs) writer.block(2, output)
  writer.block(3, node.name ?? '').block(4, node.op)
  for (const [name, value] of Object.entries(node.attributes ?? {})) writer.block(5, attributeProto(name, value))
  if (node.domain !== undefined) writer.block(7, node.domain)
  return writer
}

function attributeProto(name: string, value: Attribute): Writer {
  const writer = new Writer().block(1, name)
  if (typeof value === 'number') return writer.int(3, value).int(20, 2)
  if (typeof value === 'string') return writer.block(4, value).int(20, 3)
  if ('floats' in value) {
    for (const each of value.floats) writer.float(7, each)
    return writer.int(20, 6)
  }
  if ('strings' in value) {
    for (const each of value.strings) writer.block(9, each)
    return writer.int(20, 8)
  }
  if ('float' in value) return writer.float(2, value.float).int(20, 1)
  if ('graph' in value) return writer.block(6, bodyProto(value.graph)).int(20, 5)
  if ('reference' in value) return writer.block(21, value.reference).int(20, value.type)
  if ('tensor' in value) return writer.block(5, tensorProto(value.tensor, '')).int(20, 4)
  for (const each of value) writer.int(8, each)
  return writer.int(20, 7)
}

export function tensorProto(constant: Constant, name: string): Writer {
  const { shape, data, type = 'float', typed = false } = constant
  const writer = new Writer()
  for (const dimension of shape) writer.int(1, dimension)
  writer.int(2, DATA_TYPES[type]).block(8, name)
  if (!typed) return writer.block(9, rawBytes(type, data))
  if (type !== 'float' && type !== 'double') {
    const packed = new Writer()
    for (const value of data) packed.varint(value)
    return writer.block(type === 'int64' ? 7 : type === 'uint64' || type === 'uint32' ? 11 : 5, packed)
  }
  return writer.block(type === 'float' ? 4 : 10, rawBytes(type, data))
}

function valueInfo(name: string, type: number | null, shape: readonly (number | string)[] | null): Writer {
  if (type === null) return new Writer().block(1, name)
  const tensor = new Writer().int(1, type)
  if (shape !== null) {
    const dimensions = new Writer()
    for (const each of shape)
      dimensions.block(1, typeof each === 'number' ? new Writer().int(1, each) : new Writer().block(2, each))
    tensor.block(2, dimensions)
  }
  return new Writer().block(1, name).block(2, new Writer().block(1, tensor))
}
