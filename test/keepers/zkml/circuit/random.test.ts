// SPDX-License-Identifier: GPL-3.0-or-later
// Random networks all the way down: ONNX file → program → circuit, whole and in segments, against the interpreter.
// COHORT_FUZZ=n tries n of them as circuits; CI tries a few.
import { expect } from 'chai'
import type { CompileError } from '../../../../keepers/zkml/graph/errors.ts'
import { interpret, programCost, proveBounds, splitProgram, traceSegments } from '../../../../keepers/zkml/index.ts'
import { Random } from '../random.ts'
import { build, honest, randomInput, SALTS } from './forgery.ts'
import { randomProgram } from './random-program.ts'

const CIRCUITS = Number(process.env.COHORT_FUZZ ?? 3)
const SPLITS = 30
/** Larger ones take circom longer than they teach. */
const MOST_CONSTRAINTS = 5000
const INPUTS = 5

describe('random networks as circuits', function () {
  this.timeout(60_000 + CIRCUITS * 60_000)

  it(`equal the interpreter and cost at most what is counted (${CIRCUITS} networks)`, async () => {
    for (let seed = 1, built = 0; built < CIRCUITS; seed++) {
      const program = randomProgram(seed, seed % 2 === 0 ? 'released' : 'committed')
      if (program === null || programCost(program).total > MOST_CONSTRAINTS) continue
      const circuit = await build(program)
      // Never more than counted; circom drops some where a constant weight is 0 or 1.
      const counted = programCost(program).total
      expect(circuit.circuit.system.header.constraints, program.name).to.be.within(0.95 * counted, counted)
      expect(circuit.circuit.open(), program.name).to.deep.equal([])
      const random = new Random(seed)
      for (let i = 0; i < INPUTS; i++) {
        const witness = honest(
          circuit,
          randomInput(program, () => random.next()),
        )
        expect(circuit.circuit.system.firstViolation(witness), program.name).to.equal(null)
      }
      built++
    }
  })

  it(`compute the same in segments, each with bounds that prove (${SPLITS} networks)`, () => {
    let split = 0
    for (let seed = 1; seed <= SPLITS; seed++) {
      const program = randomProgram(seed, seed % 2 === 0 ? 'committed' : 'released')
      if (program === null) continue
      const random = new Random(seed)
      for (const count of [2, 3]) {
        try {
          const segments = splitProgram(program, count)
          for (const segment of segments) proveBounds(segment.program)
          const input = randomInput(program, () => random.next())
          const models = segments.map(() => SALTS.model)
          const traced = traceSegments(segments, { input, context: 1n, salts: { models } })
          expect(traced.at(-1)!.scores, `seed ${seed}`).to.deep.equal(interpret(program, input).scores)
          split++
        } catch (error) {
          // One weighted layer, or a branch over all of them: nowhere to cut.
          expect((error as CompileError).code, `seed ${seed}: ${error}`).to.equal('invalid-option')
        }
      }
    }
    expect(split, 'networks that could be cut').to.be.above(SPLITS / 2)
  })
})
