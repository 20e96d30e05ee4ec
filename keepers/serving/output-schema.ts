// SPDX-License-Identifier: GPL-3.0-or-later
// The form of a circuit's output, in the hub's terms.
import { type IntegerProgram, SCALAR_FIELD } from '../zkml/index.ts'

/** IInferenceHub.OutputForm, by number. */
export const OUTPUT_FORMS = ['unstated', 'label', 'label-and-margin', 'score', 'hash'] as const
export type OutputForm = (typeof OUTPUT_FORMS)[number]

/** IInferenceHub.OutputSchema. */
export type OutputSchema = {
  readonly form: number
  /** For a score, how many units of the output make one, rounded, at least 1; otherwise 0. */
  readonly scale: bigint
}

const FORM_OF: Record<IntegerProgram['output']['kind'], OutputForm> = {
  label: 'label',
  // 1 or 0: whether the threshold is reached.
  score: 'label',
  margin: 'label-and-margin',
  value: 'score',
  'logits-commitment': 'hash',
}

/** The schema to register a program's circuit with. */
export function outputSchemaOf(program: IntegerProgram): OutputSchema {
  const form = FORM_OF[program.output.kind]
  return { form: OUTPUT_FORMS.indexOf(form), scale: form === 'score' ? unitsOf(program) : 0n }
}

/** A proven score as a number: negative ones are elements of the upper half of the field. @param scale units that make one */
export function readScore(output: bigint, scale: bigint): number {
  const units = output > SCALAR_FIELD / 2n ? output - SCALAR_FIELD : output
  return Number(units) / Number(scale)
}

/** How many units of the last tensor make one. */
function unitsOf(program: IntegerProgram): bigint {
  const { scale } = program.tensors.find(({ id }) => id === program.scores)!
  const units = Math.round(1 / scale)
  return units < 1 ? 1n : BigInt(units)
}
