// SPDX-License-Identifier: GPL-3.0-or-later
// Elementwise nodes in a row that together are a function of one number become one node, and so one table: GELU, SiLU, Mish and
// 1 / √x as exporters write them out. One table is cheaper than several with products between them, and its error is the whole error.
import { isSmooth } from './smooth.ts'
import { sameShape } from './tensor.ts'
import {
  type ActivationFunction,
  type Expression,
  type Graph,
  type GraphNode,
  nodeInputs,
  type ValueName,
} from './types.ts'

/** A value as a function of each element of `root`. */
type Form = {
  readonly root: ValueName
  readonly of: Expression
  readonly size: number
  readonly inner: ReadonlySet<ValueName>
}

/** Most nodes of one expression; a larger one would write out shared parts again and again. */
const MOST_SIZE = 40

/** Functions that a table takes in. Those with a kink are exact by comparisons and stay outside. */
function isTabled(fn: ActivationFunction): boolean {
  return isSmooth(fn) || fn.kind === 'sigmoid' || fn.kind === 'tanh'
}

/** The nodes of `graph` with every such row replaced, and notes for the owner about it. */
export function fused(graph: Graph): { readonly nodes: readonly GraphNode[]; readonly notes: readonly string[] } {
  if (!graph.nodes.some((node) => node.op === 'activation' && isTabled(node.fn)))
    return { nodes: graph.nodes, notes: [] }
  const forms = new Map<ValueName, Form>()
  const readers = new Map<ValueName, GraphNode[]>()
  for (const node of graph.nodes) {
    for (const value of new Set(nodeInputs(node))) {
      const list = readers.get(value)
      if (list === undefined) readers.set(value, [node])
      else list.push(node)
    }
    const form = formOf(graph, node, forms)
    if (form !== null) forms.set(node.output, form)
  }
  const gone = new Set<ValueName>()
  const heads = new Map<ValueName, GraphNode>()
  const notes: string[] = []
  // From the end, so that the longest row is taken.
  for (const node of graph.nodes.toReversed()) {
    const form = forms.get(node.output)
    if (form === undefined || gone.has(node.output) || !isWorthwhile(form.of)) continue
    const isOwn = (value: ValueName): boolean =>
      value !== graph.output &&
      (readers.get(value) ?? []).every((reader) => reader === node || form.inner.has(reader.output))
    const inner = [...form.inner].filter((value) => value !== node.output)
    if (!inner.every(isOwn)) continue
    for (const value of inner) gone.add(value)
    const { name, output } = node
    heads.set(output, { op: 'activation', name, input: form.root, output, fn: { kind: 'composed', of: form.of } })
    const constants = constantsOf(form.of)
    if (constants.length > 0)
      notes.push(
        `${name}: ${inner.length + 1} nodes are one table; their constants (${constants.join(', ')}) are part of the architecture`,
      )
  }
  if (heads.size === 0) return { nodes: graph.nodes, notes }
  const kept = graph.nodes.filter((node) => !gone.has(node.output))
  return { nodes: kept.map((node) => heads.get(node.output) ?? node), notes }
}

function formOf(graph: Graph, node: GraphNode, forms: ReadonlyMap<ValueName, Form>): Form | null {
  const before = (value: ValueName): Form =>
    forms.get(value) ?? { root: value, of: { is: 'x' }, size: 1, inner: new Set() }
  const grown = (from: readonly Form[], of: Expression): Form | null => {
    const size = from.reduce((sum, form) => sum + form.size, 1)
    if (size > MOST_SIZE) return null
    return { root: from[0]!.root, of, size, inner: new Set([...from.flatMap((form) => [...form.inner]), node.output]) }
  }
  if (node.op === 'activation') {
    const { fn } = node
    if (node.within !== undefined || !(isTabled(fn) || fn.kind === 'polynomial')) return null
    const form = before(node.input)
    return grown([form], { is: 'apply', fn, of: form.of })
  }
  if (node.op === 'affine') {
    if (node.scale.data.length !== 1 || node.shift.data.length !== 1) return null
    const form = before(node.input)
    return grown([form], { is: 'affine', factor: node.scale.data[0]!, offset: node.shift.data[0]!, of: form.of })
  }
  if (node.op !== 'binary') return null
  const shape = graph.shapes.get(node.output)!
  if (!node.inputs.every((value) => sameShape(graph.shapes.get(value)!, shape))) return null
  const [left, right] = node.inputs.map(before) as [Form, Form]
  return left.root === right.root ? grown([left, right], { is: node.kind, left: left.of, right: right.of }) : null
}

/** A table and something beside it that would cost: another one, or a product. */
function isWorthwhile(of: Expression): boolean {
  let [tables, costs] = [0, 0]
  walk(of, (each) => {
    if (each.is === 'apply' && isTabled(each.fn)) tables++
    if (each.is === 'apply' || each.is === 'multiply') costs++
  })
  return tables > 0 && costs > 1
}

function constantsOf(of: Expression): number[] {
  const found: number[] = []
  walk(of, (each) => {
    if (each.is === 'affine') found.push(...[each.factor, each.offset].filter((value) => value !== 0 && value !== 1))
  })
  return [...new Set(found)]
}

function walk(of: Expression, visit: (each: Expression) => void): void {
  visit(of)
  if (of.is === 'x') return
  if ('of' in of) walk(of.of, visit)
  else for (const side of [of.left, of.right]) walk(side, visit)
}
