// SPDX-License-Identifier: GPL-3.0-or-later
// Encoders from an ONNX file as torch.onnx.export writes it to a circuit: labels as the float network's, and a circuit that computes
// what the interpreter computes.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import * as ort from 'onnxruntime-web'
import { decodeWitness } from '../../../../keepers/zkml/circuit/constraints.ts'
import {
  compileCircuit,
  expectedSignals,
  WitnessProgram,
  witnessInputs,
  writeCircuit,
} from '../../../../keepers/zkml/circuit/index.ts'
import {
  buildWithPlan,
  calibrate,
  encodeInput,
  evaluate,
  importOnnx,
  interpret,
  planFromJson,
  planToJson,
  programCost,
  programFromJson,
  programToJson,
  proveBounds,
} from '../../../../keepers/zkml/index.ts'
import { readR1csHeader } from '../quantise/r1cs.ts'
import { Random } from '../random.ts'
import { onnxFile } from './onnx-file.ts'
import { type Sizes, transformer } from './transformer.ts'

const FULL: Sizes = { layers: 2, width: 32, heads: 2, length: 4, features: 6, hidden: 64, classes: 3 }
const SMALL: Sizes = { layers: 1, width: 8, heads: 2, length: 3, features: 3, hidden: 8, classes: 3 }
const LIMIT = 2 ** 17

const largest = (scores: ArrayLike<number>): number => Array.from(scores).indexOf(Math.max(...Array.from(scores)))

function prepared(sizes: Sizes, mode: 'released' | 'committed') {
  const random = new Random(3)
  const file = onnxFile(transformer(random, sizes))
  const graph = importOnnx(file)
  const draw = () => random.list(sizes.length * sizes.features, -1, 1)
  const samples = Array.from({ length: 64 }, draw)
  const options = { mode, knobs: { activationBits: { default: 8 } }, inputRange: { min: -1, max: 1 } }
  const { program, plan } = calibrate(graph, samples, options)
  return { file, graph, program, plan, draw }
}

describe('a transformer from ONNX', function () {
  this.timeout(120_000)

  it('two layers, 32 wide, two heads: float as onnxruntime, labels of 8-bit integers as float, below 2^17 constraints', async () => {
    const { file, graph, program, plan, draw } = prepared(FULL, 'released')
    ort.env.wasm.numThreads = 1
    const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3 })
    const shape = [1, FULL.length, FULL.features]
    let [agreed, total] = [0, 0]
    for (; total < 200; total++) {
      const input = draw()
      const float = evaluate(graph, input).data
      if (total < 20) {
        const feeds = { x: new ort.Tensor('float32', Float32Array.from(input), shape) }
        const expected = (await session.run(feeds))[session.outputNames[0]!]!.data as Float32Array
        for (const [i, value] of expected.entries()) expect(float[i]!).to.be.closeTo(value, 1e-4)
      }
      if (largest(interpret(program, encodeInput(program, input)).scores) === largest(float)) agreed++
    }
    await session.release()
    expect(agreed / total).to.be.at.least(0.97)
    proveBounds(program)
    expect(programCost(program).total).to.be.lessThan(LIMIT)
    // Curves, windows and held factors are all in the plan, and the program's file holds all of the program.
    expect(programToJson(buildWithPlan(graph, planFromJson(planToJson(plan))).program)).to.equal(programToJson(program))
    expect(programToJson(programFromJson(programToJson(program)))).to.equal(programToJson(program))
  })

  for (const mode of ['released', 'committed'] as const)
    it(`one layer, 8 wide, ${mode}: the circuit costs what is said and computes what the interpreter computes`, async () => {
      const { program, draw } = prepared(SMALL, mode)
      const directory = await mkdtemp(join(tmpdir(), 'cohort-transformer-'))
      try {
        const circuit = await compileCircuit(writeCircuit(program, {}), { directory, name: 'transformer' })
        expect(programCost(program).total).to.equal(await readR1csHeader(circuit.r1cs))
        const witness = await WitnessProgram.load(await readFile(circuit.wasm))
        for (let i = 0; i < 6; i++) {
          const sample = { input: encodeInput(program, draw()), context: BigInt(i), salts: { model: 5n, input: 6n } }
          const { scores } = interpret(program, sample.input)
          const found = decodeWitness(witness.calculate(witnessInputs(program, sample, {}))).slice(1, 5)
          expect(found).to.deep.equal([...expectedSignals(program, sample, scores, {})])
        }
      } finally {
        await rm(directory, { recursive: true })
      }
    })
})
