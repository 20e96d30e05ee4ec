// SPDX-License-Identifier: GPL-3.0-or-later
// Files that were given another meaning than ONNX gives them, or none: each a kind, with what stands beside it.
import { expect } from 'chai'
import { CompileError, type CompileErrorCode, evaluate, importOnnx } from '../../../../keepers/zkml/index.ts'
import { type Constant, type Model, type Node, onnxFile } from './onnx-file.ts'

const TYPES = { float: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10, double: 11 } as const

type Part = Node | Omit<Node, 'outputs'>

/** A chain over x of four numbers; the last node computes y. */
function chain(
  nodes: readonly Part[],
  constants: Record<string, Constant> = {},
  more: Partial<Model> = {},
): Uint8Array {
  return onnxFile({
    opset: 17,
    input: { name: 'x', shape: [1, 4] },
    output: 'y',
    nodes: nodes.map((node, i) => ({ outputs: [i === nodes.length - 1 ? 'y' : `t${i}`], ...node })),
    constants,
    ...more,
  })
}

const int64 = (...data: number[]): Constant => ({ shape: [data.length], data, type: 'int64' })
const number = (value: number, type: Constant['type'] = 'float'): Constant => ({ shape: [], data: [value], type })
const list = (...data: number[]): Constant => ({ shape: [data.length], data })

function refusal(file: Uint8Array): { code: CompileErrorCode; message: string } {
  try {
    importOnnx(file)
  } catch (error) {
    if (error instanceof CompileError) return error
    throw error
  }
  throw new Error('the file was imported')
}

const run = (file: Uint8Array, input: readonly number[]): number[] => Array.from(evaluate(importOnnx(file), input).data)

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
      if (Number.isNaN(to)) expect(refusal(file).message).to.contain('has no place in int8')
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

describe('ONNX files that break the rules of the format', () => {
  const relu = { op: 'Relu', inputs: ['x'] }
  const conv = (attributes: Node['attributes']): Uint8Array =>
    chain(
      [{ op: 'Conv', inputs: ['x', 'w'], attributes: attributes! }],
      { w: { shape: [1, 1, 1, 1], data: [1] } },
      {
        input: { name: 'x', shape: [1, 1, 4, 4] },
      },
    )
  const cases: [string, RegExp, Uint8Array][] = [
    [
      'an initialiser that a node computes',
      /Relu .*output w is an initialiser/,
      chain(
        [
          { ...relu, outputs: ['w'] },
          { op: 'Identity', inputs: ['w'] },
        ],
        { w: list(1) },
      ),
    ],
    [
      'a value computed twice',
      /Sigmoid .*output a is computed already/,
      chain([
        { ...relu, outputs: ['a'] },
        { op: 'Sigmoid', inputs: ['x'], outputs: ['a'] },
        { op: 'Identity', inputs: ['a'] },
      ]),
    ],
    [
      'a value read before it is computed',
      /nothing computes its input late/,
      chain([
        { op: 'Relu', inputs: ['late'] },
        { ...relu, outputs: ['late'] },
      ]),
    ],
    [
      'an attribute of another type',
      /LeakyRelu .*alpha is of INT, must be FLOAT/,
      chain([{ op: 'LeakyRelu', inputs: ['x'], attributes: { alpha: 1 } }]),
    ],
    [
      'an attribute that the operator lacks',
      /Relu .*attribute alpha is unknown/,
      chain([{ ...relu, attributes: { alpha: { float: 1 } } }]),
    ],
    ['a missing attribute', /Concat .*attribute axis is missing/, chain([{ op: 'Concat', inputs: ['x', 'x'] }])],
    ['too many inputs', /Relu .*2 inputs; 1 are needed/, chain([{ op: 'Relu', inputs: ['x', 'x'] }])],
    ['too few inputs', /Add .*1 inputs; 2 are needed/, chain([{ op: 'Add', inputs: ['x'] }])],
    ['too many outputs', /Relu .*2 outputs/, chain([{ ...relu, outputs: ['y', 'z'] }])],
    [
      'an axis outside',
      /Concat .*axis 9 is outside/,
      chain([{ op: 'Concat', inputs: ['x', 'x'], attributes: { axis: 9 } }]),
    ],
    [
      'an axis outside, from the end',
      /Flatten .*axis -9 is outside/,
      chain([{ op: 'Flatten', inputs: ['x'], attributes: { axis: -9 } }]),
    ],
    ['one stride', /Conv .*strides \[2\] where 2/, conv({ strides: [2] })],
    ['three strides', /Conv .*strides \[2,2,2\] where 2/, conv({ strides: [2, 2, 2] })],
    ['two pads', /Conv .*pads \[1,1\] where 4/, conv({ pads: [1, 1] })],
    ['negative pads', /Conv .*pads \[0,0,-1,0\]/, conv({ pads: [0, 0, -1, 0] })],
    ['one dilation', /Conv .*dilations \[2\]/, conv({ dilations: [2] })],
    ['another kernel than its weights', /Conv .*kernel_shape \[3,3\]/, conv({ kernel_shape: [3, 3] })],
    [
      'pads beside auto_pad',
      /Conv .*auto_pad SAME_UPPER beside pads/,
      conv({ auto_pad: 'SAME_UPPER', pads: [1, 1, 1, 1] }),
    ],
    [
      'a step of 0',
      /Slice .*steps \[0\] holds 0/,
      chain([{ op: 'Slice', inputs: ['x', 's', 'e', 'a', 't'] }], {
        s: int64(0),
        e: int64(3),
        a: int64(1),
        t: int64(0),
      }),
    ],
    [
      'an index outside',
      /Gather .*index 4 is outside an axis of length 4/,
      chain([{ op: 'Gather', inputs: ['x', 'i'], attributes: { axis: 1 } }], { i: int64(4) }),
    ],
    ['a dimension of 0', /input x: dimension 1 is 0/, chain([relu], {}, { input: { name: 'x', shape: [1, 0, 3] } })],
    [
      'an axis to squeeze that is longer than 1',
      /Squeeze .*axis 1 of \[1,4\] has length 4/,
      chain([{ op: 'Squeeze', inputs: ['x', 'a'] }], { a: int64(1) }),
    ],
    [
      'an output of another type than declared',
      /output y is declared as double/,
      chain([relu], {}, { outputType: 'double' }),
    ],
    [
      'a symbolic length that is no batch',
      /dimension 0 is seq, which need not be a batch/,
      chain([relu], {}, { input: { name: 'x', shape: ['seq', 4] } }),
    ],
    ['a list of symbolic length', /dimension 0 is n/, chain([relu], {}, { input: { name: 'x', shape: ['n'] } })],
  ]
  for (const [what, pattern, file] of cases)
    it(`refuses ${what}`, () => {
      expect(refusal(file).message).to.match(pattern)
    })

  it('takes the length of a symbolic dimension that is said', () => {
    const file = chain([relu], {}, { input: { name: 'x', shape: ['seq', 4] } })
    expect(importOnnx(file, { dimensions: { seq: 3 } }).input.shape).to.deep.equal([3, 4])
  })

  it('lays images out channels first, as ONNX does', () => {
    const file = chain(
      [{ op: 'Conv', inputs: ['x', 'k'] }],
      { k: { shape: [1, 3, 1, 1], data: [1, 10, 100] } },
      {
        input: { name: 'x', shape: [1, 3, 2, 2] },
      },
    )
    expect(
      run(
        file,
        Array.from({ length: 12 }, (_, i) => i + 1),
      ),
    ).to.deep.equal([951, 1062, 1173, 1284])
  })
})

describe('the size of ONNX files', () => {
  it('refuses sizes before it makes anything of them', () => {
    const huge = chain([{ op: 'Relu', inputs: ['x'] }], {}, { input: { name: 'x', shape: [1, 2 ** 40] } })
    expect(refusal(huge).message).to.match(/input x: a tensor of shape \[1099511627776\]/)
    for (const [op, shape] of [
      ['Tile', int64(2 ** 20, 2 ** 20)],
      ['Expand', int64(2 ** 30, 4)],
    ] as const)
      expect(refusal(chain([{ op, inputs: ['x', 's'] }], { s: shape })).message).to.match(/elements are supported/)
    const copies = Array.from({ length: 8 }, (_, i) => ({
      op: 'Expand',
      inputs: ['x', 's'],
      outputs: [`e${i}`],
    }))
    const sum = { op: 'Sum', inputs: copies.map(({ outputs }) => outputs[0]!) }
    expect(refusal(chain([...copies, sum], { s: int64(2 ** 24, 4) })).message).to.match(
      /moves more than 268435456 elements/,
    )
    const range = chain(
      [
        { op: 'Range', inputs: ['a', 'b', 'c'] },
        { op: 'Gather', inputs: ['x', 't0'] },
      ],
      {
        a: number(0, 'int64'),
        b: number(2 ** 50, 'int64'),
        c: number(1, 'int64'),
      },
    )
    expect(refusal(range).message).to.match(/elements are supported/)
  })

  for (const op of ['Add', 'Relu', 'Transpose', 'Mul', 'Max', 'Identity', 'Reshape', 'Concat'])
    it(`reads 10,000 nodes of ${op} in a chain in a second`, function () {
      this.timeout(60_000)
      const count = 10_000
      const inputs = (i: number): string[] => {
        const before = i === 0 ? 'x' : `t${i - 1}`
        if (op === 'Reshape') return [before, 's']
        return ['Add', 'Mul', 'Max'].includes(op) ? [before, 'c'] : [before]
      }
      const attributes = op === 'Concat' ? { axis: 1 } : {}
      const nodes = Array.from({ length: count }, (_, i) => ({ op, inputs: inputs(i), attributes }))
      const file = chain(nodes, { c: list(1, 1, 1, 1), s: int64(1, 4) })
      const start = process.cpuUsage()
      const graph = importOnnx(file)
      const { user, system } = process.cpuUsage(start)
      expect(graph.nodes.length).to.be.greaterThan(-1)
      // A second on an idle machine. Of the processor, as others may be at work; what is not linear takes minutes.
      expect((user + system) / 1e6).to.be.lessThan(3)
      if (op === 'Add') expect(evaluate(graph, [1, 2, 3, 4]).data[3]).to.equal(4 + count)
    })
})
