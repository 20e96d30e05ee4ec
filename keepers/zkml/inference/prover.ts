// SPDX-License-Identifier: GPL-3.0-or-later
// From an input to a proof: reference interpreter, witness, proof, and a check that all three agree.
import { readFile } from 'node:fs/promises'
import { ConstraintSystem, decodeWitness } from '../circuit/constraints.ts'
import {
  CircuitError,
  type CircuitOptions,
  type ContentSignature,
  expectedSignals,
  inputParts,
  modelCommitmentOf,
  outputParts,
  type PartCommitment,
  randomSalt,
  type Salts,
  saltedParts,
  WitnessProgram,
  witnessInputs,
} from '../circuit/index.ts'
import type { IntegerProgram } from '../graph/program.ts'
import type { ProveOptions, Prover, ProverBackend } from '../prove/backend.ts'
import { ProveError } from '../prove/errors.ts'
import type { ProofWithSignals } from '../prove/proof.ts'
import { verifyProof } from '../prove/verify.ts'
import { wasmBackend } from '../prove/wasm.ts'
import { encodeReals } from '../quantise/input.ts'
import { interpret } from '../quantise/interpret.ts'
import type { KeyMetadata } from '../setup/metadata.ts'
import { parseZkey } from '../setup/zkey.ts'
import { type VerificationKey, verificationKeyOf } from '../verifier/verification-key.ts'
import { InferenceError } from './errors.ts'
import { type CircuitFolder, folderPaths, openFolder, readFolderKey } from './folder.ts'

export type InferenceRequest = {
  /** Real values, row-major; or the program's integers when `integers` is set. */
  readonly input: ArrayLike<number>
  readonly integers?: boolean
  /**
   * Moves real values that lie outside the calibrated range to its edge. Without it they are refused: the proof would be
   * about another input than the one given.
   */
  readonly clamp?: boolean
  /** What the proof is for: the fourth public signal, below the scalar field. */
  readonly context: bigint
  /** Salts of the input's and the output's commitments; drawn when absent and needed. */
  readonly salts?: Omit<Salts, 'model'>
  /** Circuits with a `signed` input: the publisher's signature; the input's salt is the one that came with it. */
  readonly signed?: ContentSignature
}

/** A witness with what it says. The salts open the commitments: they are the owner's secret. */
export type InferenceWitness = {
  readonly values: Uint8Array
  /** The integers that were proven. */
  readonly input: Float64Array
  readonly scores: Float64Array
  readonly publicSignals: readonly bigint[]
  readonly salts: Omit<Salts, 'model'>
  /** What is shown of each input and of each output, where they are shown one by one: not secret, and needed to check any of them. */
  readonly parts: {
    readonly inputs: readonly PartCommitment[] | null
    readonly outputs: readonly PartCommitment[] | null
  }
  /** How many input values were moved to the edge of the calibrated range; null where integers were given. */
  readonly clamped: number | null
}

export type InferenceProof = ProofWithSignals & Omit<InferenceWitness, 'values' | 'publicSignals'>

/** Witnesses of a compiled folder; needs no key. */
export class InferenceCircuit {
  readonly folder: CircuitFolder
  readonly #witness: WitnessProgram
  /** Hashed from all weights once, not for every witness. */
  readonly #modelCommitment: bigint
  #system: ConstraintSystem | null = null

  private constructor(folder: CircuitFolder, witness: WitnessProgram) {
    this.folder = folder
    this.#witness = witness
    const { program, options, modelSalt, claim } = folder
    if (claim !== null) {
      throw new InferenceError(
        'folder-mismatch',
        `${folder.folder} makes claims about batches, not inferences; use cohort zkml claim prove`,
      )
    }
    this.#modelCommitment = modelCommitmentOf(program, modelSalt === null ? {} : { model: modelSalt }, options)
    if (String(this.#modelCommitment) !== folder.manifest.modelCommitment) {
      throw new InferenceError(
        'folder-mismatch',
        `${folder.folder}: weights and salt do not give the model commitment of the manifest; compile again`,
      )
    }
  }

  /** @param folder a path, or an opened folder whose weights may be others (`withWeights`) */
  static async open(folder: string | CircuitFolder): Promise<InferenceCircuit> {
    const opened = typeof folder === 'string' ? await openFolder(folder) : folder
    return new InferenceCircuit(opened, await WitnessProgram.load(await readFile(folderPaths(opened.folder).wasm)))
  }

  /**
   * Runs the reference interpreter and the circuit on one input. Throws CircuitError or CompileError for an input that
   * does not fit, InferenceError `circuit-disagrees` when the two differ in a public signal.
   */
  witness(request: InferenceRequest): InferenceWitness {
    const { program, options, modelSalt } = this.folder
    const encoded =
      request.integers === true
        ? { values: Float64Array.from(request.input), clamped: null }
        : encodeReals(program, request.input, request.clamp)
    const input = encoded.values
    const salts = {
      ...(options.input === 'committed' ? { input: request.salts?.input ?? randomSalt() } : {}),
      ...(options.input === 'signed' && request.salts?.input !== undefined ? { input: request.salts.input } : {}),
      ...(options.output === 'committed' ? { output: request.salts?.output ?? randomSalt() } : {}),
      ...partSalts(program, 'inputs', options.input, request.salts?.inputs),
      ...partSalts(program, 'outputs', options.output, request.salts?.outputs),
    }
    const sample = {
      input,
      context: request.context,
      salts: { ...salts, ...(modelSalt === null ? {} : { model: modelSalt }) },
      ...(request.signed === undefined ? {} : { signed: request.signed }),
    }
    // First the interpreter: it names the layer whose window a value leaves, the circuit only fails.
    const { scores } = interpret(program, input)
    const values = this.#witness.calculate(witnessInputs(program, sample, options))
    const publicSignals = expectedSignals(program, sample, scores, options, this.#modelCommitment)
    const head = decodeWitness(values.subarray(0, 32 * (1 + publicSignals.length))).slice(1)
    const differing = publicSignals.findIndex((signal, i) => signal !== head[i])
    if (differing >= 0) {
      throw new InferenceError(
        'circuit-disagrees',
        `public signal ${differing}: the circuit says ${head[differing]}, the interpreter ${publicSignals[differing]}`,
      )
    }
    const parts = {
      inputs: inputParts(program, sample, options),
      outputs: outputParts(program, scores, sample.salts, options),
    }
    return { values, input, scores, publicSignals, salts, parts, clamped: encoded.clamped }
  }

  /** The first constraint that a witness breaks, or null: what a proof would show, without proving. */
  async violation(values: Uint8Array): Promise<number | null> {
    this.#system ??= ConstraintSystem.parse(await readFile(folderPaths(this.folder.folder).r1cs))
    return this.#system.firstViolation(decodeWitness(values))
  }
}

/** A salt for each committed part: the one given under its name, or a new one. */
function partSalts(
  program: IntegerProgram,
  domain: 'inputs' | 'outputs',
  shown: CircuitOptions['input'],
  given: ReadonlyMap<string, bigint> = new Map(),
): Partial<Record<typeof domain, ReadonlyMap<string, bigint>>> {
  const names = saltedParts(program, domain, shown ?? 'committed')
  for (const name of given.keys())
    if (!names.includes(name))
      throw new CircuitError(
        'wrong-input',
        `a salt is given for ${name}, which is none of the committed ${domain} (${names.join(', ') || 'there are none'})`,
      )
  return names.length === 0 ? {} : { [domain]: new Map(names.map((name) => [name, given.get(name) ?? randomSalt()])) }
}

export class InferenceProver {
  readonly circuit: InferenceCircuit
  readonly key: VerificationKey
  readonly metadata: KeyMetadata
  readonly #prover: Prover

  private constructor(circuit: InferenceCircuit, key: VerificationKey, metadata: KeyMetadata, prover: Prover) {
    this.circuit = circuit
    this.key = key
    this.metadata = metadata
    this.#prover = prover
  }

  /** Loads circuit and key and keeps them. The backend is our own on threads when none is given. */
  static async open(
    folder: string | CircuitFolder,
    options: ProveOptions & { readonly backend?: ProverBackend } = {},
  ): Promise<InferenceProver> {
    const circuit = await InferenceCircuit.open(folder)
    const { bytes, metadata } = await readFolderKey(circuit.folder)
    const key = await verificationKeyOf(parseZkey(bytes))
    const { backend = wasmBackend(), ...rest } = options
    return new InferenceProver(circuit, key, metadata, await backend.open(bytes, rest))
  }

  get backend(): string {
    return this.#prover.backend
  }

  /** Proves one inference and verifies the proof before it leaves. */
  async prove(request: InferenceRequest, options: ProveOptions = {}): Promise<InferenceProof> {
    const { values, publicSignals, ...rest } = this.circuit.witness(request)
    const made = await this.#prover.prove(values, options)
    if (!(await verifyProof(this.key, made.proof, publicSignals))) {
      throw new ProveError('invalid-witness', 'the proof does not verify; `cohort zkml mock` names the constraint')
    }
    return { ...made, ...rest }
  }

  async close(): Promise<void> {
    await this.#prover.close()
  }
}
