// SPDX-License-Identifier: GPL-3.0-or-later
// split, segment-inputs, verify-chain.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  chainFault,
  chooseSystem,
  type InputVisibility,
  openSegments,
  type ProofSystem,
  readSegmentsManifest,
  type Simplification,
  splitFolder,
  traceFolders,
  type Visibility,
  verificationKeyHash,
  verifyProof,
} from '../../zkml/index.ts'
import { type ModelOptions, readPlannedModel } from './model-commands.ts'
import { readProofFile } from './proof-file.ts'
import { inputShapeOf, readInput, writeInput } from './samples.ts'
import { usage, withTerminal } from './terminal.ts'
import { readVerificationKey } from './verifier-commands.ts'
import { type Shown, wholeOf } from './visibility.ts'

export async function splitCommand(
  modelPath: string,
  options: {
    readonly plan: string
    readonly dim: ModelOptions['dim']
    readonly take?: string
    readonly segments: number
    readonly out: string
    readonly input: Shown<InputVisibility>
    readonly output: Shown<Visibility>
    readonly system?: ProofSystem
    readonly simplification: Simplification
    readonly json?: boolean
  },
): Promise<void> {
  const shown = { input: wholeOf('--input', options.input), output: wholeOf('--output', options.output) }
  await withTerminal(options, async (terminal) => {
    const { program } = await readPlannedModel(modelPath, options.plan, options)
    const { manifest, circuits } = await splitFolder({
      folder: options.out,
      program,
      count: options.segments,
      options: shown,
      simplification: options.simplification,
      systemOf: (segment) => options.system ?? chooseSystem(segment.program, segment.options).system,
      signal: terminal.signal,
      onSegment: ({ index, constraints }) =>
        terminal.progress(`compiling segment ${index + 1} of ${options.segments}, ${constraints} constraints`),
    })
    const lines = manifest.segments.map(
      ({ folder, constraints, layers }, i) =>
        `${join(options.out, folder)}  ${constraints.toLocaleString('en-US')} constraints in ${circuits[i]!.manifest.system}: ${layers.join(', ')}`,
    )
    terminal.result(manifest, lines.join('\n'))
  })
}

export async function segmentInputsCommand(
  folder: string,
  options: {
    readonly input: string
    readonly index?: number
    readonly clamp?: boolean
    readonly context: bigint
    readonly out: string
    readonly json?: boolean
  },
): Promise<void> {
  await withTerminal(options, async (terminal) => {
    const { context } = options
    terminal.progress('loading the segments')
    const opened = await openSegments(folder)
    const [first] = opened.circuits
    const { signed, ...given } = await readInput(options.input, options.index, inputShapeOf(first!.program))
    const clamp = options.clamp === undefined ? {} : { clamp: options.clamp }
    const request = { ...given, ...clamp, context, ...(signed === undefined ? {} : { signed }) }
    const traced = traceFolders(opened, request)
    await mkdir(options.out, { recursive: true })
    const files: { file: string; publicSignals: string[] }[] = []
    for (const { index, sample, publicSignals } of traced) {
      const file = join(options.out, `segment-${index + 1}.json`)
      await writeInput(file, sample)
      files.push({ file, publicSignals: publicSignals.map(String) })
    }
    const lines = files.map(
      ({ file, publicSignals }) => `${file}\n  input   ${publicSignals[1]}\n  output  ${publicSignals[2]}`,
    )
    terminal.result(
      { segments: files },
      [...lines, 'each file opens its segment’s commitments: only its prover may see it'].join('\n'),
    )
  })
}

export async function verifyChainCommand(
  folder: string,
  proofs: readonly string[],
  options: { readonly context: bigint; readonly inputCommitment?: bigint; readonly json?: boolean },
): Promise<void> {
  await withTerminal(options, async (terminal) => {
    const manifest = await readSegmentsManifest(folder)
    const { segments } = manifest
    if (proofs.length !== segments.length)
      throw usage(`${proofs.length} proofs; ${folder} has ${segments.length} segments`)
    const chain: (readonly bigint[])[] = []
    const results: { file: string; valid: boolean }[] = []
    for (const [index, file] of proofs.entries()) {
      terminal.signal.throwIfAborted()
      const key = await readVerificationKey(join(folder, segments[index]!.folder))
      const { proof, publicSignals, vkHash } = await readProofFile(file)
      const valid = vkHash === verificationKeyHash(key) && (await verifyProof(key, proof, publicSignals))
      chain.push(publicSignals)
      results.push({ file, valid })
    }
    const fault = chainFault(chain, {
      modelCommitments: segments.map(({ modelCommitment }) => BigInt(modelCommitment)),
      context: options.context,
      ...(options.inputCommitment === undefined ? {} : { inputCommitment: options.inputCommitment }),
    })
    const holds = fault === null && results.every(({ valid }) => valid)
    if (!holds) process.exitCode = 1
    const lines = results.map(({ file, valid }) => `${file}: ${valid ? 'valid' : 'INVALID'}`)
    lines.push(
      fault === null
        ? `the proofs are ${holds ? 'one inference' : 'chained, but not all valid'}: output ${chain.at(-1)![2]}`
        : `segment ${fault.segment + 1} departs from the chain: its ${fault.signal} is ${fault.found}, must be ${fault.expected}`,
    )
    const departs =
      fault === null
        ? null
        : { ...fault, segment: fault.segment + 1, found: String(fault.found), expected: String(fault.expected) }
    terminal.result(
      { holds, results, departs, publicSignals: chain.map((signals) => signals.map(String)) },
      lines.join('\n'),
    )
  })
}
