// SPDX-License-Identifier: GPL-3.0-or-later
// Computes, from integers, the circuit's inputs and the four public signals that must come out.

import type { Parameter } from '../graph/layers.ts'
import { type InputVisibility, type IntegerProgram, programParameters, type Visibility } from '../graph/program.ts'
import { commitInput, commitModel, commitSegments, requireField, toField } from './commitment.ts'
import { commitBytes } from './digest.ts'
import { CircuitError } from './errors.ts'
import {
  isInParts,
  type PartCommitment,
  type PartsDomain,
  type PartVisibilities,
  partCommitments,
  partSalt,
  partsSignal,
  placedParts,
  saltedParts,
} from './parts.ts'
import { poseidonChain } from './poseidon.ts'
import { type ContentSignature, isSignedContent, signedCommitment } from './signed.ts'
import type { CircuitInputs } from './witness.ts'
import { type CircuitOptions, header, inputLayout, RESULT_LAYOUT, scoresLayout } from './write/statement.ts'

export type Salts = {
  /** Committed mode: the salt of the model commitment. */
  readonly model?: bigint
  /** Input visibility `committed`, and `signed`: there it is the publisher's. */
  readonly input?: bigint
  /** Output visibility `committed`. */
  readonly output?: bigint
  /** Of each committed input, and output, by its name, where they are shown one by one. */
  readonly inputs?: ReadonlyMap<string, bigint>
  readonly outputs?: ReadonlyMap<string, bigint>
}

/** One sample to prove. `input` holds the integers of the program's input tensor. */
export type Sample = {
  readonly input: ArrayLike<number>
  readonly context: bigint
  readonly salts?: Salts
  /** Input visibility `signed`. */
  readonly signed?: ContentSignature
}

/**
 * Inputs of the witness program.
 * @throws CircuitError `wrong-input` for a wrong number of values or a missing salt; `value-out-of-range` for a value or
 *   weight outside its bits; `unsigned` for a signature that does not match this input, salt and tag.
 */
export function witnessInputs(program: IntegerProgram, sample: Sample, options: CircuitOptions = {}): CircuitInputs {
  const { input = 'committed', output = 'public' } = options
  const salts = sample.salts ?? {}
  return {
    x: inputOffsets(program, sample.input),
    ...(program.mode === 'committed' ? parameterInputs(program) : {}),
    ...(program.mode === 'committed' ? { modelSalt: salt(salts.model, 'model') } : {}),
    ...(input === 'committed' || input === 'signed' ? { inputSalt: salt(salts.input, 'input') } : {}),
    ...(input === 'signed' ? signatureInputs(program, sample) : {}),
    ...(output === 'committed' ? { outputSalt: salt(salts.output, 'output') } : {}),
    ...partSalts(program, 'inputs', input, salts.inputs),
    ...partSalts(program, 'outputs', output, salts.outputs),
    context: requireField(sample.context, 'context'),
  }
}

/** The model commitment that a circuit of `program` shows for these salts. */
export function modelCommitmentOf(program: IntegerProgram, salts: Salts = {}, options: CircuitOptions = {}): bigint {
  return commitModel(program, program.mode === 'committed' ? salt(salts.model, 'model') : (options.modelSalt ?? 0n))
}

/**
 * The four public signals, from the scores that the reference interpreter gives: modelCommitment, inputCommitment, output,
 * context. A verifier of a public input, or a test, compares them with a proof's. The model commitment is hashed from all
 * weights (0.2 s for 44,000) unless it is given.
 */
export function expectedSignals(
  program: IntegerProgram,
  sample: Sample,
  scores: ArrayLike<number>,
  options: CircuitOptions = {},
  modelCommitment: bigint = modelCommitmentOf(program, sample.salts, options),
): [bigint, bigint, bigint, bigint] {
  const { input = 'committed', output = 'public' } = options
  const salts = sample.salts ?? {}
  return [
    modelCommitment,
    inputSignal(program, sample, input),
    outputSignal(program, scores, output, salts),
    sample.context,
  ]
}

/** The salts of committed parts, in their order. */
function partSalts(
  program: IntegerProgram,
  domain: PartsDomain,
  shown: InputVisibility | PartVisibilities,
  salts: ReadonlyMap<string, bigint> = new Map(),
): CircuitInputs {
  const names = saltedParts(program, domain, shown)
  return names.length === 0 ? {} : { [`${domain}Salt`]: names.map((name) => partSalt(salts, name, 'committed')) }
}

/** The disclosed form of each input, where inputs are shown one by one; otherwise null. */
export function inputParts(program: IntegerProgram, sample: Sample, options: CircuitOptions): PartCommitment[] | null {
  const { input = 'committed' } = options
  if (!isInParts(input)) return null
  const parts = placedParts(program, 'inputs', input)
  return partCommitments(parts, sample.input, inputLayout(program), sample.salts?.inputs ?? new Map())
}

/** The disclosed form of each output, where outputs are shown one by one; otherwise null. */
export function outputParts(
  program: IntegerProgram,
  scores: ArrayLike<number>,
  salts: Salts,
  options: CircuitOptions,
): PartCommitment[] | null {
  const { output = 'public' } = options
  if (!isInParts(output)) return null
  const parts = placedParts(program, 'outputs', output)
  return partCommitments(parts, scores, scoresLayout(program), salts.outputs ?? new Map())
}

/** The public signal of inputs or outputs that are shown one by one, from the disclosed form of each. */
function signalOf(
  program: IntegerProgram,
  domain: PartsDomain,
  shown: PartVisibilities,
  commitments: readonly PartCommitment[],
): bigint {
  const layout = domain === 'inputs' ? inputLayout(program) : scoresLayout(program)
  const each = commitments.map(({ commitment }) => commitment)
  return partsSignal(domain, placedParts(program, domain, shown), layout, each)
}

/** Checks the signature before the circuit does, so that the error names the mismatch. */
function signatureInputs(program: IntegerProgram, sample: Sample): CircuitInputs {
  const signed = signatureOf(sample)
  if (!isSignedContent(commitInput(sample.input, program.input, salt(sample.salts?.input, 'input')), signed)) {
    throw new CircuitError('unsigned', 'the signature does not match this input, salt, tag and key')
  }
  const { tag, publicKey, signature } = signed
  return { tag, keyX: publicKey[0], keyY: publicKey[1], Rx: signature.R[0], Ry: signature.R[1], S: signature.S }
}

function signatureOf({ signed }: Sample): ContentSignature {
  if (signed === undefined) {
    throw new CircuitError('wrong-input', 'the signature of the input is missing; signContent makes one')
  }
  return signed
}

/** The second public signal of a sample: the disclosed form of its input. */
export function inputSignal(
  program: IntegerProgram,
  sample: Sample,
  visibility: InputVisibility | PartVisibilities,
): bigint {
  const { input, salts } = sample
  if (isInParts(visibility)) {
    const parts = inputParts(program, sample, { input: visibility })!
    return signalOf(program, 'inputs', visibility, parts)
  }
  if (visibility === 'signed') {
    const { publicKey, tag } = signatureOf(sample)
    return signedCommitment(publicKey, tag)
  }
  if (visibility === 'private') return 0n
  if (visibility === 'sha256') return commitBytes(input)
  const { bits, min } = inputLayout(program)
  const opening = visibility === 'public' ? 0n : salt(salts?.input, 'input')
  return commitSegments('input', [{ values: input, bits, min }], opening)
}

/** The result that the program's output specification makes of its scores. */
export function plainResult(program: IntegerProgram, scores: ArrayLike<number>): bigint {
  const { output } = program
  const label = highest(scores)
  switch (output.kind) {
    case 'label':
      return BigInt(label)
    case 'margin': {
      let other = Number.NEGATIVE_INFINITY
      for (let i = 0; i < scores.length; i++) if (i !== label) other = Math.max(other, scores[i]!)
      return BigInt(label) + (BigInt(scores[label]! - other) << 16n)
    }
    case 'score':
      return scores[output.index]! >= output.threshold ? 1n : 0n
    case 'value':
      return toField(BigInt(scores[0]!))
    case 'logits-commitment':
      throw new CircuitError('unsupported', 'a commitment to logits has no plain result')
  }
}

function outputSignal(
  program: IntegerProgram,
  scores: ArrayLike<number>,
  visibility: Visibility | PartVisibilities,
  salts: Salts,
): bigint {
  if (isInParts(visibility)) {
    const parts = outputParts(program, scores, salts, { output: visibility })!
    return signalOf(program, 'outputs', visibility, parts)
  }
  if (visibility === 'private') return 0n
  if (program.output.kind === 'logits-commitment') {
    const { bits, min } = scoresLayout(program)
    return commitSegments(
      'input',
      [{ values: scores, bits, min }],
      visibility === 'public' ? 0n : salt(salts.output, 'output'),
    )
  }
  const result = plainResult(program, scores)
  return visibility === 'public'
    ? result
    : poseidonChain(header('output', [RESULT_LAYOUT]), [salt(salts.output, 'output'), result])
}

/** Index of the largest score, the lowest on ties. */
function highest(scores: ArrayLike<number>): number {
  let best = 0
  for (let i = 1; i < scores.length; i++) if (scores[i]! > scores[best]!) best = i
  return best
}

/** The input's values as offsets from the least. */
export function inputOffsets(program: IntegerProgram, values: ArrayLike<number>): bigint[] {
  const { count, bits, min } = inputLayout(program)
  if (values.length !== count) {
    throw new CircuitError('wrong-input', `the input has ${values.length} values, ${program.name} takes ${count}`)
  }
  return offsets(values, bits, min, 'input')
}

/** The parameter signals of committed mode. */
export function parameterInputs(program: IntegerProgram): Record<string, readonly bigint[]> {
  return Object.fromEntries(
    programParameters(program).map(({ layer, role, parameter }) => {
      const name = `${layer}$${role}`
      return [name, parameterOffsets(parameter, name)] as const
    }),
  )
}

function parameterOffsets({ values, bits }: Parameter, name: string): bigint[] {
  return offsets(values, bits, -(2 ** (bits - 1)), name)
}

function offsets(values: ArrayLike<number>, bits: number, min: number, name: string): bigint[] {
  return Array.from(values, (value, index) => {
    const offset = value - min
    if (!Number.isInteger(offset) || offset < 0 || offset >= 2 ** bits) {
      throw new CircuitError(
        'value-out-of-range',
        `${name}[${index}] is ${value}, must be an integer in [${min}, ${min + 2 ** bits - 1}]`,
      )
    }
    return BigInt(offset)
  })
}

function salt(value: bigint | undefined, name: string): bigint {
  if (value === undefined) {
    throw new CircuitError('wrong-input', `the ${name} salt is missing; randomSalt() makes one of 248 bits`)
  }
  return requireField(value, `${name} salt`)
}
