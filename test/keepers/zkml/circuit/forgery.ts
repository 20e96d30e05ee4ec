// SPDX-License-Identifier: GPL-3.0-or-later
// A program, its circuit, and honest witnesses of it: what the tests of whole circuits start from.
import { expect } from 'chai'
import type { Simplification } from '../../../../keepers/zkml/circuit/compile.ts'
import {
  expectedSignals,
  modelCommitmentOf,
  type Salts,
  witnessInputs,
} from '../../../../keepers/zkml/circuit/prepare.ts'
import { writeCircuit } from '../../../../keepers/zkml/circuit/write/main.ts'
import type { CircuitOptions } from '../../../../keepers/zkml/circuit/write/statement.ts'
import { elementCount, type IntegerProgram, tensorOf } from '../../../../keepers/zkml/graph/program.ts'
import { interpret } from '../../../../keepers/zkml/quantise/interpret.ts'
import { Circuit } from '../../../circuits/gadget.ts'
import { randomIntegers } from './programs.ts'

export const SALTS: Salts & Required<Pick<Salts, 'model' | 'input' | 'output'>> = {
  model: 2n ** 200n + 3n,
  input: 2n ** 201n + 5n,
  output: 2n ** 202n + 7n,
}

export type Built = {
  readonly program: IntegerProgram
  readonly options: CircuitOptions
  readonly circuit: Circuit
  readonly modelCommitment: bigint
}

export async function build(
  program: IntegerProgram,
  options: CircuitOptions = {},
  simplification: Simplification = 'O1',
): Promise<Built> {
  const circuit = await Circuit.compile(writeCircuit(program, options), { name: program.name, simplification })
  return { program, options, circuit, modelCommitment: modelCommitmentOf(program, SALTS, options) }
}

export function randomInput(program: IntegerProgram, random: () => number): Float64Array {
  const { tensor, bits, min } = program.input
  return randomIntegers(elementCount(tensorOf(program, tensor).shape), min, min + 2 ** bits - 1, random)
}

/** A witness for `input`; its public signals must be those that the reference interpreter leads to. */
export function honest(
  { program, options, circuit, modelCommitment }: Built,
  input: ArrayLike<number>,
  context = 12345n,
): bigint[] {
  const sample = { input, context, salts: SALTS }
  const witness = circuit.witness(witnessInputs(program, sample, options))
  const expected = expectedSignals(program, sample, interpret(program, input).scores, options, modelCommitment)
  expect(witness.slice(1, 5)).to.deep.equal(expected)
  return witness
}
