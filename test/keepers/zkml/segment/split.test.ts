// SPDX-License-Identifier: GPL-3.0-or-later
// Programs cut between layers: the segments compute what the whole does, cost what is said, and commit alike at every boundary.
import { expect } from 'chai'
import { CircuitError, commitInput, expectedSignals, witnessInputs } from '../../../../keepers/zkml/circuit/index.ts'
import { CompileError } from '../../../../keepers/zkml/graph/errors.ts'
import { tensorOf } from '../../../../keepers/zkml/graph/program.ts'
import { calibrate, interpret, type Mode, proveBounds } from '../../../../keepers/zkml/index.ts'
import { chainFault, traceSegments } from '../../../../keepers/zkml/segment/chain.ts'
import { splitProgram } from '../../../../keepers/zkml/segment/split.ts'
import { fields } from '../../../circuits/gadget.ts'
import { type Built, build, honest, randomInput, SALTS } from '../circuit/forgery.ts'
import { ProgramBuilder, parameter, seeded, smallCommittedCnn } from '../circuit/programs.ts'
import { everything, samples } from '../quantise/networks.ts'
import { Random } from '../random.ts'

const BOUNDARY = 2n ** 203n + 11n

/** Three dense layers, a leaky slope between the first two: a boundary below zero. */
function tower(mode: Mode) {
  const random = seeded(17)
  const builder = new ProgramBuilder(mode, [6], 5, -16)
  builder.dense('dense1', 7, parameter(42, 6, 4, random), parameter(7, 30, 8, random))
  const shift = 4
  const { min, max } = builder.current.bounds
  builder.push(
    {
      kind: 'rescale',
      name: 'leaky',
      inputs: [builder.current.id],
      output: 'leaky_t',
      sources: [],
      shift,
      bits: Math.ceil(Math.log2(Math.max(-min, max + 1))) + 1,
      unsigned: false,
      activation: { kind: 'leaky', numerator: 1, log2Denominator: 2 },
    },
    [7],
    Math.floor(min / 2 ** shift),
    4 * Math.floor(max / 2 ** shift),
  )
  return builder
    .dense('dense2', 5, parameter(35, 6, 4, random), parameter(5, 30, 8, random))
    .relu('relu2', 6)
    .dense('dense3', 3, parameter(15, 6, 4, random), parameter(3, 30, 8, random))
    .build(`tower-${mode}`, { kind: 'margin' })
}

describe('segments of a program', function () {
  this.timeout(240_000)

  for (const mode of ['released', 'committed'] as const) {
    it(`${mode}: circuits equal the reference, cost what is counted, and are chained by equal commitments`, async () => {
      const random = seeded(5)
      const whole = tower(mode)
      const segments = splitProgram(whole, 3, { output: 'committed' })
      expect(segments.map(({ program }) => program.layers.map(({ name }) => name))).to.deep.equal([
        ['dense1', 'leaky'],
        ['dense2', 'relu2'],
        ['dense3'],
      ])
      expect(segments.map(({ options }) => [options.input, options.output])).to.deep.equal(
        Array.from({ length: 3 }, () => ['committed', 'committed']),
      )
      expect(segments.map(({ program }) => program.output.kind)).to.deep.equal([
        'logits-commitment',
        'logits-commitment',
        'margin',
      ])
      const built: Built[] = []
      for (const { program, options, constraints } of segments) {
        proveBounds(program)
        built.push(await build(program, options))
        expect(built.at(-1)!.circuit.system.header.constraints, program.name).to.equal(constraints)
      }
      for (let run = 0; run < 8; run++) {
        const input = randomInput(whole, random)
        const traced = traceSegments(segments, {
          input,
          context: 99n,
          salts: { models: segments.map(() => SALTS.model), input: SALTS.input, output: SALTS.output },
        })
        expect(traced.at(-1)!.scores).to.deep.equal(interpret(whole, input).scores)
        for (const [i, { sample, publicSignals, scores }] of traced.entries()) {
          const { circuit, program, options } = built[i]!
          const witness = circuit.witness(witnessInputs(program, sample, options))
          expect(witness.slice(1, 5)).to.deep.equal([...publicSignals])
          if (i > 0) expect(publicSignals[1]).to.equal(traced[i - 1]!.publicSignals[2])
          if (i < 2) expect(fields(scores).length).to.equal(traced[i + 1]!.sample.input.length)
        }
        expect(new Set(traced.flatMap(({ publicSignals }) => publicSignals)).size, 'distinct signals').to.be.above(6)
      }
    })
  }

  it('every admissible activation has a witness, and none outside the window does', async () => {
    const [, second] = splitProgram(tower('committed'), 3)
    const { program, options } = second!
    const { bits, min, tensor } = program.input
    expect(min).to.be.below(0)
    expect(tensorOf(program, tensor).bounds).to.deep.equal({ min, max: min + 2 ** bits - 1 })
    const built = await build(program, options)
    for (const value of [min, min + 2 ** bits - 1]) honest(built, new Float64Array(7).fill(value))
    const inputs = witnessInputs(program, { input: new Float64Array(7), context: 1n, salts: SALTS }, options)
    for (const outside of [2n ** BigInt(bits), -1n]) {
      const x = [...(inputs.x as bigint[])]
      x[3] = fields([outside])[0]!
      expect(() => built.circuit.witness({ ...inputs, x })).to.throw(CircuitError, /constraint/)
    }
  })

  it('refuses a forged boundary: other activations, another salt, on either side of it', async () => {
    const random = seeded(6)
    const whole = tower('released')
    const segments = splitProgram(whole, 2)
    const salts = { input: SALTS.input, boundaries: [BOUNDARY] }
    const [first, second] = traceSegments(segments, { input: randomInput(whole, random), context: 1n, salts })
    const probes = []
    for (const [index, { sample, publicSignals }] of [first!, second!].entries()) {
      const { program, options } = segments[index]!
      const { circuit } = await build(program, options)
      const witness = circuit.witness(witnessInputs(program, sample, options))
      expect(witness.slice(1, 5)).to.deep.equal([...publicSignals])
      probes.push({ circuit, probe: circuit.system.probe(witness) })
    }
    const { input } = segments[1]!.program
    const honestBoundary = commitInput(first!.scores, input, BOUNDARY)
    expect([first!.publicSignals[2], second!.publicSignals[1]]).to.deep.equal([honestBoundary, honestBoundary])
    const forged = first!.scores.slice()
    forged[0] = forged[0] === input.min ? input.min + 1 : input.min
    const [maker, taker] = probes
    for (const [commitment, salt] of [
      [commitInput(forged, input, BOUNDARY), BOUNDARY],
      [commitInput(first!.scores, input, BOUNDARY + 1n), BOUNDARY + 1n],
      [commitInput(first!.scores, input, BOUNDARY + 1n), BOUNDARY],
      [0n, BOUNDARY],
    ] as const) {
      maker!.circuit.expectRefused(maker!.probe, { result: commitment, outputSalt: salt }, 'what segment 1 hands on')
      taker!.circuit.expectRefused(
        taker!.probe,
        { inputCommitment: commitment, inputSalt: salt },
        'what segment 2 takes',
      )
    }
    // An honest proof about activations that segment 1 never had: the chain names its maker.
    const { program, options } = segments[1]!
    const sample = { input: forged, context: 1n, salts: { input: BOUNDARY } }
    const elsewhere = expectedSignals(program, sample, interpret(program, forged).scores, options)
    expect(probes[1]!.circuit.witness(witnessInputs(program, sample, options)).slice(1, 5)).to.deep.equal(elsewhere)
    const modelCommitments = [first!.publicSignals[0], second!.publicSignals[0]]
    expect(chainFault([first!.publicSignals, elsewhere], { modelCommitments, context: 1n })).to.deep.equal({
      segment: 1,
      signal: 'inputCommitment',
      found: elsewhere[1],
      expected: honestBoundary,
    })
  })

  it('names the segment that departs from a chain, and by which signal', () => {
    const whole = tower('released')
    const segments = splitProgram(whole, 3)
    const input = randomInput(whole, seeded(7))
    const honestChain = traceSegments(segments, { input, context: 5n, salts: { input: SALTS.input } }).map(
      ({ publicSignals }) => [...publicSignals],
    )
    const expected = { modelCommitments: honestChain.map(([model]) => model!), context: 5n }
    expect(chainFault(honestChain, expected)).to.equal(null)
    expect(chainFault(honestChain, { ...expected, inputCommitment: honestChain[0]![1]! })).to.equal(null)
    const faulty = (segment: number, signal: number) => {
      const chain = honestChain.map((signals) => [...signals])
      chain[segment]![signal]! += 1n
      return chainFault(chain, { ...expected, inputCommitment: honestChain[0]![1]! })
    }
    expect(faulty(1, 0)).to.include({ segment: 1, signal: 'modelCommitment' })
    expect(faulty(0, 1)).to.include({ segment: 0, signal: 'inputCommitment' })
    expect(faulty(2, 1)).to.include({ segment: 2, signal: 'inputCommitment' })
    expect(faulty(2, 3)).to.include({ segment: 2, signal: 'context', expected: 5n })
    expect(() => chainFault(honestChain.slice(1), expected)).to.throw(CircuitError, /2 proofs, must be 3/)
    expect(() => chainFault([[1n], [1n], [1n]], expected)).to.throw(CircuitError, /1 public signals/)
  })

  it('balances: the largest circuit is no larger than with any other cut', () => {
    const program = smallCommittedCnn()
    const sizes = (count: number) => splitProgram(program, count).map(({ constraints }) => constraints)
    const [whole] = sizes(1)
    const worst = Math.max(...sizes(2))
    expect(worst).to.be.below(whole! * 0.6)
    expect(Math.max(...sizes(3))).to.be.at.most(worst)
    expect(splitProgram(program, 3).flatMap(({ program: { layers } }) => layers.map(({ name }) => name))).to.deep.equal(
      program.layers.map(({ name }) => name),
    )
  })

  it('cuts only where one tensor crosses: never inside a residual or a gate', () => {
    const random = new Random(3)
    const { program } = calibrate(everything(random), samples(random, 4, 36), { mode: 'released' })
    for (const count of [2, 3]) {
      const segments = splitProgram(program, count)
      const input = encodeZero(program)
      const traced = traceSegments(segments, { input, context: 0n, salts: { input: 1n } })
      expect(traced.at(-1)!.scores).to.deep.equal(interpret(program, input).scores)
    }
  })

  it('refuses more segments than there are boundaries, and invalid numbers', () => {
    const program = smallCommittedCnn()
    for (const count of [0, 65, 1.5]) expect(() => splitProgram(program, count)).to.throw(CompileError, /whole number/)
    expect(() => splitProgram(program, 4)).to.throw(CompileError, /cannot be cut into 4 segments/)
    const [first, ...rest] = program.layers
    if (first?.kind !== 'conv2d') throw new TypeError('the first layer is a convolution')
    const untrue = { ...program, tensors: program.tensors.map((t) => ({ ...t, bounds: { min: 0, max: 1 } })) }
    expect(rest.length).to.be.above(0)
    expect(() => splitProgram(untrue, 2)).to.throw(CompileError, /outside the stated/)
    expect(() =>
      traceSegments(splitProgram(program, 2), {
        input: new Float64Array(784),
        context: 0n,
        salts: { input: 1n, models: [1n], boundaries: [1n] },
      }),
    ).to.throw(CircuitError, /1 salts of models, must be 2/)
  })
})

function encodeZero(program: ReturnType<typeof smallCommittedCnn>): Float64Array {
  return new Float64Array(tensorOf(program, program.input.tensor).shape.reduce((a, b) => a * b, 1))
}
