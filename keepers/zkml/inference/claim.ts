// SPDX-License-Identifier: GPL-3.0-or-later
// Claims about a whole batch, proven: a committed model is right so often on committed samples, or treats two groups of them alike.
import { readFile } from 'node:fs/promises'
import { FIELD_BYTES } from '../bn254.ts'
import { decodeWitness } from '../circuit/constraints.ts'
import { batchInputs, batchSignals, commitBatch, randomSalt, WitnessProgram } from '../circuit/index.ts'
import { WrittenCircuit } from '../lookup/circuit.ts'
import type { ProveOptions, Prover, ProverBackend } from '../prove/backend.ts'
import { ProveError } from '../prove/errors.ts'
import { openTwoRound, type TwoRoundProver } from '../prove/two-round.ts'
import { wasmBackend } from '../prove/wasm.ts'
import { encodeInput } from '../quantise/quantise.ts'
import type { KeyMetadata } from '../setup/metadata.ts'
import { isTrue, type Measured, measureAnswers, strongest, untruth } from './claim-truth.ts'
import { InferenceError } from './errors.ts'
import { batchOptions, type CircuitFolder, openFolder, writtenAnew } from './folder.ts'
import { withFolderKey } from './keys.ts'
import { type Claim, folderPaths } from './manifest.ts'
import { type AnyKey, type AnyProofWithSignals, verifyAny } from './systems.ts'

/** Samples with the mark of each: label, group or cell, as the statement needs (`markOf`). */
export type MarkedBatch = {
  /** Real values, row-major; or the program's integers when `integers` is set. */
  readonly inputs: readonly ArrayLike<number>[]
  readonly integers?: boolean
  /** As in InferenceRequest: values outside the calibrated range are moved to its edge, not refused. */
  readonly clamp?: boolean
  readonly marks: readonly number[]
}

export type ClaimRequest = MarkedBatch & {
  /** As in BatchStatement. */
  readonly claim: number
  readonly context: bigint
  /** Salt of the batch's commitment; drawn when absent. */
  readonly salt?: bigint
}

export type ClaimProof = AnyProofWithSignals & { readonly salt: bigint }

/** A folder that makes claims, with the other data that a claim needs. @throws InferenceError `folder-mismatch` for any other. */
function claimOf(folder: CircuitFolder): Claim {
  if (folder.claim !== null) return folder.claim
  throw new InferenceError('folder-mismatch', `${folder.folder} proves inferences, not claims about batches`)
}

/** The commitment that a batch's keeper publishes before anyone claims anything about it. */
export function batchCommitment(folder: CircuitFolder, batch: MarkedBatch, salt: bigint): bigint {
  const { program } = folder
  return commitBatch(program, { inputs: integersOf(folder, batch), marks: batch.marks }, salt, claimOf(folder))
}

/** The integers that a batch is committed to and proven as. */
export function integersOf(
  { program }: CircuitFolder,
  { inputs, integers, clamp = false }: MarkedBatch,
): readonly Float64Array[] {
  return inputs.map((input) => (integers === true ? Float64Array.from(input) : encodeInput(program, input, { clamp })))
}

/**
 * The model's quality on a batch, as claims count it: the number of right answers, or the smallest whole permille that bounds the gap or
 * error; of a refutation the strongest that is true. Infinite when nothing can be claimed, as of a group without members.
 */
export function strongestClaim(folder: CircuitFolder, batch: MarkedBatch): number {
  return strongest(claimOf(folder).statement, measure(folder, batch))
}

function measure(folder: CircuitFolder, batch: MarkedBatch): Measured {
  return measureAnswers(folder.program, claimOf(folder).statement, integersOf(folder, batch), batch.marks)
}

export class ClaimProver {
  readonly folder: CircuitFolder
  readonly key: AnyKey
  readonly metadata: KeyMetadata
  readonly #witness: WitnessProgram | WrittenCircuit
  readonly #prover: Prover | TwoRoundProver

  private constructor(
    folder: CircuitFolder,
    witness: WitnessProgram | WrittenCircuit,
    key: AnyKey,
    metadata: KeyMetadata,
    prover: Prover | TwoRoundProver,
  ) {
    this.folder = folder
    this.key = key
    this.metadata = metadata
    this.#witness = witness
    this.#prover = prover
  }

  /** Loads circuit and key of a folder that was compiled with a claim. */
  static async open(
    folder: string,
    options: ProveOptions & { readonly backend?: ProverBackend } = {},
  ): Promise<ClaimProver> {
    const opened = await openFolder(folder)
    claimOf(opened)
    const { system } = opened.manifest
    const { backend = wasmBackend(), ...rest } = options
    return withFolderKey(opened, async ({ key, metadata }, source) => {
      if (system === 'groth16') {
        const witness = await WitnessProgram.load(await readFile(folderPaths(folder).wasm))
        return new ClaimProver(opened, witness, key, metadata, await backend.open(source, rest))
      }
      if (backend.name !== 'wasm')
        throw new ProveError('backend-failed', `backend ${backend.name} proves groth16 alone, not ${system}; use wasm`)
      return new ClaimProver(opened, writtenAnew(opened), key, metadata, await openTwoRound(source, rest))
    })
  }

  /**
   * Proves a claim and verifies the proof before it leaves.
   * @throws InferenceError `claim-untrue` naming the true value; CircuitError for a batch that does not fit.
   */
  async prove(request: ClaimRequest, options: ProveOptions = {}): Promise<ClaimProof> {
    const { program, modelSalt } = this.folder
    const { count, statement } = claimOf(this.folder)
    const settings = batchOptions(this.folder.options, { count, statement })
    const salt = request.salt ?? randomSalt()
    const salts = { input: salt, ...(modelSalt === null ? {} : { model: modelSalt }) }
    const { marks, claim, context } = request
    const batch = { inputs: integersOf(this.folder, request), marks, claim, context, salts }
    const signals = batchSignals(program, batch, settings)
    this.#requireTrue(request)
    const inputs = batchInputs(program, batch, settings)
    const values =
      this.#witness instanceof WrittenCircuit ? this.#witness.witness(inputs) : this.#witness.calculate(inputs)
    const head =
      values instanceof Uint8Array
        ? decodeWitness(values.subarray(0, FIELD_BYTES * (1 + signals.length))).slice(1)
        : decodeWitness(values.first.subarray(0, FIELD_BYTES * signals.length))
    const differing = signals.findIndex((signal, i) => signal !== head[i])
    if (differing >= 0) {
      throw new InferenceError(
        'circuit-disagrees',
        `public signal ${differing}: the circuit says ${head[differing]}, the interpreter ${signals[differing]}`,
      )
    }
    const made =
      values instanceof Uint8Array
        ? await (this.#prover as Prover).prove(values, options)
        : await (this.#prover as TwoRoundProver).prove(values, options)
    if (!(await verifyAny(this.key, made.proof, signals))) {
      throw new ProveError('invalid-witness', 'the proof of the claim does not verify')
    }
    return { ...made, salt }
  }

  async close(): Promise<void> {
    await this.#prover.close()
  }

  #requireTrue(request: ClaimRequest): void {
    const { statement } = claimOf(this.folder)
    const measured = measure(this.folder, request)
    if (!isTrue(statement, measured, request.claim))
      throw new InferenceError('claim-untrue', untruth(statement, measured, request.claim))
  }
}
