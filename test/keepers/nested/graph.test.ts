// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import {
  below,
  drawDot,
  drawMermaid,
  drawTree,
  type GraphEdge,
  type GraphNode,
  graphOf,
} from '../../../keepers/nested/index.ts'

const node = (id: string, kind: GraphNode['kind'] = 'service', name = `name ${id}`): GraphNode => ({ id, kind, name })
const edge = (consumer: string, provider: string, kind: GraphEdge['kind'] = 'member', detail = ''): GraphEdge => ({
  ...{ consumer, provider, kind, detail },
})

const NODES = [node('U'), node('L1'), node('L2'), node('E', 'ensemble'), node('C', 'contract', 'C')]
const EDGES = [
  edge('U', 'L1', 'member', 'keeper 0x1'),
  edge('U', 'L2', 'member', 'keeper 0x2'),
  edge('E', 'U', 'voice', 'weight 1000'),
  edge('E', 'L2', 'voice', 'weight 500'),
  edge('C', 'E', 'asks', '2 questions'),
]

describe('the graph of services', () => {
  it('is drawn from who consumes to what is consumed, each node’s own part once', () => {
    expect(drawTree(graphOf(NODES, EDGES))).to.equal(
      [
        'contract C',
        '└─ asks ensemble name E E (2 questions)',
        '   ├─ counts the voice of service name L2 L2 (weight 500)',
        '   └─ counts the voice of service name U U (weight 1000)',
        '      ├─ has the member service name L1 L1 (keeper 0x1)',
        '      └─ has the member service name L2 L2 (keeper 0x2)',
      ].join('\n'),
    )
  })

  it('does not depend on the order of reading', () => {
    const turned = graphOf([...NODES].reverse(), [...EDGES].reverse())
    expect(turned).to.deep.equal(graphOf(NODES, EDGES))
  })

  it('shows cycles, of one service, too, and ends', () => {
    const graph = graphOf(
      ['A', 'B', 'S'].map((id) => node(id)),
      [edge('A', 'B'), edge('B', 'A'), edge('S', 'S', 'distils')],
    )
    expect(graph.cycles).to.deep.equal([['A', 'B'], ['S']])
    const drawn = drawTree(graph)
    expect(drawn).to.contain('└─ has the member service name A A ↻')
    expect(drawn).to.contain('Cycles: 2\n  name A → name B → name A\n  name S → name S')
  })

  it('finds a cycle behind nodes that were searched before', () => {
    const graph = graphOf(
      ['A', 'B', 'C', 'D'].map((id) => node(id)),
      [edge('A', 'B'), edge('C', 'A'), edge('C', 'D'), edge('D', 'C')],
    )
    expect(graph.cycles).to.deep.equal([['C', 'D']])
  })

  it('draws a chain of ten thousand services', () => {
    const count = 10_000
    const ids = Array.from({ length: count }, (_, i) => `s${String(i).padStart(5, '0')}`)
    const graph = graphOf(
      ids.map((id) => node(id)),
      ids.slice(1).map((id, i) => edge(ids[i]!, id)),
    )
    expect(graph.cycles).to.deep.equal([])
    expect(drawTree(graph, 3).split('\n')).to.have.length(5)
  })

  it('stops at the depth asked for, and says that there is more', () => {
    expect(drawTree(graphOf(NODES, EDGES), 1)).to.equal(
      ['contract C', '└─ asks ensemble name E E (2 questions)', '   └─ …'].join('\n'),
    )
  })

  it('is cut to what one node consumes', () => {
    const { nodes, edges } = below(graphOf(NODES, EDGES), 'U')
    expect(nodes.map(({ id }) => id)).to.deep.equal(['L1', 'L2', 'U'])
    expect(edges).to.have.length(2)
  })

  it('takes whoever asks and is not described for an account', () => {
    const graph = graphOf([node('U')], [edge('0xabc', 'U', 'asks', '1 requests')])
    expect(graph.nodes.map(({ kind }) => kind)).to.deep.equal(['account', 'service'])
    expect(drawTree(graphOf([], []))).to.equal('No services here.')
  })

  it('lets no name break out of its label, in any form', () => {
    const evil = 'x"]; end\n  subgraph A --> |"B"| \u001b[31m`<script>'
    const graph = graphOf([node('U', 'service', evil), node('L')], [edge('U', 'L', 'member', evil)])
    const dot = drawDot(graph).split('\n')
    expect(dot).to.have.length(6)
    expect(dot[3]).to.contain('label="x\\"]; end')
    const mermaid = drawMermaid(graph).split('\n')
    expect(mermaid).to.have.length(4)
    for (const line of mermaid.slice(1)) expect(line.match(/"/g)).to.have.length(2)
    expect(mermaid.join('')).to.not.contain('<script>')
    expect(drawTree(graph).split('\n')).to.have.length(2)
  })
})
