// SPDX-License-Identifier: GPL-3.0-or-later
// The form of an integer program's file: every field with its type and range.
import { z } from 'zod'
import { VALUE_LIMIT } from './program.ts'

const integer = z.number().int().min(-VALUE_LIMIT).max(VALUE_LIMIT)
const count = z
  .number()
  .int()
  .min(0)
  .max(2 ** 31 - 1)
const bitWidth = z.number().int().min(1).max(53)
const integers = z.array(integer).transform((list) => Float64Array.from(list))
const indices = z
  .array(
    z
      .number()
      .int()
      .min(-1)
      .max(2 ** 31 - 1),
  )
  .transform((list) => Int32Array.from(list))
const parameter = z.object({ values: integers, bits: bitWidth, added: integer.optional() })
const pair = z.tuple([count, count])
const triple = z.tuple([count, count, count])
const base = {
  name: z.string().regex(/^[a-zA-Z][a-zA-Z0-9_]*$/),
  inputs: z.array(z.string()).min(1),
  output: z.string(),
  sources: z.array(z.string()),
}

const layer = z.discriminatedUnion('kind', [
  z.object({
    ...base,
    kind: z.literal('conv2d'),
    inShape: triple,
    outShape: triple,
    kernel: pair,
    strides: pair,
    dilations: pair,
    padding: z.object({ top: count, left: count, bottom: count, right: count }),
    groups: count,
    weights: parameter,
    bias: parameter,
  }),
  z.object({
    ...base,
    kind: z.literal('dense'),
    inputSize: count,
    outputSize: count,
    weights: parameter,
    bias: parameter,
  }),
  z.object({ ...base, kind: z.literal('sparse'), offsets: indices, indices, coefficients: integers, bias: integers }),
  z.object({ ...base, kind: z.literal('scale'), scale: parameter, bias: parameter }),
  z.object({ ...base, kind: z.literal('select'), map: indices, fill: integer }),
  z.object({
    ...base,
    kind: z.literal('rescale'),
    shift: count,
    bits: bitWidth,
    unsigned: z.boolean(),
    held: z.literal(true).optional(),
    activation: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('identity') }),
      z.object({ kind: z.literal('relu') }),
      z.object({ kind: z.literal('leaky'), numerator: integer, log2Denominator: count }),
    ]),
  }),
  z.object({ ...base, kind: z.literal('maxpool'), windows: z.array(indices), bits: bitWidth }),
  z.object({ ...base, kind: z.literal('multiply') }),
  z.object({
    ...base,
    kind: z.literal('piecewise'),
    breakpoints: z.array(integer),
    slopes: z.array(integer),
    intercepts: z.array(integer),
    bits: bitWidth,
  }),
  z.object({
    ...base,
    kind: z.literal('spline'),
    low: integer,
    bits: bitWidth,
    shift: count,
    select: z.number().int().min(1).max(8),
    slopes: z.array(integer),
    intercepts: z.array(integer),
    tails: z.object({ width: bitWidth, below: integer.nullable(), above: integer.nullable() }).optional(),
  }),
  z.object({ ...base, kind: z.literal('lookup'), rows: count, width: count, table: parameter }),
  z.object({ ...base, kind: z.literal('bits'), width: z.number().int().min(1).max(24) }),
  z.object({
    ...base,
    kind: z.literal('compare'),
    positions: indices,
    relation: z.enum(['at-least', 'equal']),
    thresholds: parameter,
    fixed: z.boolean(),
    bits: bitWidth,
  }),
  z.object({ ...base, kind: z.literal('argmax'), windows: z.array(indices), bits: bitWidth }),
  z.object({ ...base, kind: z.literal('paths'), parents: indices, leaves: indices }),
])

/** Runs of input elements; see InputPiece. */
export const inputPieces = z
  .array(
    z.object({
      count,
      scale: z.number().positive(),
      zero: integer,
      low: integer,
      high: integer,
      whole: z.boolean(),
    }),
  )
  .optional()

/** Several inputs or outputs in a row. */
const parts = z
  .array(z.object({ name: z.string(), count: count.min(1) }))
  .min(2)
  .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, 'two parts have one name')
  .optional()

export const programForm = z.object({
  format: z.literal('cohort-zkml-program'),
  version: z.literal(1),
  name: z.string(),
  mode: z.enum(['released', 'committed']),
  input: z.object({ tensor: z.string(), bits: bitWidth, min: integer, pieces: inputPieces, parts }),
  scores: z.string(),
  outputs: parts,
  output: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('label') }),
    z.object({ kind: z.literal('logits-commitment') }),
    z.object({ kind: z.literal('score'), index: count, threshold: integer }),
    z.object({ kind: z.literal('margin') }),
    z.object({ kind: z.literal('value') }),
  ]),
  tensors: z.array(
    z.object({
      id: z.string(),
      shape: z.array(count),
      bounds: z.object({ min: integer, max: integer }),
      scale: z.number().positive(),
    }),
  ),
  layers: z.array(layer),
  notes: z.array(z.string()),
  architecture: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
})
