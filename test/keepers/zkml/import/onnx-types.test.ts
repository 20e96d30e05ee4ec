// SPDX-License-Identifier: GPL-3.0-or-later
// Element types of ONNX files: each was given another meaning than ONNX gives it, or none.
import { expect } from 'chai'
import { CompileError } from '../../../../keepers/zkml/index.ts'
import { chain, int64, list, number, type Part, refusal, run } from './case.ts'
import type { Constant, Node } from './onnx-file.ts'

const TYPES = { float: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10, double: 11 } as const

describe('types of ONNX tensors', () => {
  for (const [type, code] of Object.entries(TYPES).filter(([name]) => !['float', 'double', 'float16'].includes(name)))
    it(`refuses to cast the input to ${type}, wherever the cast hides`, () => {
      const back: Part = { op: 'Cast', inputs: ['c'], attributes: { to: 1 } }
      const cast: Node = { op: 'Cast', inputs: ['m'], outputs: ['c'], attributes: { to: code }, name: 'hidden' }
      const moves: [Node, Record<string, Constant>][] = [
        [{ op: 'Identity', inputs: ['x'], outputs: ['m'] }, {}],
        [{ op: 'Reshape', inputs: ['x', 's'], outputs: ['m'] }, { s: int64(2, 2) }],
        [{ op: 'Transpose', inputs: ['x'], outputs: ['m'] }, {}],
        [
          { op: 'Slice', inputs: ['x', 's', 'e', 'a'], outputs: ['m'] },
          { s: int64(1), e: int64(3), a: int64(1) },
        ],
        [{ op: 'Relu', inputs: ['x'], outputs: ['m'] }, {}],
      ]
      for (const [move, constants] of moves) {
        const { message } = refusal(chain([move, cast, back], constants))
        expect(message, move.op).to.match(/Cast hidden.*rounding inside the network/)
        // Also where the cast is the last thing.
        expect(refusal(chain([move, { ...cast, outputs: ['y'] }], constants)).message).to.contain('Cast hidden')
      }
      const softmax: Node = { op: 'Softmax', inputs: ['x'], outputs: ['m'] }
      expect(refusal(chain([softmax, { ...cast, outputs: ['y'] }])).message).to.match(/Softmax|rounding inside/)
    })

  it('lets a cast of the input be the index of a table, of whole numbers only', () => {
    const file = chain(
      [
        { op: 'Cast', inputs: ['x'], attributes: { to: TYPES.int64 } },
        { op: 'Gather', inputs: ['w', 't0'] },
      ],
      { w: { shape: [3, 1], data: [10, 20, 30] } },
    )
    expect(run(file, [2, 0, 1, 1])).to.deep.equal([30, 10, 20, 20])
    expect(() => run(file, [1.5, 0, 0, 0])).to.throw(CompileError, /1.5 is not a whole number/)
  })

  it('refuses fractions at an input of an integer type, and arithmetic on it', () => {
    const input = { name: 'x', shape: [1, 4], type: 'int64' } as const
    const toFloat = chain([{ op: 'Cast', inputs: ['x'], attributes: { to: 1 } }], {}, { input })
    expect(run(toFloat, [1, 2, 3, -4])).to.deep.equal([1, 2, 3, -4])
    expect(() => run(toFloat, [1, 2.5, 3, 4])).to.throw(CompileError, /whole numbers, found 2.5/)
    for (const [op, inputs] of [
      ['Add', ['x', 'c']],
      ['Div', ['x', 'c']],
      ['Mul', ['x', 'x']],
    ] as const)
      expect(refusal(chain([{ op, inputs }], { c: int64(1, 2, 3, 4) }, { input })).message).to.match(
        new RegExp(`${op} .*int64, which would wrap and truncate`),
      )
  })

  const casts: [number, keyof typeof TYPES, number][] = [
    [1.9, 'int64', 1],
    [-1.9, 'int64', -1],
    [-0.5, 'int32', 0],
    [0.5, 'bool', 1],
    [-2, 'bool', 1],
    [200, 'int8', Number.NaN],
  ]
  for (const [from, type, to] of casts)
    it(`casts the constant ${from} to ${type}: ${Number.isNaN(to) ? 'refused' : to}`, () => {
      const file = chain(
        [
          { op: 'Cast', inputs: ['k'], attributes: { to: TYPES[type] } },
          { op: 'Cast', inputs: ['t0'], attributes: { to: 1 } },
          { op: 'Mul', inputs: ['x', 't1'] },
        ],
        { k: number(from) },
      )
      if (Number.isNaN(to)) expect(refusal(file).message).to.contain('does not fit int8')
      else expect(run(file, [1, 2, 3, 4])).to.deep.equal([1, 2, 3, 4].map((x) => x * to + 0))
    })

  it('wraps, divides towards zero and takes remainders as the type demands', () => {
    const cases: [string, number, number, Constant['type'], number][] = [
      ['Add', 120, 10, 'int8', -126],
      ['Sub', 3, 5, 'uint8', 254],
      ['Mul', 2 ** 20, 2 ** 20, 'int32', 0],
      ['Mul', 2 ** 33, 3, 'int64', 3 * 2 ** 33],
      ['Div', 7, 2, 'int64', 3],
      ['Div', -7, 2, 'int64', -3],
      ['Div', -7, -2, 'int32', 3],
      ['Mod', -7, 3, 'int64', 2],
      ['Mod', 7, -3, 'int64', -2],
    ]
    for (const [op, a, b, type, expected] of cases) {
      const file = chain(
        [
          { op, inputs: ['a', 'b'] },
          { op: 'Cast', inputs: ['t0'], attributes: { to: TYPES.float } },
          { op: 'Mul', inputs: ['x', 't1'] },
        ],
        { a: number(a, type), b: number(b, type) },
      )
      expect(run(file, [1, 0, 0, 0])[0], `${op}(${a}, ${b})`).to.equal(expected)
    }
    const zero = chain(
      [
        { op: 'Div', inputs: ['a', 'a'], name: 'quotient' },
        { op: 'Mul', inputs: ['x', 't0'] },
      ],
      {
        a: number(0, 'int64'),
      },
    )
    expect(refusal(zero).message).to.match(/Div quotient: it divides by zero/)
  })

  it('divides in folded shapes towards zero: x[:, : shape[1] // 2]', () => {
    const half = (op: string, divisor: number): Uint8Array =>
      chain(
        [
          { op: 'Shape', inputs: ['x'] },
          { op: 'Gather', inputs: ['t0', 'one'] },
          { op, inputs: ['t1', 'by'] },
          { op: 'Unsqueeze', inputs: ['t2', 'zero'] },
          { op: 'Slice', inputs: ['x', 'zero', 't3', 'axis'] },
        ],
        { one: number(1, 'int64'), by: number(divisor, 'int64'), zero: int64(0), axis: int64(1) },
        { input: { name: 'x', shape: [1, 5] } },
      )
    expect(run(half('Div', 2), [1, 2, 3, 4, 5])).to.deep.equal([1, 2])
    expect(run(half('Mod', 3), [1, 2, 3, 4, 5])).to.deep.equal([1, 2])
  })

  it('rounds folded floating-point numbers to their width', () => {
    const file = chain(
      [
        { op: 'Mul', inputs: ['a', 'b'] },
        { op: 'Floor', inputs: ['t0'] },
        { op: 'Mul', inputs: ['x', 't1'] },
      ],
      // 0.1f · 10f is 1 exactly in float32, and 1.0000000149 in double.
      { a: number(0.1), b: number(10) },
    )
    expect(run(file, [1, 2, 3, 4])).to.deep.equal([1, 2, 3, 4])
  })

  it('refuses operands of types that the operator does not take, or that differ', () => {
    const float = chain([{ op: 'Slice', inputs: ['x', 's', 'e', 'a'] }], { s: list(0.5), e: list(2.5), a: list(1) })
    expect(refusal(float).message).to.match(/Slice .*input 1 \(s\) is float; .* takes int32, int64/)
    const mixed = chain([{ op: 'Add', inputs: ['x', 'c'] }], { c: number(1, 'double') })
    expect(refusal(mixed).message).to.match(/Add .*input 1 \(c\) is double where the others are float/)
  })
})
