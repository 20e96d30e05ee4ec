// SPDX-License-Identifier: GPL-3.0-or-later
// A folder that holds one provable model: program, circuit, keys. docs/zkml.md describes each file.
import { access, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { z } from 'zod'
import {
  type BatchOptions,
  CircuitError,
  type CircuitOptions,
  commitModel,
  compileCircuit,
  isInParts,
  type PartVisibilities,
  PUBLIC_SIGNALS,
  placedParts,
  randomSalt,
  type Simplification,
  writeBatchCircuit,
  writeCircuit,
} from '../circuit/index.ts'
import { inputLayout, scoresLayout } from '../circuit/write/statement.ts'
import type { InputVisibility, IntegerProgram, Visibility } from '../graph/program.ts'
import { programFromJson, programToJson } from '../graph/serialise.ts'
import { LookupCircuit } from '../lookup/circuit.ts'
import { type LocalSetupOptions, setupLocal } from '../setup/local.ts'
import { type KeyMetadata, readKeyMetadata, sha256, sha256File } from '../setup/metadata.ts'
import { parseR1cs } from '../setup/r1cs.ts'
import { writeAtomically } from '../setup/section-file.ts'
import { setupTwoRound } from '../setup/two-round.ts'
import type { TwoRoundShape } from '../setup/two-round-shape.ts'
import { InferenceError } from './errors.ts'
import { keyInZkey, keyToJson, PROOF_SYSTEMS, type ProofSystem } from './systems.ts'

/** Name of the compiled circuit's files in the folder. */
const CIRCUIT = 'circuit'

export function folderPaths(folder: string) {
  const at = (name: string) => join(folder, name)
  return {
    manifest: at('circuit.json'),
    program: at('program.json'),
    plan: at('plan.json'),
    /** Committed mode: the secret salt of the model commitment, readable by its owner only. */
    salt: at('model.salt'),
    source: at(`${CIRCUIT}.circom`),
    r1cs: at(`${CIRCUIT}.r1cs`),
    wasm: at(`${CIRCUIT}.wasm`),
    zkey: at(`${CIRCUIT}.zkey`),
    verificationKey: at('verification_key.json'),
  }
}

const hex32 = z.string().regex(/^0x[0-9a-f]{64}$/)
const decimal = z.string().regex(/^(0|[1-9]\d{0,77})$/)
const visibility = z.enum(['public', 'committed', 'private'])
/** Several inputs or outputs that are shown one by one, in their order: all that a verifier of their signal needs. */
const inParts = z.strictObject({
  bits: z.int().min(1).max(53),
  min: z.int(),
  parts: z.array(z.strictObject({ name: z.string(), count: z.int().positive(), shown: visibility })).min(2),
})

const claimSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('accuracy'), count: z.int().positive() }),
  z.strictObject({ kind: z.literal('fairness'), count: z.int().positive(), positive: z.int().nonnegative() }),
])

const manifestSchema = z.strictObject({
  format: z.literal('cohort-zkml-circuit'),
  version: z.literal(1),
  name: z.string(),
  mode: z.enum(['released', 'committed']),
  system: z.enum(PROOF_SYSTEMS).default('groth16'),
  /** Of groth16-lookup: how the wires are divided. */
  rounds: z.strictObject({ challenges: z.int().positive(), firstRound: z.int().positive() }).optional(),
  input: z.union([z.enum([...visibility.options, 'sha256', 'signed']), inParts]),
  output: z.union([visibility, inParts]),
  /** Of circuits that circom compiled. */
  simplification: z.enum(['O1', 'O2']).optional(),
  tile: z.int().positive().optional(),
  /** A circuit that speaks of a batch of `count` samples, not of one inference. */
  claim: claimSchema.optional(),
  /** Released mode: the salt that is part of the circuit. */
  modelSalt: decimal.optional(),
  /** First public signal of every proof of these weights, decimal. */
  modelCommitment: decimal,
  constraints: z.int().positive(),
  variables: z.int().positive(),
  r1csSha256: hex32,
  /** Names the circuit in a verifier registry; see circuitIdOf. */
  circuitId: hex32,
  createdAt: z.iso.datetime(),
})

export type CircuitManifest = z.infer<typeof manifestSchema>

/** The claim of a circuit about batches, and its number of samples. */
export type Claim = Pick<BatchOptions, 'count' | 'statement'>

export type CircuitFolder = {
  readonly folder: string
  readonly manifest: CircuitManifest
  readonly program: IntegerProgram
  readonly options: CircuitOptions
  /** Committed mode only. */
  readonly modelSalt: bigint | null
  /** Null for circuits of one inference. */
  readonly claim: Claim | null
}

/**
 * keccak256("cohort-circuit-v1" ‖ SHA-256 of the r1cs): the constraints say exactly what a proof means. In two rounds the hash also
 * covers the wires committed to before the challenge: keccak256("cohort-lookup-circuit-v1" ‖ SHA-256 ‖ public signals ‖ challenges
 * ‖ wires of round 1, 4 bytes each).
 */
export function circuitIdOf(r1csSha256: string, shape?: TwoRoundShape): string {
  const hash = hexToBytes(r1csSha256.slice(2))
  if (shape === undefined) return keccak(utf8ToBytes('cohort-circuit-v1'), hash)
  const counts = new Uint8Array(12)
  const view = new DataView(counts.buffer)
  for (const [i, count] of [shape.publicSignals, shape.challenges, shape.firstRound].entries())
    view.setUint32(4 * i, count)
  return keccak(utf8ToBytes('cohort-lookup-circuit-v1'), hash, counts)
}

function keccak(...parts: readonly Uint8Array[]): string {
  return `0x${bytesToHex(keccak_256(concatBytes(...parts)))}`
}

export type CompileFolderOptions = {
  readonly folder: string
  readonly program: IntegerProgram
  /** The plan's JSON, kept for later versions of the model. */
  readonly plan?: string
  readonly options?: CircuitOptions
  /** Makes it a circuit about batches, with committed inputs and the claim as its output. */
  readonly claim?: Claim
  /** Of circuits that circom compiles. */
  readonly simplification?: Simplification
  /** Default `groth16`. */
  readonly system?: ProofSystem
  /** Committed mode: the salt of the model commitment; drawn when absent. */
  readonly modelSalt?: bigint
  readonly signal?: AbortSignal
}

/** Writes and compiles the circuit of a program. Writes the manifest last: a folder without one is unfinished. */
export async function compileFolder(input: CompileFolderOptions): Promise<CircuitFolder> {
  const { folder, program, plan, claim = null, system = 'groth16' } = input
  const options = { input: 'committed', output: 'public', ...input.options } as const
  const paths = folderPaths(folder)
  if (claim !== null && (isInParts(options.input) || isInParts(options.output)))
    throw new CircuitError('unsupported', 'a claim is about whole inputs; give one visibility for all of them')
  const committed = program.mode === 'committed'
  const modelSalt = committed ? (input.modelSalt ?? randomSalt()) : null
  const compiled = await compile({ ...input, options, system })
  await writeAtomically(paths.program, programToJson(program))
  if (plan !== undefined) await writeAtomically(paths.plan, plan)
  if (modelSalt !== null) await writeAtomically(paths.salt, `0x${modelSalt.toString(16)}\n`, 0o600)
  const { constraints, variables } = parseR1cs(await readFile(paths.r1cs), paths.r1cs).header
  const r1csSha256 = await sha256File(paths.r1cs)
  const manifest: CircuitManifest = {
    format: 'cohort-zkml-circuit',
    version: 1,
    name: program.name,
    mode: program.mode,
    input: described(program, 'inputs', options.input),
    output: described(program, 'outputs', options.output),
    system,
    ...compiled,
    ...(options.tile === undefined ? {} : { tile: options.tile }),
    ...(claim === null ? {} : { claim: { ...claim.statement, count: claim.count } }),
    ...(committed ? {} : { modelSalt: String(options.modelSalt ?? 0n) }),
    modelCommitment: String(commitModel(program, modelSalt ?? options.modelSalt ?? 0n)),
    constraints,
    variables,
    r1csSha256,
    circuitId: circuitIdOf(r1csSha256, shapeOf({ system, rounds: compiled.rounds })),
    createdAt: new Date().toISOString(),
  }
  await writeAtomically(paths.manifest, `${JSON.stringify(manifest, null, 2)}\n`)
  return { folder, manifest, program, options, modelSalt, claim }
}

type Compiled = Pick<CircuitManifest, 'rounds' | 'simplification'>

/** The constraints in the folder, and for circom's the program of its witnesses. */
async function compile(
  input: CompileFolderOptions & { readonly options: CircuitOptions; readonly system: ProofSystem },
): Promise<Compiled> {
  const { folder, program, options, claim = null, simplification = 'O1', system, signal } = input
  if (system === 'groth16') {
    const source = sourceOf(program, options, claim)
    await mkdir(folder, { recursive: true })
    await compileCircuit(source, { directory: folder, name: CIRCUIT, simplification, ...(signal ? { signal } : {}) })
    return { simplification }
  }
  if (claim !== null)
    throw new CircuitError('unsupported', 'claims about batches are not in circuits with lookups; use --system groth16')
  const circuit = lookupCircuitOf(program, options)
  await mkdir(folder, { recursive: true })
  await writeAtomically(folderPaths(folder).r1cs, circuit.r1cs())
  const { challenges, firstRound } = circuit.shape
  return { rounds: { challenges, firstRound } }
}

/** @throws CircuitError `unsupported` when nothing in it needs a challenge: plain Groth16 is smaller then */
function lookupCircuitOf(program: IntegerProgram, options: CircuitOptions): LookupCircuit {
  const circuit = new LookupCircuit(program, options)
  if (circuit.shape.challenges === 0)
    throw new CircuitError(
      'unsupported',
      `${program.name} is too small for tables to save anything; use --system groth16`,
    )
  return circuit
}

/** How the wires of a circuit in two rounds are divided; undefined for one of plain Groth16. */
export function shapeOf({ system, rounds }: Pick<CircuitManifest, 'system' | 'rounds'>): TwoRoundShape | undefined {
  if (system === 'groth16') return undefined
  if (rounds === undefined)
    throw new InferenceError('folder-mismatch', `system ${system} without its rounds; compile again`)
  return { publicSignals: PUBLIC_SIGNALS.length, ...rounds }
}

type InParts = z.infer<typeof inParts>

function described<Whole extends string>(
  program: IntegerProgram,
  domain: 'inputs' | 'outputs',
  shown: Whole | PartVisibilities,
): Whole | InParts {
  if (!isInParts(shown)) return shown
  const { bits, min } = domain === 'inputs' ? inputLayout(program) : scoresLayout(program)
  const parts = placedParts(program, domain, shown)
  return { bits, min, parts: parts.map(({ name, count, shown: each }) => ({ name, count, shown: each })) }
}

function visibilitiesOf<Whole extends string>(shown: Whole | InParts): Whole | PartVisibilities {
  return typeof shown === 'string' ? shown : shown.parts.map(({ shown: each }) => each)
}

function sourceOf(program: IntegerProgram, options: CircuitOptions, claim: Claim | null): string {
  return claim === null ? writeCircuit(program, options) : writeBatchCircuit(program, batchOptions(options, claim))
}

/** The data that the writer and the prover's side of a claim need. */
export function batchOptions({ modelSalt, tile }: CircuitOptions, claim: Claim): BatchOptions {
  return {
    ...claim,
    ...(modelSalt === undefined ? {} : { modelSalt }),
    ...(tile === undefined ? {} : { tile }),
  }
}

/** Opens what compileFolder wrote. Throws InferenceError `folder-incomplete` or `folder-mismatch`. */
export async function openFolder(folder: string): Promise<CircuitFolder> {
  const paths = folderPaths(folder)
  const manifest = await readManifest(folder)
  const r1csSha256 = await sha256File(paths.r1cs)
  if (r1csSha256 !== manifest.r1csSha256) {
    throw new InferenceError('folder-mismatch', `${paths.r1cs} is not the circuit that ${paths.manifest} describes`)
  }
  const program = programFromJson(await readFile(paths.program, 'utf8'))
  const modelSalt = manifest.mode === 'committed' ? await readSalt(paths.salt) : null
  return { folder, manifest, program, options: optionsOf(manifest), modelSalt, claim: claimOf(manifest) }
}

/** A folder's purpose, for verifiers that hold neither circuit nor weights. Throws as openFolder. */
export async function readManifest(folder: string): Promise<CircuitManifest> {
  const paths = folderPaths(folder)
  const text = await readFile(paths.manifest, 'utf8').catch((error: Error) => {
    throw new InferenceError('folder-incomplete', `${error.message}; run cohort zkml compile first`, { cause: error })
  })
  const parsed = manifestSchema.safeParse(parseJson(text, paths.manifest))
  if (!parsed.success) {
    throw new InferenceError('folder-mismatch', `${paths.manifest}: ${z.prettifyError(parsed.error)}`)
  }
  return parsed.data
}

/** How the circuit shows input and output. */
export function optionsOf(manifest: CircuitManifest): CircuitOptions {
  return {
    input: visibilitiesOf<InputVisibility>(manifest.input),
    output: visibilitiesOf<Visibility>(manifest.output),
    ...(manifest.tile === undefined ? {} : { tile: manifest.tile }),
    ...(manifest.modelSalt === undefined ? {} : { modelSalt: BigInt(manifest.modelSalt) }),
  }
}

function claimOf({ claim }: CircuitManifest): Claim | null {
  if (claim === undefined) return null
  const { count, ...statement } = claim
  return { count, statement }
}

/**
 * The same circuit with the weights of another version of the model: in committed mode weights are witness, so one set-up
 * proves every version of an architecture. Nothing is written.
 * @throws InferenceError `folder-mismatch` when the program's circuit is not the folder's, to the letter
 */
export async function withWeights(
  folder: CircuitFolder,
  program: IntegerProgram,
  modelSalt: bigint,
): Promise<CircuitFolder> {
  if (program.mode !== 'committed' || !(await isCircuitOf(folder, program))) {
    throw new InferenceError(
      'folder-mismatch',
      `${folder.folder} holds the circuit of another architecture or plan than '${program.name}', or released weights`,
    )
  }
  const manifest = { ...folder.manifest, modelCommitment: String(commitModel(program, modelSalt)) }
  return { ...folder, manifest, program, modelSalt }
}

async function isCircuitOf(
  { folder, manifest, options, claim }: CircuitFolder,
  program: IntegerProgram,
): Promise<boolean> {
  if (manifest.system === 'groth16-lookup')
    return sha256(lookupCircuitOf(program, options).r1cs()) === manifest.r1csSha256
  return sourceOf(program, options, claim) === (await readFile(folderPaths(folder).source, 'utf8'))
}

/** A local set-up of the folder's circuit: proving key, its metadata, verification key. */
export async function setupFolder(folder: string, options: LocalSetupOptions = {}): Promise<KeyMetadata> {
  const paths = folderPaths(folder)
  const shape = shapeOf((await openFolder(folder)).manifest)
  const metadata =
    shape === undefined
      ? await setupLocal(paths.r1cs, paths.zkey, options)
      : await setupTwoRound(paths.r1cs, paths.zkey, shape, options)
  await exportVerificationKey(folder)
  return metadata
}

/** Writes the verification key of the folder's proving key, which `cohort ceremony finalize` may have put there. */
export async function exportVerificationKey(folder: string): Promise<void> {
  const paths = folderPaths(folder)
  const { system } = await readManifest(folder)
  const key = await keyInZkey(system, await readFile(paths.zkey), paths.zkey)
  await writeAtomically(paths.verificationKey, `${JSON.stringify(keyToJson(key), null, 2)}\n`)
}

/** The folder's key, checked to be whole, to be the one its metadata describes, and to belong to the circuit. */
export async function readFolderKey({ folder, manifest }: CircuitFolder): Promise<{
  readonly bytes: Uint8Array
  readonly metadata: KeyMetadata
}> {
  return readKeyFor(manifest, folderPaths(folder).zkey)
}

/** The same for a key anywhere, such as the one that a ceremony wrote. */
export async function readKeyFor(
  manifest: CircuitManifest,
  path: string,
): Promise<{ readonly bytes: Uint8Array; readonly metadata: KeyMetadata }> {
  await access(path).catch((error: Error) => {
    throw new InferenceError('folder-incomplete', `${error.message}; run cohort zkml setup first`, { cause: error })
  })
  const metadata = await readKeyMetadata(path)
  const bytes = await readFile(path)
  const zkeySha256 = sha256(bytes)
  if (zkeySha256 !== metadata.zkeySha256) {
    throw new InferenceError(
      'folder-mismatch',
      `${path} is not the key that its metadata describes: SHA-256 ${zkeySha256}`,
    )
  }
  if (metadata.circuit.r1csSha256 !== manifest.r1csSha256) {
    throw new InferenceError('folder-mismatch', `${path} is a key for another circuit; run the set-up again`)
  }
  return { bytes, metadata }
}

async function readSalt(path: string): Promise<bigint> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new InferenceError('folder-incomplete', `the model's salt is missing: ${error.message}`, { cause: error })
  })
  // The salt itself never goes into a message.
  if (!/^0x[0-9a-f]{1,64}\s*$/.test(text)) throw new InferenceError('folder-mismatch', `${path} holds no salt`)
  return BigInt(text.trim())
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InferenceError('folder-mismatch', `${path}: ${(error as Error).message}`, { cause: error })
  }
}
