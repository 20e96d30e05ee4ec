// SPDX-License-Identifier: GPL-3.0-or-later
// Files that were given another meaning than ONNX gives them, or none: each a kind, with what stands beside it.
import { expect } from 'chai'
import { importOnnx } from '../../../../keepers/zkml/index.ts'
import { chain, int64, list, number, type Part, refusal, run } from './case.ts'
import type { Constant, Node } from './onnx-file.ts'

describe('operators of several operands', () => {
  const x = [-1, 0.5, -1, 0.2]
  const operands = { a: number(-5), b: number(0.5), c: list(0, 1, -2, 0.25) }
  const expected: Readonly<Record<string, (values: number[]) => number>> = {
    Max: (values) => Math.max(...values),
    Min: (values) => Math.min(...values),
    Sum: (values) => values.reduce((a, b) => a + b, 0),
    Mean: (values) => values.reduce((a, b) => a + b, 0) / values.length,
  }
  for (const [op, reference] of Object.entries(expected))
    it(`${op} takes all of them, constants before, between and after`, () => {
      for (const inputs of [
        ['x'],
        ['x', 'a', 'b'],
        ['a', 'x', 'b'],
        ['a', 'b', 'x'],
        ['a', 'c', 'x'],
        ['x', 'c', 'x', 'b'],
        ['r', 'x', 'c'],
        ['x', 'x', 'x', 'a', 'b', 'c'],
      ]) {
        const file = chain(
          [
            { op: 'Relu', inputs: ['x'], outputs: ['r'] },
            { op, inputs },
          ],
          operands,
        )
        const values = (i: number): number[] =>
          inputs.map((name) => {
            if (name === 'x') return x[i]!
            if (name === 'r') return Math.max(0, x[i]!)
            const { data } = operands[name as keyof typeof operands]
            return data[i % data.length]!
          })
        const found = run(file, x)
        for (const [i, value] of found.entries())
          expect(value, `${op}(${inputs})`).to.be.closeTo(reference(values(i)), 1e-6)
      }
    })

  it('joins what is left when a piece is empty', () => {
    const file = chain(
      [
        { op: 'Concat', inputs: ['e', 't'], attributes: { axis: 0 } },
        { op: 'Expand', inputs: ['x', 't0'] },
      ],
      { e: int64(), t: int64(2, 4) },
    )
    expect(run(file, [1, 2, 3, 4])).to.deep.equal([1, 2, 3, 4, 1, 2, 3, 4])
    const value = chain([{ op: 'Concat', inputs: ['e', 'x', 'e'], attributes: { axis: 1 } }], {
      e: { shape: [1, 0], data: [] },
    })
    expect(run(value, [1, 2, 3, 4])).to.deep.equal([1, 2, 3, 4])
  })

  it('multiplies with the constant on either side, and two computed matrices', () => {
    const input = { name: 'x', shape: [4, 1] }
    const w: Constant = { shape: [2, 4], data: [1, 2, 3, 4, 5, 6, 7, 8] }
    expect(run(chain([{ op: 'MatMul', inputs: ['w', 'x'] }], { w }, { input }), [1, 0, 0, 1])).to.deep.equal([5, 13])
    const left = chain([{ op: 'MatMul', inputs: ['w', 'x'] }], { w: list(1, 2, 3, 4) }, { input })
    expect(run(left, [1, 1, 0, 0])).to.deep.equal([3])
    expect(importOnnx(left).shapes.get(importOnnx(left).output)).to.deep.equal([1])
    const outer = chain(
      [
        { op: 'Transpose', inputs: ['x'] },
        { op: 'MatMul', inputs: ['x', 't0'] },
      ],
      {},
      { input },
    )
    expect(run(outer, [1, 2, 0, 3])).to.deep.equal([1, 2, 0, 3, 2, 4, 0, 6, 0, 0, 0, 0, 3, 6, 0, 9])
    const wrong = chain([{ op: 'MatMul', inputs: ['w', 'x'] }], { w })
    expect(refusal(wrong).message).to.match(/MatMul .*\[2,4\] and \[1,4\] do not multiply/)
  })
})

describe('pools at their edges', () => {
  const image = { name: 'x', shape: [1, 1, 2, 2] } as const
  const pool = (op: string, attributes: Node['attributes'], opset = 17): Uint8Array =>
    chain([{ op, inputs: ['x'], attributes: attributes! }], {}, { input: image, opset })

  it('leaves out a last window that would start in the padding, counted or not', () => {
    for (const count_include_pad of [0, 1]) {
      const attributes = { ceil_mode: 1, count_include_pad, kernel_shape: [2, 2], pads: [1, 1, 1, 1], strides: [3, 3] }
      const graph = importOnnx(pool('AveragePool', attributes))
      expect(graph.shapes.get(graph.output)).to.deep.equal([1, 1, 1, 1])
      expect(run(pool('AveragePool', attributes), [4, 1, 1, 1])).to.deep.equal([count_include_pad === 1 ? 1 : 4])
    }
  })

  it('refuses windows of nothing but padding', () => {
    const attributes = { kernel_shape: [1, 1], pads: [1, 1, 1, 1] }
    for (const op of ['AveragePool', 'MaxPool'])
      expect(refusal(pool(op, attributes)).message).to.match(new RegExp(`${op}.*pads 1 and 1`))
  })

  it('refuses training, wherever it is said', () => {
    const drop = chain([{ op: 'Dropout', inputs: ['x', 'r', 't'] }], { r: number(0.5), t: number(1, 'bool') })
    expect(refusal(drop).message).to.match(/Dropout .*training_mode is true/)
    const kept = chain([{ op: 'Dropout', inputs: ['x', 'r', 't'] }], { r: number(0.5), t: number(0, 'bool') })
    expect(run(kept, [1, 2, 3, 4])).to.deep.equal([1, 2, 3, 4])
    const statistics = Object.fromEntries(['g', 'b', 'm', 'v'].map((name) => [name, list(1, 1, 1, 1)]))
    const inputs = ['x', 'g', 'b', 'm', 'v']
    for (const node of [
      { op: 'BatchNormalization', inputs, attributes: { training_mode: 1 }, outputs: ['y', 'mean', 'var'] },
      { op: 'BatchNormalization', inputs, outputs: ['y', 'mean', 'var'] },
    ])
      expect(refusal(chain([node], statistics)).message).to.match(/BatchNormalization .*training mode/)
    const short = chain([{ op: 'BatchNormalization', inputs }], { ...statistics, v: list(1, 1, 1) })
    expect(refusal(short).message).to.match(/its var has shape \[3\] where \[4\] is needed/)
  })
})

describe('numbers that are none', () => {
  const cases: [string, Part, Record<string, Constant>][] = [
    ['pads with NaN', { op: 'Pad', inputs: ['x', 'p', 'v'] }, { p: int64(0, 1, 0, 1), v: number(Number.NaN) }],
    [
      'pads with ∞',
      { op: 'Pad', inputs: ['x', 'p', 'v'] },
      { p: int64(0, 1, 0, 1), v: number(Number.POSITIVE_INFINITY) },
    ],
    ['leaks by NaN', { op: 'LeakyRelu', inputs: ['x'], attributes: { alpha: { float: Number.NaN } } }, {}],
    ['adds NaN', { op: 'Add', inputs: ['x', 'c'] }, { c: list(0, Number.NaN, 0, 0) }],
    ['multiplies by ∞', { op: 'Mul', inputs: ['c', 'x'] }, { c: number(Number.NEGATIVE_INFINITY) }],
    ['divides by 0', { op: 'Div', inputs: ['x', 'c'] }, { c: list(1, 0, 1, 1) }],
    ['limits by NaN', { op: 'Max', inputs: ['x', 'c'] }, { c: number(Number.NaN) }],
    ['clips by NaN', { op: 'Clip', inputs: ['x', 'c'] }, { c: number(Number.NaN) }],
    [
      'joins NaN',
      { op: 'Concat', inputs: ['x', 'c'], attributes: { axis: 1 } },
      { c: { shape: [1, 1], data: [Number.NaN] } },
    ],
    [
      'normalises by a negative variance',
      { op: 'BatchNormalization', inputs: ['x', 'g', 'g', 'g', 'v'] },
      { g: list(1, 1, 1, 1), v: list(1, 1, -1, 1) },
    ],
    [
      'scales by ∞',
      { op: 'Gemm', inputs: ['x', 'w'], attributes: { alpha: { float: Number.POSITIVE_INFINITY } } },
      { w: { shape: [4, 1], data: [1, 1, 1, 1] } },
    ],
  ]
  for (const [what, node, constants] of cases)
    it(`refuses by name a node that ${what}`, () => {
      const { code, message } = refusal(chain([{ ...node, name: 'culprit' }], constants))
      expect(message).to.contain('culprit')
      expect(code).to.equal('not-finite')
    })

  it('takes an infinite limit for none', () => {
    const file = chain([{ op: 'Min', inputs: ['x', 'c'] }], { c: number(Number.POSITIVE_INFINITY) })
    expect(run(file, [-1, 2, 3, 4])).to.deep.equal([-1, 2, 3, 4])
  })
})
