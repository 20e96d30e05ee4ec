// SPDX-License-Identifier: GPL-3.0-or-later
// A Softmax at the end of a network does not change the order of the scores, so it is dropped where only the order matters.
import { elementCount } from '../../graph/program.ts'
import type { SoftmaxKind } from '../../graph/types.ts'
import { capturedNames } from './bodies.ts'
import type { Invocation } from './invocation.ts'
import type { Result } from './operand.ts'
import { ML_DOMAIN } from './operators.ts'
import type { ModelProto, NodeProto } from './schema.ts'
import { isFloat } from './types.ts'

/** At the end of a network these operators only rank the scores, so they are dropped there. Elsewhere they are computed. */
export const RANKING: Readonly<Record<string, SoftmaxKind>> = { Softmax: 'softmax', LogSoftmax: 'log-softmax' }
/** Operators that may follow a dropped Softmax, because they do not change the order of the scores. */
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

/**
 * The output of the last Softmax, if only order-preserving operators lead from it to the network's output and no other node reads it; otherwise
 * null.
 */
export function lastRanking({ graph }: ModelProto): string | null {
  const producers = new Map(graph.node.flatMap((node) => node.output.map((output) => [output, node] as const)))
  const readers = new Map<string, number>()
  for (const name of [
    ...graph.node.flatMap((node) => [...node.input, ...capturedNames(node)]),
    ...graph.output.map((output) => output.name),
  ])
    readers.set(name, (readers.get(name) ?? 0) + 1)
  let name = graph.output[0]?.name ?? ''
  for (let left = graph.node.length; left > 0 && readers.get(name) === 1; left--) {
    const node = producers.get(name)
    if (node === undefined) return null
    if (Object.hasOwn(RANKING, node.opType)) return name
    if (!keepsOrder(node)) return null
    name = node.input[0] ?? ''
  }
  return null
}

/** Whether a node depends only on the order of its operand, and preserves it. */
export function keepsOrder({ opType, domain, attribute }: NodeProto): boolean {
  const standard = domain === '' || domain === 'ai.onnx' || domain === ML_DOMAIN
  const to = attribute.find(({ name }) => name === 'to')?.i ?? 0
  return standard && (AFTER_RANKING.has(opType) || (opType === 'Cast' && isFloat(to)))
}

/** Whether a Softmax is over all of its elements together. */
export function ranksAll(call: Invocation): boolean {
  const operand = call.operand(0)
  // The network's own scores do not stand in for masked ones.
  if ('value' in operand && operand.masked !== undefined) return false
  const shape = call.shape(0)
  const given = call.int('axis', call.schema.since >= 13 ? -1 : 1)
  const axis = given === shape.length && call.schema.since < 13 ? given : call.axis(given, shape.length)
  const choices = call.schema.since >= 13 ? shape[axis] : elementCount(shape.slice(axis))
  return choices === elementCount(shape)
}

export function dropRanking(call: Invocation, ranked: Map<string, SoftmaxKind>): Result {
  ranked.set(call.node.output[0]!, RANKING[call.node.opType]!)
  const operand = call.operand(0)
  return 'value' in operand ? { value: operand.value } : operand
}

/** Passes the mark of a dropped Softmax on through what keeps the order. */
export function followRanking(call: Invocation, ranked: Map<string, SoftmaxKind>): void {
  const mark = call.node.input.map((input) => ranked.get(input)).find((each) => each !== undefined)
  if (mark === undefined) return
  if (call.node.opType === 'ArgMax') {
    call.builder.note('a final Softmax was dropped: the scores are compared before it')
    return
  }
  for (const output of call.node.output) if (output !== '') ranked.set(output, mark)
}
