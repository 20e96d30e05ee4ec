// SPDX-License-Identifier: GPL-3.0-or-later
// tfjs graph models: a TensorFlow graph of nodes by name, as tensorflowjs_converter writes it, with its weights as Const nodes.
import { z } from 'zod'
import { GraphBuilder } from '../../graph/builder.ts'
import { CompileError } from '../../graph/errors.ts'
import { elementCount } from '../../graph/program.ts'
import { simplify } from '../../graph/simplify.ts'
import type { Graph, Tensor } from '../../graph/types.ts'
import { softmax } from '../compose.ts'
import { OPERATOR_HANDLERS, tfjsOperators } from './graph-operators.ts'
import { type Attributes, type Operand, OperatorCall } from './operator-call.ts'

/** Whole numbers of 64 bits are texts in the JSON of protobuf. */
const integer = z.union([z.number(), z.string().regex(/^-?\d+$/)]).transform(Number)
const shape = z.object({
  dim: z.array(z.object({ size: integer.default(0) })).default([]),
  unknownRank: z.boolean().optional(),
})
const attribute = z.object({
  i: integer.optional(),
  f: z.number().optional(),
  b: z.boolean().optional(),
  s: z.string().optional(),
  type: z.union([z.string(), z.number()]).optional(),
  shape: shape.optional(),
  list: z
    .object({ i: z.array(integer).optional(), s: z.array(z.string()).optional(), f: z.array(z.number()).optional() })
    .optional(),
})
type Attribute = z.output<typeof attribute>
const node = z.object({
  name: z.string().min(1),
  op: z.string().min(1),
  input: z.array(z.string()).default([]),
  attr: z.record(z.string(), attribute.catch({})).default({}),
})
type Node = z.output<typeof node>
const topology = z.object({ node: z.array(node) })
const signature = z.object({ outputs: z.record(z.string(), z.object({ name: z.string() })) })

/** Operators that may follow a dropped Softmax. */
const AFTER_SOFTMAX = new Set(['Identity', 'Reshape', 'Squeeze'])
/** TensorFlow's names (and numbers) of the types that an input may have. */
const FLOATS = new Set<unknown>(['DT_FLOAT', 1])
const WHOLES = new Set<unknown>(['DT_INT32', 3, 'DT_BOOL', 10])

/**
 * Reads the topology of a graph model of one input and one output. `weights` by the names of their Const nodes.
 * @throws CompileError malformed-file, missing-part, unsupported-operator (naming all), dynamic-shape
 */
export function importGraphModel(
  json: { readonly modelTopology: unknown; readonly signature?: unknown },
  weights: ReadonlyMap<string, Tensor>,
): Graph {
  const parsed = topology.safeParse(json.modelTopology)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new CompileError('malformed-file', `modelTopology.${issue!.path.join('.')}: ${issue!.message}`)
  }
  const nodes = new Map<string, Node>()
  for (const each of parsed.data.node) {
    if (nodes.has(each.name)) throw new CompileError('malformed-file', `two nodes are named ${each.name}`)
    nodes.set(each.name, each)
  }
  const output = outputOf(nodes, json.signature)
  const order = inOrder(nodes, output)
  requireKnown(order)
  const inputs = order.filter(({ op }) => op === 'Placeholder')
  if (inputs.length !== 1)
    throw new CompileError(
      'wrong-input',
      `the model has ${inputs.length} inputs (${inputs.map(({ name }) => name)}), not 1`,
    )
  const [input] = inputs as [Node]
  const full = inputShape(input)
  const builder = new GraphBuilder('model', input.name, full.length > 1 ? full.slice(1) : full, isWhole(input))
  const operands = new Map<string, Operand>([[input.name, { value: builder.reshape('batch', builder.input, full) }]])
  const ranked = new Set<string>()
  const last = lastSoftmax(order, output)
  for (const each of order) {
    if (each.op === 'Placeholder') continue
    if (each.op === 'Const') {
      const constant = weights.get(each.name)
      if (constant === undefined)
        throw new CompileError('missing-part', `the weights hold no ${each.name}`, { layer: each.name })
      operands.set(each.name, { constant })
      continue
    }
    operands.set(each.name, { value: run(builder, each, operands, ranked, last) })
  }
  const found = operands.get(output)!
  if ('constant' in found) throw new CompileError('malformed-file', `the output ${output} does not depend on the input`)
  if (!ranked.has(output)) return simplify(builder.build(found.value))
  builder.note('a final Softmax was dropped: the scores are compared before it')
  return simplify({ ...builder.build(found.value), dropped: 'softmax' })
}

function run(
  builder: GraphBuilder,
  each: Node,
  operands: Map<string, Operand>,
  ranked: Set<string>,
  last: string | null,
): string {
  const reads = readsOf(each)
  const inputs = reads.map((name) => operands.get(name)!)
  const call = new OperatorCall(builder, each.name, each.op, inputs, attributesOf(each))
  if (reads.some((name) => ranked.has(name))) ranked.add(each.name)
  if (each.op !== 'Softmax') return OPERATOR_HANDLERS[each.op]!(call)
  const scores = call.shape()
  if (each.name !== last || scores.at(-1) !== elementCount(scores))
    return softmax(builder, each.name, 'softmax', call.value(0), [scores.length - 1])
  ranked.add(each.name)
  return call.value(0)
}

/** The last Softmax, if only order-preserving operators lead from it to the output and no other node reads it; otherwise null. */
function lastSoftmax(order: readonly Node[], output: string): string | null {
  const readers = new Map<string, number>()
  for (const name of [...order.flatMap(readsOf), output]) readers.set(name, (readers.get(name) ?? 0) + 1)
  const nodes = new Map(order.map((each) => [each.name, each]))
  let found = nodes.get(output)
  while (found !== undefined && readers.get(found.name) === 1) {
    if (found.op === 'Softmax') return found.name
    if (!AFTER_SOFTMAX.has(found.op)) return null
    found = nodes.get(readsOf(found)[0]!)
  }
  return null
}

/** The names of the nodes that a node reads: their first outputs. */
function readsOf({ name, op, input }: Node): string[] {
  return input
    .filter((text) => !text.startsWith('^'))
    .map((text) => {
      const [source, output = '0'] = text.split(':')
      if (output !== '0')
        throw new CompileError('unsupported-attribute', `${op} ${name}: it reads output ${output} of ${source}`, {
          layer: name,
        })
      return source!
    })
}

/** The output: the one in the signature, otherwise the only node that no other node reads. */
function outputOf(nodes: ReadonlyMap<string, Node>, given: unknown): string {
  const signed = signature.safeParse(given)
  const named = signed.success ? Object.values(signed.data.outputs).map(({ name }) => name.replace(/:0$/, '')) : []
  const read = new Set([...nodes.values()].flatMap((each) => readsOf(each)))
  const ends = [...nodes.values()].filter(
    ({ name, op }) => !read.has(name) && !['NoOp', 'Const', 'Placeholder'].includes(op),
  )
  const outputs = named.length > 0 ? [...new Set(named)] : ends.map(({ name }) => name)
  if (outputs.length !== 1)
    throw new CompileError('unsupported-attribute', `the model has ${outputs.length} outputs (${outputs}), not 1`)
  if (!nodes.has(outputs[0]!)) throw new CompileError('missing-part', `no node computes the output ${outputs[0]}`)
  return outputs[0]!
}

/** The nodes that the output needs, each after its operands. */
function inOrder(nodes: ReadonlyMap<string, Node>, output: string): Node[] {
  const ordered: Node[] = []
  const state = new Map<string, 'open' | 'done'>()
  const pending = [output]
  while (pending.length > 0) {
    const name = pending.at(-1)!
    const each = nodes.get(name)
    if (each === undefined) throw new CompileError('missing-part', `no node computes ${name}`)
    const missing = readsOf(each).filter((read) => state.get(read) !== 'done')
    if (state.get(name) !== 'done' && missing.length > 0) {
      if (missing.some((read) => state.get(read) === 'open'))
        throw new CompileError('malformed-file', `node ${name} reads what needs it: ${missing}`, { layer: name })
      state.set(name, 'open')
      pending.push(...missing)
      continue
    }
    pending.pop()
    if (state.get(name) === 'done') continue
    state.set(name, 'done')
    ordered.push(each)
  }
  return ordered
}

function requireKnown(order: readonly Node[]): void {
  const known = new Set(tfjsOperators())
  const unknown = [...new Set(order.map(({ op }) => op).filter((op) => !known.has(op)))].sort()
  if (unknown.length > 0)
    throw new CompileError('unsupported-operator', `operators not supported: ${unknown.join(', ')}`, {
      operator: unknown[0]!,
    })
}

/** The whole shape; an open first dimension is a batch of 1. */
function inputShape({ name, attr }: Node): number[] {
  const given = attr.shape?.shape
  if (given === undefined || given.unknownRank === true)
    throw new CompileError('dynamic-shape', `input ${name} has no shape; convert with fixed dimensions`)
  const sizes = given.dim.map(({ size }) => size)
  const [batch, ...rest] = sizes
  const wrong = rest.findIndex((size) => !(size >= 1))
  if (wrong >= 0)
    throw new CompileError(
      'dynamic-shape',
      `input ${name}: dimension ${wrong + 1} is ${rest[wrong]}; only the batch may vary`,
    )
  if (batch !== -1 && batch !== 1 && rest.length > 0)
    throw new CompileError('dynamic-shape', `input ${name}: the batch is fixed at ${batch}; 1 or an open one is needed`)
  return rest.length > 0 ? [1, ...rest] : sizes
}

function isWhole({ name, attr }: Node): boolean {
  const type = attr.dtype?.type
  if (!FLOATS.has(type) && !WHOLES.has(type))
    throw new CompileError('unsupported-attribute', `input ${name} is of type ${type}; numbers are supported`)
  return WHOLES.has(type)
}

function attributesOf({ attr }: Node): Attributes {
  const find = (name: string): Attribute => (Object.hasOwn(attr, name) ? attr[name]! : {})
  const decoded = (text: string): string => atob(text)
  return {
    number: (name, fallback) => find(name).f ?? find(name).i ?? fallback,
    text: (name, fallback) => {
      const { s } = find(name)
      return s === undefined ? fallback : decoded(s)
    },
    flag: (name) => find(name).b ?? false,
    numbers: (name) => find(name).list?.i ?? [],
    texts: (name) => (find(name).list?.s ?? []).map(decoded),
  }
}
