// SPDX-License-Identifier: GPL-3.0-or-later
// A network and its plan without weights, names and mode. A model commitment covers this beside the weights.
import { type Graph, type GraphNode, nodeInputs } from '../graph/types.ts'
import type { Decider } from './decide.ts'
import type { LayerPlan, Plan } from './plan.ts'

/** `decider`, recording every answer in the order of the questions. */
export function recorded(decider: Decider, answers: LayerPlan[]): Decider {
  const kept = <Answer extends LayerPlan>(answer: Answer): Answer => {
    answers.push(answer)
    return answer
  }
  return {
    weights: (...asked) => kept(decider.weights(...asked)),
    shift: (...asked) => kept(decider.shift(...asked)),
    narrow: (...asked) => kept(decider.narrow(...asked)),
    hold: (...asked) => kept(decider.hold(...asked)),
    curve: (...asked) => kept(decider.curve(...asked)),
  }
}

/** The same for every set of weights of one architecture under one plan; different for any other function of them. */
export function describeNetwork(graph: Graph, input: Plan['input'], decisions: readonly LayerPlan[]): unknown {
  const places = new Map([[graph.input.name, 0]])
  for (const [i, node] of graph.nodes.entries()) places.set(node.output, i + 1)
  return {
    input: { shape: graph.input.shape, bits: input.bits, min: input.min, scale: input.scale, pieces: input.pieces },
    nodes: graph.nodes.map((node) => ({ reads: nodeInputs(node).map((value) => places.get(value)), ...partsOf(node) })),
    output: places.get(graph.output),
    decisions: decisions.map(described),
  }
}

function described(decision: LayerPlan): unknown[] {
  switch (decision.kind) {
    case 'shift':
      return ['shift', decision.shift, ...(decision.bits === undefined ? [] : [decision.bits])]
    case 'weights':
      return ['weights', decision.weightBits, decision.fraction, decision.biasBits]
    case 'curve': {
      const { low, bits, shift, select, fraction, below, above, within } = decision
      return ['curve', low, bits, shift, select, fraction, below ?? null, above ?? null, within ?? null]
    }
  }
}

/** Everything of a node but its names and its weights; of those, the shapes. */
function partsOf(node: GraphNode): Record<string, unknown> {
  const { name: _name, output: _output, ...rest } = node
  const parts: Record<string, unknown> = { ...rest }
  for (const field of ['input', 'inputs']) delete parts[field]
  // Equal numbers are kept as one: how long these are is a matter of the weights.
  for (const field of ['scale', 'shift']) delete parts[field]
  for (const field of ['weights', 'bias', 'table', ...(node.op === 'compare' && node.fixed ? [] : ['thresholds'])]) {
    const tensor = parts[field] as { shape: readonly number[] } | undefined
    if (tensor !== undefined) parts[field] = tensor.shape
  }
  return parts
}
