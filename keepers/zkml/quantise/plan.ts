// SPDX-License-Identifier: GPL-3.0-or-later
// The quantisation plan: every decision that calibration makes, as data. A graph and a plan give one program, always the
// same; so members who hold the same weights agree on the same integers, and a committed architecture keeps its scales.
import { z } from 'zod'
import { CompileError } from '../graph/errors.ts'
import type { InputPiece, Mode, OutputSpec } from '../graph/program.ts'
import { inputPieces } from '../graph/program-form.ts'
import type { SoftmaxKind } from '../graph/types.ts'
import { parseJson } from '../json.ts'

/** Weights are multiples of 2^−fraction in `weightBits` bits (sign included), biases in `biasBits` bits. */
export type WeightPlan = {
  readonly kind: 'weights'
  /** The graph node that the owner's knobs name. */
  readonly node: string
  readonly weightBits: number
  readonly fraction: number
  readonly biasBits: number
}

/**
 * An accumulator is divided by 2^shift; 0 means that nothing is divided. `bits`: the circuit holds the shifted value to this many bits, sign
 * included, although its proven bounds exceed them; an input that leaves them has no proof.
 */
export type ShiftPlan = {
  readonly kind: 'shift'
  readonly node: string
  readonly shift: number
  readonly bits?: number | undefined
}

/**
 * A curve is fitted to 2^select lines over low ≤ input < low + 2^bits (integers), of which `shift` bits are dropped; slopes
 * have `fraction` bits beside those of the input's scale. `below` and `above`: slopes of the straight lines that the curve goes on
 * as beyond these inputs; where there is none, what lies there has no proof.
 * With `within`, lines are as long as that tolerance lets them be, and `select` is 0; of results of `peak`, or of each its own.
 */
export type CurvePlan = {
  readonly kind: 'curve'
  readonly node: string
  readonly low: number
  readonly bits: number
  readonly shift: number
  readonly select: number
  readonly fraction: number
  readonly below?: number | undefined
  readonly above?: number | undefined
  readonly within?: { readonly share: number; readonly peak: number | null } | undefined
}

export type LayerPlan = WeightPlan | ShiftPlan | CurvePlan

/**
 * The statement to prove. `dropped`: of the scores before that last operator, the score named is compared, and of a Softmax, of which there
 * are two, the difference to the other one; the threshold is that of what is compared.
 */
export type PlannedOutput =
  | Exclude<OutputSpec, { kind: 'score' }>
  | (Extract<OutputSpec, { kind: 'score' }> & { readonly dropped?: SoftmaxKind | undefined })

/** Whether a score is compared as the difference of two. */
export function isDifference(output: PlannedOutput): boolean {
  return output.kind === 'score' && (output.dropped === 'softmax' || output.dropped === 'log-softmax')
}

/** The circuit's statement about its last tensor, where a difference is the only score. */
export function programOutput(output: PlannedOutput): OutputSpec {
  if (output.kind !== 'score') return output
  const { kind, index, threshold } = output
  return { kind, index: isDifference(output) ? 0 : index, threshold }
}

export type Plan = {
  readonly format: 'cohort-zkml-plan'
  readonly version: 1
  readonly mode: Mode
  /** Real value of an input = integer · scale, min ≤ integer ≤ min + 2^bits − 1. */
  readonly input: {
    readonly bits: number
    readonly min: number
    readonly scale: number
    /** Where indices stand among the elements, or the numbers are whole ones by nature. */
    readonly pieces?: readonly InputPiece[] | undefined
  }
  readonly output: PlannedOutput
  /** Keyed by the node's name, with a suffix for a node that needs several decisions. */
  readonly layers: Readonly<Record<string, LayerPlan>>
}

/** Bit widths as an owner or a search sets them: a default, and exceptions by node name. */
export type BitChoice = { readonly default: number; readonly layers?: Readonly<Record<string, number>> }

export type Knobs = {
  readonly inputBits: number
  /** Bits of a weight, sign included: 2 to 24. */
  readonly weightBits: BitChoice
  /** Bits of the largest calibrated value after a rescale, sign not included: 1 to 24. */
  readonly activationBits: BitChoice
  /** Committed mode: how much larger than today's weights later versions' may grow before they are clipped, ≥ 1. */
  readonly headroom: number
}

export const DEFAULT_KNOBS: Knobs = {
  inputBits: 8,
  weightBits: { default: 8 },
  activationBits: { default: 8 },
  headroom: 1.25,
}

export function chosenBits(choice: BitChoice, name: string): number {
  const { layers = {} } = choice
  return Object.hasOwn(layers, name) ? layers[name]! : choice.default
}

/** Refuses bit widths that mean nothing. @throws CompileError invalid-option naming the knob. */
export function requireKnobs(knobs: Knobs): void {
  const check = (knob: string, value: number, low: number, high: number): void => {
    if (!Number.isInteger(value) || value < low || value > high)
      throw new CompileError('invalid-option', `${knob} = ${value}; a whole number from ${low} to ${high} is needed`)
  }
  check('inputBits', knobs.inputBits, 1, 24)
  for (const [knob, choice, low] of [
    ['weightBits', knobs.weightBits, 2],
    ['activationBits', knobs.activationBits, 1],
  ] as const) {
    check(knob, choice.default, low, 24)
    for (const [layer, bits] of Object.entries(choice.layers ?? {})) check(`${knob} of ${layer}`, bits, low, 24)
  }
  if (!(knobs.headroom >= 1 && knobs.headroom <= 1024))
    throw new CompileError('invalid-option', `headroom = ${knobs.headroom}; a number from 1 to 1024 is needed`)
}

const bits = z.number().int().min(1).max(53)
const integer = z.number().int()
/** A plan as data; see {@link Plan}. Unknown keys are dropped. */
export const planSchema = z.object({
  format: z.literal('cohort-zkml-plan'),
  version: z.literal(1),
  mode: z.enum(['released', 'committed']),
  input: z.object({
    bits: z.number().int().min(1).max(24),
    min: integer,
    scale: z.number().positive(),
    pieces: inputPieces,
  }),
  output: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('label') }),
    z.object({ kind: z.literal('logits-commitment') }),
    z.object({
      kind: z.literal('score'),
      index: integer.min(0),
      threshold: integer,
      dropped: z.enum(['softmax', 'log-softmax', 'logistic', 'normalised']).optional(),
    }),
    z.object({ kind: z.literal('margin') }),
    z.object({ kind: z.literal('value') }),
  ]),
  layers: z.record(
    z.string(),
    z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('weights'), node: z.string(), weightBits: bits, fraction: integer, biasBits: bits }),
      z.object({ kind: z.literal('shift'), node: z.string(), shift: integer.min(0).max(52), bits: bits.optional() }),
      z.object({
        kind: z.literal('curve'),
        node: z.string(),
        low: integer,
        bits,
        shift: integer.min(0).max(52),
        select: integer.min(0).max(8),
        fraction: integer.min(-53).max(53),
        below: z.number().optional(),
        above: z.number().optional(),
        within: z.object({ share: z.number().positive(), peak: z.number().positive().nullable() }).optional(),
      }),
    ]),
  ),
})

export function planToJson(plan: Plan): string {
  return `${JSON.stringify(plan, null, 2)}\n`
}

/** Reads a plan file. @throws CompileError malformed-file naming the field. */
export function planFromJson(text: string): Plan {
  let json: unknown
  try {
    json = parseJson(text)
  } catch (error) {
    throw new CompileError('malformed-file', `the plan is not JSON: ${(error as Error).message}`)
  }
  const parsed = planSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new CompileError('malformed-file', `plan field ${issue!.path.join('.') || '(root)'}: ${issue!.message}`)
}
