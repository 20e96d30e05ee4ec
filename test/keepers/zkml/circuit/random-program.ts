// SPDX-License-Identifier: GPL-3.0-or-later
// Programs of random networks, from an ONNX file on.
import { expect } from 'chai'
import type { CompileError } from '../../../../keepers/zkml/graph/errors.ts'
import { calibrate, type IntegerProgram, importOnnx, type Mode } from '../../../../keepers/zkml/index.ts'
import { onnxFile } from '../import/onnx-file.ts'
import { randomOnnx } from '../import/random-onnx.ts'
import { Random } from '../random.ts'

/** The program of a random network at few bits, or null when its bounds pass what an interpreter can hold. */
export function randomProgram(seed: number, mode: Mode): IntegerProgram | null {
  const random = new Random(seed)
  const model = randomOnnx(random)
  const size = model.input.shape.reduce<number>((product, n) => product * (typeof n === 'number' ? n : 1), 1)
  const samples = Array.from({ length: 3 }, () => random.list(size, -1, 1))
  const knobs = { inputBits: 3, weightBits: { default: 4 }, activationBits: { default: 4 } }
  try {
    const { program } = calibrate(importOnnx(onnxFile(model)), samples, {
      mode,
      knobs,
      output: { kind: 'logits-commitment' },
      inputRange: { min: -1, max: 1 },
    })
    return { ...program, name: `random_${seed}_${mode}` }
  } catch (error) {
    expect((error as CompileError).code, `seed ${seed}`).to.equal('bound-exceeded')
    return null
  }
}
