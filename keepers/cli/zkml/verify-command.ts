// SPDX-License-Identifier: GPL-3.0-or-later
// verify: checks that a proof holds, and that it is about this circuit, this model, this input and this context.
import { readFile, stat } from 'node:fs/promises'

import {
  encodeReals,
  folderPaths,
  inputSignal,
  optionsOf,
  programFromJson,
  readManifest,
  SCALAR_FIELD,
  tensorOf,
  verificationKeyHash,
  verifyProof,
} from '../../zkml/index.ts'
import { clampLine } from './proof-commands.ts'
import { type ProofFile, readProofFile } from './proof-file.ts'
import { inputShapeOf, readInput } from './samples.ts'
import { badData, fieldElement, usage, withTerminal } from './terminal.ts'
import { readVerificationKey } from './verifier-commands.ts'
import { partLines, partsDeparture, requirePartsOf, type Subject } from './verify-parts.ts'
import { visibilityText } from './visibility.ts'

type VerifyOptions = {
  readonly public?: string
  readonly context?: bigint
  readonly input?: string
  readonly part: ReadonlyMap<string, bigint>
  readonly index?: number
  readonly clamp?: boolean
  readonly model?: bigint
  readonly json?: boolean
}

/** Requirements on a proof; undefined: not required. */
type Wanted = {
  readonly model: bigint | undefined
  readonly input: bigint | undefined
  readonly context: bigint | undefined
  /** Commitments of single inputs and outputs by their names. */
  readonly parts: ReadonlyMap<string, bigint>
}

type Verdict = {
  readonly file: string
  readonly valid: boolean
  /** Why the proof is not the one asked for, even if it holds; null if it is. */
  readonly departs: string | null
  readonly statement: readonly string[]
  readonly publicSignals: readonly string[]
}

export async function verifyCommand(keyPath: string, proofs: readonly string[], options: VerifyOptions): Promise<void> {
  if (options.public !== undefined && proofs.length > 1) throw usage('--public goes with one proof')
  await withTerminal(options, async (terminal) => {
    const key = await readVerificationKey(keyPath)
    const vkHash = verificationKeyHash(key)
    const subject = (await stat(keyPath)).isDirectory() ? await readSubject(keyPath) : null
    const wanted: Wanted = {
      model: options.model ?? (subject === null ? undefined : BigInt(subject.manifest.modelCommitment)),
      input: await wantedInput(options, subject),
      context: options.context,
      parts: options.part,
    }
    requirePartsOf(subject, wanted.parts)
    const results: Verdict[] = []
    for (const file of proofs) {
      terminal.signal.throwIfAborted()
      const read = await readProofFile(file, options.public)
      const signals = read.publicSignals
      const valid = (read.vkHash === null || read.vkHash === vkHash) && (await verifyProof(key, read.proof, signals))
      const departs = departure(read, subject, wanted)
      results.push({
        file,
        valid,
        departs,
        statement: [...statementOf(read, subject), ...(departs === null ? partLines(read.parts, subject) : [])],
        publicSignals: signals.map(String),
      })
    }
    if (!results.every(({ valid, departs }) => valid && departs === null)) process.exitCode = 1
    terminal.result({ vkHash, results }, inWords(results))
  })
}

/** The verdicts, and then the statement of each proof that holds. */
function inWords(results: readonly Verdict[]): string {
  const verdicts = results.map(({ file, valid, departs }) => {
    if (!valid) return `${file}: INVALID`
    return departs === null ? `${file}: valid` : `${file}: INVALID for this: ${departs}`
  })
  const good = results.filter(({ valid, departs }) => valid && departs === null)
  const said = good.flatMap(({ file, statement }) => [
    ...(results.length === 1 ? [] : [`${file} says`]),
    ...statement.map((line) => `  ${line}`),
  ])
  return [...verdicts, ...said].join('\n')
}

async function readSubject(folder: string): Promise<Subject> {
  const manifest = await readManifest(folder)
  // With private weights, only the owner has the program. Without it, less can be said of the output.
  const text = await readFile(folderPaths(folder).program, 'utf8').catch(() => null)
  return { manifest, program: text === null ? null : programFromJson(text) }
}

async function wantedInput(options: VerifyOptions, subject: Subject | null): Promise<bigint | undefined> {
  const { input, index, clamp = false } = options
  if (input === undefined) return undefined
  if (/^(\d{1,78}|0x[0-9a-fA-F]{1,64})$/.test(input)) return fieldElement('--input')(input)
  const program = subject?.program ?? null
  if (subject === null || program === null)
    throw usage('--input with a file needs the folder with its program; give the input’s commitment instead')
  const shown = optionsOf(subject.manifest).input ?? 'committed'
  if (shown === 'private') throw usage('the circuit shows nothing of its input, so --input cannot be checked')
  const { input: values, integers, salts, signed } = await readInput(input, index, inputShapeOf(program))
  if ((shown === 'committed' || shown === 'signed') && salts.input === undefined)
    throw badData(`${input} holds no salt of its commitment; give the openings file that the prover wrote`)
  const encoded = integers ? values : encodeReals(program, values, clamp).values
  const sample = { input: encoded, context: 0n, salts, ...(signed === undefined ? {} : { signed }) }
  return inputSignal(program, sample, shown)
}

/** The requirement that a proof does not meet; null when it meets all. */
function departure(read: ProofFile, subject: Subject | null, wanted: Wanted): string | null {
  if (subject !== null && read.circuitId !== null && read.circuitId !== subject.manifest.circuitId)
    return `it is of circuit ${read.circuitId}, the folder's is ${subject.manifest.circuitId}`
  const [model, input, , context] = read.publicSignals
  for (const [name, found, right] of [
    ['model commitment', model, wanted.model],
    ['input commitment', input, wanted.input],
    ['context', context, wanted.context],
  ] as const)
    if (right !== undefined && found !== right) return `its ${name} is ${found}, must be ${right}`
  return subject === null ? null : partsDeparture(read, subject.manifest, wanted.parts)
}

function statementOf(read: ProofFile, subject: Subject | null): string[] {
  const [model, input, output, context] = read.publicSignals
  const shown = subject === null ? '' : ` (${visibilityText(subject.manifest.input)})`
  return [
    `model commitment  ${model}`,
    `input commitment  ${input}${shown}`,
    `output            ${output}${saidOf(output!, subject)}`,
    `context           ${context}`,
    ...(read.setup === null
      ? []
      : [`set-up            ${read.setup}${read.setup === 'local' ? ', for development: its maker could forge' : ''}`]),
    ...(read.clamped === null ? [] : [`${clampLine(read.clamped)}, as its prover says`]),
  ]
}

/** The output in words, where the program is at hand and the circuit shows it. */
function saidOf(output: bigint, subject: Subject | null): string {
  if (subject === null) return ''
  const { manifest, program } = subject
  if (manifest.claim !== undefined) return ' (a claim about a batch: cohort zkml claim verify says it in words)'
  if (manifest.output !== 'public') return ` (${visibilityText(manifest.output)})`
  if (program === null) return ''
  const { scale } = tensorOf(program, program.scores)
  switch (program.output.kind) {
    case 'label':
      return `: label ${output}`
    case 'margin':
      return `: label ${output & 0xffffn}, ahead by ${Number(output >> 16n) * scale}`
    case 'score': {
      const { index, threshold } = program.output
      return `: score ${index} is ${output === 1n ? 'at least' : 'below'} ${threshold * scale}`
    }
    case 'value':
      return `: value ${Number(output > SCALAR_FIELD / 2n ? output - SCALAR_FIELD : output) * scale}`
    case 'logits-commitment':
      return ': a commitment to the scores'
  }
}
