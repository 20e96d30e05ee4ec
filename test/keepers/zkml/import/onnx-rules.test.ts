// SPDX-License-Identifier: GPL-3.0-or-later
// Files that break the rules of the format, and files of a size that none should have.
import { expect } from 'chai'
import { evaluate, importOnnx } from '../../../../keepers/zkml/index.ts'
import { chain, int64, list, number, refusal, run } from './case.ts'
import type { Node } from './onnx-file.ts'

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
      /Conv .*auto_pad SAME_UPPER together with pads/,
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
    const copied = chain([...copies, sum], { s: int64(100, 4) })
    // Eight copies, and what goes before them.
    expect(() => importOnnx(copied, { mostMoved: 8 * 400 + 4 })).not.to.throw()
    expect(() => importOnnx(copied, { mostMoved: 8 * 400 - 1 })).to.throw(/Expand_7: .*moves more than 3199 elements/)
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

  it('bounds what all constants of a file have together, however small the file and each of them are', () => {
    const bytes = 1000
    const made = Array.from({ length: 9 }, (_, i) => ({ op: 'ConstantOfShape', inputs: ['s'], outputs: [`c${i}`] }))
    const used = { op: 'Sum', inputs: ['x', ...made.map(({ outputs }) => outputs[0]!)] }
    const file = chain([...made, used], { s: int64(100, 4) })
    expect(file.length).to.be.lessThan(bytes)
    const importing = (each: Uint8Array, mostElements: number) => () => importOnnx(each, { mostElements })
    // Without the bound on all of them, this is what such a file gets.
    expect(importing(file, 2 + 9 * 400)).not.to.throw()
    expect(importing(file, 2 + 8 * 400)).to.throw(
      /ConstantOfShape.*: with its 400 elements the file's constants, and those folded from them, have 3602 in all; up to 3202/,
    )
    const weights = { w: { shape: [400], data: new Array<number>(400).fill(1) } }
    expect(importing(chain([{ op: 'Relu', inputs: ['x'] }], weights), 399)).to.throw(/constant w: with its 400/)
    // The same numbers under many names are there once.
    const names = Array.from({ length: 9 }, (_, i) => ({
      op: 'Identity',
      inputs: [i === 0 ? 'w' : `n${i - 1}`],
      outputs: [`n${i}`],
    }))
    const sum = { op: 'ReduceSum', inputs: ['n8'], outputs: ['one'], attributes: { keepdims: 0 } }
    const chained = chain([...names, sum, { op: 'Add', inputs: ['x', 'one'] }], weights)
    expect(importing(chained, 401)).not.to.throw()
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
