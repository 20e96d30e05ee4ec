// SPDX-License-Identifier: GPL-3.0-or-later
// claim accuracy, claim fairness, claim commit, claim prove, claim verify.
import {
  type BatchStatement,
  type Bin,
  batchCommitment,
  type Claim,
  ClaimProver,
  compileFolder,
  openFolder,
  type ProofSystem,
  planToJson,
  randomSalt,
  type Simplification,
  strongestClaim,
  verificationKeyHash,
  verifyProof,
} from '../../zkml/index.ts'
import { type BatchFileOptions, claimOf, readBatch, writeOpening } from './batch-file.ts'
import { circuitLines } from './circuit-lines.ts'
import { type ModelOptions, readPlannedModel, readSaltFile } from './model-commands.ts'
import { chooseBackend } from './proof-commands.ts'
import { proofFileText, readProofFile } from './proof-file.ts'
import { emit, withTerminal } from './terminal.ts'
import { readVerificationKey } from './verifier-commands.ts'

type CompileOptions = {
  readonly plan: string
  readonly dim: ModelOptions['dim']
  readonly take?: string
  readonly count: number
  readonly positive?: number
  readonly bins?: readonly Bin[]
  readonly refutes?: boolean
  readonly out: string
  readonly system: ProofSystem
  readonly simplification: Simplification
  readonly modelSalt?: string
  readonly json?: boolean
}

export async function claimCompileCommand(
  modelPath: string,
  kind: BatchStatement['kind'],
  options: CompileOptions,
): Promise<void> {
  await withTerminal(options, async (terminal) => {
    const { program, plan } = await readPlannedModel(modelPath, options.plan, options)
    const statement = statementOf(kind, options)
    terminal.progress(`compiling a circuit of ${options.count} samples`)
    const { manifest } = await compileFolder({
      folder: options.out,
      // A claim counts labels, whatever output the plan has.
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

function statementOf(kind: BatchStatement['kind'], { positive, bins, refutes }: CompileOptions): BatchStatement {
  const opposite = refutes === true ? { refutes } : {}
  if (kind === 'accuracy') return { kind, ...opposite }
  if (kind === 'calibration') return { kind, bins: bins!, ...opposite }
  return { kind, positive: positive!, ...opposite }
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
      // The salt is written first: a proof about a batch that nobody can open is worthless.
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

function inWords({ count, statement }: Claim, [model, batch, claim, context]: readonly bigint[]): string {
  const refutes = statement.refutes === true
  const differ = `differ by ${refutes ? 'more than' : 'at most'} ${Number(claim) / 10} %`
  const said = {
    accuracy: `${refutes ? 'fewer than' : 'at least'} ${claim} of ${count} answers are right`,
    fairness: `the two groups get label ${'positive' in statement ? statement.positive : ''} at rates that ${differ}`,
    odds: `the two groups’ rates of true ${refutes ? 'or' : 'and'} of false positives ${differ}`,
    calibration: `the stated confidence and the share of right answers ${differ}, averaged over the bins`,
  }
  return [
    said[statement.kind],
    `model commitment  ${model}`,
    `batch commitment  ${batch}`,
    `context           ${context}`,
  ].join('\n')
}
