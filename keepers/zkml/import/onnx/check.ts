// SPDX-License-Identifier: GPL-3.0-or-later
// The rules of onnx's checker. A file that breaks the rules of the format has no meaning, so the importer refuses it.
import { CompileError } from '../../graph/errors.ts'
import type { Invocation } from './invocation.ts'
import type { Operand } from './operand.ts'
import { ATTRIBUTE_TYPES, ML_DOMAIN, type OperatorSchema, type Opsets, operatorSchema } from './operators.ts'
import type { AttributeProto, GraphProto, ModelProto, NodeProto } from './schema.ts'
import { type DataType, typeName } from './types.ts'

/** The importer knows the operators of these opsets. A newer opset may contribute operators that have not changed since. */
export const OPSETS = { oldest: 7, newest: 23 }
/** The newest version of ai.onnx.ml. */
const NEWEST_ML = 5

/** For functions that the file defines. They have no schema: the body determines the inputs. */
export const NO_SCHEMA: OperatorSchema = {
  since: 0,
  in: [0, 2 ** 31 - 1],
  out: [0, 2 ** 31 - 1],
  inputs: [],
  outputs: [],
  types: {},
  attributes: {},
}

/** The opsets that a file (or a function in it) imports, and its nodes. */
type Imports = Pick<ModelProto, 'opsetImport'> & { readonly node: readonly NodeProto[] }

/** The opsets of a file. @throws CompileError when a domain is imported twice, a used domain is not imported, or an opset is too old. */
export function opsetsOf(model: Imports): Opsets {
  const versions = model.opsetImport.filter(({ domain }) => domain === ML_DOMAIN).map(({ version }) => version)
  const ml = versions[0] ?? 0
  const used = new Set(model.node.map(({ domain }) => domain))
  if (versions.some((version) => version !== ml) || ml > NEWEST_ML || (ml < 1 && used.has(ML_DOMAIN)))
    throw new CompileError(
      'unsupported-operator',
      `the file imports ${ML_DOMAIN} in version ${versions.join(', ') || 'none'}; one of 1 to ${NEWEST_ML} is supported`,
    )
  const standard = model.opsetImport.some(({ domain }) => domain === '' || domain === 'ai.onnx')
  // Only a file with standard operators must import the standard opset.
  const without = !standard && ml > 0 && !used.has('') && !used.has('ai.onnx')
  return { standard: without ? OPSETS.newest : opsetOf(model), ml }
}

function opsetOf(model: Imports): number {
  const found = model.opsetImport.filter(({ domain }) => domain === '' || domain === 'ai.onnx')
  if (found.some(({ version }) => version !== found[0]!.version))
    throw new CompileError(
      'malformed-file',
      `the file imports the standard operators ${found.length} times, in opsets ${found.map((each) => each.version)}`,
    )
  const opset = found[0]?.version
  if (opset === undefined || opset < OPSETS.oldest)
    throw new CompileError(
      'unsupported-operator',
      `the file uses opset ${opset ?? 'none'}; opsets ${OPSETS.oldest} to ${OPSETS.newest} are supported`,
    )
  return opset
}

/** The rules that hold for a graph as a whole. @throws CompileError malformed-file naming node and value. */
export function checkGraph(model: ModelProto): void {
  if (model.irVersion < 1) throw new CompileError('malformed-file', 'the file has no ir_version')
  checkNames(model.graph, new Set())
}

/** Checks the names in a graph or a body. `around`: names of the surrounding graph, which it may read as well. */
export function checkNames(graph: GraphProto, around: Pick<ReadonlySet<string>, 'has'>): void {
  const fail = (message: string): never => {
    throw new CompileError('malformed-file', message)
  }
  const constants = new Set<string>()
  for (const { name } of graph.initializer) {
    if (name === '') fail('an initialiser has no name')
    if (constants.has(name)) fail(`two initialisers are named ${name}`)
    constants.add(name)
  }
  const known = new Set<string>(constants)
  const inputs = new Set<string>()
  for (const { name } of graph.input) {
    if (name === '') fail('an input has no name')
    if (inputs.has(name)) fail(`two inputs are named ${name}`)
    inputs.add(name)
    known.add(name)
  }
  for (const [at, node] of graph.node.entries()) {
    const label = nodeLabel(node, at)
    for (const input of node.input)
      if (input !== '' && !known.has(input) && !around.has(input))
        throw new CompileError('missing-part', `${label}: nothing computes its input ${input}`, {
          layer: nodeName(node, at),
        })
    for (const output of node.output) {
      if (output === '') continue
      if (constants.has(output)) fail(`${label}: its output ${output} is an initialiser already`)
      if (known.has(output) || around.has(output)) fail(`${label}: its output ${output} is computed already`)
      known.add(output)
    }
  }
}

export function nodeName(node: NodeProto, at: number): string {
  return node.name === '' ? `${node.opType}_${at}` : node.name
}

function nodeLabel(node: NodeProto, at: number): string {
  return `${node.opType} ${nodeName(node, at)}`
}

/** The schema of a node that is written as its operator demands. @throws CompileError naming node and attribute. */
export function checkNode(node: NodeProto, at: number, opsets: Opsets): OperatorSchema {
  const ml = node.domain === ML_DOMAIN
  const opset = ml ? opsets.ml : opsets.standard
  const place = { layer: nodeName(node, at), operator: node.opType }
  const label = nodeLabel(node, at)
  const fail = (message: string): never => {
    throw new CompileError('malformed-file', `${label}: ${message}`, place)
  }
  const schema = operatorSchema(node.opType, opset, node.domain)
  if (schema === null || (!ml && schema.since > OPSETS.newest && !onlyMoreTypes(node, schema)))
    throw new CompileError(
      'unsupported-operator',
      schema === null
        ? `${label}: opset ${opset} has no such operator`
        : `${label}: its form of opset ${schema.since} is newer than ${OPSETS.newest}, the newest that is supported`,
      place,
    )
  if (node.overload !== '') fail(`overload ${node.overload}; standard operators have none`)
  checkCount(node.input, schema.in, 'inputs', fail)
  checkCount(node.output, schema.out, 'outputs', fail)
  const given = new Set<string>()
  for (const attribute of node.attribute) {
    if (given.has(attribute.name)) fail(`attribute ${attribute.name} is given twice`)
    given.add(attribute.name)
    checkAttribute(attribute, schema, fail)
  }
  for (const [name, type] of Object.entries(schema.attributes))
    if (type < 0 && !given.has(name)) fail(`attribute ${name} is missing`)
  return schema
}

/** Whether a newer form differs from the newest supported one in types alone, as far as this node goes. */
function onlyMoreTypes(node: NodeProto, schema: OperatorSchema): boolean {
  const known = operatorSchema(node.opType, OPSETS.newest)
  if (known === null) return false
  const same = (field: 'in' | 'out'): boolean => schema[field].every((count, i) => count === known[field][i])
  return same('in') && same('out') && node.attribute.every(({ name }) => Object.hasOwn(known.attributes, name))
}

function checkCount(
  names: readonly string[],
  [least, most]: readonly [number, number],
  what: string,
  fail: (message: string) => never,
): void {
  if (names.length < least || names.length > most)
    fail(`${names.length} ${what}; ${least === most ? least : `${least} to ${most}`} are needed`)
}

function checkAttribute(attribute: AttributeProto, schema: OperatorSchema, fail: (message: string) => never): void {
  const { name, type } = attribute
  if (attribute.reference !== '') fail(`attribute ${name} refers to ${attribute.reference} outside a function`)
  const wanted = Object.hasOwn(schema.attributes, name) ? Math.abs(schema.attributes[name]!) : undefined
  if (wanted === undefined) fail(`attribute ${name} is unknown to opset ${schema.since} of this operator`)
  const found = type === 0 ? 'no type' : (ATTRIBUTE_TYPES[type] ?? `type ${type}`)
  if (type !== wanted) fail(`attribute ${name} is of ${found}, must be ${ATTRIBUTE_TYPES[wanted!]}`)
  const fields: Record<number, unknown> = {
    ...{ 1: attribute.f, 2: attribute.i, 3: attribute.s, 4: attribute.t, 5: attribute.g },
  }
  if (type in fields && fields[type] === undefined) fail(`attribute ${name} is ${found} and holds no such value`)
  const lists: Record<number, number> = {
    6: attribute.floats.length,
    7: attribute.ints.length,
    8: attribute.strings.length,
    10: attribute.graphs.length,
  }
  for (const [field, value] of Object.entries(fields))
    if (Number(field) !== type && value !== undefined)
      fail(`attribute ${name} is ${found} and holds a value of another`)
  for (const [field, length] of Object.entries(lists))
    if (Number(field) !== type && length > 0) fail(`attribute ${name} is ${found} and holds a list of another type`)
}

/** Operators that count omitted optional inputs: a Loop without a trip count or without a condition. */
const LEAVES_OUT = new Set(['Loop'])

/** Binds the type variables of a node's schema by its operands. @throws CompileError naming input and type. */
export function bindTypes(call: Invocation): Map<string, DataType> {
  const { schema, node } = call
  const bound = new Map<string, DataType>()
  for (let i = 0; i < node.input.length; i++) {
    if (!call.has(i)) {
      if (i < schema.in[0] && !LEAVES_OUT.has(node.opType)) call.fail('malformed-file', `input ${i} is missing`)
      continue
    }
    const wanted = schema.inputs[Math.min(i, schema.inputs.length - 1)]!
    const type = typeOf(call.operand(i))
    const allowed = typeof wanted === 'number' ? [wanted] : schema.types[wanted]!
    if (!allowed.includes(type))
      call.fail(
        'malformed-file',
        `input ${i} (${node.input[i]}) is ${typeName(type)}; opset ${schema.since} of it takes ${allowed
          .filter((each) => each > 0)
          .map(typeName)
          .join(', ')}`,
      )
    if (typeof wanted !== 'string' || (i >= schema.inputs.length - 1 && schema.variadic === false)) continue
    const before = bound.get(wanted)
    if (before !== undefined && before !== type)
      call.fail(
        'malformed-file',
        `input ${i} (${node.input[i]}) is ${typeName(type)} where the others are ${typeName(before)}`,
      )
    bound.set(wanted, type)
  }
  return bound
}

export function typeOf(operand: Operand): DataType {
  return 'constant' in operand ? operand.constant.type : operand.type
}

/** The type of output `index`, where the schema says it. */
export function outputType(
  schema: OperatorSchema,
  bound: ReadonlyMap<string, DataType>,
  index: number,
): DataType | null {
  const wanted = schema.outputs[Math.min(index, schema.outputs.length - 1)]
  if (typeof wanted === 'number') return wanted
  if (wanted === undefined) return null
  const only = schema.types[wanted]
  return bound.get(wanted) ?? (only?.length === 1 ? only[0]! : null)
}
