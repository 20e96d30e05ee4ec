// SPDX-License-Identifier: GPL-3.0-or-later
// Which handler an operator has, and the way of a node through it.
import { GraphBuilder } from '../../graph/builder.ts'
import { CompileError } from '../../graph/errors.ts'
import { evaluate } from '../../graph/evaluate.ts'
import { elementCount } from '../../graph/program.ts'
import { ARITHMETIC, compute } from './arithmetic.ts'
import { ATTENTION_HANDLERS } from './attention.ts'
import { capturedNames, functionOf, runFunction } from './bodies.ts'
import { bindTypes, checkNode, NO_SCHEMA, nodeName, outputType } from './check.ts'
import { CHOICE_HANDLERS } from './choice.ts'
import { refuseCast, requireComputable, requireUnmasked } from './computable.ts'
import { CONSTANT_HANDLERS } from './constants.ts'
import { CONTROL_HANDLERS } from './control.ts'
import { EINSUM_HANDLERS } from './einsum.ts'
import { ELEMENTWISE_HANDLERS } from './elementwise.ts'
import { type Handler, Invocation } from './invocation.ts'
import { chosenBy, LOGIC_HANDLERS } from './logic.ts'
import { MATRIX_HANDLERS } from './matrices.ts'
import { CLASS_HANDLERS } from './ml/classes.ts'
import { LINEAR_HANDLERS } from './ml/linear.ts'
import { TREE_HANDLERS } from './ml/trees.ts'
import { MOVEMENT_HANDLERS } from './movement.ts'
import { NORMALISATION_HANDLERS } from './normalise.ts'
import type { Label, Operand, Result } from './operand.ts'
import { ML_DOMAIN } from './operators.ts'
import { QUANTISED_HANDLERS } from './quantised.ts'
import { dropRanking, followRanking, keepsOrder, RANKING, ranksAll } from './ranking.ts'
import { RECURRENT_HANDLERS } from './recurrent.ts'
import { REDUCTION_HANDLERS } from './reductions.ts'
import { RESIZE_HANDLERS } from './resize.ts'
import { ROUNDING_HANDLERS } from './rounding.ts'
import { SCATTER_HANDLERS } from './scatter.ts'
import type { NodeProto } from './schema.ts'
import type { Scope } from './scope.ts'
import { settle } from './settle.ts'
import type { Constant } from './tensors.ts'
import { TRANSPOSED_HANDLERS } from './transposed.ts'
import { isFloat, rounded, typeName } from './types.ts'
import { wholeArithmetic } from './whole.ts'
import { WINDOW_HANDLERS } from './windows.ts'

/** These handlers distinguish constants from values themselves, and keep the type of their operand. */
const TYPED: ReadonlyMap<string, Handler> = new Map([
  ...Object.entries(MOVEMENT_HANDLERS),
  ...Object.entries(CONSTANT_HANDLERS),
  ...Object.entries(REDUCTION_HANDLERS),
  ...Object.entries(LOGIC_HANDLERS),
  ...Object.entries(CHOICE_HANDLERS),
  ...Object.entries(QUANTISED_HANDLERS),
  ...Object.entries(CONTROL_HANDLERS),
  ...Object.entries(SCATTER_HANDLERS),
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
  ...Object.entries(EINSUM_HANDLERS),
  ...Object.entries(ROUNDING_HANDLERS),
  ...Object.entries(ATTENTION_HANDLERS),
])
/** Operators of ai.onnx.ml: those on labels know them from values themselves, models compute with numbers of any type. */
const ML: ReadonlyMap<string, Handler> = new Map([
  ...Object.entries(CLASS_HANDLERS),
  ...Object.entries(LINEAR_HANDLERS),
  ...Object.entries(TREE_HANDLERS),
])
/** Operators that accept a class label: it is a name, which may only be moved. */
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

/** The operators that an ONNX file may use; the names from ai.onnx.ml carry their domain. */
export function onnxOperators(): string[] {
  const standard = new Set([...TYPED.keys(), ...COMPUTING.keys(), ...FOLDED, ...Object.keys(RANKING)])
  return [...[...standard].sort(), ...[...ML.keys()].map((name) => `${ML_DOMAIN}.${name}`).sort()]
}

/** Reports all unknown operators at once, so that the user sees whether the model can be rescued. */
export function requireKnown(scope: Scope, nodes: readonly NodeProto[]): void {
  const unknown = new Set<string>()
  for (const node of nodes) {
    const { domain, opType } = node
    const standard = domain === '' || domain === 'ai.onnx'
    if ((domain === ML_DOMAIN && ML.has(opType)) || functionOf(scope, node) !== null) continue
    if (!standard) unknown.add(`${domain}.${opType}`)
    else if (!(TYPED.has(opType) || COMPUTING.has(opType) || FOLDED.has(opType))) unknown.add(opType)
  }
  if (unknown.size > 0)
    throw new CompileError('unsupported-operator', `operators not supported: ${[...unknown].sort().join(', ')}`, {
      operator: [...unknown][0]!,
    })
}

/** Runs nodes in order and puts their results into the scope. `last`: the output of a Softmax that may be dropped. */
export function runNodes(scope: Scope, nodes: readonly NodeProto[], last: string | null = null): void {
  requireKnown(scope, nodes)
  const { budget } = scope.file
  if (scope.depth > 0) budget.left -= nodes.length
  if (budget.left < 0)
    throw new CompileError(
      'unsupported-attribute',
      `${scope.place.slice(0, -1)}: written out, the bodies and functions of the file have too many nodes`,
    )
  for (const [at, node] of nodes.entries()) {
    const made = runNode(scope, node, at, last)
    for (const [i, operand] of made.entries()) {
      if ('constant' in operand) budget.constants.spend(operand.constant, `${scope.place}${nodeName(node, at)}`)
      const output = node.output[i] ?? ''
      if (output !== '') scope.operands.set(output, operand)
    }
  }
}

function runNode(scope: Scope, node: NodeProto, at: number, last: string | null): Operand[] {
  const written = functionOf(scope, node)
  const name = `${scope.place}${nodeName(node, at)}`
  if (scope.ranked.size > 0 && !isTimesOne(scope, node) && !keepsOrder(node))
    for (const read of [...node.input, ...capturedNames(node)]) settle(scope, read, name)
  if (written !== null) return runFunction(new Invocation(scope, node, name, NO_SCHEMA), written)
  return run(new Invocation(scope, node, name, checkNode(node, at, scope.opsets)), last)
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

/** Recognises the scores times 1 that some converters write after a classifier. */
function isTimesOne({ operands }: Scope, { opType, domain, input }: NodeProto): boolean {
  if (opType !== 'Mul' || domain === ML_DOMAIN) return false
  const [x, one] = input.map((name) => operands.get(name))
  if (x === undefined || one === undefined || !('value' in x) || !('constant' in one)) return false
  const { data } = one.constant
  return data.length === 1 && data[0] === 1 && x.label === undefined && isFloat(x.type)
}

function timesOne(call: Invocation): Operand | null {
  if (!isTimesOne(call.scope, call.node)) return null
  const [x, one] = [call.operand(0), call.operand(1) as { constant: Constant }]
  if (one.constant.shape.length > call.shape(0).length) return null
  const mark = call.droppedOf(0)
  if (mark !== null) call.scope.ranked.set(call.node.output[0]!, mark)
  return x
}

/** An operator of ai.onnx.ml, which is for samples, not for constants. */
function runModel(call: Invocation, known: boolean): Result[] {
  const handler = ML.get(call.node.opType)!
  if (known) return call.fail('unsupported-operator', 'it is supported for computed values only')
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

/**
 * A floating-point operator on constants. Builds a graph with the first constant as its input, calls the handler on it, and runs the
 * result.
 */
function fold(call: Invocation): Result[] {
  const { opType, input } = call.node
  const handler = COMPUTING.get(opType)
  const first = call.operand(0) as { constant: Constant }
  const { shape, data, type } = first.constant
  if (handler === undefined) return call.fail('unsupported-operator', 'it is not supported, even for constants')
  if (!isFloat(type)) return call.fail('unsupported-attribute', `constants of ${typeName(type)}`)
  if (elementCount(shape) === 0) return call.fail('unsupported-attribute', `a constant [${shape}] without elements`)
  const builder = new GraphBuilder('constant', 'constant', shape)
  const operands = new Map(input.flatMap((name, i) => (call.has(i) ? [[name, call.operand(i)] as const] : [])))
  operands.set(input[0]!, { value: builder.input, type, moved: false, cast: null })
  const inner = new Invocation(call.scope.other(builder, operands), call.node, call.name, call.schema)
  requireComputable(inner)
  call.requireFinite(data, `input 0 (${input[0]})`)
  return handler(inner).map((result) => {
    if ('constant' in result) return result
    const { shape: made, data: numbers } = evaluate(builder.build(result.value), data)
    return { constant: { shape: made, data: numbers.map((value) => rounded(value, result.type ?? type)) } }
  })
}
