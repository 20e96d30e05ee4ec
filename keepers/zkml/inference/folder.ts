// SPDX-License-Identifier: GPL-3.0-or-later
// A folder that holds one provable model: program, circuit, keys. docs/zkml.md describes each file.
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import {
  type BatchOptions,
  CircuitError,
  type CircuitOptions,
  commitModel,
  compileCircuit,
  isInParts,
  type PartVisibilities,
  placedParts,
  randomSalt,
  type Simplification,
  writeBatchCircuit,
  writeCircuit,
} from '../circuit/index.ts'
import { inputLayout, scoresLayout } from '../circuit/write/statement.ts'
import type { IntegerProgram } from '../graph/program.ts'
import { programFromJson, programToJson } from '../graph/serialise.ts'
import { LookupBatchCircuit } from '../lookup/batch.ts'
import { LookupCircuit, type WrittenCircuit } from '../lookup/circuit.ts'
import { proveBounds } from '../quantise/prove.ts'
import { sha256, sha256File } from '../setup/metadata.ts'
import { parseR1cs } from '../setup/r1cs.ts'
import { writeAtomically } from '../setup/section-file.ts'
import { InferenceError } from './errors.ts'
import {
  CIRCUIT,
  type CircuitManifest,
  type Claim,
  circuitIdOf,
  claimOf,
  folderPaths,
  type InParts,
  optionsOf,
  readManifest,
  shapeOf,
} from './manifest.ts'
import type { ProofSystem } from './systems.ts'

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

/**
 * Writes and compiles the circuit of a program. Writes the manifest last: a folder without one is unfinished.
 * @throws CompileError `bound-exceeded` for a program with bounds that do not hold; nothing is written then
 */
export async function compileFolder(input: CompileFolderOptions): Promise<CircuitFolder> {
  const { folder, program, plan, claim = null, system = 'groth16' } = input
  const options = { input: 'committed', output: 'public', ...input.options } as const
  const paths = folderPaths(folder)
  proveBounds(program)
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
  const circuit = lookupCircuitOf(program, options, claim)
  await mkdir(folder, { recursive: true })
  await writeAtomically(folderPaths(folder).r1cs, circuit.r1cs())
  const { challenges, firstRound } = circuit.shape
  return { rounds: { challenges, firstRound } }
}

/** @throws CircuitError `unsupported` when nothing in it needs a challenge: plain Groth16 is smaller then */
function lookupCircuitOf(program: IntegerProgram, options: CircuitOptions, claim: Claim | null): WrittenCircuit {
  const circuit =
    claim === null ? new LookupCircuit(program, options) : new LookupBatchCircuit(program, batchOptions(options, claim))
  if (circuit.shape.challenges === 0)
    throw new CircuitError(
      'unsupported',
      `${program.name} is too small for tables to save anything; use --system groth16`,
    )
  return circuit
}

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

/**
 * Writes the circuit with lookups of the folder's r1cs anew.
 * @throws InferenceError `folder-mismatch` when another version has compiled it
 */
export function writtenAnew({ folder, manifest, program, options, claim }: CircuitFolder): WrittenCircuit {
  const circuit = lookupCircuitOf(program, options, claim)
  const { challenges, firstRound } = circuit.shape
  const isDivided = challenges === manifest.rounds?.challenges && firstRound === manifest.rounds.firstRound
  if (!isDivided || sha256(circuit.r1cs()) !== manifest.r1csSha256) {
    throw new InferenceError(
      'folder-mismatch',
      `${folder} was compiled by another version: its r1cs is not what its program gives, or its rounds differ; compile and set up again`,
    )
  }
  return circuit
}

/** Opens a folder that compileFolder wrote. Throws InferenceError `folder-incomplete` or `folder-mismatch`. */
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

/**
 * Writes the circuit of the folder's program anew, as its manifest describes it, and compares, to prove that its maker has put nothing else
 * into it. In plain Groth16 circom has to run, which takes seconds to a minute.
 * @throws InferenceError `folder-mismatch` if the constraints or their division into rounds differ from the program's
 */
export async function checkFolder(folder: string, signal?: AbortSignal): Promise<CircuitFolder> {
  const opened = await openFolder(folder)
  const { manifest, program, options, claim, modelSalt } = opened
  proveBounds(program)
  const refuse = (what: string) =>
    new InferenceError('folder-mismatch', `${folder}: ${what} of its program; compile the model yourself`)
  // No constraint repeats the manifest's mode and parts, such as which one is shown.
  const { mode, input, output } = manifest
  const expected = [
    program.mode,
    described(program, 'inputs', options.input ?? 'committed'),
    described(program, 'outputs', options.output ?? 'public'),
  ]
  if (!isDeepStrictEqual([mode, input, output], expected))
    throw refuse('its manifest describes other inputs, outputs or another mode than those')
  const commitment = String(commitModel(program, modelSalt ?? options.modelSalt ?? 0n))
  if (commitment !== manifest.modelCommitment) throw refuse('its model commitment is not that')
  const aside = await mkdtemp(join(tmpdir(), 'cohort-check-'))
  try {
    const { simplification = 'O1', system } = manifest
    const compiled = await compile({
      folder: aside,
      program,
      options,
      ...(claim === null ? {} : { claim }),
      simplification,
      system,
      ...(signal ? { signal } : {}),
    })
    if ((await sha256File(folderPaths(aside).r1cs)) !== manifest.r1csSha256)
      throw refuse('its constraints are not those')
    const [found, stated] = [compiled.rounds, manifest.rounds]
    if (found?.challenges !== stated?.challenges || found?.firstRound !== stated?.firstRound)
      throw refuse('its division into rounds is not that')
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
  return opened
}

async function isCircuitOf(
  { folder, manifest, options, claim }: CircuitFolder,
  program: IntegerProgram,
): Promise<boolean> {
  if (manifest.system === 'groth16-lookup')
    return sha256(lookupCircuitOf(program, options, claim).r1cs()) === manifest.r1csSha256
  return sourceOf(program, options, claim) === (await readFile(folderPaths(folder).source, 'utf8'))
}

async function readSalt(path: string): Promise<bigint> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new InferenceError('folder-incomplete', `the model's salt is missing: ${error.message}`, { cause: error })
  })
  // The salt itself never goes into a message.
  if (!/^0x[0-9a-f]{1,64}\s*$/.test(text)) throw new InferenceError('folder-mismatch', `${path} holds no salt`)
  return BigInt(text.trim())
}
