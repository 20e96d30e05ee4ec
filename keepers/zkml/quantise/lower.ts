// SPDX-License-Identifier: GPL-3.0-or-later
// Graph nodes → integer layers. One walk serves both calibration and planned builds: the decider returns the scales.
import { architectureDigest } from '../circuit/architecture.ts'
import { CompileError } from '../graph/errors.ts'
import { elementCount, type InputPiece, type IntegerProgram } from '../graph/program.ts'
import { identityMap } from '../graph/tensor.ts'
import { type Graph, type GraphNode, nodeInputs, type ValueName } from '../graph/types.ts'
import { lowerActivation } from './activations.ts'
import {
  combineValues,
  gateValues,
  lowerConcat,
  lowerLinear,
  lowerPool,
  lowerReduce,
  lowerSelect,
  multiplyValues,
} from './combine.ts'
import { lowerArgMax, lowerCompare } from './compare.ts'
import type { Decider } from './decide.ts'
import { describeNetwork, recorded } from './describe.ts'
import { elementPieces, isCompared, isMixed } from './input.ts'
import { type Lowering, parameter, type Range } from './lowering.ts'
import { isDifference, type LayerPlan, type Plan, programOutput } from './plan.ts'
import { lowerQuantise, lowerScaled } from './round.ts'
import { lowerAffine, lowerWeighted } from './weighted.ts'
import { type Clipping, type LayerDraft, ProgramWriter, type Value } from './writer.ts'

export type Lowered = { readonly program: IntegerProgram; readonly clipping: readonly Clipping[] }

/** Writes the integer program of `graph` with the scales that `decider` gives. */
export function lower(
  graph: Graph,
  plan: Pick<Plan, 'mode' | 'input' | 'output'>,
  decider: Decider,
  ranges: (value: ValueName) => Range,
): Lowered {
  const writer = new ProgramWriter(plan.mode, plan.input, graph.input.shape)
  const uses = new Map<ValueName, number>()
  for (const node of graph.nodes) for (const name of nodeInputs(node)) uses.set(name, (uses.get(name) ?? 0) + 1)
  const decisions: LayerPlan[] = []
  const producers = new Map(graph.nodes.map((node) => [node.output, node]))
  const values = new Map<ValueName, Value>([[graph.input.name, writer.input]])
  const context: Lowering = {
    graph,
    writer,
    decider: recorded(decider, decisions),
    ranges,
    value: (name) => values.get(name)!,
    producer: (name) => producers.get(name),
    peaks: (value) => {
      const { min, max } = ranges(value)
      return Math.max(-min, max)
    },
    alone: (value) => uses.get(value) === 1 && value !== graph.output,
  }
  const { pieces: given } = plan.input
  const columns = given !== undefined && isCompared(graph) ? elementPieces(given) : null
  const mixed = columns === null && isMixed(given) ? mixedInput(context, given) : null
  for (const node of graph.nodes) {
    const inputs = nodeInputs(node).map((name) => values.get(name)!)
    const value =
      mixed !== null && nodeInputs(node).includes(graph.input.name)
        ? mixed(node, inputs[0]!)
        : columns !== null && node.op === 'compare' && node.input === graph.input.name
          ? lowerCompare(context, node, inputs[0]!, columns)
          : lowerNode(context, node, inputs)
    values.set(node.output, value)
  }
  const found = values.get(graph.output)!
  requireOutput(plan.output, elementCount(found.shape), graph)
  const { output: planned } = plan
  const scores = planned.kind === 'score' && isDifference(planned) ? difference(context, found, planned) : found
  const { bits, min, pieces } = plan.input
  const { parts } = graph.input
  const input = {
    ...{ tensor: writer.input.id, bits, min },
    ...(pieces === undefined ? {} : { pieces }),
    ...(parts === undefined ? {} : { parts }),
  }
  // A score that is compared is one number of them all.
  const outputs = plan.output.kind === 'logits-commitment' ? graph.outputs : undefined
  const output = programOutput(plan.output)
  const architecture = architectureDigest(describeNetwork(graph, plan.input, decisions))
  const program = writer.finish(graph.name, { input, output, architecture, outputs }, scores, graph.notes)
  return { program, clipping: writer.clipping }
}

/**
 * An input of indices and of numbers: indices are read as they are, numbers from a tensor that holds them alone, shifted back
 * to where zero is 0. A reader of the input must take either numbers or indices.
 */
function mixedInput(context: Lowering, pieces: readonly InputPiece[]): (node: GraphNode, raw: Value) => Value {
  const { writer, graph } = context
  const elements = elementPieces(pieces)
  const isIndex = (at: number): boolean => elements[at]!.whole && elements[at]!.zero === 0 && elements[at]!.scale === 1
  const numbers = elements.flatMap((_, at) => (isIndex(at) ? [] : [at]))
  const places = new Map(numbers.map((at, i) => [at, i]))
  const shifted = writer.emit(
    `${graph.input.name}_numbers`,
    [graph.input.name],
    [writer.input],
    {
      kind: 'sparse',
      offsets: identityMap(numbers.length + 1),
      indices: Int32Array.from(numbers),
      coefficients: new Float64Array(numbers.length).fill(1),
      bias: Float64Array.from(numbers, (at) => -elements[at]!.zero + 0),
    },
    [numbers.length],
    elements[numbers[0]!]!.scale,
  )
  return (node, raw) => {
    const fail = (): never => {
      throw new CompileError(
        'unsupported-attribute',
        `${node.name} computes with input columns that index a table together with columns that do not; split them before`,
        { layer: node.name },
      )
    }
    if (node.op !== 'select') return fail()
    const sources = node.map.filter((from) => from >= 0)
    if (sources.every(isIndex)) return lowerNode(context, node, [raw])
    if (sources.some(isIndex)) fail()
    const map = node.map.map((from) => (from < 0 ? -1 : places.get(from)!))
    return lowerNode(context, { ...node, map }, [shifted])
  }
}

/** The named one of two scores minus the other: a Softmax of two classes turns this difference into a probability. */
function difference(context: Lowering, scores: Value, { index }: { readonly index: number }): Value {
  const draft: LayerDraft = {
    kind: 'sparse',
    offsets: Int32Array.of(0, 2),
    indices: Int32Array.of(index, 1 - index),
    coefficients: Float64Array.of(1, -1),
    bias: new Float64Array(1),
  }
  return context.writer.emit('odds', [], [scores], draft, [1], scores.scale)
}

function requireOutput(output: Plan['output'], count: number, graph: Graph): void {
  const fail = (message: string): never => {
    throw new CompileError('invalid-option', `output ${output.kind}: ${message}`)
  }
  const { dropped } = graph
  if (graph.outputs !== undefined && (output.kind === 'label' || output.kind === 'margin'))
    fail('the output is several outputs of the model, one after the other; use logits-commitment or score')
  if (graph.nodes.some((node) => isLabel(graph, node)) && output.kind !== 'label')
    fail('the network ends in an ArgMax, which gives only a label; use label')
  if (output.kind === 'score' && output.dropped !== dropped)
    fail(`the plan compares ${output.dropped ?? 'scores'}, the network ends in ${dropped ?? 'scores'}; calibrate again`)
  if (output.kind === 'score' && dropped === 'normalised')
    fail('the threshold speaks of scores divided by what makes up all of them, which is dropped. Use label or margin')
  if (isDifference(output) && count !== 2)
    fail(
      `the threshold speaks of a ${dropped} over ${count} scores, which is dropped; only one over 2 can be compared exactly. Use label or margin, or export without it`,
    )
  if (output.kind === 'value' && dropped !== undefined)
    fail(`the network ends in a ${dropped} of one score, which says nothing`)
  if (output.kind === 'score' && output.index >= count)
    fail(`index ${output.index} is outside the ${count} scores of ${graph.output}`)
  if (output.kind === 'margin' && (count < 2 || count > 65536)) fail(`needs 2 to 65536 scores, found ${count}`)
  if (output.kind === 'label' && count < 2) fail(`needs at least 2 scores, found ${count}; use value or score`)
  if (output.kind === 'value' && count !== 1) fail(`needs a single score, found ${count}`)
}

/** Whether a node finds the label: the index of the largest of all scores, at the end. */
function isLabel(graph: Graph, node: GraphNode): boolean {
  return node.op === 'argmax' && node.output === graph.output && elementCount(graph.shapes.get(node.output)!) === 1
}

function lowerNode(context: Lowering, node: GraphNode, inputs: readonly Value[]): Value {
  const { writer, graph } = context
  const shape = graph.shapes.get(node.output)!
  switch (node.op) {
    case 'conv2d':
    case 'dense':
      return lowerWeighted(context, node, inputs[0]!, shape)
    case 'affine':
      return lowerAffine(context, node, inputs[0]!, shape)
    case 'pool':
      return lowerPool(context, node, inputs[0]!, shape)
    case 'reduce':
      return lowerReduce(context, node, inputs[0]!, shape)
    case 'activation':
      return lowerActivation(context, node, inputs[0]!, shape)
    case 'binary':
      return node.kind === 'multiply'
        ? multiplyValues(context, node, inputs as [Value, Value], shape)
        : node.kind === 'gate'
          ? gateValues(context, node, inputs as [Value, Value], shape)
          : combineValues(context, node, inputs, node.kind === 'add' ? [1, 1] : [1, -1], shape)
    case 'concat':
      return lowerConcat(context, node, inputs, shape)
    case 'select':
      return lowerSelect(context, node, inputs[0]!, shape)
    case 'embedding': {
      const [input] = inputs as [Value]
      if (input.scale !== 1 || writer.bounds(input).min < 0)
        throw new CompileError(
          'invalid-option',
          `${node.name} looks up rows of a table; its input must be whole numbers from 0, scale 1`,
          { layer: node.name },
        )
      const plan = context.decider.weights(node.name, node.name, node.table.data, [], 1)
      const [rows, width] = node.table.shape as [number, number]
      const table = parameter(context, node.name, 'table', node.table.data, plan.fraction, plan.weightBits)
      return writer.emit(
        node.name,
        [node.name],
        inputs,
        { kind: 'lookup', rows, width, table },
        shape,
        2 ** -plan.fraction,
      )
    }
    case 'bits': {
      const [input] = inputs as [Value]
      const { min, max } = writer.bounds(input)
      if (input.scale !== 1 || min < 0 || max >= 2 ** node.width)
        throw new CompileError(
          'invalid-option',
          `${node.name} takes bits apart; its input must be whole numbers from 0 to ${2 ** node.width - 1}, scale 1`,
          { layer: node.name },
        )
      return writer.emit(node.name, [node.name], inputs, { kind: 'bits', width: node.width }, shape, 1)
    }
    case 'compare':
      return lowerCompare(context, node, inputs[0]!)
    case 'paths': {
      const { parents, leaves } = node
      return writer.emit(node.name, [node.name], inputs, { kind: 'paths', parents, leaves }, shape, 1)
    }
    case 'quantise':
      return lowerQuantise(context, node, inputs[0]!, shape)
    case 'scaled':
      return lowerScaled(context, node, inputs[0]!, shape)
    case 'linear':
      return lowerLinear(context, node, inputs[0]!)
    case 'argmax':
      // The circuit's output is the index; the scores themselves are the program's last tensor.
      return isLabel(graph, node) ? inputs[0]! : lowerArgMax(context, node, inputs[0]!, shape)
  }
}
