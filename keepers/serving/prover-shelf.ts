// SPDX-License-Identifier: GPL-3.0-or-later
import { readFile } from 'node:fs/promises'
import { toBeHex } from 'ethers'
import type { Performers, ProofAnswer, ProofTask } from '../jobs/index.ts'
import {
  type CircuitFolder,
  folderPaths,
  InferenceError,
  InferenceProver,
  openFolder,
  openSegments,
  parseVerificationKey,
  readSegmentsManifest,
  type VerificationKey,
  verifyProof,
} from '../zkml/index.ts'

export type ShelfOptions = {
  /** Circuit folders, or folders of segments as `cohort zkml split` makes them. */
  readonly folders: readonly string[]
  /** How many proving keys stay loaded. The least recently used one is dropped first. */
  readonly loadedKeys: number
}

/** The circuits that a prover can serve, and a bounded cache of their loaded keys. */
export class CircuitShelf implements AsyncDisposable {
  readonly #circuits: ReadonlyMap<string, CircuitFolder>
  readonly #capacity: number
  /** Insertion order is the order of use. */
  readonly #loaded = new Map<string, InferenceProver>()
  readonly #keys = new Map<string, VerificationKey>()

  private constructor(circuits: ReadonlyMap<string, CircuitFolder>, capacity: number) {
    this.#circuits = circuits
    this.#capacity = capacity
  }

  /** @throws InferenceError for a folder that holds neither a circuit nor segments */
  static async open({ folders, loadedKeys }: ShelfOptions): Promise<CircuitShelf> {
    const circuits = new Map<string, CircuitFolder>()
    for (const folder of folders) {
      for (const circuit of await circuitsOf(folder)) {
        const { circuitId, modelCommitment } = circuit.manifest
        circuits.set(nameOf(circuitId, BigInt(modelCommitment)), circuit)
      }
    }
    return new CircuitShelf(circuits, Math.max(1, loadedKeys))
  }

  get size(): number {
    return this.#circuits.size
  }

  get loaded(): number {
    return this.#loaded.size
  }

  has(circuitId: string, modelCommitment: bigint): boolean {
    return this.#circuits.has(nameOf(circuitId, modelCommitment))
  }

  /** A prover with its key loaded. @throws InferenceError when the folder has no key */
  async prover(circuitId: string, modelCommitment: bigint): Promise<InferenceProver> {
    const name = nameOf(circuitId, modelCommitment)
    const known = this.#loaded.get(name)
    this.#loaded.delete(name)
    const folder = this.#circuits.get(name)
    if (folder === undefined) throw new InferenceError('folder-incomplete', `no folder for circuit ${name}`)
    const prover = known ?? (await InferenceProver.open(folder))
    this.#loaded.set(name, prover)
    while (this.#loaded.size > this.#capacity) {
      const [oldest, unused] = this.#loaded.entries().next().value!
      this.#loaded.delete(oldest)
      await unused.close()
    }
    return prover
  }

  /** Proves in this process, one proof after the other. */
  readonly performers: Required<Pick<Performers, 'proofs'>> = {
    proofs: async ({ circuitId, modelCommitment, input, salts, context }, signal) => {
      const prover = await this.prover(circuitId, modelCommitment)
      const options = signal === undefined ? {} : { signal }
      const { proof, publicSignals } = await prover.prove({ input, integers: true, salts, context }, options)
      return { proof, publicSignals }
    },
  }

  /**
   * Whether a proof that somebody else made proves this statement, by the folder's own verification key. Loads no proving key.
   * @param stated The input's commitment, and the output if it is known before. @throws ProveError, InferenceError for a folder without a key
   */
  async isProofOf(
    { circuitId, modelCommitment, context }: ProofTask,
    { proof, publicSignals }: ProofAnswer,
    stated: { readonly inputCommitment: bigint; readonly output: bigint | null },
  ): Promise<boolean> {
    const expected = [modelCommitment, stated.inputCommitment, stated.output ?? publicSignals[2], context]
    if (publicSignals.length !== expected.length || publicSignals.some((signal, i) => signal !== expected[i]))
      return false
    return await verifyProof(await this.#verificationKey(circuitId, modelCommitment), proof, publicSignals)
  }

  async #verificationKey(circuitId: string, modelCommitment: bigint): Promise<VerificationKey> {
    const name = nameOf(circuitId, modelCommitment)
    const folder = this.#circuits.get(name)
    if (folder === undefined) throw new InferenceError('folder-incomplete', `no folder for circuit ${name}`)
    const known = this.#keys.get(name)
    if (known !== undefined) return known
    const path = folderPaths(folder.folder).verificationKey
    const text = await readFile(path, 'utf8').catch((cause) => {
      throw new InferenceError('folder-incomplete', `cannot read ${path}; run cohort zkml setup first`, { cause })
    })
    const key = parseVerificationKey(JSON.parse(text))
    this.#keys.set(name, key)
    return key
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const prover of this.#loaded.values()) await prover.close()
    this.#loaded.clear()
  }
}

/** The circuits of a folder in order: its segments if it has their manifest, otherwise its own circuit. */
export async function circuitsOf(folder: string): Promise<readonly CircuitFolder[]> {
  const segmented = await readSegmentsManifest(folder).then(
    () => true,
    (error: unknown) => {
      if (error instanceof InferenceError && error.code === 'folder-incomplete') return false
      throw error
    },
  )
  return segmented ? (await openSegments(folder)).circuits : [await openFolder(folder)]
}

/** Names what a prover can prove by circuit and model, because in committed mode one circuit serves many models. */
function nameOf(circuitId: string, modelCommitment: bigint): string {
  return `${circuitId}:${toBeHex(modelCommitment, 32)}`
}
