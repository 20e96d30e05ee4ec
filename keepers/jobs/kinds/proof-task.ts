// SPDX-License-Identifier: GPL-3.0-or-later
import type { Proof } from '../../zkml/index.ts'

/** A segment to prove with a circuit that the worker has: the inputs of its witness, and the statement. */
export type ProofTask = {
  /** 0x and 64 hex digits. */
  readonly circuitId: string
  readonly modelCommitment: bigint
  /** Integers of the circuit's program, row-major. */
  readonly input: Float64Array
  readonly salts: { readonly input?: bigint; readonly output?: bigint }
  readonly context: bigint
}

export type ProofAnswer = {
  readonly proof: Proof
  /** [modelCommitment, inputCommitment, output, context] */
  readonly publicSignals: readonly bigint[]
}

/** Whether a proof proves the requested statement. It must not rely on anything that the answer claims. */
export type ProofCheck = (task: ProofTask, answer: ProofAnswer) => Promise<boolean>
