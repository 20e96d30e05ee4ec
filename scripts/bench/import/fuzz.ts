// SPDX-License-Identifier: GPL-3.0-or-later
// Random ONNX graphs of every operator, through the importer and through onnxruntime.
import * as ort from 'onnxruntime-web'
import { type Model, onnxFile } from '../../../test/keepers/zkml/import/onnx-file.ts'
import { randomOperators } from '../../../test/keepers/zkml/import/random-operators.ts'
import { Random } from '../../../test/keepers/zkml/random.ts'
import { judge, type Verdict } from './verdict.ts'

export type Fuzzed = {
  readonly seed: number
  readonly verdict: Verdict | 'only-we'
  readonly why: string
  readonly model: Model
}

/** Graphs of seeds `from` to `to`, each on one input. */
export async function* fuzzOperators(from: number, to: number): AsyncGenerator<Fuzzed> {
  ort.env.wasm.numThreads = 1
  // It prints every refusal; those are counted.
  ort.env.logLevel = 'fatal'
  for (let seed = from; seed <= to; seed++) {
    const random = new Random(seed)
    const model = randomOperators(random)
    const file = onnxFile(model)
    const shape = model.input.shape as readonly number[]
    const input = random.list(
      shape.reduce((a, b) => a * b, 1),
      -2,
      2,
    )
    const expected = await reference(file, model.output, input, shape)
    const { verdict, why } = judge(file, input, expected ?? [])
    // Where the runtime refuses as well, to refuse is right, and to compute is a meaning of our own.
    const alone = expected === null && (verdict === 'wrong' || verdict === 'equal')
    yield { seed, verdict: alone ? 'only-we' : verdict, why: alone ? 'onnxruntime refuses it' : why, model }
  }
}

/** What onnxruntime computes, null for NaN and infinities; null altogether when it refuses the file. */
async function reference(
  file: Uint8Array,
  output: string,
  input: readonly number[],
  shape: readonly number[],
): Promise<(number | null)[] | null> {
  try {
    // Without its optimiser: it fuses a Pad with zeros into a MaxPool, which pads with minus infinity.
    const session = await ort.InferenceSession.create(file, { logSeverityLevel: 4, graphOptimizationLevel: 'disabled' })
    const results = await session.run({ x: new ort.Tensor('float32', Float32Array.from(input), [...shape]) })
    const data = Array.from(results[output]!.data as Float32Array, Number)
    await session.release()
    return data.map((value) => (Number.isFinite(value) ? value : null))
  } catch {
    return null
  }
}
