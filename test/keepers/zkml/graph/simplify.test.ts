// SPDX-License-Identifier: GPL-3.0-or-later
// Each rewriting rule keeps the function and has the effect it is there for; and does not fire where it would be wrong.
import { expect } from 'chai'
import { GraphBuilder } from '../../../../keepers/zkml/graph/builder.ts'
import { simplify } from '../../../../keepers/zkml/graph/simplify.ts'
import { scalar, tensor } from '../../../../keepers/zkml/graph/tensor.ts'
import { evaluate, type Graph } from '../../../../keepers/zkml/index.ts'
import { Random } from '../random.ts'

const random = new Random(11)
const NO_PADDING = { top: 0, left: 0, bottom: 0, right: 0 }
const same = { top: 1, left: 1, bottom: 1, right: 1 }

function build(shape: readonly number[], body: (builder: GraphBuilder) => string): Graph {
  const builder = new GraphBuilder('test', 'x', shape)
  return builder.build(body(builder))
}

function conv(builder: GraphBuilder, input: string, out: number, padding = NO_PADDING, name = 'conv'): string {
  const cin = builder.shape(input)[2]!
  const weights = tensor([3, 3, cin, out], random.list(9 * cin * out, -1, 1))
  const bias = tensor([out], random.list(out, -1, 1))
  return builder.unary(name, input, {
    op: 'conv2d',
    weights,
    bias,
    strides: [1, 1],
    dilations: [1, 1],
    padding,
    groups: 1,
  })
}

const perChannel = (n: number, low: number, high: number) => tensor([n], random.list(n, low, high))

function operators(graph: Graph): string {
  return graph.nodes.map((node) => node.op).join(' ')
}

function requireSame(before: Graph, expected: string): void {
  const after = simplify(before)
  expect(operators(after)).to.equal(expected)
  const input = random.list(
    before.input.shape.reduce((a, b) => a * b, 1),
    -1,
    1,
  )
  const [a, b] = [evaluate(before, input), evaluate(after, input)]
  expect(b.shape).to.deep.equal(a.shape)
  for (const [i, value] of b.data.entries()) expect(value).to.be.closeTo(a.data[i]!, 1e-9)
}

describe('simplification of graphs', () => {
  it('folds an affine map per channel into the convolution or matrix before it', () => {
    requireSame(
      build([5, 5, 2], (g) => g.affine('bn', conv(g, g.input, 3), perChannel(3, -2, 2), perChannel(3, -1, 1))),
      'conv2d',
    )
    const weights = tensor([4, 3], random.list(12, -1, 1))
    requireSame(
      build([4], (g) => g.affine('bn', g.dense('d', g.input, weights), perChannel(3, 0, 2), scalar(1))),
      'dense',
    )
  })

  it('folds an affine map into the convolution after it, but no shift past zero padding', () => {
    const affine = (g: GraphBuilder) => g.affine('norm', g.input, perChannel(2, 1, 2), perChannel(2, -1, 1))
    requireSame(
      build([5, 5, 2], (g) => conv(g, affine(g), 3)),
      'conv2d',
    )
    requireSame(
      build([5, 5, 2], (g) => conv(g, affine(g), 3, same)),
      'affine conv2d',
    )
    requireSame(
      build([5, 5, 2], (g) => conv(g, g.affine('s', g.input, perChannel(2, 1, 2), scalar(0)), 3, same)),
      'conv2d',
    )
  })

  it('folds a grouped convolution’s input scaling to the right channels', () => {
    const weights = tensor([3, 3, 1, 4], random.list(36, -1, 1))
    requireSame(
      build([5, 5, 2], (g) =>
        g.unary('dw', g.affine('s', g.input, perChannel(2, 1, 3), perChannel(2, -1, 1)), {
          op: 'conv2d',
          weights,
          bias: tensor([4], random.list(4, -1, 1)),
          strides: [2, 1],
          dilations: [1, 1],
          padding: NO_PADDING,
          groups: 2,
        }),
      ),
      'conv2d',
    )
  })

  it('pools a maximum before an activation that never decreases, and not before another', () => {
    const pool = (g: GraphBuilder, input: string) =>
      g.unary('pool', input, {
        op: 'pool',
        kind: 'max',
        window: [2, 2],
        strides: [2, 2],
        dilations: [1, 1],
        padding: NO_PADDING,
      })
    requireSame(
      build([4, 4, 2], (g) => pool(g, g.activation('a', g.input, { kind: 'relu' }))),
      'pool activation',
    )
    requireSame(
      build([4, 4, 2], (g) => pool(g, g.activation('a', g.input, { kind: 'polynomial', coefficients: [0, 0, 1] }))),
      'activation pool',
    )
    requireSame(
      build([4, 4, 2], (g) => g.affine('n', pool(g, g.input), perChannel(2, -2, -1), scalar(0))),
      'pool affine',
    )
    requireSame(
      build([4, 4, 2], (g) =>
        g.affine(
          'n',
          pool(g, conv(g, g.pad('p', g.input, [1, 1, 0], [1, 1, 0], 0), 2)),
          perChannel(2, 1, 2),
          scalar(3),
        ),
      ),
      'select conv2d pool',
    )
  })

  it('cancels transpositions around elementwise work and residual sums', () => {
    const first = [2, 0, 1]
    const last = [1, 2, 0]
    requireSame(
      build([5, 5, 2], (g) => {
        const there = (name: string, value: string) => g.transpose(name, value, first)
        const a = there('t1', conv(g, g.input, 3, same, 'c1'))
        const b = there(
          't2',
          conv(g, g.transpose('back1', g.activation('r', a, { kind: 'relu' }), last), 3, same, 'c2'),
        )
        const sum = g.nary('sum', [g.activation('r2', a, { kind: 'tanh' }), b], { op: 'binary', kind: 'add' })
        return conv(
          g,
          g.transpose('back2', g.affine('k', sum, tensor([3, 1, 1], [1, 2, 3]), scalar(0)), last),
          2,
          NO_PADDING,
          'c3',
        )
      }),
      'conv2d activation conv2d activation binary conv2d',
    )
  })

  it('permutes the rows of the first matrix after a flattened transposition', () => {
    const weights = tensor([18, 2], random.list(36, -1, 1))
    requireSame(
      build([3, 3, 2], (g) => g.dense('d', g.reshape('flat', g.transpose('t', g.input, [2, 0, 1]), [18]), weights)),
      'select dense',
    )
  })

  it('drops nodes that the output does not need, and reshapes that change nothing', () => {
    const graph = build([4], (g) => {
      g.activation('unused', g.input, { kind: 'tanh' })
      return g.select('same', g.activation('used', g.input, { kind: 'relu' }), Int32Array.from([0, 1, 2, 3]), [4])
    })
    requireSame(graph, 'activation')
  })
})
