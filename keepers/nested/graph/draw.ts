// SPDX-License-Identifier: GPL-3.0-or-later
// Draws a graph of services as a tree of text, for Graphviz, or for Mermaid. Strangers choose the names, so none may break out of its label.
import type { GraphEdge, GraphNode, ServiceGraph } from './graph.ts'

const VERB: Readonly<Record<GraphEdge['kind'], string>> = {
  member: 'has the member',
  voice: 'counts the voice of',
  distils: 'learns from',
  asks: 'asks',
}

/**
 * Draws a tree for each node that nobody consumes, and then trees for nodes that are only in cycles. A node that was drawn before appears again
 * without its subtree. A node that is its own ancestor is marked ↻.
 * @param depth most levels below a root
 */
export function drawTree({ nodes, edges, cycles }: ServiceGraph, depth = Number.POSITIVE_INFINITY): string {
  if (nodes.length === 0) return 'No services here.'
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const consumed = new Set(edges.map(({ provider }) => provider))
  const drawn = new Set<string>()
  const lines: string[] = []
  const draw = (id: string, prefix: string, path: readonly string[]): void => {
    drawn.add(id)
    const down = edges.filter(({ consumer }) => consumer === id)
    if (path.length >= depth) {
      if (down.length > 0) lines.push(`${prefix}└─ …`)
      return
    }
    for (const [i, edge] of down.entries()) {
      const last = i === down.length - 1
      const { provider } = edge
      const around = provider === id || path.includes(provider)
      const mark = around ? ' ↻' : drawn.has(provider) && hasBelow(edges, provider) ? ' (as above)' : ''
      lines.push(
        `${prefix}${last ? '└─' : '├─'} ${VERB[edge.kind]} ${titleOf(byId.get(provider)!)}${detailOf(edge)}${mark}`,
      )
      if (mark === '') draw(provider, `${prefix}${last ? '   ' : '│  '}`, [...path, id])
    }
  }
  const start = (id: string): void => {
    lines.push(titleOf(byId.get(id)!))
    draw(id, '', [])
  }
  for (const { id } of nodes) if (!consumed.has(id)) start(id)
  for (const { id } of nodes) if (!drawn.has(id) && depth === Number.POSITIVE_INFINITY) start(id)
  if (cycles.length > 0) {
    lines.push('', `Cycles: ${cycles.length}`)
    for (const cycle of cycles) lines.push(`  ${[...cycle, cycle[0]!].map((id) => nameOf(byId.get(id)!)).join(' → ')}`)
  }
  return lines.join('\n')
}

const hasBelow = (edges: readonly GraphEdge[], id: string): boolean => edges.some(({ consumer }) => consumer === id)
const detailOf = ({ detail }: GraphEdge): string => (detail === '' ? '' : ` (${clean(detail)})`)
const nameOf = ({ name }: GraphNode): string => clean(name)
const titleOf = (node: GraphNode): string =>
  node.name === node.id ? `${node.kind} ${clean(node.id)}` : `${node.kind} ${nameOf(node)} ${clean(node.id)}`

/** Without line breaks and control characters, and not longer than a line. */
function clean(text: string): string {
  return text.replace(/[^\P{C}]/gu, ' ').slice(0, 120)
}

/** Output for `dot -Tsvg`. Arrows point from the consumer to what it consumes. */
export function drawDot({ nodes, edges }: ServiceGraph): string {
  const shape = { service: 'box', ensemble: 'hexagon', contract: 'component', account: 'ellipse' }
  const quoted = (text: string): string => `"${clean(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
  return [
    'digraph services {',
    '  rankdir=LR;',
    ...nodes.map((node) => `  ${quoted(node.id)} [label=${quoted(nameOf(node))}, shape=${shape[node.kind]}];`),
    ...edges.map(
      (edge) =>
        `  ${quoted(edge.consumer)} -> ${quoted(edge.provider)} [label=${quoted(`${edge.kind} ${edge.detail}`.trim())}];`,
    ),
    '}',
  ].join('\n')
}

/** Output for Markdown that renders Mermaid, such as GitHub's. */
export function drawMermaid({ nodes, edges }: ServiceGraph): string {
  const numbers = new Map(nodes.map(({ id }, i) => [id, `n${i}`]))
  const brackets = {
    service: ['[', ']'],
    ensemble: ['{{', '}}'],
    contract: ['[[', ']]'],
    account: ['([', '])'],
  } as const
  // Characters that would end a label are written as Mermaid's entities.
  const label = (text: string): string =>
    `"${clean(text).replace(/["#;<>&\\`|{}[\]()]/g, (c) => `#${c.codePointAt(0)};`)}"`
  return [
    'flowchart LR',
    ...nodes.map(
      (node) => `  ${numbers.get(node.id)}${brackets[node.kind][0]}${label(nameOf(node))}${brackets[node.kind][1]}`,
    ),
    ...edges.map(
      ({ consumer, provider, kind, detail }) =>
        `  ${numbers.get(consumer)} -->|${label(`${kind} ${detail}`.trim())}| ${numbers.get(provider)}`,
    ),
  ].join('\n')
}
