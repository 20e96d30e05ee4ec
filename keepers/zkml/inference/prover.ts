// SPDX-License-Identifier: GPL-3.0-or-later
// From an input to a proof: reference interpreter, witness, proof, and a check that all three agree.
import { readFile } from 'node:fs/promises'
import { FIELD_BYTES } from '../bn254.ts'
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
import { type TwoRoundWitness, WrittenCircuit } from '../lookup/circuit.ts'
import type { ProveOptions, Prover, ProverBackend } from '../prove/backend.ts'
import { ProveError } from '../prove/errors.ts'
import { openTwoRound, type TwoRoundProver } from '../prove/two-round.ts'
import { wasmBackend } from '../prove/wasm.ts'
import { encodeReals } from '../quantise/input.ts'
import { interpret } from '../quantise/interpret.ts'
import type { KeyMetadata } from '../setup/metadata.ts'
import { InferenceError } from './errors.ts'
import { type CircuitFolder, openFolder, writtenAnew } from './folder.ts'
import { withFolderKey } from './keys.ts'
import { folderPaths } from './manifest.ts'
import { type AnyKey, type AnyProofWithSignals, verifyAny } from './systems.ts'

export type InferenceRequest = {
  /** Real values, row-major; or the program's integers when `integers` is set. */
  readonly input: ArrayLike<number>
  readonly integers?: boolean
  /**
   * Moves real values that lie outside the calibrated range to its edge. Without it they are refused: the proof would be
   * about another input than the one given.
   */
  readonly clamp?: boolean
  /** The purpose of the proof: the fourth public signal, below the scalar field. */
  readonly context: bigint
  /** Salts of the input's and the output's commitments; drawn when absent and needed. */
  readonly salts?: Omit<Salts, 'model'>
  /** Circuits with a `signed` input: the publisher's signature; the input's salt is the one that came with it. */
  readonly signed?: ContentSignature
}

/** A witness and its statement. The salts open the commitments: they are the owner's secret. */
export type InferenceWitness = {
  /** All wires; in two rounds the passes that give them. */
  readonly values: Uint8Array | TwoRoundWitness
  /** The integers that were proven. */
  readonly input: Float64Array
  readonly scores: Float64Array
  readonly publicSignals: readonly bigint[]
  readonly salts: Omit<Salts, 'model'>
  /** The disclosed form of each input and output, where they are shown one by one: not secret, and needed to check any of them. */
  readonly parts: {
    readonly inputs: readonly PartCommitment[] | null
    readonly outputs: readonly PartCommitment[] | null
  }
  /** How many input values were moved to the edge of the calibrated range; null where integers were given. */
  readonly clamped: number | null
}

export type InferenceProof = AnyProofWithSignals & Omit<InferenceWitness, 'values' | 'publicSignals'>

/** Witnesses of a compiled folder; needs no key. */
export class InferenceCircuit {
  readonly folder: CircuitFolder
  readonly #witness: WitnessProgram | WrittenCircuit
  /** Hashed from all weights once, not for every witness. */
  readonly #modelCommitment: bigint
  #system: ConstraintSystem | null = null

  private constructor(folder: CircuitFolder, witness: WitnessProgram | WrittenCircuit) {
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

  /** @param folder a path, or an opened folder, possibly with other weights (`withWeights`) */
  static async open(folder: string | CircuitFolder): Promise<InferenceCircuit> {
    const opened = typeof folder === 'string' ? await openFolder(folder) : folder
    const witness =
      opened.manifest.system === 'groth16'
        ? await WitnessProgram.load(await readFile(folderPaths(opened.folder).wasm))
        : writtenAnew(opened)
    return new InferenceCircuit(opened, witness)
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
    // First the interpreter: it names the layer that exceeds its window; the circuit only fails.
    const { scores } = interpret(program, input)
    const inputs = witnessInputs(program, sample, options)
    const publicSignals = expectedSignals(program, sample, scores, options, this.#modelCommitment)
    const count = publicSignals.length
    let values: InferenceWitness['values']
    let head: readonly bigint[]
    if (this.#witness instanceof WrittenCircuit) {
      values = this.#witness.witness(inputs)
      head = decodeWitness(values.first.subarray(0, FIELD_BYTES * count))
    } else {
      values = this.#witness.calculate(inputs)
      head = decodeWitness(values.subarray(0, FIELD_BYTES * (1 + count))).slice(1)
    }
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

  /** The first constraint that a witness breaks, or null: the result of a proof, without proving. */
  async violation(values: InferenceWitness['values']): Promise<number | null> {
    this.#system ??= ConstraintSystem.parse(await readFile(folderPaths(this.folder.folder).r1cs))
    // Nobody is to be convinced here, so any challenge will do.
    const challenges = this.folder.manifest.rounds?.challenges ?? 0
    const all =
      values instanceof Uint8Array ? values : values.finish(Array.from({ length: challenges }, () => randomSalt()))
    return this.#system.firstViolation(decodeWitness(all))
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
        `a salt is given for ${name}, which is not one of the committed ${domain} (${names.join(', ') || 'there are none'})`,
      )
  return names.length === 0 ? {} : { [domain]: new Map(names.map((name) => [name, given.get(name) ?? randomSalt()])) }
}

export class InferenceProver {
  readonly circuit: InferenceCircuit
  readonly key: AnyKey
  readonly metadata: KeyMetadata
  readonly #prover: Prover | TwoRoundProver

  private constructor(circuit: InferenceCircuit, key: AnyKey, metadata: KeyMetadata, prover: Prover | TwoRoundProver) {
    this.circuit = circuit
    this.key = key
    this.metadata = metadata
    this.#prover = prover
  }

  /**
   * Loads circuit and key and keeps them. The backend is our own on threads when none is given; it uses the tables beside the key when
   * there are some, unless `tables` is false.
   */
  static async open(
    folder: string | CircuitFolder,
    options: ProveOptions & { readonly backend?: ProverBackend; readonly tables?: boolean } = {},
  ): Promise<InferenceProver> {
    const circuit = await InferenceCircuit.open(folder)
    const { system } = circuit.folder.manifest
    const { tables = true, backend = wasmBackend({ tables }), ...rest } = options
    return withFolderKey(circuit.folder, async ({ key, metadata }, source) => {
      if (system === 'groth16') return new InferenceProver(circuit, key, metadata, await backend.open(source, rest))
      if (backend.name !== 'wasm') {
        throw new ProveError('backend-failed', `backend ${backend.name} proves groth16 alone, not ${system}; use wasm`)
      }
      return new InferenceProver(circuit, key, metadata, await openTwoRound(source, { ...rest, tables }))
    })
  }

  get backend(): string {
    return 'backend' in this.#prover ? this.#prover.backend : 'wasm'
  }

  /** Proves one inference and verifies the proof before it leaves. */
  async prove(request: InferenceRequest, options: ProveOptions = {}): Promise<InferenceProof> {
    const { values, publicSignals, ...rest } = this.circuit.witness(request)
    const made = await this.#make(values, options)
    if (!(await verifyAny(this.key, made.proof, publicSignals))) {
      throw new ProveError('invalid-witness', 'the proof does not verify; `cohort zkml mock` names the constraint')
    }
    return { ...made, ...rest }
  }

  #make(values: InferenceWitness['values'], options: ProveOptions): Promise<AnyProofWithSignals> {
    return values instanceof Uint8Array
      ? (this.#prover as Prover).prove(values, options)
      : (this.#prover as TwoRoundProver).prove(values, options)
  }

  async close(): Promise<void> {
    await this.#prover.close()
  }
}
