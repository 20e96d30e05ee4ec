// SPDX-License-Identifier: GPL-3.0-or-later
// The prover's side of claims about batches (write/batch.ts).
import type { IntegerProgram } from '../graph/program.ts'
import { commitSegments, requireField } from './commitment.ts'
import { CircuitError } from './errors.ts'
import { inputOffsets, modelCommitmentOf, parameterInputs, type Salts } from './prepare.ts'
import type { CircuitInputs } from './witness.ts'
import { type BatchOptions, batchLayout, MAX_GAP, markOf } from './write/batch.ts'

/** A labelled batch and a claim about it. */
export type Batch = {
  /** One input a sample, integers of the program's input tensor. */
  readonly inputs: readonly ArrayLike<number>[]
  /** One label a sample (accuracy, calibration), its group, 0 or 1 (fairness), or its cell, 0 to 3 (odds; see markOf). */
  readonly marks: readonly number[]
  /** See BatchStatement. */
  readonly claim: number
  readonly context: bigint
  /** `input` salts the batch's commitment; `model` in committed mode. */
  readonly salts: Salts
}

/**
 * Inputs of the witness program for a batch. A false claim has inputs, but no witness.
 * @throws CircuitError `wrong-input` for a wrong number of samples or marks, a missing salt, a claim out of range.
 */
export function batchInputs(program: IntegerProgram, batch: Batch, options: BatchOptions): CircuitInputs {
  const { statement } = options
  checkBatch(batch, options)
  const modelSalt = batch.salts.model
  if (program.mode === 'committed' && modelSalt === undefined) {
    throw new CircuitError('wrong-input', 'the model salt is missing')
  }
  return {
    x: batch.inputs.flatMap((input) => inputOffsets(program, input)),
    [markOf(statement)]: batch.marks.map(BigInt),
    ...(program.mode === 'committed'
      ? { ...parameterInputs(program), modelSalt: requireField(modelSalt!, 'model salt') }
      : {}),
    inputSalt: requireField(batch.salts.input!, 'input salt'),
    claim: BigInt(batch.claim),
    context: requireField(batch.context, 'context'),
  }
}

/** Commitment to a batch: its keeper publishes it before anyone makes claims about it. */
export function commitBatch(
  program: IntegerProgram,
  batch: Pick<Batch, 'inputs' | 'marks'>,
  salt: bigint,
  options: BatchOptions,
): bigint {
  const [inputs, marks] = batchLayout(program, options)
  const values = Float64Array.from(batch.inputs.flatMap((input) => Array.from(input)))
  return commitSegments(
    'batch',
    [
      { ...inputs!, values },
      { ...marks!, values: batch.marks },
    ],
    salt,
  )
}

/** The four public signals of a true claim. */
export function batchSignals(
  program: IntegerProgram,
  batch: Batch,
  options: BatchOptions,
): [bigint, bigint, bigint, bigint] {
  checkBatch(batch, options)
  const model = modelCommitmentOf(
    program,
    batch.salts,
    options.modelSalt === undefined ? {} : { modelSalt: options.modelSalt },
  )
  return [model, commitBatch(program, batch, batch.salts.input!, options), BigInt(batch.claim), batch.context]
}

function checkBatch(batch: Batch, { count, statement }: BatchOptions): void {
  const { inputs, marks, claim, salts } = batch
  if (inputs.length !== count || marks.length !== count) {
    throw new CircuitError(
      'wrong-input',
      `${inputs.length} inputs and ${marks.length} marks, the circuit takes ${count}`,
    )
  }
  if (!marks.every((mark) => Number.isInteger(mark) && mark >= 0)) {
    throw new CircuitError('wrong-input', 'labels and groups are whole numbers from 0')
  }
  const most = statement.kind === 'accuracy' ? count : MAX_GAP
  if (!Number.isInteger(claim) || claim < 0 || claim > most) {
    throw new CircuitError('wrong-input', `the claim is ${claim}, must be a whole number from 0 to ${most}`)
  }
  if (salts.input === undefined) throw new CircuitError('wrong-input', 'the batch needs a salt: salts.input')
}
