// SPDX-License-Identifier: GPL-3.0-or-later
// ONNX file → graph. Constants are folded as they come; everything else becomes nodes, with a batch of 1.
import { GraphBuilder } from '../../graph/builder.ts'
import { CompileError } from '../../graph/errors.ts'
import { evaluate } from '../../graph/evaluate.ts'
import { elementCount } from '../../graph/program.ts'
import { simplify } from '../../graph/simplify.ts'
import type { Graph, SoftmaxKind } from '../../graph/types.ts'
import { ARITHMETIC, compute } from './arithmetic.ts'
import { bindTypes, checkGraph, checkNode, nodeName, OPSETS, opsetOf, outputType, typeOf } from './check.ts'
import { refuseCast, requireComputable, requireUnmasked } from './computable.ts'
import { CONSTANT_HANDLERS } from './constants.ts'
import { ELEMENTWISE_HANDLERS } from './elementwise.ts'
import { MATRIX_HANDLERS } from './matrices.ts'
import { MOVEMENT_HANDLERS } from './movement.ts'
import { NORMALISATION_HANDLERS } from './normalise.ts'
import { REDUCTION_HANDLERS } from './reductions.ts'
import { decodeModel, type ModelProto, type ValueInfo } from './schema.ts'
import { type Handler, Invocation, type Operand, type Result, Scope } from './scope.ts'
import { type Constant, readTensor } from './tensors.ts'
import { type DataType, isFloat, isKnownType, rounded, typeName } from './types.ts'
import { WINDOW_HANDLERS } from './windows.ts'

/** Operators that know constants from values themselves, and keep the type of what they move. */
const TYPED: ReadonlyMap<string, Handler> = new Map([
  ...Object.entries(MOVEMENT_HANDLERS),
  ...Object.entries(CONSTANT_HANDLERS),
  ...Object.entries(REDUCTION_HANDLERS),
])
/** Operators that compute with floating-point values. */
const COMPUTING: ReadonlyMap<string, Handler> = new Map([
  ...Object.entries(ELEMENTWISE_HANDLERS),
  ...Object.entries(MATRIX_HANDLERS),
  ...Object.entries(WINDOW_HANDLERS),
  ...Object.entries(NORMALISATION_HANDLERS),
])
/** Operators on constants alone. */
const FOLDED: ReadonlySet<string> = new Set(ARITHMETIC)

/** Operators whose result only ranks the scores where they are the last ones: they are dropped there, and computed elsewhere. */
const RANKING: Readonly<Record<string, SoftmaxKind>> = { Softmax: 'softmax', LogSoftmax: 'log-softmax' }
/** What may follow a dropped Softmax: none of these changes the order of the scores. */
const AFTER_RANKING = new Set(['ArgMax', 'Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'])

/** The operators that an ONNX file may use. */
export function onnxOperators(): string[] {
  return [...new Set([...TYPED.keys(), ...COMPUTING.keys(), ...FOLDED])].sort()
}

export type OnnxOptions = {
  readonly name?: string
  /** Lengths of symbolic dimensions by their names in the file. */
  readonly dimensions?: Readonly<Record<string, number>>
}

/**
 * Reads an .onnx file of one input and one output.
 * @throws CompileError malformed-file, unsupported-operator (naming all that are unknown), dynamic-shape, not-finite, …
 */
export function importOnnx(file: Uint8Array, options: OnnxOptions = {}): Graph {
  const model = decodeModel(file)
  const opset = opsetOf(model)
  requireKnown(model)
  checkGraph(model)
  const constants = new Map<string, Operand>(
    model.graph.initializer.map((proto) => [proto.name, { constant: readTensor(proto, 'initializer') }]),
  )
  const inputs = model.graph.input.filter((info) => !constants.has(info.name))
  if (inputs.length !== 1)
    throw new CompileError('wrong-input', `the model has ${inputs.length} inputs (${inputs.map((i) => i.name)}), not 1`)
  const [info] = inputs as [ValueInfo]
  const type = inputType(info)
  const shape = inputShape(info, options.dimensions ?? {})
  const batched = shape.length > 1 && shape[0] === 1
  const name = options.name ?? (model.graph.name === '' ? 'model' : model.graph.name)
  const builder = new GraphBuilder(name, info.name, batched ? shape.slice(1) : shape, !isFloat(type))
  if (opset > OPSETS.newest)
    builder.note(`opset ${opset} is newer than ${OPSETS.newest}, the newest tested; compare the outputs before use`)
  const scope = new Scope(builder, opset, constants)
  const value = builder.reshape('batch', builder.input, shape)
  scope.operands.set(info.name, { value, type, moved: true, cast: null })
  const ranked = new Map<string, SoftmaxKind>()
  const last = lastRanking(model)
  for (const [at, node] of model.graph.node.entries()) {
    const call = new Invocation(scope, node, nodeName(node, at), checkNode(node, at, opset))
    for (const [i, operand] of run(call, ranked, last).entries()) {
      const output = node.output[i] ?? ''
      if (output !== '') scope.operands.set(output, operand)
    }
  }
  return finished(model, scope, ranked)
}

function finished(model: ModelProto, { builder, operands }: Scope, ranked: ReadonlyMap<string, SoftmaxKind>): Graph {
  const info = outputOf(model)
  const output = operands.get(info.name)
  if (output === undefined) throw new CompileError('missing-part', `no node computes the output ${info.name}`)
  const type = typeOf(output)
  const declared = info.type?.tensor?.elementType ?? 0
  if (declared !== 0 && declared !== type)
    throw new CompileError(
      'malformed-file',
      `the output ${info.name} is declared as ${typeName(declared)} and computed as ${typeName(type)}`,
    )
  if ('constant' in output)
    throw new CompileError('malformed-file', `the output ${info.name} does not depend on the input`)
  if (output.cast !== null) refuseCast(output.cast, `the output ${info.name}`)
  if (output.masked !== undefined)
    throw new CompileError('not-finite', `the output ${info.name} holds −∞ where it is masked`)
  const softmax = ranked.get(info.name)
  if (softmax === undefined) return simplify(builder.build(output.value))
  builder.note('a final Softmax was dropped: the scores are compared before it')
  return simplify({ ...builder.build(output.value), dropped: softmax })
}

/** All unknown operators at once, so that one look tells whether a model can be saved. */
function requireKnown(model: ModelProto): void {
  const unknown = new Set<string>()
  for (const { domain, opType } of model.graph.node) {
    const standard = domain === '' || domain === 'ai.onnx'
    if (!standard) unknown.add(`${domain}.${opType}`)
    else if (!(TYPED.has(opType) || COMPUTING.has(opType) || FOLDED.has(opType))) unknown.add(opType)
  }
  if (model.graph.sparseInitializer.length > 0) unknown.add('SparseTensor')
  if (unknown.size > 0)
    throw new CompileError('unsupported-operator', `operators not supported: ${[...unknown].sort().join(', ')}`, {
      operator: [...unknown][0]!,
    })
}

function inputType(info: ValueInfo): DataType {
  const type = info.type?.tensor?.elementType ?? 0
  if (type === 0) throw new CompileError('malformed-file', `input ${info.name} has no element type`)
  if (!isKnownType(type))
    throw new CompileError(
      'unsupported-attribute',
      `input ${info.name} is of ${typeName(type)}, which is no number type`,
    )
  return type
}

/** What exporters call a batch. Any other name may as well be the length of a sequence. */
const BATCH_NAMES = /^(|n|b|bs|bsz|none|\?|unk__\d+|.*batch.*)$/i

/** A symbolic first dimension of that kind is a batch of 1; every other one must be said. */
function inputShape(info: ValueInfo, given: Readonly<Record<string, number>>): number[] {
  const dimensions = info.type?.tensor?.shape?.dim
  if (dimensions === undefined)
    throw new CompileError('dynamic-shape', `input ${info.name} has no shape; export with fixed dimensions`)
  return dimensions.map((dimension, axis) => {
    const { value, parameter = '' } = dimension
    const fail = (message: string): never => {
      throw new CompileError('dynamic-shape', `input ${info.name}: dimension ${axis} ${message}`)
    }
    if (value !== undefined && value >= 1) return value
    if (value === 0) fail('is 0: it has no elements; export with a fixed number of at least 1')
    if (value !== undefined && (value !== -1 || axis !== 0)) fail(`is ${value}; export with a fixed number`)
    if (Object.hasOwn(given, parameter)) return given[parameter]!
    const shown = parameter === '' ? 'unknown' : parameter
    if (axis !== 0)
      fail(`is ${shown}; only the batch may vary: say its length (--dim ${shown}=N), or export with a fixed number`)
    if (dimensions.length === 1 || !BATCH_NAMES.test(parameter))
      fail(
        `is ${shown}, which need not be a batch: say its length (--dim ${shown}=N; 1 if it is one), or export with a fixed number`,
      )
    return 1
  })
}

function outputOf(model: ModelProto): ValueInfo {
  if (model.graph.output.length !== 1)
    throw new CompileError(
      'unsupported-attribute',
      `the model has ${model.graph.output.length} outputs (${model.graph.output.map((o) => o.name)}), not 1`,
    )
  return model.graph.output[0]!
}

/** Runs a node: constants are computed now, in their own types; values become nodes of the graph. */
function run(call: Invocation, ranked: Map<string, SoftmaxKind>, last: string | null): Operand[] {
  const { opType } = call.node
  const bound = bindTypes(call)
  const constants = call.operands().flatMap((operand) => ('constant' in operand ? [operand.constant] : []))
  const known = constants.length === call.operands().length
  requireUnmasked(call)
  if (!known) followRanking(call, ranked)
  const results = ((): Result[] => {
    if (TYPED.has(opType)) return TYPED.get(opType)!(call)
    if (known && FOLDED.has(opType)) return [{ constant: compute(call, constants) }]
    if (known) return fold(call)
    requireComputable(call)
    if (call.node.output[0] === last && ranksAll(call)) return [dropRanking(call, ranked)]
    const handler = COMPUTING.get(opType)
    if (handler === undefined)
      return call.fail('unsupported-operator', 'it is supported for constants only, and the network computes its input')
    return handler(call)
  })()
  return results.map((result, i) => {
    const type = result.type ?? outputType(call.schema, bound, i)
    if (type === null) return call.fail('unsupported-attribute', `the type of its output ${i} is not known`)
    if ('constant' in result) return { constant: { ...result.constant, type } }
    const { value, moved = false, cast = null, masked } = result
    return { value, type, moved, cast, masked }
  })
}

/** A floating-point operator on constants: its handler on a graph whose input is the first of them, run on the spot. */
function fold(call: Invocation): Result[] {
  const { opType, input } = call.node
  const handler = COMPUTING.get(opType)
  const first = call.operand(0) as { constant: Constant }
  const { shape, data, type } = first.constant
  if (handler === undefined) return call.fail('unsupported-operator', 'it is not supported, not even for constants')
  if (!isFloat(type)) return call.fail('unsupported-attribute', `constants of ${typeName(type)}`)
  if (elementCount(shape) === 0) return call.fail('unsupported-attribute', `a constant [${shape}] without elements`)
  const builder = new GraphBuilder('constant', 'constant', shape)
  const operands = new Map(input.flatMap((name, i) => (call.has(i) ? [[name, call.operand(i)] as const] : [])))
  operands.set(input[0]!, { value: builder.input, type, moved: false, cast: null })
  const inner = new Invocation(new Scope(builder, call.scope.opset, operands), call.node, call.name, call.schema)
  requireComputable(inner)
  call.requireFinite(data, `input 0 (${input[0]})`)
  return handler(inner).map((result) => {
    if ('constant' in result) return result
    const { shape: made, data: numbers } = evaluate(builder.build(result.value), data)
    return { constant: { shape: made, data: numbers.map((value) => rounded(value, result.type ?? type)) } }
  })
}

/**
 * The output of a Softmax from which the network's output follows by what keeps the order, and that nobody else reads; null
 * where there is none.
 */
function lastRanking({ graph }: ModelProto): string | null {
  const producers = new Map(graph.node.flatMap((node) => node.output.map((output) => [output, node] as const)))
  const readers = new Map<string, number>()
  for (const name of [...graph.node.flatMap((node) => node.input), ...graph.output.map((output) => output.name)])
    readers.set(name, (readers.get(name) ?? 0) + 1)
  let name = graph.output[0]?.name ?? ''
  for (let left = graph.node.length; left > 0 && readers.get(name) === 1; left--) {
    const node = producers.get(name)
    if (node === undefined) return null
    if (Object.hasOwn(RANKING, node.opType)) return name
    const to = node.attribute.find((attribute) => attribute.name === 'to')?.i ?? 0
    if (!AFTER_RANKING.has(node.opType) && !(node.opType === 'Cast' && isFloat(to))) return null
    name = node.input[0] ?? ''
  }
  return null
}

/** Whether a Softmax is over all of its elements together. */
function ranksAll(call: Invocation): boolean {
  const operand = call.operand(0)
  // Of masked scores the network's own are no likeness.
  if ('value' in operand && operand.masked !== undefined) return false
  const shape = call.shape(0)
  const given = call.int('axis', call.schema.since >= 13 ? -1 : 1)
  const axis = given === shape.length && call.schema.since < 13 ? given : call.axis(given, shape.length)
  const choices = call.schema.since >= 13 ? shape[axis] : elementCount(shape.slice(axis))
  return choices === elementCount(shape)
}

function dropRanking(call: Invocation, ranked: Map<string, SoftmaxKind>): Result {
  ranked.set(call.node.output[0]!, RANKING[call.node.opType]!)
  const operand = call.operand(0)
  return 'value' in operand ? { value: operand.value } : operand
}

/** Passes the mark of a dropped Softmax on through what keeps the order. */
function followRanking(call: Invocation, ranked: Map<string, SoftmaxKind>): void {
  const mark = call.node.input.map((input) => ranked.get(input)).find((each) => each !== undefined)
  if (mark === undefined) return
  if (call.node.opType === 'ArgMax') {
    call.builder.note('a final Softmax was dropped: the scores are compared before it')
    return
  }
  for (const output of call.node.output) if (output !== '') ranked.set(output, mark)
}
