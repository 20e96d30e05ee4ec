// SPDX-License-Identifier: GPL-3.0-or-later
// Circuits whose input a publisher has signed and nobody is shown.
import { expect } from 'chai'
import { SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import { commitInput } from '../../../../keepers/zkml/circuit/commitment.ts'
import { eddsaPublicKey } from '../../../../keepers/zkml/circuit/eddsa.ts'
import { CircuitError } from '../../../../keepers/zkml/circuit/errors.ts'
import { expectedSignals, type Sample, witnessInputs } from '../../../../keepers/zkml/circuit/prepare.ts'
import { signContent, signedCommitment } from '../../../../keepers/zkml/circuit/signed.ts'
import { programCost } from '../../../../keepers/zkml/quantise/cost.ts'
import { interpret } from '../../../../keepers/zkml/quantise/interpret.ts'
import { expectMutationsRefused } from '../../../circuits/gadget.ts'
import { type Built, build, randomInput, SALTS } from './forgery.ts'
import { seeded, smallClassifier } from './programs.ts'

const SIGNED = { input: 'signed' } as const
const TAG = 0x0123456789abcdefn
const seed = new Uint8Array(32).fill(4)
const random = seeded(12)

describe('circuits with a signed input', function () {
  this.timeout(120_000)
  let built: Built
  before(async () => {
    built = await build(smallClassifier(), SIGNED)
  })
  const sampleOf = (input: Float64Array, tag = TAG, by = seed): Sample => ({
    input,
    context: 77n,
    salts: SALTS,
    signed: signContent(by, commitInput(input, built.program.input, SALTS.input), tag),
  })
  const inputsOf = (sample: Sample) => witnessInputs(built.program, sample, SIGNED)
  const honest = (sample: Sample): bigint[] => {
    const witness = built.circuit.witness(inputsOf(sample))
    const { scores } = interpret(built.program, sample.input)
    const expected = expectedSignals(built.program, sample, scores, SIGNED, built.modelCommitment)
    expect(witness.slice(1, 5)).to.deep.equal(expected)
    expect(built.circuit.system.firstViolation(witness)).to.equal(null)
    return witness
  }

  it('answer as the interpreter does, and show key and tag', () => {
    for (let run = 0; run < 3; run++) {
      const witness = honest(sampleOf(randomInput(built.program, random)))
      expect(witness[2]).to.equal(signedCommitment(eddsaPublicKey(seed), TAG))
    }
  })

  it('show the same of any content that is signed for the tag: the salt is in no public signal', () => {
    const input = randomInput(built.program, random)
    const again = { ...sampleOf(input), salts: { ...SALTS, input: 5n } }
    const resigned = { ...again, signed: signContent(seed, commitInput(input, built.program.input, 5n), TAG) }
    expect(honest(resigned).slice(1, 5)).to.deep.equal(honest(sampleOf(input)).slice(1, 5))
  })

  it('match the cost table, 4,954 constraints more than a committed input', () => {
    const { total } = programCost(built.program, SIGNED)
    expect(total).to.equal(built.circuit.system.header.constraints)
    expect(total - programCost(built.program, { input: 'committed' }).total).to.equal(4954)
  })

  it('leave no signal open but the label and two bits of the challenge, and refuse mutations', () => {
    const { circuit } = built
    const bits = [252, 253].map((i) => `signedContent.signature.challenge.bit[${i}]`)
    expect(circuit.open('answer.index', 'answer.second.index', ...bits)).to.deep.equal([])
    const witness = honest(sampleOf(randomInput(built.program, random)))
    expectMutationsRefused(circuit, witness, circuit.derivedWires, 4000, random)
  })

  it('refuse content or salt that was not signed, in the plain check and in the circuit', () => {
    const { circuit, program } = built
    const sample = sampleOf(randomInput(program, random))
    const inputs = inputsOf(sample)
    const probe = circuit.system.probe(honest(sample))
    const x = [...(inputs.x as bigint[])]
    x[0] = x[0] === 0n ? 1n : x[0]! - 1n
    const altered = Float64Array.from(sample.input)
    altered[0] = program.input.min + Number(x[0])
    expect(() => inputsOf({ ...sample, input: altered })).to.throw(CircuitError, /signature does not match this input/)
    expect(() => inputsOf({ ...sample, salts: { input: SALTS.input + 1n } })).to.throw(
      CircuitError,
      /does not match this input/,
    )
    for (const change of [{ x }, { inputSalt: SALTS.input + 1n }, { tag: TAG + 1n }]) {
      expect(() => circuit.witness({ ...inputs, ...change }), Object.keys(change).join()).to.throw(
        CircuitError,
        /constraint/,
      )
    }
    circuit.expectRefused(probe, { 'x[0]': x[0]! }, 'another value')
    circuit.expectRefused(probe, { inputSalt: SALTS.input + 1n }, 'another salt')
    circuit.expectRefused(probe, { tag: TAG + 1n, inputCommitment: probe.witness[2]! + 1n }, 'another tag')
  })

  it('refuse the signature of another key for the publisher’s commitment', () => {
    const stranger = new Uint8Array(32).fill(5)
    const sample = sampleOf(randomInput(built.program, random), TAG, stranger)
    const witness = honest(sample)
    const claimed = signedCommitment(eddsaPublicKey(seed), TAG)
    expect(witness[2]).to.not.equal(claimed)
    const probe = built.circuit.system.probe(witness)
    built.circuit.expectRefused(probe, { inputCommitment: claimed }, 'the publisher’s commitment')
    const [keyX, keyY] = eddsaPublicKey(seed)
    expect(() => built.circuit.witness({ ...inputsOf(sample), keyX, keyY })).to.throw(CircuitError, /constraint/)
    const tag = (claimed - witness[built.circuit.symbols.wire('main.keyY')]! + SCALAR_FIELD) % SCALAR_FIELD
    expect(() => built.circuit.witness({ ...inputsOf(sample), tag })).to.throw(CircuitError, /constraint/)
  })

  it('name the missing field', () => {
    const sample = sampleOf(randomInput(built.program, random))
    const { signed, ...unsigned } = sample
    expect(() => inputsOf(unsigned)).to.throw(CircuitError, /signature of the input is missing/)
    expect(() => inputsOf({ ...sample, salts: {} })).to.throw(CircuitError, /input salt is missing/)
    expect(() => expectedSignals(built.program, unsigned, [1, 2, 3], SIGNED, 0n)).to.throw(CircuitError, /is missing/)
    expect(signed).to.not.equal(undefined)
  })
})
