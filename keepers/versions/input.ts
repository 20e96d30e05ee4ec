// SPDX-License-Identifier: GPL-3.0-or-later
// A model's input: the section of a manifest that makes all members read their samples in the same way.
import { z } from 'zod'
import {
  bagSize,
  type Columns,
  columnsSchema,
  columnsWidth,
  contradictionInColumns,
  contradictionInTensor,
  contradictionInTokenizer,
  type TensorTerms,
  tensorSchema,
  tokenizerSchema,
} from '../learning/index.ts'

const side = z.int().min(1).max(4096)
const column = z.string().min(1)
const delimiter = z.string().length(1)

export const inputSchema = z.discriminatedUnion('kind', [
  /** Rows, columns and channels of a picture; pixels 0 … 255 are given to the model as 0 … 1. */
  z.strictObject({ kind: z.literal('picture'), shape: z.tuple([side, side, z.int().min(1).max(16)]) }),
  /** The columns of a table in the order in which the model takes them, how they are read, and the column of the label. */
  z.strictObject({
    kind: z.literal('table'),
    shape: z.array(side).min(1).max(3),
    ...columnsSchema.shape,
    label: column,
    delimiter,
  }),
  /** A column of a table that holds text, how it is tokenized, and the column of the label. */
  z.strictObject({
    kind: z.literal('text'),
    shape: z.tuple([z.int().min(2).max(65_536)]),
    column,
    tokenizer: tokenizerSchema,
    label: column,
    delimiter,
  }),
  /** An array of numbers for each sample, its scaling and range, and the names of the arrays in a file. */
  z.strictObject({ kind: z.literal('tensor'), shape: z.array(side).min(1).max(3), ...tensorSchema.shape }),
])
export type ServiceInput = z.infer<typeof inputSchema>

/** A contradiction in the section, naming the key; null if it is consistent. */
export function contradictionInInput(input: ServiceInput): string | null {
  if (input.kind === 'picture') return null
  if (input.kind === 'tensor') {
    const wrong = contradictionInTensor(input, input.shape)
    return wrong === null ? null : `input.${wrong}`
  }
  const { label, shape } = input
  const columns = input.kind === 'text' ? [input.column] : input.features
  if (columns.includes(label)) return `input.label: '${label}' is also a feature`
  if (input.kind === 'text') {
    const wrong = contradictionInTokenizer(input.tokenizer)
    if (wrong !== null) return `input.tokenizer: ${wrong}`
    const size = bagSize(input.tokenizer)
    return size === shape[0] ? null : `input.shape: [${shape}] for the ${size} places of the tokenizer`
  }
  const wrong = contradictionInColumns(input)
  if (wrong !== null) return `input.${wrong}`
  const values = shape.reduce((product, length) => product * length, 1)
  const width = columnsWidth(input)
  return values === width ? null : `input.shape: [${shape}] for the ${width} features of the table`
}

/** Turns the rows of a file into the model's input. @returns null for pictures and tensors */
export function rowsOfInput(input: ServiceInput) {
  if (input.kind === 'picture' || input.kind === 'tensor') return null
  if (input.kind === 'text') {
    const { column, tokenizer, label, delimiter } = input
    return { features: [column], text: tokenizer, label, delimiter }
  }
  const { features, scale, categories, missing, decimal, label, delimiter } = input
  const columns: Columns = {
    features,
    ...(scale === undefined ? {} : { scale }),
    ...(categories === undefined ? {} : { categories }),
    ...(missing === undefined ? {} : { missing }),
    ...(decimal === undefined ? {} : { decimal }),
  }
  return { ...columns, label, delimiter }
}

/** How a file's arrays become the model's input. @returns null for other inputs */
export function tensorOfInput(input: ServiceInput): TensorTerms | null {
  if (input.kind !== 'tensor') return null
  const { array, label, numbers, scale } = input
  return { array, label, numbers, scale }
}
