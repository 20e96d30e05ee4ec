// SPDX-License-Identifier: GPL-3.0-or-later
// Random ONNX graphs of every operator, through the importer and through onnxruntime.
import * as ort from 'onnxruntime-web'
import { type Model, onnxFile } from '../../../test/keepers/zkml/import/onnx-file.ts'
import { LEVELS, randomMl } from '../../../test/keepers/zkml/import/random-ml.ts'
import { randomOperators } from '../../../test/keepers/zkml/import/random-operators.ts'
import { Random } from '../../../test/keepers/zkml/random.ts'
import { judge, judgeLabel, type Verdict } from './verdict.ts'

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

/** Classical models of seeds `from` to `to`, each on `samples` inputs: their scores, and the label that is read off them. */
export async function* fuzzModels(from: number, to: number, samples = 4): AsyncGenerator<Fuzzed> {
  ort.env.wasm.numThreads = 1
  ort.env.logLevel = 'fatal'
  for (let seed = from; seed <= to; seed++) {
    const random = new Random(seed)
    const model = randomMl(random)
    const { verdict, why } = await judgeModel(model, random, samples)
    yield { seed, verdict, why, model }
  }
}

async function judgeModel(
  model: Model,
  random: Random,
  samples: number,
): Promise<{ verdict: Fuzzed['verdict']; why: string }> {
  const file = onnxFile(model)
  const features = model.input.shape[1] as number
  const inputs = Array.from({ length: samples }, () => Array.from({ length: features }, () => random.pick(LEVELS)))
  let session: ort.InferenceSession | null = null
  try {
    session = await ort.InferenceSession.create(file, { logSeverityLevel: 4 })
    for (const input of inputs) {
      const results = await session.run({ x: new ort.Tensor('float32', Float32Array.from(input), [1, features]) })
      const [label, scores] = ['label', model.outputs!.at(-1)!].map((name) => results[name])
      const labelAlone = model.outputs!.length === 1 && label !== undefined
      if (!labelAlone) {
        const judged = judge(file, input, Array.from(scores!.data as Float32Array, Number))
        if (judged.verdict !== 'equal') return judged
      }
      if (label === undefined) continue
      const found = judgeLabel(file, input, nameOf(model, label))
      if (found.verdict !== 'equal') return found
    }
    return { verdict: 'equal', why: '' }
  } catch (error) {
    const judged = judge(file, inputs[0]!, [])
    return judged.verdict === 'refused' ? judged : { verdict: 'only-we', why: (error as Error).message }
  } finally {
    await session?.release()
  }
}

/** The place of a label among the classes. */
function nameOf({ nodes }: Model, label: ort.Tensor): number {
  const { attributes = {} } = nodes.at(-1)!
  const strings = attributes.classlabels_strings as { strings: readonly string[] } | undefined
  const ints = (attributes.classlabels_ints ?? attributes.classlabels_int64s) as readonly number[] | undefined
  const [found] = label.data as unknown as [string | bigint]
  return typeof found === 'string' ? strings!.strings.indexOf(found) : ints!.indexOf(Number(found))
}

/** onnxruntime's results, null for NaN and infinities; null altogether when it refuses the file. */
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
