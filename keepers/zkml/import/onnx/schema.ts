// SPDX-License-Identifier: GPL-3.0-or-later
// The messages of ONNX that a compiler needs: field numbers as in onnx/onnx.proto of the ONNX project.
import { z } from 'zod'
import { CompileError } from '../../graph/errors.ts'
import { decodeMessage, type MessageSchema } from './protobuf.ts'

const tensorSchema: MessageSchema = {
  name: 'TensorProto',
  fields: {
    1: { name: 'dims', kind: 'int', repeated: true },
    2: { name: 'dataType', kind: 'int' },
    4: { name: 'floatData', kind: 'float', repeated: true },
    5: { name: 'int32Data', kind: 'int', repeated: true },
    6: { name: 'stringData', kind: 'string', repeated: true },
    7: { name: 'int64Data', kind: 'int', repeated: true },
    8: { name: 'name', kind: 'string' },
    9: { name: 'rawData', kind: 'bytes' },
    10: { name: 'doubleData', kind: 'double', repeated: true },
    11: { name: 'uint64Data', kind: 'int', repeated: true },
    13: { name: 'externalData', kind: 'bytes', repeated: true },
    14: { name: 'dataLocation', kind: 'int' },
  },
}

const attributeSchema: MessageSchema = {
  name: 'AttributeProto',
  fields: {
    1: { name: 'name', kind: 'string' },
    2: { name: 'f', kind: 'float' },
    3: { name: 'i', kind: 'int' },
    4: { name: 's', kind: 'string' },
    5: { name: 't', kind: tensorSchema },
    // Bodies of control flow are read when they are run: `decodeGraph`.
    6: { name: 'g', kind: 'bytes' },
    7: { name: 'floats', kind: 'float', repeated: true },
    8: { name: 'ints', kind: 'int', repeated: true },
    9: { name: 'strings', kind: 'string', repeated: true },
    11: { name: 'graphs', kind: 'bytes', repeated: true },
    20: { name: 'type', kind: 'int' },
    21: { name: 'reference', kind: 'string' },
  },
}

const nodeSchema: MessageSchema = {
  name: 'NodeProto',
  fields: {
    1: { name: 'input', kind: 'string', repeated: true },
    2: { name: 'output', kind: 'string', repeated: true },
    3: { name: 'name', kind: 'string' },
    4: { name: 'opType', kind: 'string' },
    5: { name: 'attribute', kind: attributeSchema, repeated: true },
    7: { name: 'domain', kind: 'string' },
    8: { name: 'overload', kind: 'string' },
  },
}

const dimensionSchema: MessageSchema = {
  name: 'TensorShapeProto.Dimension',
  fields: { 1: { name: 'value', kind: 'int' }, 2: { name: 'parameter', kind: 'string' } },
}
const shapeSchema: MessageSchema = {
  name: 'TensorShapeProto',
  fields: { 1: { name: 'dim', kind: dimensionSchema, repeated: true } },
}
const tensorTypeSchema: MessageSchema = {
  name: 'TypeProto.Tensor',
  fields: { 1: { name: 'elementType', kind: 'int' }, 2: { name: 'shape', kind: shapeSchema } },
}
const typeSchema: MessageSchema = { name: 'TypeProto', fields: { 1: { name: 'tensor', kind: tensorTypeSchema } } }
const valueSchema: MessageSchema = {
  name: 'ValueInfoProto',
  fields: { 1: { name: 'name', kind: 'string' }, 2: { name: 'type', kind: typeSchema } },
}

const graphSchema: MessageSchema = {
  name: 'GraphProto',
  fields: {
    1: { name: 'node', kind: nodeSchema, repeated: true },
    2: { name: 'name', kind: 'string' },
    5: { name: 'initializer', kind: tensorSchema, repeated: true },
    11: { name: 'input', kind: valueSchema, repeated: true },
    12: { name: 'output', kind: valueSchema, repeated: true },
    15: { name: 'sparseInitializer', kind: 'bytes', repeated: true },
  },
}

const opsetSchema: MessageSchema = {
  name: 'OperatorSetIdProto',
  fields: { 1: { name: 'domain', kind: 'string' }, 2: { name: 'version', kind: 'int' } },
}
const functionSchema: MessageSchema = {
  name: 'FunctionProto',
  fields: {
    1: { name: 'name', kind: 'string' },
    4: { name: 'input', kind: 'string', repeated: true },
    5: { name: 'output', kind: 'string', repeated: true },
    6: { name: 'attribute', kind: 'string', repeated: true },
    7: { name: 'node', kind: nodeSchema, repeated: true },
    9: { name: 'opsetImport', kind: opsetSchema, repeated: true },
    10: { name: 'domain', kind: 'string' },
    11: { name: 'attributeProto', kind: attributeSchema, repeated: true },
    13: { name: 'overload', kind: 'string' },
  },
}

const modelSchema: MessageSchema = {
  name: 'ModelProto',
  fields: {
    1: { name: 'irVersion', kind: 'int' },
    2: { name: 'producerName', kind: 'string' },
    7: { name: 'graph', kind: graphSchema },
    8: { name: 'opsetImport', kind: opsetSchema, repeated: true },
    25: { name: 'functions', kind: functionSchema, repeated: true },
  },
}

/** Lists of numbers can be long: the decoder made them, so they are not gone through again. */
const numbers = z.custom<number[]>((value) => Array.isArray(value)).default([])
const list = <T extends z.ZodType>(item: T) => z.array(item).default([])
const bytes = z.instanceof(Uint8Array)

const tensorProto = z.object({
  name: z.string().default(''),
  dims: list(z.number()),
  dataType: z.number().default(0),
  floatData: numbers,
  int32Data: numbers,
  stringData: list(z.string()),
  int64Data: numbers,
  uint64Data: numbers,
  doubleData: numbers,
  rawData: bytes.optional(),
  externalData: list(bytes),
  dataLocation: z.number().default(0),
})

const attributeProto = z.object({
  name: z.string().default(''),
  // NaN is a number of the format; whoever reads it refuses it by the node's name.
  f: z.custom<number>((value) => typeof value === 'number').optional(),
  i: z.number().optional(),
  s: z.string().optional(),
  t: tensorProto.optional(),
  floats: numbers,
  ints: numbers,
  strings: list(z.string()),
  g: bytes.optional(),
  graphs: list(bytes),
  type: z.number().default(0),
  reference: z.string().default(''),
})

const nodeProto = z.object({
  name: z.string().default(''),
  opType: z.string().default(''),
  domain: z.string().default(''),
  overload: z.string().default(''),
  input: list(z.string()),
  output: list(z.string()),
  attribute: list(attributeProto),
})

const dimension = z.object({ value: z.number().optional(), parameter: z.string().optional() })
const valueInfo = z.object({
  name: z.string().default(''),
  type: z
    .object({
      tensor: z
        .object({ elementType: z.number().default(0), shape: z.object({ dim: list(dimension) }).optional() })
        .optional(),
    })
    .optional(),
})

const graphProto = z.object({
  name: z.string().default(''),
  node: list(nodeProto),
  initializer: list(tensorProto),
  sparseInitializer: list(bytes),
  input: list(valueInfo),
  output: list(valueInfo),
})
const opsetImport = list(z.object({ domain: z.string().default(''), version: z.number().default(0) }))
const functionProto = z.object({
  name: z.string().default(''),
  domain: z.string().default(''),
  overload: z.string().default(''),
  input: list(z.string()),
  output: list(z.string()),
  attribute: list(z.string()),
  attributeProto: list(attributeProto),
  node: list(nodeProto),
  opsetImport,
})

const modelProto = z.object({
  irVersion: z.number().default(0),
  producerName: z.string().default(''),
  functions: list(functionProto),
  opsetImport,
  graph: graphProto,
})

export type TensorProto = z.output<typeof tensorProto>
export type AttributeProto = z.output<typeof attributeProto>
export type NodeProto = z.output<typeof nodeProto>
export type ValueInfo = z.output<typeof valueInfo>
export type GraphProto = z.output<typeof graphProto>
export type FunctionProto = z.output<typeof functionProto>
export type ModelProto = z.output<typeof modelProto>

/** Decodes an .onnx file. @throws CompileError malformed-file when it is not one. */
export function decodeModel(file: Uint8Array): ModelProto {
  return parsed(modelProto, decodeMessage(file, modelSchema))
}

/** Decodes the body of an If, a Loop or a Scan. @throws CompileError malformed-file */
export function decodeGraph(body: Uint8Array): GraphProto {
  return parsed(graphProto, decodeMessage(body, graphSchema))
}

function parsed<T>(schema: z.ZodType<T>, message: unknown): T {
  const found = schema.safeParse(message)
  if (found.success) return found.data
  const [issue] = found.error.issues
  throw new CompileError('malformed-file', `not a whole ONNX file: ${issue!.path.join('.')}: ${issue!.message}`)
}
