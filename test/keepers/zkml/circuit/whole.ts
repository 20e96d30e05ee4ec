// SPDX-License-Identifier: GPL-3.0-or-later
// What must hold of the circuit of a whole network: it is the reference interpreter on dozens of images; its constraints leave nothing open
// but the answer, and refuse every other answer, thousands of mutations, and every known trick.
import { expect } from 'chai'
import { SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import { commitInput, commitModel } from '../../../../keepers/zkml/circuit/commitment.ts'
import type { WitnessProbe } from '../../../../keepers/zkml/circuit/constraints.ts'
import { CircuitError } from '../../../../keepers/zkml/circuit/errors.ts'
import { witnessInputs } from '../../../../keepers/zkml/circuit/prepare.ts'
import type { IntegerProgram } from '../../../../keepers/zkml/graph/program.ts'
import { interpret } from '../../../../keepers/zkml/quantise/interpret.ts'
import { expectMutationsRefused, field, fields, P } from '../../../circuits/gadget.ts'
import { type Built, build, honest, SALTS } from './forgery.ts'
import { digits } from './images.ts'
import { seeded } from './programs.ts'

/** Constraints and public signals together have to fit a domain of Groth16. */
const PUBLIC_SIGNALS = 4

/** A network, the most constraints that its circuit may have, and how many images it is compared on. */
export type Subject = {
  readonly name: string
  readonly program: IntegerProgram
  readonly limit: number
  readonly images: number
}

export function itIsTheNetwork({ name, program, limit, images: imageCount }: Subject): void {
  describe(name, () => {
    let built: Built
    let witness: bigint[]
    let probe: WitnessProbe
    const random = seeded(99)
    let images: Float64Array[]
    before(async () => {
      images = await digits(imageCount, 17)
      built = await build(program)
      witness = honest(built, images[0]!)
      probe = built.circuit.system.probe(witness)
    })

    it(`has at most ${limit} constraints, every pixel ranged and committed to`, () => {
      const { constraints } = built.circuit.system.header
      expect(constraints + PUBLIC_SIGNALS + 1).to.be.at.most(limit)
    })

    it(`equals the reference interpreter on ${imageCount} images`, () => {
      const seen = new Set<string>()
      for (const image of images) {
        const scores = built.circuit.values(honest(built, image), 'answer.score', 10)
        expect(scores).to.deep.equal(fields(interpret(program, image).scores))
        seen.add(String(scores))
      }
      expect(seen.size, 'different scores').to.be.above(imageCount / 2)
    })

    it('leaves no signal open once inputs and answer are fixed', () => {
      expect(built.circuit.open('result')).to.deep.equal([])
    })

    it('refuses thousands of single and double mutations', () => {
      const { circuit } = built
      // Inputs count as well: they are bound by the commitments. Free by design is only the pair of context and its
      // square: a context is for the prover's side to choose, and −c has the square of c.
      const context = circuit.symbols.wire('main.context')
      const wires = [...circuit.inputWires.filter((wire) => wire !== context), ...circuit.derivedWires]
      const sample = Array.from({ length: 1500 }, () => wires[Math.floor(random() * wires.length)]!)
      const count = expectMutationsRefused(circuit, witness, sample, 6000, random)
      expect(count.single).to.be.above(5000)
      expect(count.double).to.be.above(3000)
    })

    it('refuses another context for the same witness', () => {
      for (const context of [0n, 12346n, field(-12346n)]) {
        built.circuit.expectRefused(probe, { context }, `context ${context}`)
      }
    })

    it('refuses every other label, its selectors and differences made to fit as well as they can', () => {
      const { circuit } = built
      const scores = circuit.values(witness, 'answer.score', 10)
      const bits = circuit.symbols.under('main.answer.range[0].high').length + 1
      const label = Number(witness[3])
      for (let wrong = 0; wrong < 10; wrong++) {
        if (wrong === label) continue
        const changes: Record<string, bigint> = { result: BigInt(wrong), 'answer.best': scores[wrong]! }
        for (let i = 0; i < 10; i++) {
          changes[`answer.chosen.bit[${i}]`] = i === wrong ? 1n : 0n
          changes[`answer.term[${i}]`] = i === wrong ? scores[wrong]! : 0n
          const difference = field(scores[wrong]! - scores[i]! - (i < wrong ? 1n : 0n))
          changes[`answer.range[${i}].in`] = difference
          for (let bit = 1; bit < bits; bit++) {
            changes[`answer.range[${i}].high[${bit - 1}]`] = (difference >> BigInt(bit)) & 1n
          }
        }
        circuit.expectRefused(probe, changes, `label ${wrong}`)
      }
    })

    it('refuses the bits of x + r, of x ± 2^bits and any other decomposition of an activation', () => {
      const { circuit } = built
      const bits = circuit.symbols.under('main.network.relu1$unit[0].range.high').length + 1
      // The compiler keeps one of the names that equal signals have.
      const outputOf = (unit: number) =>
        [`network.relu1$unit[${unit}].out`, `network.dense1$unit.x[${unit}]`].find((name) =>
          circuit.symbols.has(`main.${name}`),
        )!
      for (let unit = 0; unit < 40; unit++) {
        const range = `network.relu1$unit[${unit}].range`
        const high = circuit.values(witness, `${range}.high`, bits - 1)
        const value = high.reduce((sum, bit, i) => sum + (bit << BigInt(i + 1)), 0n)
        const others = [value + SCALAR_FIELD, value + 2n, value - 2n, ~value, value ^ (1n << BigInt(bits - 1)), 0n]
        for (const other of others) {
          const forgedBits = high.map((_, i) => (other >> BigInt(i + 1)) & 1n)
          if (forgedBits.every((bit, i) => bit === high[i])) continue
          const changes = Object.fromEntries(forgedBits.map((bit, i) => [`${range}.high[${i}]`, bit]))
          circuit.expectRefused(probe, changes, `bits of ${other} for ${value}`)
          // With the output made to agree with the forged sign and bits, too.
          const out = forgedBits.at(-1) === 1n ? circuit.value(witness, outputOf(unit)) + 1n : 0n
          const together = { ...changes, [outputOf(unit)]: out }
          circuit.expectRefused(probe, together, `bits of ${other} and an output of ${out}`)
        }
      }
    })

    it('refuses a wrong commitment, alone and with the salt that belongs to it', () => {
      const { circuit } = built
      const [image, other] = [images[0]!, images[1]!]
      const { bits } = program.input
      const commitments = [
        { inputCommitment: commitInput(other, { bits }, SALTS.input) },
        { inputCommitment: commitInput(image, { bits }, SALTS.input + 1n) },
        { inputCommitment: commitInput(image, { bits }, SALTS.input + 1n), inputSalt: SALTS.input + 1n },
        { inputSalt: SALTS.input + 1n },
        { modelCommitment: commitModel(program, 1n) },
        { modelCommitment: 0n },
        ...(program.mode === 'committed' ? [{ modelSalt: SALTS.model + 1n }] : []),
      ]
      for (const changes of commitments) {
        circuit.expectRefused(probe, changes, Object.keys(changes).join(' and '))
      }
    })

    it('refuses the witness of one image under the commitment of another', () => {
      const second = built.circuit.system.probe(honest(built, images[1]!))
      built.circuit.expectRefused(second, { inputCommitment: witness[2]! }, 'swapped input commitment')
    })

    it('has no witness for a pixel out of range, not even for an alias of one that is in range', () => {
      const inputs = witnessInputs(program, { input: images[0]!, context: 1n, salts: SALTS })
      for (const pixel of [256n, P - 1n, 1n << 200n]) {
        const x = [...(inputs.x as bigint[])]
        x[400] = pixel
        expect(() => built.circuit.witness({ ...inputs, x })).to.throw(CircuitError, /constraint/)
      }
      const x = [...(inputs.x as bigint[])]
      x[400] = x[400]! + SCALAR_FIELD
      expect(() => built.circuit.witness({ ...inputs, x })).to.throw(CircuitError, /not a field element/)
    })
  })
}
