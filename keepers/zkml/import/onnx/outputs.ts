// SPDX-License-Identifier: GPL-3.0-or-later
// Decides which of a file's outputs the network computes, and which part of the file they need.
import { CompileError } from '../../graph/errors.ts'
import { elementCount } from '../../graph/program.ts'
import type { Graph } from '../../graph/types.ts'
import { capturedNames } from './bodies.ts'
import { refuseCast } from './computable.ts'
import type { Label, Operand } from './operand.ts'
import type { ModelProto, ValueInfo } from './schema.ts'
import type { Scope } from './scope.ts'

/** The most classes that a note lists; nobody reads a longer list. */
const MOST_NAMED = 50

/** The model reduced to the outputs in `names` (separated by commas) and the nodes that they need; the model unchanged without `names`. */
export function neededFor(model: ModelProto, names: string | undefined): ModelProto {
  if (names === undefined) return model
  const { graph } = model
  const taken = names.split(',')
  const output = taken.map((wanted) => {
    const found = graph.output.find(({ name }) => name === wanted)
    if (found === undefined || taken.filter((name) => name === wanted).length > 1)
      throw new CompileError(
        'invalid-option',
        `${found === undefined ? `the model has no output ${wanted}` : `output ${wanted} is named twice`}; its outputs are ${graph.output.map(({ name }) => name).join(', ')}`,
      )
    return found
  })
  const read = new Set(taken)
  const node = [...graph.node].reverse().filter((node) => {
    const { input, output: made } = node
    if (!made.some((name) => read.has(name))) return false
    for (const name of input) read.add(name)
    for (const name of capturedNames(node)) read.add(name)
    return true
  })
  const input = graph.input.filter(({ name }) => read.has(name))
  return { ...model, graph: { ...graph, node: node.reverse(), input, output } }
}

/** Names that some node or the network's output reads. */
export function readNames({ graph }: ModelProto): Set<string> {
  return new Set([
    ...graph.node.flatMap((node) => [...node.input, ...capturedNames(node)]),
    ...graph.output.map(({ name }) => name),
  ])
}

/**
 * The output that the network computes: the only one; or of a classifier's two the scores, when its label is the index of the
 * largest of them: the circuit's output says that.
 * @throws CompileError wrong-input, naming all, when it is not clear which
 */
export function choose(model: ModelProto, { builder, operands }: Scope): ValueInfo {
  const { output } = model.graph
  const computed = output.map(({ name }) => operands.get(name))
  const labels = computed.flatMap((operand) => labelOf(operand))
  const names = output.map(({ name }) => name).join(', ')
  const fail = (why: string): never => {
    throw new CompileError(
      'unsupported-attribute',
      `the model has ${output.length} outputs (${names}), not 1${why}; name the one to compute (--take NAME, or several by commas)`,
    )
  }
  if (output.length === 1) {
    for (const label of labels) noteClasses(builder, label)
    return output[0]!
  }
  if (output.length !== 2 || labels.length !== 1) return fail('')
  const scores = output.find((_, i) => labelOf(computed[i]).length === 0)!
  const operand = operands.get(scores.name)
  const [label] = labels as [Label]
  if (operand === undefined || !('value' in operand) || !isSame(builder, operand.value, label.scores))
    return fail(', and its label is not the index of its largest score')
  noteClasses(builder, label)
  return scores
}

/** Several outputs as one list of all their elements, in the order of the given names. */
export function joined({ graph: { output } }: ModelProto, { builder, operands, ranked }: Scope): Graph {
  const parts = output.map(({ name }) => {
    const operand = operands.get(name)
    const fail = (message: string): never => {
      throw new CompileError('unsupported-attribute', `the output ${name} ${message}`)
    }
    if (operand === undefined) throw new CompileError('missing-part', `no node computes the output ${name}`)
    if ('constant' in operand) return fail('does not depend on the input')
    if (ranked.has(name)) return fail('ends in a Softmax or a logistic, which can be left out of the only output alone')
    if (operand.cast !== null) refuseCast(operand.cast, `the output ${name}`)
    return builder.reshape(name, operand.value, [elementCount(builder.shape(operand.value))])
  })
  const shapes = parts.map((part, i) => `${output[i]!.name} (${builder.shape(part)})`)
  builder.note(`the output is ${shapes.join(', ')}, one after the other in a flat list`)
  const whole = builder.nary('outputs', parts, { op: 'concat', axis: 0 })
  const outputs = parts.map((part, i) => ({ name: output[i]!.name, count: builder.shape(part)[0]! }))
  return { ...builder.build(whole), outputs }
}

function labelOf(operand: Operand | undefined): Label[] {
  return operand !== undefined && 'value' in operand && operand.label !== undefined ? [operand.label] : []
}

/** Whether `value` is `scores`, perhaps in another shape. */
function isSame(builder: Scope['builder'], value: string, scores: string): boolean {
  return builder.sourceOf(value) === builder.sourceOf(scores)
}

function noteClasses(builder: Scope['builder'], { classes }: Label): void {
  if (classes.every((label, i) => label === i)) return
  const named = classes.slice(0, MOST_NAMED).map((label, i) => `${i} is ${label}`)
  builder.note(`the label is an index: ${named.join(', ')}${classes.length > MOST_NAMED ? ', …' : ''}`)
}
