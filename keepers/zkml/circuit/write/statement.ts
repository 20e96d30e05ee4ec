// SPDX-License-Identifier: GPL-3.0-or-later
// The statement that a circuit makes in its four public signals, and the numbers that its source and its prover must agree on.
import {
  elementCount,
  type InputVisibility,
  type IntegerProgram,
  programParameters,
  tensorOf,
  type Visibility,
  windowOf,
} from '../../graph/program.ts'
import { architectureOf } from '../architecture.ts'
import { type CommitmentDomain, commitmentHeader, PACKING_BITS, type SegmentShape } from '../commitment.ts'
import { CircuitError } from '../errors.ts'
import type { PartVisibilities } from '../parts.ts'

/** In this order in every proof. */
export const PUBLIC_SIGNALS = ['modelCommitment', 'inputCommitment', 'output', 'context'] as const

/**
 * How input and output are shown.
 *  - public: the input's commitment has salt 0, so anyone who knows the input can compute it; the output is itself.
 *  - committed: a commitment under a salt that is part of the witness.
 *  - private: the signal is 0 and says nothing.
 *  - sha256 (inputs of bytes only): the upper 248 bits of the bytes' SHA-256, so that the proof is about bytes that tools outside
 *    this project have signed or published. Not hiding: anyone who can guess the bytes can find them.
 *  - signed (inputs only): key + tag of a publisher who signed the input's salted commitment with EdDSA-Poseidon for that tag;
 *    see signed.ts. Content and salt stay private.
 */
export type CircuitOptions = {
  /** Default `committed`. A list: of each of the program's inputs, in one signal (parts.ts). */
  readonly input?: InputVisibility | PartVisibilities
  /** Default `public`. A public `logits-commitment` has salt 0. A list: of each of the outputs of a `logits-commitment`. */
  readonly output?: Visibility | PartVisibilities
  /** Released mode: the salt of the model commitment that the circuit carries as a constant. Default 0. */
  readonly modelSalt?: bigint
  /** Largest side of a tile of outputs in convolutions with private weights; see private_conv2d.circom. Default 6. */
  readonly tile?: number
}

export const DEFAULT_TILE = 6

function modelLayout(program: IntegerProgram): SegmentShape[] {
  return programParameters(program).map(({ parameter: { values, bits } }) => ({
    count: values.length,
    bits,
    min: -(2 ** (bits - 1)),
  }))
}

export function inputLayout(program: IntegerProgram): SegmentShape {
  const { tensor, bits, min } = program.input
  return { count: elementCount(tensorOf(program, tensor).shape), bits, min }
}

/** Layout of committed scores (`logits-commitment`): the same as for the input of a network which takes them in. */
export function scoresLayout(program: IntegerProgram): SegmentShape {
  const { shape, bounds } = tensorOf(program, program.scores)
  return { count: elementCount(shape), ...windowOf(bounds) }
}

/** Layout of one result as a whole field element. */
export const RESULT_LAYOUT: SegmentShape = { count: 1, bits: PACKING_BITS, min: 0 }

/** The header of a model's commitment: its architecture, and the layout of its parameters. */
export function modelHeader(program: IntegerProgram): bigint {
  return commitmentHeader('model', modelLayout(program), [architectureOf(program)])
}

export function header(domain: CommitmentDomain, layout: readonly SegmentShape[]): bigint {
  return commitmentHeader(domain, layout)
}

/** @throws CircuitError `unsupported` when the program's input cannot be shown like that. */
export function checkInput(program: IntegerProgram, visibility: InputVisibility | PartVisibilities): void {
  const { bits, min } = program.input
  if (visibility === 'sha256' && (bits !== 8 || min !== 0)) {
    throw new CircuitError(
      'unsupported',
      `program ${program.name}, input sha256: hashes bytes, 8 bits from 0; found ${bits} bits from ${min}`,
    )
  }
}

/** @throws CircuitError `unsupported` when the scores do not determine this kind of output. */
export function checkOutput(program: IntegerProgram): void {
  const { output } = program
  const count = elementCount(tensorOf(program, program.scores).shape)
  const refuse = (what: string) =>
    new CircuitError('unsupported', `program ${program.name}, output ${output.kind}: ${what}`)
  if (output.kind === 'margin' && count < 2) throw refuse('a margin needs at least two scores')
  if ((output.kind === 'margin' || output.kind === 'label') && count > 2 ** 16)
    throw refuse(`${count} scores, at most 65,536`)
  if (output.kind === 'value' && count !== 1) throw refuse(`${count} scores, must be one; name one with output score`)
  if (output.kind === 'score' && (output.index < 0 || output.index >= count)) {
    throw refuse(`index ${output.index}, must be 0 to ${count - 1}`)
  }
}
