// SPDX-License-Identifier: GPL-3.0-or-later
// ONNX file → graph. Constants are folded as they come; everything else becomes nodes, with a batch of 1.
import { GraphBuilder } from '../../graph/builder.ts'
import { CompileError } from '../../graph/errors.ts'
import { elementCount } from '../../graph/program.ts'
import { simplify } from '../../graph/simplify.ts'
import type { Graph } from '../../graph/types.ts'
import { functionsOf } from './bodies.ts'
import { ConstantBudget } from './budget.ts'
import { checkGraph, OPSETS, opsetsOf, typeOf } from './check.ts'
import { refuseCast } from './computable.ts'
import { placeInputs, readInputs, shapeOfAll } from './inputs.ts'
import type { Operand } from './operand.ts'
import { choose, joined, neededFor, readNames } from './outputs.ts'
import { lastRanking } from './ranking.ts'
import { runNodes } from './run.ts'
import { decodeModel, type ModelProto } from './schema.ts'
import { Scope } from './scope.ts'
import { readTensor } from './tensors.ts'
import { type DataType, isFloat, isNarrow, significantBits, typeName } from './types.ts'

export type OnnxOptions = {
  readonly name?: string
  /** Lengths of symbolic dimensions by their names in the file. */
  readonly dimensions?: Readonly<Record<string, number>>
  /** Which of the file's outputs the network computes, where it has several; several of them by commas. See `choose`, `joined`. */
  readonly output?: string
  /** Elements that the file's constants, with all that is folded from them, may have together; 2^27 by default. */
  readonly mostElements?: number
  /** Elements that the network may move about, in copies, transpositions and slices, all together; 2^28 by default. */
  readonly mostMoved?: number
}

/** Nodes of bodies and functions, each counted as often as it is run. */
const MOST_WRITTEN_OUT = 2 ** 18

/**
 * Reads an .onnx file. Several inputs are one, in the order of the file, flattened. It computes the only output, the scores of a classifier, or
 * the outputs that `output` names; then only the nodes that those need are read.
 * @throws CompileError malformed-file, unsupported-operator (naming all that are unknown), dynamic-shape, not-finite, …
 */
export function importOnnx(file: Uint8Array, options: OnnxOptions = {}): Graph {
  const whole = decodeModel(file)
  const opsets = opsetsOf({ opsetImport: whole.opsetImport, node: whole.graph.node })
  checkGraph(whole)
  const model = neededFor(whole, options.output)
  if (model.graph.sparseInitializer.length > 0)
    throw new CompileError('unsupported-operator', 'sparse initialisers are not supported; export them dense')
  const budget = { left: MOST_WRITTEN_OUT, constants: new ConstantBudget(options.mostElements) }
  const constants = new Map<string, Operand>(
    model.graph.initializer.map((proto) => {
      const constant = readTensor(proto, 'initializer')
      budget.constants.spend(constant, `constant ${proto.name}`)
      return [proto.name, { constant }]
    }),
  )
  const inputs = readInputs(model, new Set(constants.keys()), options.dimensions ?? {})
  const builder = new GraphBuilder(
    options.name ?? (model.graph.name === '' ? 'model' : model.graph.name),
    inputs.map(({ name }) => name).join(', '),
    shapeOfAll(inputs),
    inputs.every(({ type }) => !isFloat(type)),
    options.mostMoved,
  )
  if (opsets.standard > OPSETS.newest)
    builder.note(
      `opset ${opsets.standard} is newer than ${OPSETS.newest}, the newest tested; compare the outputs before use`,
    )
  const place = { opsets, functions: functionsOf(whole), budget, run: runNodes }
  const scope = new Scope(builder, place, constants, readNames(model))
  for (const [name, operand] of placeInputs(builder, inputs)) scope.operands.set(name, operand)
  runNodes(scope, model.graph.node, lastRanking(model))
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

/** The least precise 16-bit type among the computed tensors; null where none has 16 bits. */
function narrowest(operands: readonly Operand[]): DataType | null {
  const types = operands.flatMap((operand) => ('value' in operand && isNarrow(operand.type) ? [operand.type] : []))
  return types.reduce<DataType | null>(
    (found, type) => (found === null || significantBits(type) < significantBits(found) ? type : found),
    null,
  )
}
