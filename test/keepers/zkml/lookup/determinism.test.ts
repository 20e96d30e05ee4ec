// SPDX-License-Identifier: GPL-3.0-or-later
// No prover has a choice in the first round: proven from the constraints alone, with "looked up ⇒ in the table" and the identities at the
// challenge as axioms. A constraint or a range that is dropped is found.
import { expect } from 'chai'
import type { IntegerProgram, Mode, OutputSpec } from '../../../../keepers/zkml/graph/program.ts'
import { SetupError } from '../../../../keepers/zkml/index.ts'
import { LookupCircuit, WrittenCircuit } from '../../../../keepers/zkml/lookup/circuit.ts'
import { undeterminedFirstRound } from '../../../../keepers/zkml/lookup/determinism.ts'
import { writeStatement } from '../../../../keepers/zkml/lookup/statement.ts'
import { everyLayer } from '../circuit/every-layer.ts'
import { seeded, smallClassifier } from '../circuit/programs.ts'
import { randomProgram } from '../circuit/random-program.ts'

function openWires(circuit: WrittenCircuit): number[] {
  return undeterminedFirstRound(circuit.r1cs(), circuit.shape, circuit.inputWires)
}

/** What a writer asks for or writes, beside the ranges of its inputs: a circuit takes those as they are. */
function piecesOf(program: IntegerProgram, kind: 'ranges' | 'constraints'): number[] {
  const { builder, inputs } = writeStatement(program, {})
  const given = new Set([...inputs.values()].flat())
  const expressions =
    kind === 'ranges' ? builder.ranges.map(({ value }) => [value]) : builder.constraints.map(({ a, b, c }) => [a, b, c])
  return expressions.flatMap((sides, i) =>
    sides.some(({ wires }) => wires.some((wire) => !given.has(wire))) ? [i] : [],
  )
}

/** Whether the check notices that a piece was dropped before the ranges were written. */
function isNoticed(program: IntegerProgram, kind: 'ranges' | 'constraints', piece: number): boolean {
  const written = writeStatement(program, {})
  written.builder[kind].splice(piece, 1)
  try {
    return openWires(new WrittenCircuit(written)).length > 0
  } catch (error) {
    if (error instanceof SetupError) return true
    throw error
  }
}

describe('the first round of circuits with lookups', function () {
  this.timeout(120_000)

  for (const [mode, output] of [
    ['released', { kind: 'label' }],
    ['committed', { kind: 'margin' }],
    ['committed', { kind: 'score', index: 2, threshold: -40 }],
    ['released', { kind: 'logits-commitment' }],
  ] as [Mode, OutputSpec][])
    it(`is determined by the inputs: every layer, ${mode}, ${output.kind}`, () => {
      expect(openWires(new LookupCircuit(everyLayer(mode, output)))).to.deep.equal([])
    })

  it('is determined by the inputs in random networks', () => {
    let checked = 0
    for (let seed = 1; seed <= 8; seed++)
      for (const mode of ['released', 'committed'] as const) {
        const program = randomProgram(seed, mode)
        if (program === null) continue
        const circuit = new LookupCircuit(program)
        if (circuit.shape.challenges === 0) continue
        expect(openWires(circuit), program.name).to.deep.equal([])
        checked++
      }
    expect(checked).to.be.above(7)
  })

  it('is not, as soon as a range or a constraint is dropped', () => {
    const random = seeded(3)
    for (const [program, attempts] of [
      [smallClassifier(), 20],
      [everyLayer('released', { kind: 'label' }), 8],
      [everyLayer('committed', { kind: 'margin' }), 6],
    ] as const)
      for (const kind of ['ranges', 'constraints'] as const) {
        const pieces = piecesOf(program, kind)
        for (let i = 0; i < attempts; i++) {
          const piece = pieces[Math.floor(random() * pieces.length)]!
          expect(isNoticed(program, kind, piece), `${program.name}, ${kind} ${piece}`).to.equal(true)
        }
      }
  })
})
