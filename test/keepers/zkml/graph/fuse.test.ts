// SPDX-License-Identifier: GPL-3.0-or-later
// Rows of elementwise nodes become one function of one number: the same function, and only where nobody else reads what is inside.
import { expect } from 'chai'
import { evaluate, type Graph, importOnnx } from '../../../../keepers/zkml/index.ts'
import { type Constant, type Node, onnxFile } from '../import/onnx-file.ts'

const number = (value: number): Constant => ({ shape: [], data: [value] })
const CONSTANTS = {
  root2: number(Math.SQRT2),
  one: number(1),
  half: number(0.5),
  three: number(3),
  cubic: number(0.044715),
  rootPi: number(Math.sqrt(2 / Math.PI)),
  quick: number(1.702),
}
const node = (op: string, inputs: string[], output: string): Node => ({ op, inputs, outputs: [output], name: output })

function graphOf(nodes: readonly Node[], shape: readonly number[] = [1, 5]): Graph {
  return importOnnx(onnxFile({ opset: 13, input: { name: 'x', shape }, output: 'y', constants: CONSTANTS, nodes }))
}

const kinds = (graph: Graph) =>
  graph.nodes.flatMap((each) => (each.op === 'select' ? [] : [each.op === 'activation' ? each.fn.kind : each.op]))

describe('functions written out', () => {
  const cases: [string, readonly Node[], (x: number) => number][] = [
    [
      'GELU by Erf',
      [
        node('Div', ['x', 'root2'], 'a'),
        node('Erf', ['a'], 'b'),
        node('Add', ['b', 'one'], 'c'),
        node('Mul', ['x', 'c'], 'd'),
        node('Mul', ['d', 'half'], 'y'),
      ],
      // Φ(1) and Φ(−0.5) of the normal distribution's table.
      (x) => x * ({ 1: 0.8413447461, '-0.5': 0.3085375387 }[x] ?? Number.NaN),
    ],
    [
      'GELU by Tanh',
      [
        node('Pow', ['x', 'three'], 'a'),
        node('Mul', ['a', 'cubic'], 'b'),
        node('Add', ['x', 'b'], 'c'),
        node('Mul', ['c', 'rootPi'], 'd'),
        node('Tanh', ['d'], 'e'),
        node('Add', ['e', 'one'], 'f'),
        node('Mul', ['x', 'half'], 'g'),
        node('Mul', ['g', 'f'], 'y'),
      ],
      (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
    ],
    ['SiLU', [node('Sigmoid', ['x'], 'a'), node('Mul', ['x', 'a'], 'y')], (x) => x / (1 + Math.exp(-x))],
    [
      'quick GELU',
      [node('Mul', ['x', 'quick'], 'a'), node('Sigmoid', ['a'], 'b'), node('Mul', ['x', 'b'], 'y')],
      (x) => x / (1 + Math.exp(-1.702 * x)),
    ],
    [
      'Mish',
      [node('Softplus', ['x'], 'a'), node('Tanh', ['a'], 'b'), node('Mul', ['x', 'b'], 'y')],
      (x) => x * Math.tanh(Math.log(1 + Math.exp(x))),
    ],
    [
      'one over a root',
      [node('Add', ['x', 'three'], 'a'), node('Sqrt', ['a'], 'b'), node('Reciprocal', ['b'], 'y')],
      (x) => 1 / Math.sqrt(x + 3),
    ],
  ]
  for (const [what, nodes, f] of cases)
    it(`${what} is one table`, () => {
      const graph = graphOf(nodes)
      expect(kinds(graph)).to.deep.equal(['composed'])
      const { data } = evaluate(graph, [1, -0.5, 1, -0.5, 1])
      expect(data[0]).to.be.closeTo(f(1), 1e-6)
      expect(data[1]).to.be.closeTo(f(-0.5), 1e-6)
    })

  it('notes that constants inside are no longer weights', () => {
    expect(graphOf(cases[3]![1]).notes.join()).to.match(
      /one table; their constants \(1\.70[12]\d*\) are part of the architecture/,
    )
    expect(graphOf(cases[2]![1]).notes).to.deep.equal([])
  })

  it('leaves what others read, what is a function of two values, and what has a kink', () => {
    const read = [node('Sigmoid', ['x'], 'a'), node('Mul', ['x', 'a'], 'b'), node('Add', ['a', 'b'], 'c')]
    expect(
      kinds(
        graphOf(
          [...read.slice(0, 2), node('Concat', ['a', 'b'], 'y')].map((each) =>
            each.op === 'Concat' ? { ...each, attributes: { axis: 1 } } : each,
          ),
        ),
      ),
    ).to.deep.equal(['sigmoid', 'binary', 'concat'])
    expect(kinds(graphOf([...read, node('Relu', ['c'], 'y')]))).to.deep.equal(['composed', 'relu'])
    const twoValues = [node('Relu', ['x'], 'r'), node('Sigmoid', ['r'], 'a'), node('Mul', ['x', 'a'], 'y')]
    expect(kinds(graphOf(twoValues))).to.deep.equal(['relu', 'sigmoid', 'binary'])
    expect(kinds(graphOf([node('Erf', ['x'], 'y')]))).to.deep.equal(['erf'])
  })
})
