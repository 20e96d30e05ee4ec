// SPDX-License-Identifier: GPL-3.0-or-later
// Builds a graph node by node, checking shapes as it goes; every importer and every pass ends here.
import { CompileError } from './errors.ts'
import { inferShape } from './shapes.ts'
import { checkedCount, filled, identityMap, sameShape, scalar, stridedMap, stridesOf, transposeMap } from './tensor.ts'
import {
  type ActivationFunction,
  type Graph,
  type GraphNode,
  nodeInputs,
  type Tensor,
  type ValueName,
} from './types.ts'

/** A node without the parts that the builder fills in. */
type Draft<Node extends GraphNode> = Node extends GraphNode ? Omit<Node, 'name' | 'output' | 'input' | 'inputs'> : never

/** Elements that all selects of a network may have together, unless told: a small file must not take all memory. */
const MOST_MOVED = 2 ** 28
/** Terms of one layer of constant rows: they are made one by one, so the number is checked before. */
const MOST_TERMS = 2 ** 22

export class GraphBuilder {
  readonly input: ValueName
  private readonly nodes: GraphNode[] = []
  private readonly shapes = new Map<ValueName, readonly number[]>()
  private readonly notes = new Set<string>()
  private readonly names = new Set<string>()
  private readonly title: string
  private readonly whole: boolean
  private readonly reshaped = new Map<ValueName, ValueName>()
  private readonly mostMoved: number
  private moved = 0
  /** The number that the next value or node of a name that is taken gets: chains share names by the thousand. */
  private readonly next = new Map<string, number>()

  /**
   * @param whole that the input holds whole numbers, and nothing else may be put in
   * @param mostMoved elements that all selects may have together
   */
  constructor(
    name: string,
    inputName: ValueName,
    inputShape: readonly number[],
    whole = false,
    mostMoved = MOST_MOVED,
  ) {
    if (inputShape.some((dimension) => !Number.isInteger(dimension) || dimension < 1))
      throw new CompileError(
        'dynamic-shape',
        `input ${inputName} has shape [${inputShape}]; every dimension but the batch must be a fixed number of at least 1`,
        { layer: inputName },
      )
    checkedCount(inputShape, `input ${inputName}`)
    this.title = name
    this.whole = whole
    this.mostMoved = mostMoved
    this.input = inputName
    this.shapes.set(inputName, [...inputShape])
  }

  shape(value: ValueName): readonly number[] {
    const shape = this.shapes.get(value)
    if (shape === undefined) throw new CompileError('missing-part', `no layer computes the value ${value}`)
    return shape
  }

  note(text: string): void {
    this.notes.add(text)
  }

  /** Adds a whole node; a name that is taken gets a number. @throws CompileError when its inputs are unknown, its output taken, or its shapes do not fit. */
  push(node: GraphNode): ValueName {
    if (this.shapes.has(node.output))
      throw new CompileError('malformed-file', `two layers compute the value ${node.output}`, { layer: node.name })
    const shapes = nodeInputs(node).map((value) => this.shape(value))
    this.shapes.set(node.output, inferShape(node, shapes))
    // Plans are objects with the nodes' names as keys, and this one is not a safe key.
    const name = this.unused(node.name === '__proto__' ? 'proto' : node.name, this.names)
    this.names.add(name)
    this.nodes.push(name === node.name ? node : { ...node, name })
    return node.output
  }

  /** Adds a node of one input under a fresh value name. */
  unary(name: string, input: ValueName, draft: Draft<Extract<GraphNode, { input: ValueName }>>): ValueName {
    return this.push({ ...draft, name, input, output: this.fresh(name) } as GraphNode)
  }

  /** Σ coefficient · x[position] + constant for each row of [position, coefficient]: numbers of the architecture. */
  linear(
    name: string,
    input: ValueName,
    rows: readonly (readonly (readonly [number, number])[])[],
    constants: readonly number[],
    shape: readonly number[] = [rows.length],
  ): ValueName {
    const offsets = new Int32Array(rows.length + 1)
    for (const [o, row] of rows.entries()) offsets[o + 1] = offsets[o]! + row.length
    const terms = rows.flat()
    return this.unary(name, input, {
      op: 'linear',
      offsets,
      positions: Int32Array.from(terms, ([at]) => at),
      coefficients: Float64Array.from(terms, ([, factor]) => factor),
      constants: Float64Array.from(constants),
      shape: [...shape],
    })
  }

  /** Refuses rows that no model of a size to be proven has. @throws CompileError shape-mismatch naming the node */
  requireTerms(name: string, count: number): void {
    if (!(count <= MOST_TERMS))
      throw new CompileError('shape-mismatch', `${name}: ${count} terms; up to ${MOST_TERMS} are supported`, {
        layer: name,
      })
  }

  /** factor · x + offset, element by element, with numbers of the architecture. */
  fixedScalar(name: string, input: ValueName, factor: number, offset: number): ValueName {
    const shape = this.shape(input)
    const count = product(shape)
    this.requireTerms(name, count)
    return this.linear(
      name,
      input,
      Array.from({ length: count }, (_, i) => [[i, factor]]),
      new Array<number>(count).fill(offset),
      shape,
    )
  }

  /** Adds a node of several inputs under a fresh value name. */
  nary(
    name: string,
    inputs: readonly ValueName[],
    draft: Draft<Extract<GraphNode, { inputs: readonly ValueName[] }>>,
  ): ValueName {
    return this.push({ ...draft, name, inputs, output: this.fresh(name) } as GraphNode)
  }

  activation(name: string, input: ValueName, fn: ActivationFunction): ValueName {
    return this.unary(name, input, { op: 'activation', fn })
  }

  affine(name: string, input: ValueName, scale: Tensor, shift: Tensor): ValueName {
    return this.unary(name, input, { op: 'affine', scale, shift })
  }

  /** x · factor + offset with two numbers. */
  affineScalar(name: string, input: ValueName, factor: number, offset: number): ValueName {
    return this.affine(name, input, scalar(factor), scalar(offset))
  }

  dense(name: string, input: ValueName, weights: Tensor, bias?: Tensor): ValueName {
    return this.unary(name, input, { op: 'dense', weights, bias: bias ?? filled([weights.shape[1] ?? 1], 0) })
  }

  select(name: string, input: ValueName, map: Int32Array, shape: readonly number[], fill = 0): ValueName {
    this.moved += map.length
    if (this.moved > this.mostMoved)
      throw new CompileError(
        'shape-mismatch',
        `${name}: the network moves more than ${this.mostMoved} elements about; no model of that size can be proven`,
        { layer: name },
      )
    return this.unary(name, input, { op: 'select', map, shape: [...shape], fill })
  }

  /** The same elements in another shape; adds nothing when the shape is the same already. */
  reshape(name: string, input: ValueName, shape: readonly number[]): ValueName {
    const from = this.shape(input)
    if (sameShape(from, shape)) return input
    const made = this.select(name, input, identityMap(product(from)), shape)
    this.reshaped.set(made, input)
    return made
  }

  transpose(name: string, input: ValueName, permutation: readonly number[]): ValueName {
    const from = this.shape(input)
    return this.select(
      name,
      input,
      transposeMap(from, permutation),
      permutation.map((axis) => from[axis]!),
    )
  }

  /** The sub-tensor from `starts` in steps of `steps` (may be negative), of shape `lengths`. */
  slice(
    name: string,
    input: ValueName,
    starts: readonly number[],
    steps: readonly number[],
    lengths: readonly number[],
  ): ValueName {
    const strides = stridesOf(this.shape(input))
    const start = starts.reduce((sum, at, axis) => sum + at * strides[axis]!, 0)
    const map = stridedMap(
      lengths,
      strides.map((stride, axis) => stride * steps[axis]!),
      start,
    )
    return this.select(name, input, map, lengths)
  }

  /** Constant padding by `before` and `after` elements along each axis; negative numbers crop. */
  pad(name: string, input: ValueName, before: readonly number[], after: readonly number[], fill: number): ValueName {
    const from = this.shape(input)
    const shape = from.map((length, axis) => length + before[axis]! + after[axis]!)
    const map = cropMap(from, before, shape)
    return this.select(name, input, map, shape, fill)
  }

  /** The value that `value` reshapes, with the same elements in the same order; `value` itself if it is not a reshape. */
  sourceOf(value: ValueName): ValueName {
    const source = this.reshaped.get(value)
    return source === undefined ? value : this.sourceOf(source)
  }

  build(output: ValueName): Graph {
    this.shape(output)
    return {
      name: this.title,
      input: { name: this.input, shape: this.shape(this.input), ...(this.whole ? { whole: true } : {}) },
      nodes: [...this.nodes],
      output,
      shapes: new Map(this.shapes),
      notes: [...this.notes],
    }
  }

  private fresh(name: string): ValueName {
    return this.unused(name, this.shapes)
  }

  /** The name itself, or with the first number from 2 that makes it new. */
  private unused(name: string, taken: { has(name: string): boolean }): string {
    if (!taken.has(name)) return name
    let i = this.next.get(name) ?? 2
    while (taken.has(`${name}.${i}`)) i++
    // Values and nodes share the counter, and a name may be skipped: only that it is new matters.
    this.next.set(name, i)
    return `${name}.${i}`
  }
}

/**
 * The index map of a tensor of shape `to` that holds one of shape `from` from position `before` on, −1 outside; negative
 * positions crop.
 */
export function cropMap(from: readonly number[], before: readonly number[], to: readonly number[]): Int32Array {
  const strides = stridesOf(from)
  const map = new Int32Array(checkedCount(to)).fill(-1)
  const outStrides = stridesOf(to)
  for (let i = 0; i < map.length; i++) {
    let position = 0
    let inside = true
    for (let axis = 0; axis < to.length && inside; axis++) {
      const at = (Math.floor(i / outStrides[axis]!) % to[axis]!) - before[axis]!
      inside = at >= 0 && at < from[axis]!
      position += at * strides[axis]!
    }
    if (inside) map[i] = position
  }
  return map
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, dimension) => total * dimension, 1)
}
