// SPDX-License-Identifier: GPL-3.0-or-later

import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import {
  CompileError,
  type CompileErrorCode,
  evaluate,
  importOnnx,
  onnxOperators,
} from '../../../../keepers/zkml/index.ts'
import { type Model, type Node, onnxFile } from './onnx-file.ts'

const IMAGE = { name: 'x', shape: ['batch', 1, 4, 4] } as const

/** A model of one node over a 4 × 4 image. */
function single(node: Omit<Node, 'outputs'>, more: Partial<Model> = {}): Uint8Array {
  return onnxFile({ opset: 13, input: IMAGE, output: 'y', nodes: [{ ...node, outputs: ['y'] }], ...more })
}

function refused(file: Uint8Array): { code: CompileErrorCode; message: string } {
  try {
    importOnnx(file)
  } catch (error) {
    if (error instanceof CompileError) return error
    throw error
  }
  throw new Error('the file was imported')
}

describe('ONNX import', () => {
  it('reads raw and typed data, attributes as tensors, and a symbolic batch', () => {
    const build = (typed: boolean) =>
      onnxFile({
        opset: 13,
        input: { name: 'x', shape: ['n', 3] },
        output: 'y',
        constants: { w: { shape: [3, 2], data: [1, 2, 3, 4, 5, 6], typed } },
        nodes: [
          {
            op: 'Constant',
            inputs: [],
            outputs: ['b'],
            attributes: { value: { tensor: { shape: [2], data: [0.5, -1], type: 'double', typed } } },
          },
          { op: 'Cast', inputs: ['b'], outputs: ['f'], attributes: { to: 1 } },
          {
            op: 'Gemm',
            inputs: ['x', 'w', 'f'],
            outputs: ['y'],
            attributes: { alpha: { float: 2 }, beta: { float: 3 } },
          },
        ],
      })
    for (const typed of [false, true]) {
      const graph = importOnnx(build(typed))
      expect(graph.input.shape).to.deep.equal([3])
      expect(Array.from(evaluate(graph, [1, 10, 100]).data)).to.deep.equal([2 * 531 + 1.5, 2 * 642 - 3])
    }
  })

  it('follows shape arithmetic on constants, as exporters write it for x.view(x.size(0), -1)', () => {
    const file = onnxFile({
      opset: 13,
      input: IMAGE,
      output: 'y',
      constants: {
        zero: { shape: [], data: [0], type: 'int64' },
        rest: { shape: [1], data: [-1], type: 'int64', typed: true },
        axes: { shape: [1], data: [0], type: 'int64' },
      },
      nodes: [
        { op: 'Shape', inputs: ['x'], outputs: ['shape'] },
        { op: 'Gather', inputs: ['shape', 'zero'], outputs: ['n'] },
        { op: 'Unsqueeze', inputs: ['n', 'axes'], outputs: ['n1'] },
        { op: 'Concat', inputs: ['n1', 'rest'], outputs: ['target'], attributes: { axis: 0 } },
        { op: 'Reshape', inputs: ['x', 'target'], outputs: ['y'] },
      ],
    })
    expect(importOnnx(file).shapes.get(importOnnx(file).output)).to.deep.equal([1, 16])
  })

  it('slices backwards and with ends beyond the axis as ONNX does', () => {
    const list = (data: number[]) => ({ shape: [data.length], data, type: 'int64' as const })
    const file = single(
      { op: 'Slice', inputs: ['x', 'starts', 'ends', 'axes', 'steps'] },
      { constants: { starts: list([3, -3]), ends: list([-100, 2 ** 31]), axes: list([2, 3]), steps: list([-2, 1]) } },
    )
    const input = Array.from({ length: 16 }, (_, i) => i)
    expect(Array.from(evaluate(importOnnx(file), input).data)).to.deep.equal([13, 14, 15, 5, 6, 7])
  })

  it('names every unknown operator at once', () => {
    const nodes = ['DFT', 'Relu', 'STFT'].map((op, i) => ({ op, inputs: ['x'], outputs: [`y${i}`] }))
    const { code, message } = refused(onnxFile({ opset: 13, input: IMAGE, output: 'y2', nodes }))
    expect(code).to.equal('unsupported-operator')
    expect(message).to.contain('DFT, STFT')
    expect(refused(single({ op: 'Relu', domain: 'com.example', inputs: ['x'] })).message).to.contain('com.example.Relu')
  })

  it('drops a Softmax at the end and only there', () => {
    const dense = { op: 'Flatten', inputs: ['x'], outputs: ['flat'] }
    const softmax = { op: 'Softmax', inputs: ['flat'], outputs: ['p'], attributes: { axis: 1 } }
    const graph = importOnnx(onnxFile({ opset: 13, input: IMAGE, output: 'p', nodes: [dense, softmax] }))
    expect(graph.notes.join()).to.contain('Softmax was dropped')
    const used = onnxFile({
      opset: 13,
      input: IMAGE,
      output: 'y',
      nodes: [dense, softmax, { op: 'Relu', inputs: ['p'], outputs: ['y'] }],
    })
    const computed = importOnnx(used)
    expect([computed.dropped, computed.notes.join()]).to.deep.equal([undefined, ''])
    expect(evaluate(computed, new Array(16).fill(0.5)).data[3]).to.be.closeTo(1 / 16, 1e-12)
    const ranked = onnxFile({
      opset: 13,
      input: IMAGE,
      output: 'y',
      nodes: [dense, softmax, { op: 'ArgMax', inputs: ['p'], outputs: ['y'], attributes: { axis: 1 } }],
    })
    expect(importOnnx(ranked).nodes.at(-1)!.op).to.equal('argmax')
  })

  const cases: [string, CompileErrorCode, RegExp, Uint8Array][] = [
    [
      'a dimension other than the batch is symbolic',
      'dynamic-shape',
      /dimension 2 is height/,
      single({ op: 'Relu', inputs: ['x'] }, { input: { name: 'x', shape: [1, 1, 'height', 4] } }),
    ],
    [
      'the batch is fixed above 1 and a convolution follows',
      'dynamic-shape',
      /batch is fixed at 8/,
      single({ op: 'GlobalMaxPool', inputs: ['x'] }, { input: { name: 'x', shape: [8, 1, 4, 4] } }),
    ],
    [
      'a weight is NaN',
      'not-finite',
      /NaN at position 1/,
      single(
        { op: 'MatMul', inputs: ['x', 'w'] },
        { constants: { w: { shape: [4, 1], data: [0, Number.NaN, 0, 0] } } },
      ),
    ],
    [
      'a weight is infinite',
      'not-finite',
      /Infinity/,
      single(
        { op: 'Conv', inputs: ['x', 'w'] },
        { constants: { w: { shape: [1, 1, 1, 1], data: [Number.POSITIVE_INFINITY] } } },
      ),
    ],
    [
      'weights do not fit',
      'shape-mismatch',
      /do not multiply/,
      single({ op: 'MatMul', inputs: ['x', 'w'] }, { constants: { w: { shape: [3, 1], data: [0, 0, 0] } } }),
    ],
    [
      'weights of a convolution are computed',
      'unsupported-attribute',
      /weights must be a constant/,
      single({ op: 'Conv', inputs: ['x', 'x'] }),
    ],
    [
      'padding wraps',
      'unsupported-attribute',
      /mode wrap/,
      single(
        { op: 'Pad', inputs: ['x', 'p'], attributes: { mode: 'wrap' } },
        { opset: 19, constants: { p: { shape: [8], data: [0, 0, 1, 0, 0, 0, 0, 0], type: 'int64' } } },
      ),
    ],
    [
      'an input comes from nowhere',
      'missing-part',
      /nothing computes its input z/,
      single({ op: 'Relu', inputs: ['z'] }),
    ],
    [
      'the opset is older than 7',
      'unsupported-operator',
      /opset 6/,
      single({ op: 'Relu', inputs: ['x'] }, { opset: 6 }),
    ],
    [
      'a convolution has groups that do not divide',
      'shape-mismatch',
      /groups/,
      single(
        { op: 'Conv', inputs: ['x', 'w'], attributes: { group: 2 } },
        { constants: { w: { shape: [3, 1, 1, 1], data: [1, 1, 1] } } },
      ),
    ],
    [
      'a stride is 0',
      'shape-mismatch',
      /strides 0/,
      single({ op: 'MaxPool', inputs: ['x'], attributes: { kernel_shape: [2, 2], strides: [0, 1] } }),
    ],
    [
      'a window is larger than the image',
      'shape-mismatch',
      /dimension must be at least 1/,
      single({ op: 'MaxPool', inputs: ['x'], attributes: { kernel_shape: [5, 5] } }),
    ],
    [
      'rounding would happen inside',
      'unsupported-attribute',
      /rounding inside/,
      onnxFile({
        opset: 13,
        input: IMAGE,
        output: 'y',
        nodes: [
          { op: 'Tanh', inputs: ['x'], outputs: ['t'] },
          { op: 'Cast', inputs: ['t'], outputs: ['y'], attributes: { to: 7 } },
        ],
      }),
    ],
  ]
  for (const [what, code, pattern, file] of cases)
    it(`refuses a file where ${what}`, () => {
      const error = refused(file)
      expect(error.code).to.equal(code)
      expect(error.message).to.match(pattern)
    })

  it('refuses every truncation and survives every flipped byte of a real file', () => {
    const file = readFileSync(new URL('./fixtures/torch-sequence-opset9.onnx', import.meta.url))
    for (let length = 0; length < file.length; length++) {
      // Cut between two top-level fields, a file is still whole protobuf; then the opset or the graph is missing.
      expect(() => importOnnx(file.subarray(0, length)), `length ${length}`).to.throw(CompileError)
    }
    let refusals = 0
    for (let at = 0; at < file.length; at++) {
      const bytes = Uint8Array.from(file)
      bytes[at]! ^= 0xff
      try {
        importOnnx(bytes)
      } catch (error) {
        expect(error, `byte ${at}`).to.be.instanceOf(CompileError)
        refusals++
      }
    }
    // Most bytes are weights, which may be anything finite.
    expect(refusals).to.be.greaterThan(50)
  })

  it('refuses what would need more memory than any model, before it takes it', () => {
    const giant = (op: string, shape: number[]) =>
      onnxFile({
        opset: 13,
        input: IMAGE,
        output: 'y',
        constants: { shape: { shape: [shape.length], data: shape, type: 'int64' } },
        nodes:
          op === 'ConstantOfShape'
            ? [
                { op, inputs: ['shape'], outputs: ['c'] },
                { op: 'Add', inputs: ['x', 'c'], outputs: ['y'] },
              ]
            : [{ op, inputs: ['x', 'shape'], outputs: ['y'] }],
      })
    for (const [op, shape] of [
      ['ConstantOfShape', [1 << 20, 1 << 20]],
      ['Expand', [1 << 15, 1 << 15, 4, 4]],
      ['Pad', [0, 0, 0, 0, 0, 0, 1 << 20, 1 << 20]],
    ] as const) {
      const { code, message } = refused(giant(op, [...shape]))
      expect([code, op]).to.deep.equal(['shape-mismatch', op])
      expect(message).to.match(/elements are supported/)
    }
  })

  it('refuses bytes that are no ONNX file', () => {
    for (const bytes of [new Uint8Array(0), new TextEncoder().encode('not a model'), new Uint8Array(100).fill(255)])
      expect(() => importOnnx(bytes)).to.throw(CompileError)
  })

  it('lists its operators', () => {
    expect(onnxOperators()).to.include.members(['Conv', 'Gemm', 'Softmax', 'Gather', 'ArgMax', 'HardSigmoid'])
  })
})
