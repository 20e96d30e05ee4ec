// SPDX-License-Identifier: GPL-3.0-or-later
// Circuits that are written without circom, in the hands of tests: honest witnesses, and what a prover could put in their place.
import { expect } from 'chai'
import { ConstraintSystem, decodeWitness } from '../../../../keepers/zkml/circuit/constraints.ts'
import {
  expectedSignals,
  modelCommitmentOf,
  type Salts,
  witnessInputs,
} from '../../../../keepers/zkml/circuit/prepare.ts'
import type { IntegerProgram } from '../../../../keepers/zkml/graph/program.ts'
import { LookupCircuit } from '../../../../keepers/zkml/lookup/circuit.ts'
import type { DirectOptions } from '../../../../keepers/zkml/lookup/statement.ts'
import { interpret } from '../../../../keepers/zkml/quantise/interpret.ts'
import { SALTS } from '../circuit/forgery.ts'

export const CHALLENGE = 0x1f2e3d4c5b6a79888796a5b4c3d2e1f00123456789abcdeffedcba98765432n

export class Direct {
  readonly program: IntegerProgram
  readonly options: DirectOptions
  readonly circuit: LookupCircuit
  readonly system: ConstraintSystem
  readonly #modelCommitment: bigint
  readonly #salts: Salts

  constructor(program: IntegerProgram, options: DirectOptions = {}, salts: Salts = SALTS) {
    this.program = program
    this.options = options
    this.circuit = new LookupCircuit(program, options)
    this.system = ConstraintSystem.parse(this.circuit.r1cs(), program.name)
    this.#salts = salts
    this.#modelCommitment = modelCommitmentOf(program, salts, options)
  }

  /** A witness that holds, whose public signals are those that the interpreter leads to. */
  honest(input: ArrayLike<number>): bigint[] {
    const { program, options } = this
    const sample = { input, context: 12345n, salts: this.#salts }
    const passes = this.circuit.witness(witnessInputs(program, sample, options))
    const challenges = this.circuit.shape.challenges === 0 ? [] : [CHALLENGE]
    const witness = decodeWitness(passes.finish(challenges))
    expect(decodeWitness(passes.first).slice(0, 4)).to.deep.equal(witness.slice(1, 5))
    const { scores } = interpret(program, input)
    const expected = expectedSignals(program, sample, scores, options, this.#modelCommitment)
    expect(witness.slice(1, 5), program.name).to.deep.equal(expected)
    expect(this.system.firstViolation(witness), program.name).to.equal(null)
    return witness
  }
}
