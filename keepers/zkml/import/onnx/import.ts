// SPDX-License-Identifier: GPL-3.0-or-later
// ONNX file → graph. Constants are folded as they come; everything else becomes nodes, with a batch of 1.
import { GraphBuilder } from '../../graph/builder.ts'
import { CompileError } from '../../graph/errors.ts'
import { evaluate } from '../../graph/evaluate.ts'
import { elementCount } from '../../graph/program.ts'
import { simplify } from '../../graph/simplify.ts'
import type { Graph, SoftmaxKind } from '../../graph/types.ts'
import { ARITHMETIC, compute } from './arithmetic.ts'
import { bindTypes, checkGraph, checkNode, nodeName, OPSETS, opsetsOf, outputType, typeOf } from './check.ts'
import { CHOICE_HANDLERS } from './choice.ts'
import { refuseCast, requireComputable, requireUnmasked } from './computable.ts'
import { CONSTANT_HANDLERS } from './constants.ts'
import { ELEMENTWISE_HANDLERS } from './elementwise.ts'
import { placeInputs, readInputs, shapeOfAll } from './inputs.ts'
import { chosenBy, LOGIC_HANDLERS } from './logic.ts'
import { MATRIX_HANDLERS } from './matrices.ts'
import { CLASS_HANDLERS } from './ml/classes.ts'
import { LINEAR_HANDLERS } from './ml/linear.ts'
import { TREE_HANDLERS } from './ml/trees.ts'
import { MOVEMENT_HANDLERS } from './movement.ts'
import { NORMALISATION_HANDLERS } from './normalise.ts'
import { ML_DOMAIN } from './operators.ts'
import { choose, joined, neededFor, readNames } from './outputs.ts'
import { QUANTISED_HANDLERS } from './quantised.ts'
import { RECURRENT_HANDLERS } from './recurrent.ts'
import { REDUCTION_HANDLERS } from './reductions.ts'
import { RESIZE_HANDLERS } from './resize.ts'
import { decodeModel, type ModelProto } from './schema.ts'
import { type Handler, Invocation, type Label, type Operand, type Result, Scope } from './scope.ts'
import { type Constant, readTensor } from './tensors.ts'
import { TRANSPOSED_HANDLERS } from './transposed.ts'
import { type DataType, isFloat, isNarrow, rounded, significantBits, typeName } from './types.ts'
import { wholeArithmetic } from './whole.ts'
import { WINDOW_HANDLERS } from './windows.ts'

/** Operators that know constants from values themselves, and keep the type of what they move. */
const TYPED: ReadonlyMap<string, Handler> = new Map([
  ...Object.entries(MOVEMENT_HANDLERS),
  ...Object.entries(CONSTANT_HANDLERS),
  ...Object.entries(REDUCTION_HANDLERS),
  ...Object.entries(LOGIC_HANDLERS),
  ...Object.entries(CHOICE_HANDLERS),
  ...Object.entries(QUANTISED_HANDLERS),
])
/** Operators that compute with floating-point values. */
const COMPUTING: ReadonlyMap<string, Handler> = new Map([
  ...Object.entries(ELEMENTWISE_HANDLERS),
  ...Object.entries(MATRIX_HANDLERS),
  ...Object.entries(WINDOW_HANDLERS),
  ...Object.entries(NORMALISATION_HANDLERS),
  ...Object.entries(TRANSPOSED_HANDLERS),
  ...Object.entries(RESIZE_HANDLERS),
  ...Object.entries(RECURRENT_HANDLERS),
])
/** Operators of ai.onnx.ml: those on labels know them from values themselves, models compute with numbers of any type. */
const ML: ReadonlyMap<string, Handler> = new Map([
  ...Object.entries(CLASS_HANDLERS),
  ...Object.entries(LINEAR_HANDLERS),
  ...Object.entries(TREE_HANDLERS),
])
/** What may be done with the label of a class: it is a name, and moves about. */
const ON_LABELS = new Set([
  'Identity',
  'Cast',
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'LabelEncoder',
  'ArrayFeatureExtractor',
])
/** Operators on constants alone. */
const FOLDED: ReadonlySet<string> = new Set(ARITHMETIC)

/** Operators whose result only ranks the scores where they are the last ones: they are dropped there, and computed elsewhere. */
const RANKING: Readonly<Record<string, SoftmaxKind>> = { Softmax: 'softmax', LogSoftmax: 'log-softmax' }
/** What may follow a dropped Softmax: none of these changes the order of the scores. */
const AFTER_RANKING = new Set([
  'ArgMax',
  'Identity',
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'ZipMap',
  'Normalizer',
])

/** The operators that an ONNX file may use; those of ai.onnx.ml with their domain. */
export function onnxOperators(): string[] {
  const standard = new Set([...TYPED.keys(), ...COMPUTING.keys(), ...FOLDED, ...Object.keys(RANKING)])
  return [...[...standard].sort(), ...[...ML.keys()].map((name) => `${ML_DOMAIN}.${name}`).sort()]
}

export type OnnxOptions = {
  readonly name?: string
  /** Lengths of symbolic dimensions by their names in the file. */
  readonly dimensions?: Readonly<Record<string, number>>
  /** Which of the file's outputs the network computes, where it has several; several of them by commas. See `choose`, `joined`. */
  readonly output?: string
}

/**
 * Reads an .onnx file. Several inputs are one, in the order of the file, flattened. Computed is its one output, of a classifier
 * its scores, or what `output` names: only what that needs is then read.
 * @throws CompileError malformed-file, unsupported-operator (naming all that are unknown), dynamic-shape, not-finite, …
 */
export function importOnnx(file: Uint8Array, options: OnnxOptions = {}): Graph {
  const whole = decodeModel(file)
  const opsets = opsetsOf(whole)
  checkGraph(whole)
  const model = neededFor(whole, options.output)
  requireKnown(model)
  const constants = new Map<string, Operand>(
    model.graph.initializer.map((proto) => [proto.name, { constant: readTensor(proto, 'initializer') }]),
  )
  const inputs = readInputs(model, new Set(constants.keys()), options.dimensions ?? {})
  const builder = new GraphBuilder(
    options.name ?? (model.graph.name === '' ? 'model' : model.graph.name),
    inputs.map(({ name }) => name).join(', '),
    shapeOfAll(inputs),
    inputs.every(({ type }) => !isFloat(type)),
  )
  if (opsets.standard > OPSETS.newest)
    builder.note(
      `opset ${opsets.standard} is newer than ${OPSETS.newest}, the newest tested; compare the outputs before use`,
    )
  const scope = new Scope(builder, opsets.standard, constants, readNames(model))
  for (const [name, operand] of placeInputs(builder, inputs)) scope.operands.set(name, operand)
  const last = lastRanking(model)
  for (const [at, node] of model.graph.node.entries()) {
    const call = new Invocation(scope, node, nodeName(node, at), checkNode(node, at, opsets))
    for (const [i, operand] of run(call, last).entries()) {
      const output = node.output[i] ?? ''
      if (output !== '') scope.operands.set(output, operand)
    }
  }
  const narrow = narrowest([...scope.operands.values()])
  if (narrow !== null)
    builder.note(
      `numbers of ${typeName(narrow)} are computed in wider ones: where the file's own arithmetic rounds each step to one part in ${2 ** significantBits(narrow)}, or overflows, the network does not`,
    )
  const graph = finished(model, scope, options)
  const parts = inputs.map(({ name, shape }) => ({ name, count: elementCount(shape) }))
  return simplify(parts.length === 1 ? graph : { ...graph, input: { ...graph.input, parts } })
}

function finished(model: ModelProto, scope: Scope, options: OnnxOptions): Graph {
  const { builder, operands, ranked } = scope
  if (model.graph.output.length > 1 && options.output !== undefined) return joined(model, scope)
  const info = choose(model, scope)
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
  if (softmax === undefined) return builder.build(output.value)
  builder.note('a final Softmax was dropped: the scores are compared before it')
  return { ...builder.build(output.value), dropped: softmax }
}

/** The 16-bit type of least precision that something computed has; null where there is none. */
function narrowest(operands: readonly Operand[]): DataType | null {
  const types = operands.flatMap((operand) => ('value' in operand && isNarrow(operand.type) ? [operand.type] : []))
  return types.reduce<DataType | null>(
    (found, type) => (found === null || significantBits(type) < significantBits(found) ? type : found),
    null,
  )
}

/** All unknown operators at once, so that one look tells whether a model can be saved. */
function requireKnown(model: ModelProto): void {
  const unknown = new Set<string>()
  for (const { domain, opType } of model.graph.node) {
    const standard = domain === '' || domain === 'ai.onnx'
    if (domain === ML_DOMAIN && ML.has(opType)) continue
    if (!standard) unknown.add(`${domain}.${opType}`)
    else if (!(TYPED.has(opType) || COMPUTING.has(opType) || FOLDED.has(opType))) unknown.add(opType)
  }
  if (model.graph.sparseInitializer.length > 0) unknown.add('SparseTensor')
  if (unknown.size > 0)
    throw new CompileError('unsupported-operator', `operators not supported: ${[...unknown].sort().join(', ')}`, {
      operator: [...unknown][0]!,
    })
}

/** Runs a node: constants are computed now, in their own types; values become nodes of the graph. */
function run(call: Invocation, last: string | null): Operand[] {
  const { opType, domain } = call.node
  const { ranked } = call.scope
  const bound = bindTypes(call)
  const constants = call.operands().flatMap((operand) => ('constant' in operand ? [operand.constant] : []))
  const known = constants.length === call.operands().length
  requireUnmasked(call)
  const same = timesOne(call)
  if (same !== null) return [same]
  if (!known) followRanking(call, ranked)
  refuseLabels(call)
  const results = ((): Result[] => {
    if (domain === ML_DOMAIN) return runModel(call, known)
    if (TYPED.has(opType)) return TYPED.get(opType)!(call)
    if (known && FOLDED.has(opType)) return [{ constant: compute(call, constants) }]
    if (known) return fold(call)
    const [first] = call.operands()
    if (opType === 'Where' && 'value' in first!) return chosenBy(call, first.value)
    const whole = wholeArithmetic(call)
    if (whole !== null) return whole
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
    const { value, moved = false, cast = null, label, bounds, dropped, masked } = result
    const output = call.node.output[i] ?? ''
    if (dropped !== undefined && output !== '') ranked.set(output, dropped)
    return { value, type, moved, cast, label, bounds, masked }
  })
}

/** What some converters write after a classifier: its scores times 1. */
function timesOne(call: Invocation): Operand | null {
  if (call.node.opType !== 'Mul' || call.node.domain === ML_DOMAIN) return null
  const [x, one] = [call.operand(0), call.operand(1)]
  if (!('value' in x) || !('constant' in one) || one.constant.data.length !== 1 || one.constant.data[0] !== 1)
    return null
  if (one.constant.shape.length > call.shape(0).length || x.label !== undefined || !isFloat(x.type)) return null
  const mark = call.droppedOf(0)
  if (mark !== null) call.scope.ranked.set(call.node.output[0]!, mark)
  return x
}

/** An operator of ai.onnx.ml, which is for samples, not for constants. */
function runModel(call: Invocation, known: boolean): Result[] {
  const handler = ML.get(call.node.opType)!
  if (known) return call.fail('unsupported-operator', 'it is supported for what the network computes only')
  if (!Object.hasOwn(CLASS_HANDLERS, call.node.opType))
    for (const operand of call.operands())
      if ('value' in operand && operand.cast !== null) refuseCast(operand.cast, `${call.node.opType} ${call.name}`)
  return handler(call)
}

/** The index itself, as of an ArgMax, may be computed with. */
function isIndex({ classes }: Label): boolean {
  return classes.every((label, i) => label === i)
}

function refuseLabels(call: Invocation): void {
  for (const operand of call.operands())
    if (
      'value' in operand &&
      operand.label !== undefined &&
      !isIndex(operand.label) &&
      !ON_LABELS.has(call.node.opType)
    )
      call.fail(
        'unsupported-operator',
        'it computes with the label of a class, which stands for a name; a label is supported at the end of the network only',
      )
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
