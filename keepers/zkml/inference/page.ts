// SPDX-License-Identifier: GPL-3.0-or-later
// Proofs of inferences where there is no file system: a page has the files of a compiled folder as bytes, from wherever it got them, and
// weights that it fetched and checked itself.
import { FIELD_BYTES } from '../bn254.ts'
import { decodeWitness } from '../circuit/constraints.ts'
import {
  type CircuitOptions,
  commitModel,
  expectedSignals,
  randomSalt,
  type Salts,
  WitnessProgram,
  witnessInputs,
} from '../circuit/index.ts'
import type { IntegerProgram } from '../graph/program.ts'
import { LookupCircuit } from '../lookup/circuit.ts'
import type { Prover } from '../prove/backend.ts'
import { ProveError } from '../prove/errors.ts'
import { openTwoRound, type TwoRoundProver } from '../prove/two-round.ts'
import { wasmBackend } from '../prove/wasm.ts'
import { interpret } from '../quantise/interpret.ts'
import { InferenceError } from './errors.ts'
import { type CircuitManifest, optionsOf } from './manifest.ts'
import { type AnyKey, type AnyProofWithSignals, keyHash, readZkey, verifyAny } from './systems.ts'

/** A page's data for a circuit in committed mode. */
export type PageCircuit = {
  readonly manifest: CircuitManifest
  /** Made from the weights to prove, with the plan for which the circuit was compiled. */
  readonly program: IntegerProgram
  /** Opens the commitment to these weights. */
  readonly modelSalt: bigint
  /** The witness generator; only plain Groth16 has one. */
  readonly wasm: Uint8Array | null
  /** The proving key, whole. */
  readonly zkey: Uint8Array
  /** keccak256 of the verification key that proofs must hold under, as a verifier registry has it. */
  readonly vkHash: string
}

/** A proof with what opens its commitments, which is the visitor's secret. */
export type PageProof = AnyProofWithSignals & { readonly salts: Omit<Salts, 'model'>; readonly scores: Float64Array }

export type PageRequest = {
  /** The program's integers, row-major. */
  readonly input: Float64Array
  /** The purpose of the proof: the fourth public signal. */
  readonly context: bigint
  /** Opens a commitment to the input that somebody knows already; drawn anew unless given. */
  readonly inputSalt?: bigint
}

/** A circuit and its key, ready to prove. */
export class PageProver {
  readonly key: AnyKey
  readonly #circuit: PageCircuit
  readonly #options: CircuitOptions
  readonly #witness: WitnessProgram | LookupCircuit
  readonly #prover: Prover | TwoRoundProver
  readonly #modelCommitment: bigint

  private constructor(
    circuit: PageCircuit,
    key: AnyKey,
    witness: WitnessProgram | LookupCircuit,
    prover: Prover | TwoRoundProver,
  ) {
    this.#circuit = circuit
    this.#options = optionsOf(circuit.manifest)
    this.key = key
    this.#witness = witness
    this.#prover = prover
    this.#modelCommitment = commitModel(circuit.program, circuit.modelSalt)
  }

  /**
   * Reads the key and starts the threads.
   * @throws InferenceError `folder-mismatch` for a key of another circuit than the registry names, a circuit of batches, or one that shows
   * its input
   */
  static async open(circuit: PageCircuit): Promise<PageProver> {
    const { manifest, program, wasm, zkey, vkHash } = circuit
    const refuse = (what: string): never => {
      throw new InferenceError('folder-mismatch', what)
    }
    if (manifest.claim !== undefined) refuse('the circuit makes claims about batches, not inferences')
    if (manifest.mode !== 'committed' || program.mode !== 'committed')
      refuse('the circuit is not one of committed weights')
    if (manifest.input !== 'committed') refuse(`the circuit shows its input as ${JSON.stringify(manifest.input)}`)
    const { key } = await readZkey(manifest.system, zkey)
    if (keyHash(key) !== vkHash) refuse(`the key is for verification key ${keyHash(key)}, the registry has ${vkHash}`)
    if (manifest.system === 'groth16') {
      if (wasm === null) return refuse('the witness generator is missing')
      return new PageProver(circuit, key, await WitnessProgram.load(wasm), await wasmBackend().open(zkey))
    }
    const options = optionsOf(manifest)
    return new PageProver(circuit, key, new LookupCircuit(program, options), await openTwoRound(zkey))
  }

  /**
   * Proves one inference, and verifies the proof before it leaves.
   * @throws InferenceError `circuit-disagrees`, CompileError for an input that does not fit, ProveError
   */
  async prove({ input, context, inputSalt = randomSalt() }: PageRequest, signal?: AbortSignal): Promise<PageProof> {
    const { program, modelSalt } = this.#circuit
    const options = this.#options
    const salts = {
      input: inputSalt,
      ...(options.output === 'committed' ? { output: randomSalt() } : {}),
    }
    const sample = { input, context, salts: { ...salts, model: modelSalt } }
    const { scores } = interpret(program, input)
    const inputs = witnessInputs(program, sample, options)
    const publicSignals = expectedSignals(program, sample, scores, options, this.#modelCommitment)
    const stop = signal === undefined ? {} : { signal }
    let made: AnyProofWithSignals
    if (this.#witness instanceof WitnessProgram) {
      const values = this.#witness.calculate(inputs)
      this.#requireSame(
        publicSignals,
        decodeWitness(values.subarray(0, FIELD_BYTES * (1 + publicSignals.length))).slice(1),
      )
      made = await (this.#prover as Prover).prove(values, stop)
    } else {
      const values = this.#witness.witness(inputs)
      this.#requireSame(publicSignals, decodeWitness(values.first.subarray(0, FIELD_BYTES * publicSignals.length)))
      made = await (this.#prover as TwoRoundProver).prove(values, stop)
    }
    if (!(await verifyAny(this.key, made.proof, publicSignals))) {
      throw new ProveError('invalid-witness', 'the proof does not verify: the key is not one of this circuit')
    }
    return { ...made, salts, scores }
  }

  #requireSame(expected: readonly bigint[], found: readonly bigint[]): void {
    const at = expected.findIndex((signal, i) => signal !== found[i])
    if (at < 0) return
    throw new InferenceError(
      'circuit-disagrees',
      `public signal ${at}: the circuit says ${found[at]}, the interpreter ${expected[at]}`,
    )
  }

  async close(): Promise<void> {
    await this.#prover.close()
  }
}
