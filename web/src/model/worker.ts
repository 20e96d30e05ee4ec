// SPDX-License-Identifier: GPL-3.0-or-later
// The page's arithmetic, off its main thread: commitments of weights, answers, proofs. It has no network of its own except for the files of
// the circuit, so that what a visitor draws cannot leave.
import { expose, proxy } from 'comlink'
import { config } from 'zod'
import {
  type CommittedInput,
  commitRounded,
  type PreparedInput,
  type PreparedSegment,
  prepareInput,
  prepareSegment,
} from '../../../keepers/serving/index.ts'
import {
  commitToWeights,
  decodeManifest,
  decodeModel,
  openManifest,
  type PlannedModel,
  provableModel,
  type ServiceManifest,
  saltOf,
} from '../../../keepers/versions/index.ts'
import {
  encodeReals,
  fromSolidityProof,
  type IntegerProgram,
  interpret,
  isTwoRoundKey,
  type PageProof,
  PageProver,
  parseManifest,
  parseVerificationKey,
  type SolidityProof,
  tensorOf,
  toSolidityProof,
  verificationKeyHash,
  verifyProof,
} from '../../../keepers/zkml/index.ts'

// As in main.tsx: no `new Function`.
config({ jitless: true })

/** What the circuit says of an input, and the real values that its integers stand for. */
export type Answer = {
  /** One for each output of the model, in the model's own scale. */
  readonly scores: readonly number[]
  /** Values of the input that lay outside the range the model was calibrated on, and were moved to its edge. */
  readonly clamped: number
}

export type ProvenAnswer = {
  readonly proof: SolidityProof
  readonly publicSignals: readonly bigint[]
  readonly seconds: number
}

/** Weights of one version, flat, and where each layer's are in them. */
export type ModelWeights = {
  readonly weights: Float32Array
  readonly parts: readonly { readonly name: string; readonly offset: number; readonly length: number }[]
}

/** A model with the weights of one version. */
export class OpenedModel {
  readonly #program: IntegerProgram
  readonly #salt: bigint
  readonly #weights: Float32Array
  readonly #parts: ModelWeights['parts']
  readonly commitment: string
  #prover: PageProver | null = null

  constructor(model: PlannedModel, weights: Float32Array) {
    this.commitment = commitToWeights(model, weights).commitment
    this.#program = provableModel(model, weights).program
    this.#salt = saltOf(weights)
    this.#weights = weights
    this.#parts = model.spec.parameters.map(({ name, offset, length }) => ({ name, offset, length }))
  }

  /** The model's commitment, as the chain has it. */
  committed(): string {
    return this.commitment
  }

  /** Its weights before they are rounded for the circuit. */
  weights(): ModelWeights {
    return { weights: this.#weights, parts: this.#parts }
  }

  /** How many of these samples it puts into their classes. @throws CompileError for inputs of another size */
  right(inputs: readonly (readonly number[])[], labels: readonly number[]): number {
    return inputs.filter((input, i) => {
      const { scores } = this.answer(input)
      return scores.indexOf(Math.max(...scores)) === labels[i]
    }).length
  }

  /** Runs the integers that a proof would be about. */
  answer(input: readonly number[]): Answer {
    const { values, clamped } = encodeReals(this.#program, input, true)
    const { scores } = interpret(this.#program, values, { outside: 'clamp' })
    const { scale } = tensorOf(this.#program, this.#program.scores)
    return { scores: Array.from(scores, (score) => score * scale), clamped }
  }

  /** The input as a request to keepers carries it: everybody can read it. @throws ServingError */
  prepare(input: readonly number[]): PreparedInput {
    return prepareInput(this.#program, input, true)
  }

  /** A commitment to the input, which says nothing of it. @throws ServingError */
  commit(input: readonly number[]): CommittedInput {
    return commitRounded(this.#program, input, true)
  }

  /** The input as a proving job carries it: everybody can read it. @throws ServingError */
  prepareSegment(input: readonly number[]): PreparedSegment {
    return prepareSegment(this.#program, input, true)
  }

  /**
   * Loads a circuit. @param files `circuit.json`, the proving key, and in plain Groth16 the witness generator
   * @throws InferenceError, SetupError
   */
  async load(files: { manifest: unknown; zkey: Uint8Array; wasm: Uint8Array | null; vkHash: string }): Promise<void> {
    await this.#prover?.close()
    const manifest = parseManifest(files.manifest, 'circuit.json')
    const { zkey, wasm, vkHash } = files
    this.#prover = await PageProver.open({
      manifest,
      program: this.#program,
      modelSalt: this.#salt,
      zkey,
      wasm,
      vkHash,
    })
  }

  /** Proves the answer to an input for one purpose. @param inputSalt of a commitment that is known already */
  async prove(input: readonly number[], context: bigint, inputSalt?: bigint): Promise<ProvenAnswer> {
    if (this.#prover === null) throw new Error('no circuit is loaded')
    const start = performance.now()
    const { values } = encodeReals(this.#program, input, true)
    const { proof, publicSignals }: PageProof = await this.#prover.prove({
      ...{ input: values, context },
      ...(inputSalt === undefined ? {} : { inputSalt }),
    })
    return { proof: toSolidityProof(proof), publicSignals, seconds: (performance.now() - start) / 1000 }
  }

  async close(): Promise<void> {
    await this.#prover?.close()
  }
}

const api = {
  /** Reads a manifest, which must have that digest (0x…). @throws VersionError */
  manifest(bytes: Uint8Array, digest: string): ServiceManifest {
    return decodeManifest(bytes, 'the manifest', digest)
  },
  /** A model's parameters. @throws VersionError */
  async parameterCount(manifest: ServiceManifest): Promise<number> {
    return (await openManifest(manifest)).spec.parameterCount
  },
  /** Opens weights as the members publish them. @throws VersionError */
  async open(manifest: ServiceManifest, blob: Uint8Array): Promise<OpenedModel> {
    const model = await openManifest(manifest)
    return proxy(new OpenedModel(model, decodeModel(blob, model.spec.parameterCount)))
  },
  /**
   * Whether a proof that somebody gave a contract holds for these public signals.
   * @param key a verification key's JSON @throws Error when its hash is not `vkHash`
   */
  async verify(key: unknown, vkHash: string, proof: SolidityProof, publicSignals: readonly bigint[]): Promise<boolean> {
    const parsed = parseVerificationKey(key)
    const found = verificationKeyHash(parsed)
    if (found !== vkHash) throw new Error(`the verification key has the hash ${found}, the hub's model ${vkHash}`)
    return await verifyProof(parsed, fromSolidityProof(proof, isTwoRoundKey(parsed)), publicSignals)
  },
}

export type ModelWorker = typeof api

expose(api)
