// SPDX-License-Identifier: GPL-3.0-or-later
// Prepares a network's input: commits to it, or writes it as a proving job of one segment carries it. Needs no Node, because the console asks, too.
import { bytesToHex } from '@noble/hashes/utils.js'
import { commitInput, type IntegerProgram, randomSalt } from '../zkml/index.ts'
import { roundedInput } from './payload.ts'
import { encodeReference, encodeWitness } from './prover-witness.ts'

/** An input that provers may read, as a job of the ProverMarket takes it. */
export type PreparedSegment = {
  /** 32 bytes, 0x… */
  readonly inputCommitment: string
  /** The job's witness bytes, inline: input and salt. 0x… */
  readonly witness: string
}

/** An input that stays with the asker, with what opens its commitment. */
export type CommittedInput = {
  /** 32 bytes, 0x… */
  readonly inputCommitment: string
  readonly salt: bigint
}

/** Rounds an input and commits to it. @param clamp as below @throws ServingError bad-payload when it does not fit the circuit */
export function commitRounded(program: IntegerProgram, real: ArrayLike<number>, clamp = false): CommittedInput {
  const salt = randomSalt()
  return { inputCommitment: commitmentTo(program, roundedInput(program, real, clamp), salt), salt }
}

function commitmentTo({ input: { bits, min } }: IntegerProgram, input: Float64Array, salt: bigint): string {
  return `0x${commitInput(input, { bits, min }, salt).toString(16).padStart(64, '0')}`
}

/**
 * Rounds an input, commits to it and writes down what a prover needs. Everybody will be able to read it.
 * @param clamp moves values outside the calibrated range to its edge, in place of refusing them
 * @throws ServingError bad-payload when it does not fit the circuit, or a job
 */
export function prepareSegment(program: IntegerProgram, real: ArrayLike<number>, clamp = false): PreparedSegment {
  const input = roundedInput(program, real, clamp)
  const salt = randomSalt()
  const document = encodeWitness([{ sample: { input, salts: { input: salt } } }])
  return {
    inputCommitment: commitmentTo(program, input, salt),
    witness: `0x${bytesToHex(encodeReference({ document }))}`,
  }
}
