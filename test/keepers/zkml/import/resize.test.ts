// SPDX-License-Identifier: GPL-3.0-or-later
// Resize, over lengths, scales and modes: what onnxruntime computes, or a refusal where the last bits of a float32 decide.
import { expect } from 'chai'
import * as ort from 'onnxruntime-web'
import { CompileError, evaluate, importOnnx } from '../../../../keepers/zkml/index.ts'
import { onnxFile } from './onnx-file.ts'

const COORDINATES = ['half_pixel_symmetric', 'half_pixel', 'asymmetric', 'align_corners', 'pytorch_half_pixel']
const NEAREST = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil']
const SCALES = [0.3, 0.5, 0.6, 0.7, 0.75, 1, 1.25, 1.7, 2, 3]

function file(from: number, scale: number, attributes: Record<string, string>): Uint8Array {
  return onnxFile({
    opset: 19,
    input: { name: 'x', shape: [1, 1, 1, from] },
    output: 'y',
    nodes: [{ op: 'Resize', inputs: ['x', '', 's'], outputs: ['y'], attributes }],
    constants: { s: { shape: [4], data: [1, 1, 1, scale] } },
  })
}

describe('Resize of ONNX', function () {
  this.timeout(120_000)

  for (const coordinates of COORDINATES)
    it(`${coordinates} is onnxruntime’s at every length and scale that is taken`, async () => {
      ort.env.wasm.numThreads = 1
      const counts = { equal: 0, refused: 0 }
      for (const nearest of [...NEAREST, null])
        for (let from = 1; from <= 12; from += nearest === null ? 1 : 2)
          for (const scale of SCALES) {
            const kind: Record<string, string> =
              nearest === null ? { mode: 'linear' } : { mode: 'nearest', nearest_mode: nearest }
            const bytes = file(from, scale, { ...kind, coordinate_transformation_mode: coordinates })
            const input = Array.from({ length: from }, (_, i) => i * 1.5 + i * i * 0.125)
            let found: number[]
            try {
              found = Array.from(evaluate(importOnnx(bytes), input).data)
            } catch (error) {
              expect(error).to.be.instanceOf(CompileError)
              counts.refused++
              continue
            }
            const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4 })
            const results = await session.run({
              x: new ort.Tensor('float32', Float32Array.from(input), [1, 1, 1, from]),
            })
            const expected = Array.from(results.y!.data as Float32Array, Number)
            await session.release()
            expect(found).to.have.length(expected.length)
            for (const [k, value] of expected.entries())
              expect(found[k], `${nearest} of ${from} by ${scale}`).to.be.closeTo(value, 1e-3)
            counts.equal++
          }
      // Corners that are aligned want whole lengths.
      expect(counts.equal).to.be.greaterThan(100)
    })

  it('names the output that falls between two elements, and a scale that keeps the shape', () => {
    const refused = (bytes: Uint8Array, message: RegExp) =>
      expect(() => importOnnx(bytes)).to.throw(CompileError, message)
    const symmetric = { mode: 'nearest', coordinate_transformation_mode: 'half_pixel_symmetric' }
    refused(file(7, 0.6, symmetric), /output 0 of 4 lies between elements 0 and 1 to the last bits/)
    refused(file(3, 1.25, { mode: 'linear' }), /scales by 1, 1, 1, 1.25 to the very shape/)
    // An exact tie is one in every runtime.
    expect(importOnnx(file(4, 2, { mode: 'nearest', coordinate_transformation_mode: 'asymmetric' })).output).to.be.a(
      'string',
    )
  })
})
