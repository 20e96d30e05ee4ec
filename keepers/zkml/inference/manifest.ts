// SPDX-License-Identifier: GPL-3.0-or-later
// The description of a provable model's circuit, in its folder. A verifier needs nothing else, neither circuit nor weights.
import { access, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { z } from 'zod'
import { type BatchOptions, type CircuitOptions, type PartVisibilities, PUBLIC_SIGNALS } from '../circuit/index.ts'
import type { InputVisibility, Visibility } from '../graph/program.ts'
import { parseJson } from '../json.ts'
import { sha256 } from '../setup/metadata.ts'
import type { TwoRoundShape } from '../setup/two-round-shape.ts'
import { InferenceError } from './errors.ts'
import { PROOF_SYSTEMS } from './systems.ts'

/** Name of the compiled circuit's files in the folder. */
export const CIRCUIT = 'circuit'

/** Where each file of the folder is. */
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

const claimed = { count: z.int().positive(), refutes: z.literal(true).optional() }
const claimSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('accuracy'), ...claimed }),
  z.strictObject({ kind: z.enum(['fairness', 'odds']), ...claimed, positive: z.int().nonnegative() }),
  z.strictObject({
    kind: z.literal('calibration'),
    ...claimed,
    bins: z
      .array(z.strictObject({ from: z.int().nonnegative(), confidence: z.int().min(0).max(1000) }))
      .min(2)
      .readonly(),
  }),
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

/** The claim of a circuit about batches: the number of samples, and the kind of statement. */
export type Claim = Pick<BatchOptions, 'count' | 'statement'>

/** Inputs or outputs that are shown one by one. */
export type InParts = z.infer<typeof inParts>

/**
 * keccak256("cohort-circuit-v1" ‖ SHA-256 of the r1cs): the constraints say exactly what a proof means. In two rounds it also covers the
 * part that is committed to before the challenge: keccak256("cohort-lookup-circuit-v1" ‖ SHA-256 ‖ public signals ‖ challenges ‖ wires of
 * round 1, 4 bytes each).
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

/** How the wires of a circuit in two rounds are divided; undefined for one of plain Groth16. */
export function shapeOf({ system, rounds }: Pick<CircuitManifest, 'system' | 'rounds'>): TwoRoundShape | undefined {
  if (system === 'groth16') return undefined
  if (rounds === undefined)
    throw new InferenceError('folder-mismatch', `system ${system} without its rounds; compile again`)
  return { publicSignals: PUBLIC_SIGNALS.length, ...rounds }
}

/**
 * How the wires of a circuit are divided, from the manifest beside its r1cs; undefined for one of plain Groth16, or without a manifest.
 * Throws InferenceError `folder-mismatch` when the manifest describes another r1cs.
 */
export async function shapeBeside(r1csPath: string): Promise<TwoRoundShape | undefined> {
  const folder = dirname(r1csPath)
  const paths = folderPaths(folder)
  if (basename(r1csPath) !== basename(paths.r1cs)) return undefined
  const present = await access(paths.manifest).then(
    () => true,
    () => false,
  )
  if (!present) return undefined
  const manifest = await readManifest(folder)
  const found = sha256(await readFile(r1csPath))
  if (found !== manifest.r1csSha256) {
    throw new InferenceError(
      'folder-mismatch',
      `${r1csPath} has SHA-256 ${found}, ${paths.manifest} describes ${manifest.r1csSha256}; compile again`,
    )
  }
  return shapeOf(manifest)
}

/** The purpose of a folder, for a verifier without circuit and weights. Throws as openFolder. */
export async function readManifest(folder: string): Promise<CircuitManifest> {
  const paths = folderPaths(folder)
  const text = await readFile(paths.manifest, 'utf8').catch((error: Error) => {
    throw new InferenceError('folder-incomplete', `${error.message}; run cohort zkml compile first`, { cause: error })
  })
  return parseManifest(jsonOf(text, paths.manifest), paths.manifest)
}

/** Checks a manifest. @param where names the document in errors @throws InferenceError `folder-mismatch` */
export function parseManifest(json: unknown, where: string): CircuitManifest {
  const parsed = manifestSchema.safeParse(json)
  if (!parsed.success) {
    throw new InferenceError('folder-mismatch', `${where}: ${z.prettifyError(parsed.error)}`)
  }
  const manifest = parsed.data
  // Without the check a manifest could pass one circuit's proofs off as another's, or a circuit in two rounds as one of plain Groth16,
  // in which the prover chooses the challenge.
  if (circuitIdOf(manifest.r1csSha256, shapeOf(manifest)) !== manifest.circuitId) {
    throw new InferenceError(
      'folder-mismatch',
      `${where}: circuitId is not that of its r1csSha256, system and rounds; compile again`,
    )
  }
  return manifest
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

/** The claim of a circuit about batches; null for a circuit of a single inference. */
export function claimOf({ claim }: CircuitManifest): Claim | null {
  if (claim === undefined) return null
  const { count, ...statement } = claim
  return { count, statement }
}

function visibilitiesOf<Whole extends string>(shown: Whole | InParts): Whole | PartVisibilities {
  return typeof shown === 'string' ? shown : shown.parts.map(({ shown: each }) => each)
}

function jsonOf(text: string, path: string): unknown {
  try {
    return parseJson(text)
  } catch (error) {
    throw new InferenceError('folder-mismatch', `${path}: ${(error as Error).message}`, { cause: error })
  }
}
