// SPDX-License-Identifier: GPL-3.0-or-later
// setup, mock, prove, fullprove, bench.
import { copyFile, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  encodeWitnessFile,
  exportVerificationKey,
  folderPaths,
  InferenceCircuit,
  InferenceProver,
  type InferenceRequest,
  type InferenceWitness,
  metadataPath,
  openFolder,
  PROOF_BYTES,
  type ProverBackend,
  plainResult,
  rapidsnarkBackend,
  readFolderKey,
  readKeyFor,
  readKeyMetadata,
  setupFolder,
  snarkjsBackend,
  tablesPath,
  verifyProof,
  wasmBackend,
  withFolderKey,
  writeAtomically,
} from '../../zkml/index.ts'
import { peakMemory } from '../peak-memory.ts'
import { proofFileText } from './proof-file.ts'
import { inputShapeOf, readInput, writeInput } from './samples.ts'
import { tablesOf, tablesText } from './tables-command.ts'
import { badData, emit, usage, withTerminal } from './terminal.ts'

type InputOptions = {
  readonly input: string
  readonly index?: number
  readonly clamp?: boolean
  readonly context: bigint
  readonly json?: boolean
}
type BackendOptions = { readonly backend: string }

export async function setupCommand(
  folder: string,
  options: {
    readonly local?: boolean
    readonly ceremony?: string
    readonly threads?: number
    /** A bound in MiB; true without a number. */
    readonly tables?: number | true
    readonly json?: boolean
  },
): Promise<void> {
  if ((options.local === true) === (options.ceremony !== undefined)) {
    throw usage('say --local for a single-party key, or --ceremony <zkey> for the result of one')
  }
  await withTerminal(options, async (terminal) => {
    const paths = folderPaths(folder)
    if (options.ceremony !== undefined) {
      await takeOver(folder, options.ceremony)
    } else {
      await refuseToReplaceCeremony(folder)
      await setupFolder(folder, {
        signal: terminal.signal,
        ...(options.threads === undefined ? {} : { threads: options.threads }),
        onProgress: ({ stage, done, total }) => terminal.progress(`${stage} ${Math.floor((100 * done) / total)} %`),
      })
    }
    const { metadata } = await readFolderKey(await openFolder(folder))
    const tables =
      options.tables === undefined
        ? undefined
        : await tablesOf(folder, options.tables === true ? {} : { size: options.tables }, terminal)
    const warning =
      metadata.setup === 'local' ? '\nLOCAL: whoever ran this could forge proofs; never let it guard value.' : ''
    terminal.result(
      tables === undefined ? metadata : { ...metadata, tables },
      `${paths.zkey}\nset-up            ${metadata.setup}\nverification key  ${metadata.vkHash}${tables === undefined ? '' : `\n${tablesText(tables)}`}${warning}`,
    )
  })
}

export async function mockCommand(
  folder: string,
  options: InputOptions & { readonly witness?: string },
): Promise<void> {
  await withTerminal(options, async (terminal) => {
    terminal.progress('loading the circuit')
    const circuit = await InferenceCircuit.open(folder)
    terminal.progress('computing the witness')
    const { values, scores, publicSignals, clamped } = circuit.witness(await request(options, circuit))
    terminal.progress('checking the constraints')
    const violated = await circuit.violation(values)
    if (violated !== null) throw badData(`constraint ${violated} does not hold for this witness`)
    if (options.witness !== undefined) await writeAtomically(options.witness, witnessFile(values), 0o600)
    const { constraints } = circuit.folder.manifest
    terminal.result(
      { constraints, violated, publicSignals: publicSignals.map(String), scores: [...scores], clamped },
      `all ${constraints} constraints hold\n${describe(circuit, scores, publicSignals)}\n${clampLine(clamped)}`,
    )
  })
}

export async function proveCommand(
  folder: string,
  options: BackendOptions & { readonly witness: string; readonly out?: string },
): Promise<void> {
  await withTerminal({}, async ({ signal, progress }) => {
    const opened = await openFolder(folder)
    if (opened.manifest.system !== 'groth16') throw usage(IN_TWO_ROUNDS)
    progress('loading the key')
    const { key, metadata, prover } = await withFolderKey(opened, async (checked, source) => ({
      ...checked,
      prover: await chooseBackend(options.backend).open(source, { signal }),
    }))
    try {
      progress('proving')
      const made = await prover.prove(await readFile(options.witness), { signal })
      if (!(await verifyProof(key, made.proof, made.publicSignals))) {
        throw badData(`${options.witness} does not satisfy the circuit; \`cohort zkml mock\` names the constraint`)
      }
      const { circuitId } = opened.manifest
      await emit(proofFileText(made, { circuitId, vkHash: metadata.vkHash, setup: metadata.setup }), options.out)
    } finally {
      await prover.close()
    }
  })
}

const IN_TWO_ROUNDS =
  'in two rounds a witness depends on the proof’s own commitment, so there is no file of it; use `cohort zkml fullprove`'

function witnessFile(values: InferenceWitness['values']): Uint8Array {
  if (!(values instanceof Uint8Array)) throw usage(IN_TWO_ROUNDS)
  return encodeWitnessFile(values)
}

export async function fullproveCommand(
  folder: string,
  options: InputOptions & BackendOptions & { readonly out: string; readonly openings?: string },
): Promise<void> {
  const secrets = options.openings ?? join(dirname(options.out), 'openings.json')
  await withTerminal(options, async (terminal) => {
    const { signal, progress } = terminal
    progress('loading circuit and key')
    const prover = await InferenceProver.open(folder, { backend: chooseBackend(options.backend), signal })
    try {
      progress('proving')
      const asked = await request(options, prover.circuit)
      const made = await prover.prove(asked, { signal })
      const { metadata, circuit } = prover
      const { circuitId } = circuit.folder.manifest
      const opens = Object.keys(made.salts).length > 0
      // The salts are written first: a proof is useless if nobody can open its commitments.
      if (opens) {
        const signed = asked.signed === undefined ? {} : { signed: asked.signed }
        await writeInput(secrets, { input: made.input, salts: made.salts, ...signed })
      }
      const { clamped, parts } = made
      const of = { circuitId, vkHash: metadata.vkHash, setup: metadata.setup, clamped, parts }
      await emit(proofFileText(made, of), options.out)
      terminal.result(
        {
          out: options.out,
          clamped,
          openings: opens ? secrets : null,
          publicSignals: made.publicSignals.map(String),
        },
        `${options.out}\n${describe(circuit, made.scores, made.publicSignals)}\n${clampLine(clamped)}${opens ? `\nthe commitments’ salts are in ${secrets}: keep it secret` : ''}`,
      )
    } finally {
      await prover.close()
    }
  })
}

export async function benchCommand(
  folder: string,
  options: InputOptions & BackendOptions & { readonly runs: number },
): Promise<void> {
  await withTerminal(options, async (terminal) => {
    const timed = async <T>(body: () => T | Promise<T>): Promise<[T, number]> => {
      const start = performance.now()
      return [await body(), performance.now() - start]
    }
    const [prover, load] = await timed(() => InferenceProver.open(folder, { backend: chooseBackend(options.backend) }))
    const job = await request(options, prover.circuit)
    const rows = { witness: [] as number[], witnessAndProof: [] as number[], verify: [] as number[] }
    try {
      for (let run = -1; run < options.runs; run++) {
        terminal.progress(`run ${run + 1} of ${options.runs}`)
        terminal.signal.throwIfAborted()
        const [, witness] = await timed(() => prover.circuit.witness(job))
        const [made, whole] = await timed(() => prover.prove(job, { signal: terminal.signal }))
        const [, verify] = await timed(() => verifyProof(prover.key, made.proof, made.publicSignals))
        // The first run warms the compiler up.
        if (run < 0) continue
        rows.witness.push(witness)
        rows.witnessAndProof.push(whole)
        rows.verify.push(verify)
      }
    } finally {
      await prover.close()
    }
    const median = (list: number[]) => [...list].sort((a, b) => a - b)[list.length >> 1]!
    const figures = {
      backend: prover.backend,
      constraints: prover.circuit.folder.manifest.constraints,
      runs: options.runs,
      loadMs: load,
      witnessMs: median(rows.witness),
      witnessAndProofMs: median(rows.witnessAndProof),
      verifyMs: median(rows.verify),
      proofBytes: PROOF_BYTES,
      peakMemoryBytes: peakMemory(),
    }
    const lines = Object.entries(figures).map(
      ([name, value]) =>
        `${name.padEnd(18)} ${typeof value === 'number' ? Math.round(value).toLocaleString('en-US') : value}`,
    )
    terminal.result(figures, lines.join('\n'))
  })
}

export function chooseBackend(name: string): ProverBackend {
  if (name === 'snarkjs') return snarkjsBackend
  if (name !== 'rapidsnark') return wasmBackend()
  const binary = process.env.COHORT_RAPIDSNARK
  if (binary === undefined) throw usage('set COHORT_RAPIDSNARK to the path of the rapidsnark binary')
  return rapidsnarkBackend(binary)
}

async function request(options: InputOptions, circuit: InferenceCircuit): Promise<InferenceRequest> {
  const { input, index, clamp = false, context } = options
  return { ...(await readInput(input, index, inputShapeOf(circuit.folder.program))), clamp, context }
}

/** Whether the proof is about the input given or about one moved into the calibrated range. */
export function clampLine(clamped: number | null): string {
  if (clamped === null) return 'input             given as integers'
  if (clamped === 0) return 'input             inside the calibrated range, not clamped'
  return `input             CLAMPED: ${clamped} values moved to the edge of the calibrated range`
}

function describe(circuit: InferenceCircuit, scores: ArrayLike<number>, signals: readonly bigint[]): string {
  const names = ['model commitment', 'input commitment', 'output', 'context']
  const lines = signals.map((signal, i) => `${names[i]!.padEnd(18)}${signal}`)
  const { output } = circuit.folder.program
  if (output.kind !== 'logits-commitment')
    lines.push(`${output.kind.padEnd(18)}${plainResult(circuit.folder.program, scores)}`)
  return lines.join('\n')
}

/** Copies key and metadata of a finished ceremony into the folder, after checking that they belong to its circuit. */
async function takeOver(folder: string, from: string): Promise<void> {
  const { manifest } = await openFolder(folder)
  const to = folderPaths(folder).zkey
  const copy = `${to}.part`
  try {
    await copyFile(from, copy)
    await copyFile(metadataPath(from), metadataPath(copy))
    // Checks the copy, because the original could change before or after.
    const { metadata } = await readKeyFor(manifest, copy)
    if (metadata.setup !== 'ceremony') throw badData(`${from} is a ${metadata.setup} key, not the result of a ceremony`)
    await rename(metadataPath(copy), metadataPath(to))
    await rename(copy, to)
  } finally {
    await rm(copy, { force: true })
    await rm(metadataPath(copy), { force: true })
  }
  await rm(tablesPath(to), { force: true })
  await exportVerificationKey(folder)
}

/** The key of a ceremony took many people; a local one must not replace it by accident. */
async function refuseToReplaceCeremony(folder: string): Promise<void> {
  const path = folderPaths(folder).zkey
  const metadata = await readKeyMetadata(path).catch(() => null)
  if (metadata?.setup === 'ceremony') throw usage(`${path} is the key of a ceremony; move it away to make a local one`)
}
