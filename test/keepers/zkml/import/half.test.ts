// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers of 16 bits: constants are rounded as the file says, what is computed is not, and a note says so.
import { expect } from 'chai'
import { evaluate, importOnnx } from '../../../../keepers/zkml/index.ts'
import { onnxFile } from './onnx-file.ts'

const NOTE = /numbers of (b?float16) are computed in wider ones: .* one part in (\d+)/

function chain(type: 'float' | 'float16' | 'bfloat16') {
  return importOnnx(
    onnxFile({
      opset: 13,
      input: { name: 'x', shape: [1, 2], type },
      output: 'y',
      nodes: [
        { op: 'Mul', inputs: ['x', 'c'], outputs: ['a'] },
        { op: 'Tanh', inputs: ['a'], outputs: ['y'] },
      ],
      constants: { c: { shape: [1], data: [0.1], type } },
    }),
  )
}

describe('ONNX files of 16-bit numbers', () => {
  it('are computed in wider numbers with constants of their own width, and say so', () => {
    for (const [type, constant, part] of [
      ['float16', 0.0999755859375, '2048'],
      ['bfloat16', 0.10009765625, '256'],
    ] as const) {
      const graph = chain(type)
      const [, named, steps] = NOTE.exec(graph.notes.join('\n'))!
      expect([named, steps]).to.deep.equal([type, part])
      const found = evaluate(graph, [1, -3]).data
      expect(found[0]).to.be.closeTo(Math.tanh(constant), 1e-12)
      expect(found[1]).to.be.closeTo(Math.tanh(-3 * constant), 1e-12)
    }
    expect(chain('float').notes.join('\n')).not.to.match(NOTE)
  })
})
