// SPDX-License-Identifier: GPL-3.0-or-later
// A folder with a circuit that somebody wrote in circom, instead of one that a program became: compiled, set up, proven and verified
// with the same parts. Its public signals are its own, and so is what they mean.
import { access, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CircuitError, type CircuitInputs, compileCircuit, WitnessProgram } from '../circuit/index.ts'
import { parseJson } from '../json.ts'
import type { ProveOptions, Prover } from '../prove/backend.ts'
import { ProveError } from '../prove/errors.ts'
import type { ProofWithSignals } from '../prove/proof.ts'
import { verifyProof } from '../prove/verify.ts'
import { wasmBackend } from '../prove/wasm.ts'
import { type LocalSetupOptions, setupLocal } from '../setup/local.ts'
import { type KeyMetadata, readKeyMetadata, sha256, sha256File } from '../setup/metadata.ts'
import { parseR1cs } from '../setup/r1cs.ts'
import { writeAtomically } from '../setup/section-file.ts'
import { parseZkey } from '../setup/zkey.ts'
import {
  type VerificationKey,
  verificationKeyHash,
  verificationKeyOf,
  verificationKeyToJson,
} from '../verifier/verification-key.ts'
import { InferenceError } from './errors.ts'
import { circuitIdOf, folderPaths } from './manifest.ts'
import { isTwoRoundKey, readZkey } from './systems.ts'

const manifestSchema = z.strictObject({
  format: z.literal('cohort-source-circuit'),
  version: z.literal(1),
  name: z.string().min(1).max(80),
  /** Of the public signals, in their order; an array's once for each element. */
  signals: z.array(z.string().min(1)).min(1),
  constraints: z.int().positive(),
  variables: z.int().positive(),
  r1csSha256: z.string().regex(/^0x[0-9a-f]{64}$/),
  circuitId: z.string().regex(/^0x[0-9a-f]{64}$/),
})

export type SourceCircuit = z.infer<typeof manifestSchema> & { readonly folder: string }

const manifestPath = (folder: string) => join(folder, 'source.json')

/**
 * Compiles a source into a folder; the manifest last, so that a folder without one is unfinished.
 * @param signals names of the public signals in the r1cs' order
 * @throws CircuitError compile-failed with what circom printed
 */
export async function compileSource(given: {
  readonly folder: string
  readonly name: string
  readonly source: string
  readonly signals: readonly string[]
  readonly signal?: AbortSignal
}): Promise<SourceCircuit> {
  const { folder, name, source, signals, signal } = given
  const paths = folderPaths(folder)
  await compileCircuit(source, { directory: folder, name: 'circuit', ...(signal === undefined ? {} : { signal }) })
  const { constraints, variables, publicSignals } = parseR1cs(await readFile(paths.r1cs), paths.r1cs).header
  if (publicSignals !== signals.length) {
    throw new CircuitError('wrong-input', `${name} has ${publicSignals} public signals, ${signals.length} are named`)
  }
  const r1csSha256 = await sha256File(paths.r1cs)
  const circuitId = circuitIdOf(r1csSha256)
  const manifest = { format: 'cohort-source-circuit', version: 1, name, signals, constraints, variables } as const
  const written = manifestSchema.parse({ ...manifest, r1csSha256, circuitId })
  await writeAtomically(manifestPath(folder), `${JSON.stringify(written, null, 2)}\n`)
  return { ...written, folder }
}

/** @throws InferenceError folder-incomplete, folder-mismatch naming the file */
export async function openSource(folder: string): Promise<SourceCircuit> {
  const text = await readFile(manifestPath(folder), 'utf8').catch((cause) => {
    throw new InferenceError('folder-incomplete', `${folder} has no source.json; compile the circuit first`, { cause })
  })
  const parsed = manifestSchema.safeParse(parseJson(text))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new InferenceError('folder-mismatch', `${manifestPath(folder)}: ${issue!.path.join('.')}: ${issue!.message}`)
  }
  const found = await sha256File(folderPaths(folder).r1cs)
  if (found !== parsed.data.r1csSha256 || circuitIdOf(found) !== parsed.data.circuitId) {
    throw new InferenceError('folder-mismatch', `${folder}: circuit.r1cs is not the one of source.json; compile again`)
  }
  return { ...parsed.data, folder }
}

/** A local set-up: one party made the key and could forge proofs. For development and tests. */
export async function setupSource(folder: string, options: LocalSetupOptions = {}): Promise<KeyMetadata> {
  const { r1cs, zkey, verificationKey } = folderPaths(folder)
  await openSource(folder)
  await rm(verificationKey, { force: true })
  const metadata = await setupLocal(r1cs, zkey, options)
  const key = await verificationKeyOf(parseZkey(await readFile(zkey), zkey))
  await writeFile(verificationKey, `${JSON.stringify(verificationKeyToJson(key), null, 2)}\n`)
  return metadata
}

/** The folder's key, read once and checked to be the one that its metadata describes, for this circuit. */
export async function readSourceKey({ folder, r1csSha256 }: SourceCircuit): Promise<{
  readonly bytes: Uint8Array
  readonly key: VerificationKey
  readonly metadata: KeyMetadata
}> {
  const { zkey } = folderPaths(folder)
  const bytes = await readFile(zkey).catch((cause) => {
    throw new InferenceError('folder-incomplete', `${folder} has no proving key; run the set-up first`, { cause })
  })
  const metadata = await readKeyMetadata(zkey)
  // A local key bears a mark: metadata that call it a ceremony's are forged.
  const { key, local } = await readZkey('groth16', bytes, zkey)
  const isRight =
    !isTwoRoundKey(key) &&
    (!local || metadata.setup === 'local') &&
    sha256(bytes) === metadata.zkeySha256 &&
    metadata.circuit.r1csSha256 === r1csSha256 &&
    verificationKeyHash(key) === metadata.vkHash
  if (!isRight) {
    throw new InferenceError('folder-mismatch', `${zkey} is not the key of this circuit; run the set-up again`)
  }
  return { bytes, key, metadata }
}

/** Whether a folder holds such a circuit. */
export async function isSourceFolder(folder: string): Promise<boolean> {
  return await access(manifestPath(folder)).then(
    () => true,
    () => false,
  )
}

/** Witness and proof of such a circuit, each proof checked before it is handed out. */
export class SourceProver {
  readonly circuit: SourceCircuit
  readonly metadata: KeyMetadata
  readonly #witness: WitnessProgram
  readonly #key: VerificationKey
  readonly #prover: Prover

  private constructor(
    circuit: SourceCircuit,
    { metadata, key }: Awaited<ReturnType<typeof readSourceKey>>,
    witness: WitnessProgram,
    prover: Prover,
  ) {
    this.circuit = circuit
    this.metadata = metadata
    this.#key = key
    this.#witness = witness
    this.#prover = prover
  }

  /** Close it: it keeps threads. */
  static async open(folder: string, options: ProveOptions = {}): Promise<SourceProver> {
    const circuit = await openSource(folder)
    const witness = await WitnessProgram.load(await readFile(folderPaths(folder).wasm))
    const checked = await readSourceKey(circuit)
    const prover = await wasmBackend().open(checked.bytes, options)
    return new SourceProver(circuit, checked, witness, prover)
  }

  /**
   * @throws CircuitError `witness-refused` when the inputs do not satisfy the circuit; ProveError when circuit and key disagree
   */
  async prove(inputs: CircuitInputs, options: ProveOptions = {}): Promise<ProofWithSignals> {
    const made = await this.#prover.prove(this.#witness.calculate(inputs), options)
    if (!(await verifyProof(this.#key, made.proof, made.publicSignals))) {
      throw new ProveError(
        'circuit-mismatch',
        `${this.circuit.folder}: witness program and key disagree; compile again`,
      )
    }
    return made
  }

  async close(): Promise<void> {
    await this.#prover.close()
  }
}
