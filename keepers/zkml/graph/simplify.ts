// SPDX-License-Identifier: GPL-3.0-or-later
// Brings a graph into the form that the quantiser needs: BatchNorm folded, transpositions cancelled, pooling before activation.
import { GraphBuilder } from './builder.ts'
import { fused } from './fuse.ts'
import { elementCount } from './program.ts'
import { isIdentity, isPermutation, RULES, SHARED_RULES } from './rules.ts'
import { inferShape } from './shapes.ts'
import { sameShape } from './tensor.ts'
import { type BinaryNode, type Graph, type GraphNode, nodeInputs, type SelectNode, type ValueName } from './types.ts'

/**
 * An equivalent graph; the same function up to float rounding. Drops nodes that the output does not need. Each rule looks at a node
 * and its inputs; nodes that a rule touched are looked at again, the first in the network first.
 */
export function simplify(given: Graph): Graph {
  const { nodes, notes } = fused(given)
  const graph = { ...given, nodes, notes: [...given.notes, ...notes] }
  const work = new Rewriting(graph)
  for (let node = work.take(); node !== null; node = work.take()) improve(work, node)
  return rebuild(graph, work.nodes(), work.output)
}

/** Applies the first rule that fits `node`. */
function improve(work: Rewriting, node: GraphNode): void {
  if (node.op === 'select' && isIdentity(node) && changesNothing(work, node)) {
    work.bypass(node)
    return
  }
  if (node.op === 'binary') {
    const hoisted = hoistSelects(work, node)
    if (hoisted !== null) work.replace([], node, hoisted)
    return
  }
  if (!('input' in node)) return
  const first = work.producer(node.input)
  if (first === undefined || !('input' in first)) return
  const alone = work.uses(first.output) === 1
  for (const rule of alone ? [...SHARED_RULES, ...RULES] : SHARED_RULES) {
    const replaced = rule(first, node, { source: work.shape(first.input), between: work.shape(first.output) })
    if (replaced !== null) {
      work.replace(alone ? [first] : [], node, replaced)
      return
    }
  }
}

/** The same elements in the same shape; at the end of the network an index has no shape that matters. */
function changesNothing(work: Rewriting, node: SelectNode): boolean {
  if (sameShape(node.shape, work.shape(node.input))) return true
  return node.output === work.output && node.map.length === 1 && work.producer(node.input)?.op === 'argmax'
}

/** Two branches in the same permuted order are combined before the permutation: residual nets from channels-first. */
function hoistSelects(work: Rewriting, node: BinaryNode): GraphNode[] | null {
  const [left, right] = node.inputs.map((value) => work.producer(value))
  if (left?.op !== 'select' || right?.op !== 'select') return null
  const source = work.shape(left.input)
  if (!sameShape(source, work.shape(right.input)) || !isPermutation(left, elementCount(source))) return null
  if (!sameShape(left.shape, right.shape) || !sameMap(left.map, right.map)) return null
  const value = `${node.output}.unpermuted`
  if (work.has(value)) return null
  return [
    { ...node, inputs: [left.input, right.input], output: value },
    { ...left, name: node.name, input: value, output: node.output },
  ]
}

function sameMap(a: Int32Array, b: Int32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return a.length === b.length
}

/** A node's place in the order of the network; where places coincide, an input comes before its reader. */
type Place = { readonly node: GraphNode; readonly at: number }

/** The nodes during rewriting: who computes and who reads each value, and which nodes are still to be looked at. */
class Rewriting {
  private readonly places = new Map<ValueName, Place>()
  private readonly readers = new Map<ValueName, Set<ValueName>>()
  private readonly shapes: Map<ValueName, readonly number[]>
  private readonly queue = new Heap()
  private end: ValueName

  constructor(graph: Graph) {
    this.shapes = new Map(graph.shapes)
    this.end = graph.output
    const needed = neededNodes(graph.nodes, graph.output)
    for (const [at, node] of graph.nodes.entries()) if (needed.has(node.output)) this.add({ node, at })
  }

  get output(): ValueName {
    return this.end
  }

  /** In an order that puts every node after its inputs, as close to the first order as that allows. */
  nodes(): GraphNode[] {
    const ready = new Heap()
    const missing = new Map<ValueName, number>()
    for (const [value, { node, at }] of this.places) {
      const inputs = new Set(nodeInputs(node).filter((input) => this.places.has(input)))
      missing.set(value, inputs.size)
      if (inputs.size === 0) ready.push({ value, at })
    }
    const ordered: GraphNode[] = []
    for (let next = ready.pop(); next !== null; next = ready.pop()) {
      ordered.push(this.places.get(next.value)!.node)
      for (const reader of this.readers.get(next.value) ?? []) {
        const left = missing.get(reader)! - 1
        missing.set(reader, left)
        if (left === 0) ready.push({ value: reader, at: this.places.get(reader)!.at })
      }
    }
    return ordered
  }

  shape(value: ValueName): readonly number[] {
    return this.shapes.get(value)!
  }

  has(value: ValueName): boolean {
    return this.shapes.has(value)
  }

  producer(value: ValueName): GraphNode | undefined {
    return this.places.get(value)?.node
  }

  /** How many read a value, counted up to 2; the network's output counts as one. */
  uses(value: ValueName): number {
    let count = value === this.end ? 1 : 0
    for (const reader of this.readers.get(value) ?? []) {
      count += nodeInputs(this.places.get(reader)!.node).filter((input) => input === value).length
      if (count > 1) break
    }
    return count
  }

  /** The next node to be looked at, first in the network; null when all are done. */
  take(): GraphNode | null {
    for (let next = this.queue.pop(); next !== null; next = this.queue.pop()) {
      const place = this.places.get(next.value)
      if (place !== undefined && place.at === next.at) return place.node
    }
    return null
  }

  /** Puts `nodes` in the place of `second` and of those in `dropped`; the last of `nodes` computes the value of `second`. */
  replace(dropped: readonly GraphNode[], second: GraphNode, nodes: readonly GraphNode[]): void {
    const { at } = this.places.get(second.output)!
    this.remove(second)
    for (const node of dropped) this.remove(node)
    for (const node of nodes) {
      this.shapes.set(
        node.output,
        inferShape(
          node,
          nodeInputs(node).map((value) => this.shape(value)),
        ),
      )
      this.add({ node, at })
    }
    for (const node of [second, ...dropped]) for (const value of nodeInputs(node)) this.release(value)
    for (const { output } of nodes) for (const reader of this.readers.get(output) ?? []) this.look(reader)
    for (const node of nodes) for (const value of nodeInputs(node)) this.lookAtReaders(value)
  }

  /** Lets the readers of a select that changes nothing read its input. */
  bypass(node: SelectNode): void {
    const readers = [...(this.readers.get(node.output) ?? [])].map((value) => this.places.get(value)!)
    this.remove(node)
    const rename = (value: ValueName): ValueName => (value === node.output ? node.input : value)
    for (const place of readers) {
      this.remove(place.node)
      const moved: GraphNode =
        'inputs' in place.node
          ? { ...place.node, inputs: place.node.inputs.map(rename) }
          : { ...place.node, input: rename(place.node.input) }
      this.add({ node: moved, at: place.at })
    }
    if (this.end === node.output) this.end = node.input
    for (const { node: reader } of readers) for (const next of this.readers.get(reader.output) ?? []) this.look(next)
    this.lookAtReaders(node.input)
  }

  private add(place: Place): void {
    const { node } = place
    this.places.set(node.output, place)
    for (const value of nodeInputs(node)) {
      const readers = this.readers.get(value)
      if (readers === undefined) this.readers.set(value, new Set([node.output]))
      else readers.add(node.output)
    }
    this.look(node.output)
  }

  private remove(node: GraphNode): void {
    this.places.delete(node.output)
    for (const value of nodeInputs(node)) this.readers.get(value)?.delete(node.output)
  }

  /** Drops nodes without readers, and re-examines the producer that may have one reader left. */
  private release(value: ValueName): void {
    const pending = [value]
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const place = this.places.get(next)
      if (this.uses(next) > 0 || place === undefined) {
        this.lookAtReaders(next)
        continue
      }
      this.remove(place.node)
      pending.push(...nodeInputs(place.node))
    }
  }

  /** A value of few readers may have become one that a rule applies to. */
  private lookAtReaders(value: ValueName): void {
    const readers = this.readers.get(value)
    if (readers !== undefined && readers.size <= 2) for (const reader of readers) this.look(reader)
  }

  private look(value: ValueName): void {
    const place = this.places.get(value)
    if (place !== undefined) this.queue.push({ value, at: place.at })
  }
}

type Entry = { readonly value: ValueName; readonly at: number }

/** The entry of the least place first. */
class Heap {
  private readonly entries: Entry[] = []

  push(entry: Entry): void {
    const { entries } = this
    entries.push(entry)
    let i = entries.length - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (entries[parent]!.at <= entry.at) break
      entries[i] = entries[parent]!
      i = parent
    }
    entries[i] = entry
  }

  pop(): Entry | null {
    const { entries } = this
    const [first] = entries
    const last = entries.pop()
    if (first === undefined || last === undefined) return null
    if (entries.length === 0) return first
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= entries.length) break
      if (child + 1 < entries.length && entries[child + 1]!.at < entries[child]!.at) child++
      if (entries[child]!.at >= last.at) break
      entries[i] = entries[child]!
      i = child
    }
    entries[i] = last
    return first
  }
}

function neededNodes(nodes: readonly GraphNode[], output: ValueName): Set<ValueName> {
  const needed = new Set([output])
  for (let i = nodes.length - 1; i >= 0; i--)
    if (needed.has(nodes[i]!.output)) for (const value of nodeInputs(nodes[i]!)) needed.add(value)
  return needed
}

/** Checks all shapes again and keeps only nodes that the output depends on. */
function rebuild(graph: Graph, nodes: readonly GraphNode[], output: ValueName): Graph {
  const needed = neededNodes(nodes, output)
  const builder = new GraphBuilder(graph.name, graph.input.name, graph.input.shape, graph.input.whole)
  for (const node of nodes) if (needed.has(node.output)) builder.push(node)
  for (const note of graph.notes) builder.note(note)
  const built = builder.build(output)
  const { dropped, outputs } = graph
  const { parts } = graph.input
  return {
    ...built,
    ...(parts === undefined ? {} : { input: { ...built.input, parts } }),
    ...(dropped === undefined ? {} : { dropped }),
    ...(outputs === undefined ? {} : { outputs }),
  }
}
