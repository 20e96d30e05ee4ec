// SPDX-License-Identifier: GPL-3.0-or-later
// Who consumes whom: services, ensembles and consumers, as nodes and edges. Nothing here reads a chain.

export type NodeKind = 'service' | 'ensemble' | 'contract' | 'account'

export type GraphNode = {
  /** Unique; an address where the node has one. */
  readonly id: string
  readonly kind: NodeKind
  /** For people; chosen by strangers. */
  readonly name: string
}

/**
 * `member`: a service takes part in the rounds of another one. `voice`: a service answers in an ensemble. `distils`: a service learns from an
 * ensemble. `asks`: a contract or account puts questions.
 */
export type EdgeKind = 'member' | 'voice' | 'distils' | 'asks'

export type GraphEdge = {
  readonly consumer: string
  readonly provider: string
  readonly kind: EdgeKind
  readonly detail: string
}

export type ServiceGraph = {
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly GraphEdge[]
  /** Lists of ids. In each, every node consumes the next, and the last consumes the first. */
  readonly cycles: readonly (readonly string[])[]
}

/** A graph whose order does not depend on the order of reading. Nodes that only edges name are accounts. */
export function graphOf(nodes: Iterable<GraphNode>, edges: Iterable<GraphEdge>): ServiceGraph {
  const byId = new Map([...nodes].map((node) => [node.id, node]))
  const sorted = [...edges].sort((a, b) => compare(textOf(a), textOf(b)))
  for (const { consumer, provider } of sorted) {
    for (const id of [consumer, provider]) if (!byId.has(id)) byId.set(id, { id, kind: 'account', name: id })
  }
  const all = [...byId.values()].sort((a, b) => compare(a.id, b.id))
  return { nodes: all, edges: sorted, cycles: cyclesOf(all, sorted) }
}

/** What one node consumes, directly or through others. */
export function below(graph: ServiceGraph, root: string): ServiceGraph {
  const seen = new Set<string>([root])
  for (const id of seen) for (const edge of graph.edges) if (edge.consumer === id) seen.add(edge.provider)
  return graphOf(
    graph.nodes.filter(({ id }) => seen.has(id)),
    graph.edges.filter(({ consumer }) => seen.has(consumer)),
  )
}

const textOf = ({ consumer, kind, provider, detail }: GraphEdge): string => [consumer, kind, provider, detail].join(' ')
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Searches from every node in order, and lists one cycle for each edge that closes one. This shows whether and where there are cycles. */
function cyclesOf(nodes: readonly GraphNode[], edges: readonly GraphEdge[]): string[][] {
  const next = new Map<string, string[]>()
  for (const { consumer, provider } of edges) next.set(consumer, [...(next.get(consumer) ?? []), provider])
  const done = new Set<string>()
  const found: string[][] = []
  for (const { id } of nodes) {
    // Without recursion: a chain of services may be long.
    const path: { readonly id: string; at: number }[] = done.has(id) ? [] : [{ id, at: 0 }]
    while (path.length > 0) {
      const top = path.at(-1)!
      const child = (next.get(top.id) ?? [])[top.at++]
      if (child === undefined) {
        done.add(top.id)
        path.pop()
      } else {
        const start = path.findIndex((step) => step.id === child)
        if (start >= 0) found.push(path.slice(start).map((step) => step.id))
        else if (!done.has(child)) path.push({ id: child, at: 0 })
      }
    }
  }
  return [...new Map(found.map((cycle) => [cycle.join(' '), cycle])).values()]
}
