// SPDX-License-Identifier: GPL-3.0-or-later
// Which of a file's outputs the network computes, and what has to be read for it.
import { CompileError } from '../../graph/errors.ts'
import type { ModelProto, ValueInfo } from './schema.ts'
import type { Label, Operand, Scope } from './scope.ts'

/** Classes that a note lists; a longer list is nothing to read. */
const MOST_NAMED = 50

/** The model with that output alone and the nodes that it needs; the model itself where none is named. */
export function neededFor(model: ModelProto, output: string | undefined): ModelProto {
  if (output === undefined) return model
  const { graph } = model
  const found = graph.output.find(({ name }) => name === output)
  if (found === undefined)
    throw new CompileError(
      'invalid-option',
      `the model has no output ${output}; its outputs are ${graph.output.map(({ name }) => name).join(', ')}`,
    )
  const read = new Set([output])
  const node = [...graph.node].reverse().filter(({ input, output: made }) => {
    if (!made.some((name) => read.has(name))) return false
    for (const name of input) read.add(name)
    return true
  })
  return { ...model, graph: { ...graph, node: node.reverse(), output: [found] } }
}

/** Names that some node or the network's output reads. */
export function readNames({ graph }: ModelProto): Set<string> {
  return new Set([...graph.node.flatMap(({ input }) => input), ...graph.output.map(({ name }) => name)])
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
      `the model has ${output.length} outputs (${names}), not 1${why}; name the one to compute (--take NAME)`,
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
    return fail(', and its label is not that of the largest of its scores')
  noteClasses(builder, label)
  return scores
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
