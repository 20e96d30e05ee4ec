// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { GraphBuilder } from '../../../../keepers/zkml/graph/builder.ts'
import { samePadding, slidingLength } from '../../../../keepers/zkml/graph/shapes.ts'
import { broadcastMap, broadcastShape, tensor, transposeMap } from '../../../../keepers/zkml/graph/tensor.ts'
import { argMax, CompileError, evaluate } from '../../../../keepers/zkml/index.ts'

describe('float graphs', () => {
  it('gives every node and every value its own name', () => {
    const builder = new GraphBuilder('g', 'x', [2])
    const first = builder.activation('a', builder.input, { kind: 'relu' })
    const second = builder.activation('a', first, { kind: 'tanh' })
    expect([first, second]).to.deep.equal(['a', 'a.2'])
    expect(builder.build(second).nodes.map((node) => node.name)).to.deep.equal(['a', 'a.2'])
  })

  it('refuses values that nobody computes, values computed twice, and shapes that do not fit', () => {
    const builder = new GraphBuilder('g', 'x', [2, 3])
    expect(() => builder.activation('a', 'nowhere', { kind: 'relu' })).to.throw(CompileError, /no layer computes/)
    expect(() => builder.push({ op: 'activation', name: 'a', input: 'x', output: 'x', fn: { kind: 'relu' } })).to.throw(
      /two layers/,
    )
    expect(() => builder.dense('d', 'x', tensor([4, 1], [1, 2, 3, 4]))).to.throw(
      /weights \[4,1\] do not multiply an input \[2,3\]/,
    )
    expect(() => builder.select('s', 'x', Int32Array.of(6), [1])).to.throw(/outside the input/)
    expect(() => builder.nary('c', ['x', 'x'], { op: 'concat', axis: 2 })).to.throw(/axis 2/)
    expect(() => new GraphBuilder('g', 'x', [2, Number.NaN])).to.throw(/fixed number/)
  })

  it('refuses to move more than 2^28 elements about, in one select or in all of them', () => {
    const builder = new GraphBuilder('g', 'x', [2])
    // Only the length is looked at: the elements would take a gigabyte.
    expect(() => builder.select('s', 'x', { length: 2 ** 28 + 1 } as Int32Array, [1])).to.throw(
      CompileError,
      /s: the network moves more than 268435456 elements/,
    )
    const small = new GraphBuilder('g', 'x', [2], false, 4)
    const turned = small.select('a', 'x', Int32Array.of(1, 0), [2])
    const again = small.select('b', turned, Int32Array.of(1, 0), [2])
    expect(() => small.select('c', again, Int32Array.of(1, 0), [2])).to.throw(/c: the network moves more than 4/)
  })

  it('refuses inputs of the wrong size or with NaN', () => {
    const builder = new GraphBuilder('g', 'x', [2])
    const graph = builder.build(builder.activation('a', 'x', { kind: 'relu' }))
    expect(() => evaluate(graph, [1])).to.throw(CompileError, /takes 2 numbers, found 1/)
    expect(() => evaluate(graph, [1, Number.NaN])).to.throw(/NaN at position 1/)
  })

  it('gives ties to the lowest index', () => {
    expect(argMax([1, 3, 3])).to.equal(1)
    const builder = new GraphBuilder('g', 'x', [3])
    const graph = builder.build(builder.unary('m', 'x', { op: 'argmax' }))
    expect(Array.from(evaluate(graph, [2, 2, 1]).data)).to.deep.equal([0])
  })

  it('broadcasts and transposes as NumPy does', () => {
    expect(broadcastShape([3, 1], [2, 1, 4], 'here')).to.deep.equal([2, 3, 4])
    expect(() => broadcastShape([3], [2], 'here')).to.throw(/here/)
    expect(Array.from(broadcastMap([2, 1], [2, 3]))).to.deep.equal([0, 0, 0, 1, 1, 1])
    expect(Array.from(transposeMap([2, 3], [1, 0]))).to.deep.equal([0, 3, 1, 4, 2, 5])
  })

  it('puts the odd element of same padding after, as TensorFlow does', () => {
    expect(samePadding(5, 2, 1, 1)).to.deep.equal([0, 1])
    expect(samePadding(28, 5, 2, 1)).to.deep.equal([1, 2])
    expect(samePadding(6, 1, 2, 1)).to.deep.equal([0, 0])
    expect(slidingLength(28, 3, 5, 2, 1)).to.equal(14)
  })
})
