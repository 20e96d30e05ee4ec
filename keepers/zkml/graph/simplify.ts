// SPDX-License-Identifier: GPL-3.0-or-later
// Brings a graph into the form the quantiser likes: BatchNorm folded, transpositions cancelled, pooling before activation.
import { GraphBuilder } from './builder.ts'
import { elementCount } from './program.ts'
import { isIdentity, isPermutation, RULES, SHARED_RULES } from './rules.ts'
import { sameShape } from './tensor.ts'
import { type BinaryNode, type Graph, type GraphNode, nodeInputs, type SelectNode, type ValueName } from './types.ts'

/** An equivalent graph; the same function up to float rounding. Nodes that the output does not need are dropped. */
export function simplify(graph: Graph): Graph {
  let current = rebuild(graph, graph.nodes, graph.output)
  for (;;) {
    const next = step(current)
    if (next === null) return current
    current = next
  }
}

/** Applies the first rule that fits anywhere; null when none does. */
function step(graph: Graph): Graph | null {
  const producers = new Map(graph.nodes.map((node) => [node.output, node]))
  const uses = new Map<ValueName, number>([[graph.output, 1]])
  for (const node of graph.nodes) for (const value of nodeInputs(node)) uses.set(value, (uses.get(value) ?? 0) + 1)
  for (const [at, node] of graph.nodes.entries()) {
    const shapes = graph.shapes
    if (node.op === 'select' && isIdentity(node) && sameShape(node.shape, shapes.get(node.input)!))
      return bypass(graph, node)
    if (node.op === 'binary') {
      const replaced = hoistSelects(node, producers, graph)
      if (replaced !== null) return replaceNodes(graph, at, [], replaced)
    }
    if (!('input' in node)) continue
    const first = producers.get(node.input)
    if (first === undefined || !('input' in first)) continue
    const alone = uses.get(first.output) === 1
    for (const rule of alone ? [...SHARED_RULES, ...RULES] : SHARED_RULES) {
      const replaced = rule(first, node, { source: shapes.get(first.input)!, between: shapes.get(first.output)! })
      if (replaced !== null) return replaceNodes(graph, at, alone ? [first] : [], replaced)
    }
  }
  return null
}

/** Two branches in the same permuted order are combined before the permutation: residual nets from channels-first. */
function hoistSelects(
  node: BinaryNode,
  producers: ReadonlyMap<ValueName, GraphNode>,
  graph: Graph,
): GraphNode[] | null {
  const [left, right] = node.inputs.map((value) => producers.get(value))
  if (left?.op !== 'select' || right?.op !== 'select') return null
  const source = graph.shapes.get(left.input)!
  if (!sameShape(source, graph.shapes.get(right.input)!) || !isPermutation(left, elementCount(source))) return null
  if (!sameShape(left.shape, right.shape) || left.map.some((from, i) => from !== right.map[i])) return null
  const value = `${node.output}.unpermuted`
  if (graph.shapes.has(value)) return null
  return [
    { ...node, inputs: [left.input, right.input], output: value },
    { ...left, name: node.name, input: value, output: node.output },
  ]
}

function bypass(graph: Graph, node: SelectNode): Graph {
  const rename = (value: ValueName): ValueName => (value === node.output ? node.input : value)
  const nodes = graph.nodes
    .filter((each) => each !== node)
    .map(
      (each): GraphNode =>
        'inputs' in each ? { ...each, inputs: each.inputs.map(rename) } : { ...each, input: rename(each.input) },
    )
  return rebuild(graph, nodes, rename(graph.output))
}

function replaceNodes(graph: Graph, at: number, dropped: readonly GraphNode[], replaced: readonly GraphNode[]): Graph {
  const nodes = [...graph.nodes.slice(0, at), ...replaced, ...graph.nodes.slice(at + 1)]
  return rebuild(
    graph,
    nodes.filter((node) => !dropped.includes(node)),
    graph.output,
  )
}

/** Checks all shapes again and keeps only what the output depends on. */
function rebuild(graph: Graph, nodes: readonly GraphNode[], output: ValueName): Graph {
  const needed = new Set([output])
  for (const node of [...nodes].reverse())
    if (needed.has(node.output)) for (const value of nodeInputs(node)) needed.add(value)
  const builder = new GraphBuilder(graph.name, graph.input.name, graph.input.shape)
  for (const node of nodes) if (needed.has(node.output)) builder.push(node)
  for (const note of graph.notes) builder.note(note)
  return builder.build(output)
}
