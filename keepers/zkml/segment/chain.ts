// SPDX-License-Identifier: GPL-3.0-or-later
// One inference through all segments. Computes the statement of each segment, which the owner knows at once, so that all are proven
// in parallel; and checks that proofs of segments are one inference.

import { randomSalt } from '../circuit/commitment.ts'
import { CircuitError } from '../circuit/errors.ts'
import { expectedSignals, type Salts, type Sample } from '../circuit/prepare.ts'
import type { ContentSignature } from '../circuit/signed.ts'
import { PUBLIC_SIGNALS } from '../circuit/write/statement.ts'
import type { Integers } from '../graph/layers.ts'
import { interpret } from '../quantise/interpret.ts'
import type { ProgramSegment } from './split.ts'

/** An inference to be proven in segments. */
export type SegmentedSample = {
  /** Integers of the whole program's input. */
  readonly input: ArrayLike<number>
  /** The fourth public signal of every segment's proof. */
  readonly context: bigint
  /** Those that are absent are drawn, the models' excepted. */
  readonly salts?: {
    /** Committed mode: one for each segment. */
    readonly models?: readonly bigint[]
    /** Where the whole program's input or output is committed. */
    readonly input?: bigint
    readonly output?: bigint
    /** One for each inner boundary. */
    readonly boundaries?: readonly bigint[]
  }
  /** Where the whole program's input is signed: the publisher's signature of it under `salts.input`. */
  readonly signed?: ContentSignature
}

/** The statement of one segment. `sample` is all that its prover needs, and it opens both commitments: for that prover only. */
export type SegmentSample = {
  readonly index: number
  readonly sample: Sample
  /** The segment's last activations: the next one's input. */
  readonly scores: Integers
  /** modelCommitment, inputCommitment, output, context: a proof with any others is refused. */
  readonly publicSignals: readonly [bigint, bigint, bigint, bigint]
}

/**
 * Runs all segments on one input. The `output` of each is the `inputCommitment` of the next.
 * @throws CircuitError `wrong-input` for a model's salt or a signature that is missing or a wrong number of salts, CompileError
 *   for an input that does not fit.
 */
export function traceSegments(segments: readonly ProgramSegment[], given: SegmentedSample): readonly SegmentSample[] {
  const { models, boundaries = segments.slice(1).map(() => randomSalt()) } = given.salts ?? {}
  requireCount(boundaries, segments.length - 1, 'salts of boundaries')
  if (models !== undefined) requireCount(models, segments.length, 'salts of models')
  let input = given.input
  return segments.map(({ index, program, options }) => {
    const inputSalt = index === 0 ? given.salts?.input : boundaries[index - 1]
    const outputSalt = index === segments.length - 1 ? given.salts?.output : boundaries[index]
    const salts: Salts = {
      ...(models === undefined ? {} : { model: models[index]! }),
      ...(options.input === 'committed' ? { input: inputSalt ?? randomSalt() } : {}),
      // A signature covers the commitment under the publisher's salt: another one would not do.
      ...(options.input === 'signed' && inputSalt !== undefined ? { input: inputSalt } : {}),
      ...(options.output === 'committed' ? { output: outputSalt ?? randomSalt() } : {}),
    }
    const signed = options.input === 'signed' && given.signed !== undefined ? { signed: given.signed } : {}
    const sample: Sample = { input, context: given.context, salts, ...signed }
    const { scores } = interpret(program, input)
    input = scores
    return { index, sample, scores, publicSignals: expectedSignals(program, sample, scores, options) }
  })
}

/** Why proofs of segments are not one inference, and which segment's proof is at fault. */
export type ChainFault = {
  /** From 0. When every proof before it verifies, this segment's prover is the one that departed from the chain. */
  readonly segment: number
  readonly signal: (typeof PUBLIC_SIGNALS)[number]
  readonly found: bigint
  readonly expected: bigint
}

/**
 * The first fault in a chain of public signals, or null. Each proof must be verified under its own segment's key beside this.
 * @param chain the four public signals of each segment, in order
 * @param expected the segments' model commitments; the context; the input's commitment, where the caller knows it
 */
export function chainFault(
  chain: readonly (readonly bigint[])[],
  expected: {
    readonly modelCommitments: readonly bigint[]
    readonly context: bigint
    readonly inputCommitment?: bigint
  },
): ChainFault | null {
  requireCount(chain, expected.modelCommitments.length, 'proofs')
  for (const [segment, signals] of chain.entries()) {
    requireCount(signals, PUBLIC_SIGNALS.length, `public signals of segment ${segment + 1}`)
    const before = segment === 0 ? (expected.inputCommitment ?? signals[1]!) : chain[segment - 1]![2]!
    const wanted = [expected.modelCommitments[segment]!, before, signals[2]!, expected.context]
    const at = wanted.findIndex((value, i) => value !== signals[i])
    if (at >= 0) return { segment, signal: PUBLIC_SIGNALS[at]!, found: signals[at]!, expected: wanted[at]! }
  }
  return null
}

function requireCount(list: readonly unknown[], count: number, what: string): void {
  if (list.length !== count) throw new CircuitError('wrong-input', `${list.length} ${what}, must be ${count}`)
}
