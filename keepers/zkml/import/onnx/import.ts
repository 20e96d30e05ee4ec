// SPDX-License-Identifier: GPL-3.0-or-later
// ONNX file → graph. Constants are folded as they come; everything else becomes nodes, with a batch of 1.
import { GraphBuilder } from '../../graph/builder.ts'
import { CompileError } from '../../graph/errors.ts'
import { evaluate } from '../../graph/evaluate.ts'
import { elementCount } from '../../graph/program.ts'
import { simplify } from '../../graph/simplify.ts'
import type { Graph, Tensor } from '../../graph/types.ts'
import { ELEMENTWISE_HANDLERS } from './elementwise.ts'
import { MOVEMENT_HANDLERS } from './movement.ts'
import { decodeModel, type ModelProto, type ValueInfo } from './schema.ts'
import { type Handler, Invocation, type Operand, Scope } from './scope.ts'
import { readTensor } from './tensors.ts'
import { WINDOW_HANDLERS } from './windows.ts'

const HANDLERS: ReadonlyMap<string, Handler> = new Map([
  ...Object.entries(ELEMENTWISE_HANDLERS),
  ...Object.entries(MOVEMENT_HANDLERS),
  ...Object.entries(WINDOW_HANDLERS),
])

/** Operators whose result only ranks the scores, so that the last one may be dropped. */
const RANKING = new Set(['Softmax', 'LogSoftmax'])
/** What may follow a dropped Softmax: none of these changes the order of the scores. */
const AFTER_RANKING = new Set(['ArgMax', 'Identity', 'Cast', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'])

/** Opsets whose operators the importer knows; newer ones are tried, with a note. */
const OPSETS = { oldest: 9, newest: 20 }

/** The operators that an ONNX file may use. */
export function onnxOperators(): string[] {
  return [...HANDLERS.keys(), ...RANKING].sort()
}

/**
 * Reads an .onnx file of one input and one output.
 * @throws CompileError malformed-file, unsupported-operator (naming all that are unknown), dynamic-shape, not-finite, …
 */
export function importOnnx(file: Uint8Array, options: { name?: string } = {}): Graph {
  const model = decodeModel(file)
  const opset = opsetOf(model)
  requireKnown(model)
  const constants = new Map<string, Operand>(
    model.graph.initializer.map((proto) => [proto.name, { constant: readTensor(proto, 'initializer') }]),
  )
  const inputs = model.graph.input.filter((info) => !constants.has(info.name))
  if (inputs.length !== 1)
    throw new CompileError('wrong-input', `the model has ${inputs.length} inputs (${inputs.map((i) => i.name)}), not 1`)
  const shape = inputShape(inputs[0]!)
  const batched = shape.length > 1 && shape[0] === 1
  const name = options.name ?? (model.graph.name === '' ? 'model' : model.graph.name)
  const builder = new GraphBuilder(name, inputs[0]!.name, batched ? shape.slice(1) : shape)
  if (opset > OPSETS.newest)
    builder.note(`opset ${opset} is newer than ${OPSETS.newest}, the newest tested; compare the outputs before use`)
  const scope = new Scope(builder, opset, constants)
  scope.operands.set(inputs[0]!.name, { value: builder.reshape('batch', builder.input, shape) })
  const outputName = outputOf(model)
  const ranked = new Set<string>()
  for (const [at, node] of model.graph.node.entries()) {
    const call = new Invocation(scope, node, node.name === '' ? `${node.opType}_${at}` : node.name)
    const results = RANKING.has(node.opType) ? [dropRanking(call, ranked)] : run(call)
    if (!RANKING.has(node.opType)) followRanking(call, ranked)
    for (const [i, output] of node.output.entries())
      if (output !== '' && results[i] !== undefined) scope.operands.set(output, results[i])
  }
  const output = scope.operands.get(outputName)
  if (output === undefined) throw new CompileError('missing-part', `no node computes the output ${outputName}`)
  if ('constant' in output)
    throw new CompileError('malformed-file', `the output ${outputName} does not depend on the input`)
  if (ranked.has(outputName)) builder.note('a final Softmax was dropped: the scores are compared before it')
  return simplify(builder.build(output.value))
}

function opsetOf(model: ModelProto): number {
  const opset = model.opsetImport.find((each) => each.domain === '' || each.domain === 'ai.onnx')?.version
  if (opset === undefined || opset < OPSETS.oldest)
    throw new CompileError(
      'unsupported-operator',
      `the file uses opset ${opset ?? 'none'}; opsets ${OPSETS.oldest} to ${OPSETS.newest} are supported`,
    )
  return opset
}

/** All unknown operators at once, so that one look tells whether a model can be saved. */
function requireKnown(model: ModelProto): void {
  const unknown = new Set<string>()
  for (const node of model.graph.node) {
    const standard = node.domain === '' || node.domain === 'ai.onnx'
    if (!standard) unknown.add(`${node.domain}.${node.opType}`)
    else if (!HANDLERS.has(node.opType) && !RANKING.has(node.opType)) unknown.add(node.opType)
  }
  if (model.graph.sparseInitializer.length > 0) unknown.add('SparseTensor')
  if (unknown.size > 0)
    throw new CompileError('unsupported-operator', `operators not supported: ${[...unknown].sort().join(', ')}`, {
      operator: [...unknown][0]!,
    })
}

/** Only the first dimension may be symbolic; it becomes a batch of 1. */
function inputShape(info: ValueInfo): number[] {
  const dimensions = info.type?.tensor?.shape?.dim
  if (dimensions === undefined)
    throw new CompileError('dynamic-shape', `input ${info.name} has no shape; export with fixed dimensions`)
  return dimensions.map((dimension, axis) => {
    if (dimension.value !== undefined && dimension.value >= 1) return dimension.value
    if (axis === 0) return 1
    throw new CompileError(
      'dynamic-shape',
      `input ${info.name}: dimension ${axis} is ${dimension.parameter ?? 'unknown'}; only the batch may vary, export with a fixed number`,
    )
  })
}

function outputOf(model: ModelProto): string {
  if (model.graph.output.length !== 1)
    throw new CompileError(
      'unsupported-attribute',
      `the model has ${model.graph.output.length} outputs (${model.graph.output.map((o) => o.name)}), not 1`,
    )
  return model.graph.output[0]!.name
}

/** Runs a node's handler; a node of constants is computed now. */
function run(call: Invocation): Operand[] {
  const { opType } = call.node
  const handler = HANDLERS.get(opType)!
  if (opType === 'Constant' || opType === 'ConstantOfShape' || opType === 'Shape') return handler(call)
  const operands = call.node.input.map((_, i) => (call.has(i) ? call.operand(i) : null))
  const [first] = operands
  if (first == null || operands.some((operand) => operand !== null && 'value' in operand)) return handler(call)
  return foldConstants(call, handler, (first as { constant: Tensor }).constant)
}

/** The same handler on a graph whose input is the first constant, evaluated on the spot. */
function foldConstants(call: Invocation, handler: Handler, first: Tensor): Operand[] {
  if (elementCount(first.shape) === 0) return [{ constant: first }]
  const builder = new GraphBuilder('constant', 'constant', first.shape.length === 0 ? [1] : first.shape)
  const operands = new Map(call.scope.operands)
  operands.set(call.node.input[0]!, { value: builder.reshape('scalar', builder.input, first.shape) })
  const results = handler(new Invocation(new Scope(builder, call.scope.opset, operands), call.node, call.name))
  return results.map((result) =>
    'constant' in result ? result : { constant: evaluate(builder.build(result.value), first.data) },
  )
}

function dropRanking(call: Invocation, ranked: Set<string>): Operand {
  const shape = call.shapeOf(call.operand(0))
  const axis = call.int('axis', call.scope.opset >= 13 ? -1 : 1)
  const covered = shape.slice(axis < 0 ? axis + shape.length : axis)
  const choices = call.scope.opset >= 13 ? covered[0] : elementCount(covered)
  if (choices !== elementCount(shape))
    call.fail(
      'unsupported-operator',
      `axis ${axis} of [${shape}]; only a Softmax over all scores, at the end, is dropped`,
    )
  for (const output of call.node.output) ranked.add(output)
  return call.operand(0)
}

/** Refuses a Softmax whose result is computed with; passes the mark on through what keeps the order. */
function followRanking(call: Invocation, ranked: Set<string>): void {
  if (!call.node.input.some((input) => ranked.has(input))) return
  if (!AFTER_RANKING.has(call.node.opType))
    call.fail('unsupported-operator', 'it reads a Softmax; only a Softmax at the end of the network can be dropped')
  for (const output of call.node.output) ranked.add(output)
}
