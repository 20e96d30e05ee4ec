// SPDX-License-Identifier: GPL-3.0-or-later
// claim accuracy, claim fairness, claim commit, claim prove, claim verify.
import { z } from 'zod'
import {
  batchCommitment,
  type CircuitFolder,
  type Claim,
  ClaimProver,
  compileFolder,
  integersOf,
  type MarkedBatch,
  openFolder,
  type ProofSystem,
  planToJson,
  randomSalt,
  type Simplification,
  strongestClaim,
  verificationKeyHash,
  verifyProof,
  writeAtomically,
} from '../../zkml/index.ts'
import { circuitLines } from './circuit-lines.ts'
import { type ModelOptions, readPlannedModel, readSaltFile } from './model-commands.ts'
import { chooseBackend } from './proof-commands.ts'
import { proofFileText, readProofFile } from './proof-file.ts'
import { flatten, inputShapeOf, nested, parse, readJson, readSamples } from './samples.ts'
import { badData, emit, usage, withTerminal } from './terminal.ts'
import { readVerificationKey } from './verifier-commands.ts'

type CompileOptions = {
  readonly plan: string
  readonly dim: ModelOptions['dim']
  readonly take?: string
  readonly count: number
  readonly positive?: number
  readonly out: string
  readonly system: ProofSystem
  readonly simplification: Simplification
  readonly modelSalt?: string
  readonly json?: boolean
}

export async function claimCompileCommand(
  modelPath: string,
  kind: 'accuracy' | 'fairness',
  options: CompileOptions,
): Promise<void> {
  await withTerminal(options, async (terminal) => {
    const { program, plan } = await readPlannedModel(modelPath, options.plan, options)
    const statement = kind === 'accuracy' ? { kind } : { kind, positive: options.positive! }
    terminal.progress(`compiling a circuit of ${options.count} samples`)
    const { manifest } = await compileFolder({
      folder: options.out,
      // A claim counts labels, whatever else the plan would show.
      program: { ...program, output: { kind: 'label' } },
      plan: planToJson(plan),
      claim: { count: options.count, statement },
      system: options.system,
      simplification: options.simplification,
      signal: terminal.signal,
      ...(options.modelSalt === undefined ? {} : { modelSalt: await readSaltFile(options.modelSalt) }),
    })
    terminal.result(manifest, circuitLines(options.out, manifest).join('\n'))
  })
}

type BatchFileOptions = {
  readonly batch: string
  readonly labels?: string
  readonly clamp?: boolean
  readonly json?: boolean
}

export async function claimCommitCommand(
  folder: string,
  options: BatchFileOptions & { readonly out: string },
): Promise<void> {
  await withTerminal(options, async (terminal) => {
    const opened = await openFolder(folder)
    const batch = await readBatch(options, opened)
    const salt = batch.salt ?? randomSalt()
    const commitment = batchCommitment(opened, batch, salt)
    await writeOpening(options.out, opened, batch, salt)
    terminal.result(
      { commitment: String(commitment), out: options.out },
      `batch commitment  ${commitment}\nthe batch and its salt are in ${options.out}: whoever proves needs it, keep it secret`,
    )
  })
}

export async function claimProveCommand(
  folder: string,
  options: BatchFileOptions & {
    readonly claim?: number
    readonly context: bigint
    readonly out: string
    readonly opening: string
    readonly backend: string
  },
): Promise<void> {
  await withTerminal(options, async (terminal) => {
    const { signal, progress } = terminal
    progress('loading circuit and key')
    const prover = await ClaimProver.open(folder, { backend: chooseBackend(options.backend), signal })
    try {
      const claimed = claimOf(prover.folder)
      const batch = await readBatch(options, prover.folder)
      const claim = options.claim ?? strongestClaim(prover.folder, batch)
      progress('proving')
      const { salt, ...made } = await prover.prove({ ...batch, claim, context: options.context }, { signal })
      const { circuitId } = prover.folder.manifest
      // The salt first: a proof about a batch that nobody can open is worthless.
      if (batch.salt === undefined) await writeOpening(options.opening, prover.folder, batch, salt)
      await emit(
        proofFileText(made, { circuitId, vkHash: prover.metadata.vkHash, setup: prover.metadata.setup }),
        options.out,
      )
      const opening = batch.salt === undefined ? options.opening : null
      terminal.result(
        { out: options.out, opening, claim, publicSignals: made.publicSignals.map(String) },
        `${options.out}\n${inWords(claimed, made.publicSignals)}${opening === null ? '' : `\nthe batch and its salt are in ${opening}: keep it secret`}`,
      )
    } finally {
      await prover.close()
    }
  })
}

export async function claimVerifyCommand(
  folder: string,
  proofPath: string,
  options: { readonly model?: bigint; readonly batch?: bigint; readonly context: bigint; readonly json?: boolean },
): Promise<void> {
  await withTerminal(options, async (terminal) => {
    const opened = await openFolder(folder)
    const claim = claimOf(opened)
    const key = await readVerificationKey(folder)
    const { proof, publicSignals, vkHash } = await readProofFile(proofPath)
    const wanted = [options.model, options.batch, undefined, options.context]
    const names = ['model commitment', 'batch commitment', 'claim', 'context']
    const differs = wanted.findIndex((value, i) => value !== undefined && value !== publicSignals[i])
    const valid = vkHash === verificationKeyHash(key) && (await verifyProof(key, proof, publicSignals))
    const holds = valid && differs < 0
    if (!holds) process.exitCode = 1
    terminal.result(
      { holds, valid, publicSignals: publicSignals.map(String) },
      differs >= 0
        ? `${proofPath}: about another ${names[differs]}, ${publicSignals[differs]}`
        : `${proofPath}: ${valid ? 'valid' : 'INVALID'}\n${inWords(claim, publicSignals)}`,
    )
  })
}

function claimOf({ claim, folder }: CircuitFolder): Claim {
  if (claim === null) throw usage(`${folder} proves inferences; make one for claims with cohort zkml claim accuracy`)
  return claim
}

function inWords({ count, statement }: Claim, [model, batch, claim, context]: readonly bigint[]): string {
  const said =
    statement.kind === 'accuracy'
      ? `at least ${claim} of ${count} answers are right`
      : `the two groups get label ${statement.positive} at rates that differ by at most ${Number(claim) / 10} %`
  return [said, `model commitment  ${model}`, `batch commitment  ${batch}`, `context           ${context}`].join('\n')
}

const batchSchema = z.strictObject({
  inputs: z.array(nested).min(1),
  labels: z.array(z.int().nonnegative()).optional(),
  groups: z.array(z.int().min(0).max(1)).optional(),
  /** The numbers are the program's integers, not real values. */
  integers: z.boolean().default(false),
  salt: z
    .string()
    .regex(/^0x[0-9a-fA-F]{1,64}$/)
    .optional(),
})

/** The first `count` samples of the file, with their labels or groups. */
async function readBatch(
  { batch: path, labels: labelsPath, clamp = false }: BatchFileOptions,
  folder: CircuitFolder,
): Promise<MarkedBatch & { readonly salt?: bigint }> {
  const { count, statement } = claimOf(folder)
  const shape = inputShapeOf(folder.program)
  const name = statement.kind === 'accuracy' ? 'labels' : 'groups'
  if (!path.endsWith('.json')) {
    if (name === 'groups') throw usage('groups come from a JSON file {"inputs", "groups"}')
    const { inputs, labels } = await readSamples(path, labelsPath, count, shape)
    return { inputs, clamp, marks: labels ?? missing(path, name) }
  }
  if (labelsPath !== undefined) throw usage('--labels belongs to IDX images; a JSON file holds its own labels')
  const { inputs, integers, salt, ...marks } = parse(batchSchema, await readJson(path), path)
  return {
    inputs: inputs.map((input, i) => flatten(input, shape, `${path}: sample ${i}`)),
    integers,
    clamp,
    marks: marks[name] ?? missing(path, name),
    ...(salt === undefined ? {} : { salt: BigInt(salt) }),
  }
}

function missing(path: string, name: string): never {
  throw badData(`${path} has no ${name}`)
}

/** A batch file that commits to the same batch again. */
async function writeOpening(path: string, folder: CircuitFolder, batch: MarkedBatch, salt: bigint): Promise<void> {
  const inputs = integersOf(folder, batch).map((input) => Array.from(input))
  const name = claimOf(folder).statement.kind === 'accuracy' ? 'labels' : 'groups'
  const opening = { inputs, integers: true, [name]: batch.marks, salt: `0x${salt.toString(16)}` }
  await writeAtomically(path, `${JSON.stringify(opening)}\n`, 0o600)
}
